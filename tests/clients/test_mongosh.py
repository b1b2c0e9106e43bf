"""MongoDB's own shell: what its users type is answered as they know it."""

from typing import Any

import pytest

from tests.clients.shell import Shell

pytestmark = pytest.mark.clients

DRESSES = "db.products.insertMany([{_id: 1, title: 'red dress'}, {_id: 2, title: 'blue shirt'}])"


def test_shell_lists_databases_and_collections(shell: Shell) -> None:
    shown = shell.typed(
        "shop_list",
        DRESSES,
        "show dbs",
        "show databases",
        "show collections",
        "show tables",
        "db",
        "show users",
        "show roles",
    )

    databases, again, collections, tables, name, users, roles = shown[1:]
    assert databases.split()[0] == "shop_list"
    assert again == databases
    assert collections == tables == "products"
    assert name == "shop_list"
    assert (users, roles) == ("[]", "[]")


def test_shell_shows_what_it_found(shell: Shell) -> None:
    shown = shell.typed(
        "shop_find", DRESSES, "db.products.find().pretty()", "db.products.find({_id: 2})"
    )

    assert shown[0] == "{ acknowledged: true, insertedIds: { '0': 1, '1': 2 } }"
    assert shown[1] == "[ { _id: 1, title: 'red dress' }, { _id: 2, title: 'blue shirt' } ]"
    assert shown[2] == "[ { _id: 2, title: 'blue shirt' } ]"


def test_shell_iterates_a_result_of_several_batches(shell: Shell) -> None:
    shown = shell.typed(
        "shop_it",
        "db.c.insertMany([...Array(250).keys()].map(_id => ({_id})))",
        "db.c.find({}, {_id: 1})",
        "it",
        "db.c.find().batchSize(7).itcount()",
        "db.c.find().toArray().length",
    )

    assert shown[1].endswith('Type "it" for more')
    assert "_id: 20 " in shown[2]
    assert shown[3:] == ["250", "250"]


# What is typed one after the other, and its value.
CRUD: dict[str, Any] = {
    "db.c.insertMany([1, 2, 3].map(n => ({_id: n, n}))).acknowledged": True,
    "db.c.countDocuments({n: {$gt: 1}})": 2,
    "db.c.estimatedDocumentCount()": 3,
    "db.c.find({n: {$gt: 1}}).sort({n: -1}).limit(1).toArray()": [{"_id": 3, "n": 3}],
    "db.c.distinct('n')": [1, 2, 3],
    "db.c.aggregate([{$group: {_id: null, n: {$sum: '$n'}}}]).toArray()[0].n": 6,
    "db.c.findOne({n: 2}, {_id: 0})": {"n": 2},
    "db.c.updateOne({_id: 1}, {$set: {m: 1}}).modifiedCount": 1,
    "db.c.updateMany({}, {$inc: {n: 1}}).matchedCount": 3,
    "db.c.updateOne({_id: 9}, {$set: {n: 1}}, {upsert: true}).insertedId": 9,
    "db.c.replaceOne({_id: 1}, {n: 8}).modifiedCount": 1,
    "db.c.findOneAndUpdate({_id: 1}, {$inc: {n: 1}}, {returnDocument: 'after'}).n": 9,
    "db.c.findAndModify({query: {_id: 1}, update: {$inc: {n: 1}}, new: true}).n": 10,
    "db.c.findOneAndDelete({_id: 3}).n": 4,
    "db.c.deleteMany({n: {$lt: 4}}).deletedCount": 2,
    "db.c.bulkWrite([{insertOne: {document: {_id: 9}}}]).insertedCount": 1,
    "db.c.find().sort({_id: 1}).toArray()": [{"_id": 1, "n": 10}, {"_id": 9}],
    "db.createCollection('e').ok": 1,
    "db.getCollectionNames().sort()": ["c", "e"],
    "db.getCollectionInfos({name: 'c'})[0].type": "collection",
    "db.c.renameCollection('d').ok": 1,
    "db.d.drop()": True,
    "db.dropDatabase().ok": 1,
    "db.getCollectionNames()": [],
}


