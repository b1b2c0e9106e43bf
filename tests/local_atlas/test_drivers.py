"""The ways in that Python has: PyMongo, its asynchronous client, and Motor."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from bson.binary import Binary, BinaryVectorDtype
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient, InsertOne, MongoClient, UpdateOne
from pymongo.errors import DuplicateKeyError, OperationFailure
from pymongo.operations import SearchIndexModel

from app.local_atlas.node import Node

VECTORS = SearchIndexModel(
    name="vectors",
    type="vectorSearch",
    definition={
        "fields": [
            {"type": "vector", "path": "v", "numDimensions": 2, "similarity": "cosine"},
            {"type": "filter", "path": "colour"},
        ]
    },
)
WORDS = SearchIndexModel(name="words", definition={"mappings": {"dynamic": True}})
POLLS = 500
Session = Callable[[Any], Awaitable[None]]


async def awaited(value: Any) -> Any:
    """Return what an asynchronous client gives at once, and Motor does without waiting."""
    return await value if inspect.isawaitable(value) else value


async def everything(collection: Any, pipeline: list[dict[str, Any]]) -> list[dict[str, Any]]:
    cursor = await awaited(collection.aggregate(pipeline))
    return await cursor.to_list(None)


async def crud(client: Any) -> None:
    """Do a little of everything with documents."""
    c = client.drivers.crud
    await c.insert_many([{"_id": i, "n": i} for i in range(150)])
    with pytest.raises(DuplicateKeyError):
        await c.insert_one({"_id": 1})
    await c.update_many({"n": {"$gte": 2}}, {"$inc": {"n": 100}})
    await c.delete_many({"_id": {"$gt": 140}})
    await c.create_index("n", unique=True)
    assert len(await c.find({}, batch_size=10).to_list(None)) == 141
    assert await c.count_documents({"n": {"$lt": 100}}) == 2
    assert await c.find_one_and_delete({"_id": 3}) == {"_id": 3, "n": 103}
    written = await c.bulk_write(
        [InsertOne({"_id": -1}), UpdateOne({"_id": 0}, {"$set": {"n": 9}})]
    )
    assert (written.inserted_count, written.modified_count) == (1, 1)
    low = await everything(c, [{"$match": {"_id": {"$lt": 2}}}, {"$sort": {"_id": 1}}])
    assert low == [{"_id": -1}, {"_id": 0, "n": 9}, {"_id": 1, "n": 1}]
    with pytest.raises(OperationFailure):
        await everything(c, [{"$noSuchStage": {}}])


async def search(client: Any) -> None:
    """Make search indexes, ask them, change one and drop them."""
    c = client.drivers.search
    for number, (colour, vector) in enumerate([("red", [1, 0]), ("blue", [0, 1])]):
        embedding = Binary.from_vector([float(x) for x in vector], BinaryVectorDtype.FLOAT32)
        await c.insert_one({"_id": number, "colour": colour, "v": embedding})
    assert await c.create_search_indexes([VECTORS, WORDS]) == ["vectors", "words"]
    await until_queryable(c, "vectors", "words")
    near = {"index": "vectors", "path": "v", "queryVector": [1.0, 0.0], "numCandidates": 9}
    found = await everything(c, [{"$vectorSearch": {**near, "limit": 1}}])
    assert [hit["_id"] for hit in found] == [0]
    text = {"index": "words", "text": {"path": "colour", "query": "blue"}}
    assert [hit["_id"] for hit in await everything(c, [{"$search": text}])] == [1]
    await c.update_search_index("words", {"mappings": {"dynamic": False}})
    for name in ("words", "vectors"):
        await c.drop_search_index(name)
    assert await listed(c) == {}


async def until_queryable(collection: Any, *names: str) -> None:
    for _ in range(POLLS):
        entries = await listed(collection)
        if all(entries[name]["queryable"] for name in names):
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"{names} did not get queryable")


async def listed(collection: Any) -> dict[str, Any]:
    cursor = await awaited(collection.list_search_indexes())
    return {entry["name"]: entry for entry in await cursor.to_list(None)}


async def watch(client: Any) -> None:
    """See one change come and go on from it with another stream."""
    c = client.drivers.watched
    await c.insert_one({"_id": 0})
    async with await awaited(c.watch(full_document="updateLookup")) as stream:
        waiting = asyncio.ensure_future(stream.next())
        await asyncio.sleep(0.1)
        await c.update_one({"_id": 0}, {"$set": {"n": 1}})
        await c.insert_one({"_id": 1})
        change = await waiting
    assert change["operationType"] == "update"
    assert change["fullDocument"] == {"_id": 0, "n": 1}
    async with await awaited(c.watch(resume_after=change["_id"])) as stream:
        assert (await stream.next())["documentKey"] == {"_id": 1}


async def transact(client: Any) -> None:
    """Commit one transaction and abort another."""
    c = client.drivers.transacted
    await c.insert_one({"_id": 0, "n": 0})
    async with await awaited(client.start_session()) as session:
        async with await awaited(session.start_transaction()):
            await c.update_one({"_id": 0}, {"$inc": {"n": 1}}, session=session)
            assert await c.find_one({}) == {"_id": 0, "n": 0}
        await awaited(session.start_transaction())
        await c.insert_one({"_id": 1}, session=session)
        await session.abort_transaction()
    assert await c.find({}).to_list(None) == [{"_id": 0, "n": 1}]


SESSIONS = [crud, search, watch, transact]


@pytest.mark.parametrize("session", SESSIONS)
def test_async_client_of_pymongo(local_atlas: Node, session: Session) -> None:
    async def run() -> None:
        async with AsyncMongoClient[dict[str, Any]](local_atlas.uri) as client:
            await session(client)
            await client.drop_database("drivers")

    asyncio.run(run())


@pytest.mark.parametrize("session", SESSIONS)
def test_motor(local_atlas: Node, session: Session) -> None:
    async def run() -> None:
        client = AsyncIOMotorClient(local_atlas.uri)
        await session(client)
        await client.drop_database("drivers")
        client.close()

    asyncio.run(run())


def test_client_of_pymongo_runs_what_its_guide_shows(local_atlas: Node) -> None:
    with MongoClient[dict[str, Any]](local_atlas.uri) as client:
        c = client.drivers.guide
        c.insert_many([{"_id": i, "n": i} for i in range(3)])

        with client.start_session(causal_consistency=True) as session:
            found = c.find({}, session=session).sort("n", -1).limit(2).to_list()
        total = client.drivers.command("aggregate", "guide", pipeline=[], cursor={})
        names = [one["name"] for one in client.list_databases()]

        assert [one["_id"] for one in found] == [2, 1]
        assert len(total["cursor"]["firstBatch"]) == 3
        assert "drivers" in names
        assert client.server_info()["version"] == "8.2.0"
        client.drop_database("drivers")
