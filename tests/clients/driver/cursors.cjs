// Results of several batches, cursors that are given up, sessions, and a query that takes too long.
'use strict';

const assert = require('node:assert/strict');
const { run } = require('./session.cjs');

run(async (db, client) => {
  const c = db.collection('c');
  await c.insertMany([...Array(1000).keys()].map((_id) => ({ _id, half: _id % 2 })));

  const seen = [];
  for await (const { _id } of c.find({ half: 1 }).sort({ _id: -1 }).batchSize(7)) seen.push(_id);
  assert.equal(seen.length, 500);
  assert.deepEqual(seen.slice(0, 2), [999, 997]);

  const given_up = c.find().batchSize(2);
  await given_up.next();
  await given_up.close();
  assert.equal((await db.admin().serverStatus()).metrics.cursor.open.total, 0);

  const grouped = await c.aggregate([{ $sortByCount: '$half' }], { batchSize: 1 }).toArray();
  assert.deepEqual(grouped.map((one) => one.count), [500, 500]);

  await client.withSession(async (session) => {
    assert.deepEqual(await c.findOne({ _id: 5 }, { session }), { _id: 5, half: 1 });
    await c.updateOne({ _id: 5 }, { $set: { half: 7 } }, { session });
    assert.equal((await c.find({ half: 7 }, { session }).toArray()).length, 1);
  });

  const endless = [{ $unionWith: 'c' }, { $lookup: { from: 'c', pipeline: [], as: 'all' } }, { $unwind: '$all' }];
  await assert.rejects(
    c.aggregate([...endless, { $count: 'n' }], { maxTimeMS: 50 }).toArray(),
    { code: 50, codeName: 'MaxTimeMSExpired' },
  );
});
