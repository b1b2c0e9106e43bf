// A search index and a vector index from their making to their end.
'use strict';

const assert = require('node:assert/strict');
const { setTimeout: sleep } = require('node:timers/promises');
const { run } = require('./session.cjs');

const DEADLINE_MS = 30_000;

async function until(condition) {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, 'it did not happen in time');
    await sleep(20);
  }
}

run(async (db) => {
  const c = db.collection('c');
  const index = async (name) => (await c.listSearchIndexes(name).toArray())[0];
  const isReady = async (name, version) => {
    const found = await index(name);
    return found?.queryable && found.status === 'READY' && found.latestDefinitionVersion.version >= version;
  };
  await c.insertMany([
    { _id: 1, title: 'red dress', colour: 'red', v: [1, 0] },
    { _id: 2, title: 'blue shirt', colour: 'blue', v: [0, 1] },
    { _id: 3, title: 'blue dress', colour: 'blue', v: [0.8, 0.6] },
  ]);
  const vector = { type: 'vector', path: 'v', numDimensions: 2, similarity: 'cosine' };
  const made = await c.createSearchIndexes([
    { name: 'words', definition: { mappings: { dynamic: true } } },
    { name: 'vectors', type: 'vectorSearch', definition: { fields: [vector] } },
  ]);
  assert.deepEqual(made, ['words', 'vectors']);
  await until(async () => (await isReady('words', 0)) && (await isReady('vectors', 0)));

  const words = { index: 'words', text: { path: 'title', query: 'dress' } };
  const byWords = await c.aggregate([{ $search: words }, { $project: { _id: 1 } }]).toArray();
  assert.deepEqual(byWords.map((hit) => hit._id).sort(), [1, 3]);

  const near = { index: 'vectors', path: 'v', queryVector: [1, 0], numCandidates: 10, limit: 2 };
  const score = { $project: { score: { $meta: 'vectorSearchScore' } } };
  const hits = await c.aggregate([{ $vectorSearch: near }, score]).toArray();
  assert.deepEqual(hits.map((hit) => hit._id), [1, 3]);
  assert.ok(Math.abs(hits[1].score - 0.9) < 1e-6);

  const filtered = { ...near, filter: { colour: 'blue' } };
  await assert.rejects(c.aggregate([{ $vectorSearch: filtered }]).toArray(), /indexed as filter/);
  await c.updateSearchIndex('vectors', { fields: [vector, { type: 'filter', path: 'colour' }] });
  await until(() => isReady('vectors', 1));
  const blue = await c.aggregate([{ $vectorSearch: filtered }, score]).toArray();
  assert.deepEqual(blue.map((hit) => hit._id), [3, 2]);

  await c.dropSearchIndex('words');
  await c.dropSearchIndex('vectors');
  await until(async () => (await c.listSearchIndexes().toArray()).length === 0);
});