def test_shell_does_what_is_typed(shell: Shell) -> None:
    values = shell.values("shop_crud", *CRUD)

    assert dict(zip(CRUD, values, strict=True)) == CRUD


def test_shell_writes_and_shows_its_own_types(shell: Shell) -> None:
    literals = {
        "NumberLong('9007199254740993')": "Long('9007199254740993')",
        "NumberDecimal('1.50')": "Decimal128('1.50')",
        "NumberInt(5)": "5",
        "ISODate('2026-01-02')": "ISODate('2026-01-02T00:00:00.000Z')",
        "ObjectId('65a1b2c3d4e5f60718293a4b')": "ObjectId('65a1b2c3d4e5f60718293a4b')",
        "BinData(0, 'AAEC')": "Binary.createFromBase64('AAEC', 0)",
        "Timestamp(1, 2)": "Timestamp({ t: 1, i: 2 })",
        "MinKey()": "MinKey()",
        "/re[d]/i": "/re[d]/i",
    }

    shown = shell.typed(
        "shop_types",
        *(f"db.c.insertOne({{_id: {i}, v: {each}}})" for i, each in enumerate(literals)),
        *(f"db.c.findOne({{_id: {i}}}).v" for i in range(len(literals))),
    )

    assert shown[len(literals) :] == list(literals.values())


def test_shell_makes_shows_and_drops_indexes(shell: Shell) -> None:
    values = shell.values(
        "shop_indexes",
        "db.c.createIndex({a: 1})",
        "db.c.createIndexes([{b: 1}, {c: -1}], {unique: true})",
        "db.c.getIndexes().map(each => each.name)",
        "db.c.getIndexKeys()",
        "db.c.dropIndex('b_1').ok",
        "db.c.dropIndexes().ok",
        "db.c.getIndexes().length",
    )

    assert values[:3] == ["a_1", ["b_1", "c_-1"], ["_id_", "a_1", "b_1", "c_-1"]]
    assert values[3] == [{"_id": 1}, {"a": 1}, {"b": 1}, {"c": -1}]
    assert values[4:] == [1, 1, 1]


SERVER: dict[str, Any] = {
    "db.version()": "8.2.0",
    "db.serverStatus().ok": 1,
    "db.serverBuildInfo().version": "8.2.0",
    "db.hello().setName": "localAtlas",
    "db.isMaster().ismaster": True,
    "db.hostInfo().ok": 1,
    "db.serverCmdLineOpts().ok": 1,
    "db.adminCommand({getParameter: '*'}).ok": 1,
    "db.adminCommand({getLog: 'startupWarnings'}).ok": 1,
    "db.adminCommand({ping: 1}).ok": 1,
    "db.runCommand({connectionStatus: 1}).ok": 1,
    "db.adminCommand({listCommands: 1}).commands.find.help.length > 0": True,
    "db.c.insertMany([1, 2, 3].map(n => ({_id: n, n}))).acknowledged": True,
    "db.stats().objects": 3,
    "db.c.stats().count": 3,
    "db.c.stats().nindexes": 1,
    "db.c.dataSize() > 0": True,
    "db.c.totalSize() > 0": True,
    "db.c.isCapped()": False,
    "db.c.validate().valid": True,
    "db.getUsers().users": [],
    "db.getRoles().roles": [],
    "db.getProfilingStatus().was": 0,
    "rs.status().ok": 1,
    "rs.status().members.map(member => member.stateStr)": ["PRIMARY"],
    "rs.conf()._id": "localAtlas",
    "db.getMongo().getReadPrefMode()": "primary",
}


