// Insert, read, change, delete, index: the results that the driver makes of the replies.
'use strict';

const assert = require('node:assert/strict');
const { run } = require('./session.cjs');

run(async (db) => {
  const c = db.collection('c');
  const { insertedIds } = await c.insertMany([{ _id: 1, n: 1 }, { _id: 2, n: 2 }, { _id: 3, n: 3 }]);
  assert.deepEqual(insertedIds, { 0: 1, 1: 2, 2: 3 });
  await assert.rejects(c.insertOne({ _id: 1 }), { code: 11000 });
  assert.deepEqual(await c.findOne({ n: 2 }), { _id: 2, n: 2 });
  assert.equal(await c.countDocuments({ n: { $gt: 1 } }), 2);
  assert.equal(await c.estimatedDocumentCount(), 3);
  assert.deepEqual(await c.distinct('n'), [1, 2, 3]);

  const updated = await c.updateMany({ n: { $gte: 2 } }, { $inc: { n: 10 } });
  assert.deepEqual([updated.matchedCount, updated.modifiedCount], [2, 2]);
  const upserted = await c.updateOne({ _id: 9 }, { $set: { n: 9 } }, { upsert: true });
  assert.equal(upserted.upsertedId, 9);
  assert.equal((await c.replaceOne({ _id: 9 }, { m: 1 })).modifiedCount, 1);
  const after = await c.findOneAndUpdate({ _id: 1 }, { $set: { x: 1 } }, { returnDocument: 'after' });
  assert.deepEqual(after, { _id: 1, n: 1, x: 1 });
  assert.deepEqual(await c.findOneAndDelete({ _id: 9 }), { _id: 9, m: 1 });

  const bulk = await c.bulkWrite([
    { insertOne: { document: { _id: 10 } } },
    { updateOne: { filter: { _id: 10 }, update: { $set: { n: 0 } } } },
    { deleteOne: { filter: { _id: 10 } } },
  ]);
  assert.deepEqual([bulk.insertedCount, bulk.modifiedCount, bulk.deletedCount], [1, 1, 1]);
  const failed = await c.insertMany([{ _id: 1 }, { _id: 11 }], { ordered: false }).catch((e) => e);
  assert.deepEqual([failed.code, failed.insertedCount], [11000, 1]);
  assert.equal((await c.deleteMany({})).deletedCount, 4);

  assert.equal(await c.createIndex({ n: 1 }, { unique: true }), 'n_1');
  assert.deepEqual((await c.indexes()).map((index) => index.name), ['_id_', 'n_1']);
  await c.dropIndex('n_1');
  assert.equal(await c.indexExists('n_1'), false);
  assert.deepEqual((await db.listCollections().toArray()).map((one) => one.name), ['c']);
  assert.equal((await db.renameCollection('c', 'd')).collectionName, 'd');
  assert.equal(await db.dropCollection('d'), true);
  assert.equal((await db.admin().serverStatus()).ok, 1);
  assert.equal((await db.stats()).ok, 1);
});
