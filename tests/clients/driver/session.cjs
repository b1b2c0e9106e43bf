// Runs a session with a connected client and a database of its own, which it drops afterwards.
'use strict';

const { MongoClient } = require('mongodb');

async function main(session) {
  const [uri, name] = process.argv.slice(2);
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 5000 });
  const db = client.db(`node_${name}`);
  try {
    await session(db, client);
    await db.dropDatabase();
  } finally {
    await client.close();
  }
}

exports.run = (session) =>
  main(session).catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
