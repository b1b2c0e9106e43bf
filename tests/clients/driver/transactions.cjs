// A transaction that is committed, one that fails, and two that want the same document.
'use strict';

const assert = require('node:assert/strict');
const { run } = require('./session.cjs');

run(async (db, client) => {
  const c = db.collection('c');
  await c.insertMany([{ _id: 'here', n: 10 }, { _id: 'there', n: 0 }]);
  const move = async (session, n) => {
    await c.updateOne({ _id: 'here' }, { $inc: { n: -n } }, { session });
    await c.updateOne({ _id: 'there' }, { $inc: { n } }, { session });
  };
  const amounts = async () => (await c.find().sort({ _id: 1 }).toArray()).map((one) => one.n);

  await client.withSession((session) => session.withTransaction(() => move(session, 3)));
  assert.deepEqual(await amounts(), [7, 3]);

  const failing = client.withSession((session) =>
    session.withTransaction(async () => {
      await move(session, 1);
      throw new Error('changed my mind');
    }),
  );
  await assert.rejects(failing, /changed my mind/);
  assert.deepEqual(await amounts(), [7, 3]);

  const both = [1, 2].map((n) =>
    client.withSession((session) => session.withTransaction(() => move(session, n))),
  );
  await Promise.all(both);
  assert.deepEqual(await amounts(), [4, 6]);
});
