// Watching a collection and a database, and going on where another stream has stopped.
'use strict';

const assert = require('node:assert/strict');
const { run } = require('./session.cjs');

run(async (db) => {
  const c = db.collection('c');
  await c.insertOne({ _id: 0 });
  const stream = c.watch([], { fullDocument: 'updateLookup' });
  await stream.tryNext();

  await c.insertOne({ _id: 1, n: 1 });
  await c.updateOne({ _id: 1 }, { $set: { n: 2 } });
  await c.replaceOne({ _id: 1 }, { n: 3 });
  await c.deleteOne({ _id: 1 });

  const seen = [];
  for (let i = 0; i < 4; i++) seen.push(await stream.next());
  assert.deepEqual(seen.map((change) => change.operationType), ['insert', 'update', 'replace', 'delete']);
  assert.deepEqual(seen[0].fullDocument, { _id: 1, n: 1 });
  assert.deepEqual(seen[1].updateDescription.updatedFields, { n: 2 });
  assert.deepEqual(seen[3].documentKey, { _id: 1 });
  assert.equal(await stream.tryNext(), null);
  await stream.close();

  const resumed = c.watch([{ $match: { operationType: 'delete' } }], { resumeAfter: seen[1]._id });
  assert.deepEqual((await resumed.next())._id, seen[3]._id);
  await resumed.close();

  const wide = db.watch();
  await wide.tryNext();
  const waiting = wide.next();
  await db.collection('d').insertOne({ _id: 7 });
  const { ns, documentKey } = await waiting;
  assert.deepEqual([ns.coll, documentKey._id], ['d', 7]);
  await wide.close();
});
