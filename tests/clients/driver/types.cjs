// Every BSON type that the driver writes comes back as it was.
'use strict';

const assert = require('node:assert/strict');
const {
  Binary, BSON, BSONRegExp, Code, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp, UUID,
} = require('mongodb');
const { run } = require('./session.cjs');

const DOCUMENT = {
  _id: new ObjectId(),
  int: new Int32(5),
  long: Long.fromString('9007199254740993'),
  double: new Double(5),
  nan: new Double(NaN),
  negative_zero: new Double(-0),
  decimal: Decimal128.fromString('1.50'),
  text: 'Grüße \u{1F457} \0 end',
  empty: '',
  date: new Date(-1),
  uuid: new UUID(),
  float32: Binary.fromFloat32Array(new Float32Array([1, 0.5])),
  int8: Binary.fromInt8Array(new Int8Array([1, -1])),
  regex: new BSONRegExp('a+', 'imx'),
  code: new Code('x', { y: 1 }),
  timestamp: new Timestamp({ t: 1, i: 2 }),
  min: new MinKey(),
  max: new MaxKey(),
  nothing: null,
  nested: { b: 1, a: [[], {}, [1, [2]]] },
};

run(async (db) => {
  const c = db.collection('c');
  await c.insertOne(DOCUMENT);

  const [raw] = await c.find({}, { raw: true }).toArray();

  assert.deepEqual(Buffer.from(raw), Buffer.from(BSON.serialize(DOCUMENT)));
});