def test_shell_learns_of_the_server(shell: Shell) -> None:
    values = shell.values("shop_server", *SERVER)

    assert dict(zip(SERVER, values, strict=True)) == SERVER


def test_shell_makes_queries_changes_and_drops_search_indexes(shell: Shell) -> None:
    wait = (
        "for (let i = 0; i < 600 && !db.c.getSearchIndexes().every("
        "one => one.status === 'READY' && one.latestDefinitionVersion.version >= {v}); i++) "
        "sleep(50)"
    )
    vector = "{type: 'vector', path: 'v', numDimensions: 2, similarity: 'cosine'}"

    shown = shell.typed(
        "shop_search",
        "db.c.insertMany([{_id: 1, title: 'red dress', v: [1, 0]}, {_id: 2, v: [0, 1]}])",
        "db.c.createSearchIndex('words', {mappings: {dynamic: true}})",
        f"db.c.createSearchIndex('vectors', 'vectorSearch', {{fields: [{vector}]}})",
        wait.replace("{v}", "0"),
        "db.c.aggregate([{$search: {index: 'words', text: {path: 'title', query: 'dress'}}}, "
        "{$project: {_id: 1}}])",
        "db.c.aggregate([{$vectorSearch: {index: 'vectors', path: 'v', queryVector: [0, 1], "
        "numCandidates: 10, limit: 1}}, {$project: {_id: 1, s: {$meta: 'vectorSearchScore'}}}])",
        "db.c.updateSearchIndex('words', {mappings: {dynamic: false}})",
        "db.c.getSearchIndexes('words')[0].latestDefinition.mappings.dynamic",
        "db.c.getSearchIndexes().map(one => one.name)",
        "db.c.dropSearchIndex('words')",
        "db.c.dropSearchIndex('vectors')",
        "db.c.getSearchIndexes()",
    )

    assert shown[1:3] == ["words", "vectors"]
    assert shown[4:6] == ["[ { _id: 1 } ]", "[ { _id: 2, s: 1 } ]"]
    assert shown[7:9] == ["false", "[ 'words', 'vectors' ]"]
    assert shown[11] == "[]"


def test_shell_explains_with_the_index_that_a_query_uses(shell: Shell) -> None:
    shown = shell.values(
        "shop_explain",
        "db.c.insertMany([1, 2, 3].map(n => ({_id: n, n}))).acknowledged",
        "db.c.createIndex({n: 1})",
        "db.c.find({n: 2}).explain().queryPlanner.winningPlan.inputStage.indexName",
        "db.c.find({n: 2}).explain('executionStats').executionStats.nReturned",
        "db.c.explain().aggregate([{$match: {n: 2}}]).ok",
    )

    assert shown[2:] == ["n_1", 1, 1]


def test_shell_watches_changes(shell: Shell) -> None:
    shown = shell.typed(
        "shop_watch",
        "db.c.insertOne({_id: 1})",
        "const changes = db.c.watch([{$match: {operationType: {$ne: 'delete'}}}])",
        "db.c.insertOne({_id: 2}); db.c.updateOne({_id: 1}, {$set: {a: 1}}); db.c.deleteOne({})",
        "changes.disableBlockWarnings()",
        "const seen = changes.next(); seen.operationType + ' ' + seen.documentKey._id",
        "changes.next().updateDescription.updatedFields",
        "changes.tryNext()",
        "const again = db.c.watch([], {resumeAfter: seen._id})",
        "again.tryNext().operationType",
        "changes.close(); again.close(); changes.isClosed()",
    )

    assert shown[4:] == ["insert 2", "{ a: 1 }", "null", "", "update", "true"]


def test_shell_shows_a_refusal_by_its_name(shell: Shell) -> None:
    shown = shell.typed("shop_refused", "db.c.insertOne({_id: 1})", "db.c.insertOne({_id: 1})")

    assert "MongoServerError" in shown[1]
    assert "E11000 duplicate key error collection: shop_refused.c" in shown[1]
