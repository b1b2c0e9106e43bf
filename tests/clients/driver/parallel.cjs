// Many operations at once over the driver's own pool of connections.
'use strict';

const assert = require('node:assert/strict');
const { run } = require('./session.cjs');

run(async (db) => {
  const c = db.collection('c');
  await c.insertOne({ _id: 1, n: 0 });

  await Promise.all([...Array(200)].map(() => c.updateOne({ _id: 1 }, { $inc: { n: 1 } })));

  assert.deepEqual(await c.findOne({ _id: 1 }), { _id: 1, n: 200 });
});
