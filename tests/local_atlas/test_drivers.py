"""The other ways in: PyMongo's asynchronous client, and Motor."""

import asyncio
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient
from pymongo.errors import DuplicateKeyError

from app.local_atlas.node import Node


async def use(collection: Any) -> list[dict[str, Any]]:
    """Do a little of everything and return what is left."""
    await collection.insert_many([{"_id": i, "n": i} for i in range(150)])
    with pytest.raises(DuplicateKeyError):
        await collection.insert_one({"_id": 1})
    await collection.update_many({"n": {"$gte": 2}}, {"$inc": {"n": 100}})
    await collection.delete_many({"_id": {"$gt": 140}})
    await collection.create_index("n", unique=True)
    assert len(await collection.find({}, batch_size=10).to_list(None)) == 141
    assert await collection.count_documents({"n": {"$lt": 100}}) == 2
    found = await collection.find_one_and_delete({"_id": 3})
    assert found == {"_id": 3, "n": 103}
    return await collection.find({"_id": {"$lt": 5}}).to_list(None)


EXPECTED = [{"_id": 0, "n": 0}, {"_id": 1, "n": 1}, {"_id": 2, "n": 102}, {"_id": 4, "n": 104}]


def test_async_client_of_pymongo_does_a_little_of_everything(local_atlas: Node) -> None:
    async def run() -> list[dict[str, Any]]:
        async with AsyncMongoClient[dict[str, Any]](local_atlas.uri) as client:
            left = await use(client.asynchronous.c)
            pipeline = [{"$match": {"_id": {"$lt": 2}}}, {"$project": {"n": 1, "_id": 0}}]
            cursor = await client.asynchronous.c.aggregate(pipeline)
            assert await cursor.to_list() == [{"n": 0}, {"n": 1}]
            await client.drop_database("asynchronous")
            return left

    assert asyncio.run(run()) == EXPECTED


def test_motor_does_a_little_of_everything(local_atlas: Node) -> None:
    async def run() -> list[dict[str, Any]]:
        client = AsyncIOMotorClient(local_atlas.uri)
        left = await use(client.motor.c)
        pipeline = [{"$match": {"_id": {"$lt": 2}}}, {"$project": {"n": 1, "_id": 0}}]
        assert await client.motor.c.aggregate(pipeline).to_list(None) == [{"n": 0}, {"n": 1}]
        await client.drop_database("motor")
        client.close()
        return left

    assert asyncio.run(run()) == EXPECTED
