"""Composed searches through PyMongo, `AsyncMongoClient` and Motor, with both index files."""

import asyncio
from collections.abc import Callable
from typing import Any

import motor.motor_asyncio
import numpy as np
import pytest

from app.config import Settings
from app.db import connect_async
from app.documents import embedding_to_bson
from app.indexes import SearchIndex, read_index_file
from app.lexical_indexes import LexicalIndex, lexical_index
from app.live_indexes import apply_index, create_collection, wait_until_queryable
from app.similar import SimilarItems
from app.similar_async import AsyncSimilarItems
from tests.fakes import FakeEmbedder
from tests.galleries import fill_gallery

MAX_TIME_MS = 5000


@pytest.fixture
def embedder() -> FakeEmbedder:
    embedder = FakeEmbedder(dimensions=512)
    embedder.load()
    return embedder


@pytest.fixture
def gallery(either_index: Settings, collection: Any, embedder: FakeEmbedder) -> Settings:
    """Settings of a filled gallery, with either index."""
    fill_gallery(collection, either_index, embedder)
    return either_index


def through_pymongo(
    settings: Settings, collection: Any, embedder: FakeEmbedder, ask: Callable[[Any], Any]
) -> Any:
    index, lexical = _indexes(settings)
    return ask(SimilarItems(collection, index, embedder, lexical, max_time_ms=MAX_TIME_MS))


def through_async_pymongo(
    settings: Settings, collection: Any, embedder: FakeEmbedder, ask: Callable[[Any], Any]
) -> Any:
    async def run() -> Any:
        async_collection = connect_async(settings)
        async with async_collection.database.client:
            return await ask(_async_similar(settings, async_collection, embedder))

    return asyncio.run(run())


def through_motor(
    settings: Settings, collection: Any, embedder: FakeEmbedder, ask: Callable[[Any], Any]
) -> Any:
    host = collection.database.client.address[0].replace("/", "%2F")

    async def run() -> Any:
        client = motor.motor_asyncio.AsyncIOMotorClient(f"mongodb://{host}/?directConnection=true")
        try:
            motor_collection = client[settings.database][settings.collection]
            return await ask(_async_similar(settings, motor_collection, embedder))
        finally:
            client.close()

    return asyncio.run(run())


def _async_similar(settings: Settings, collection: Any, embedder: FakeEmbedder) -> Any:
    index, lexical = _indexes(settings)
    return AsyncSimilarItems(collection, index, embedder, lexical, max_time_ms=MAX_TIME_MS)


def _indexes(settings: Settings) -> tuple[SearchIndex, LexicalIndex | None]:
    index = read_index_file(settings.index_file)
    return index, lexical_index(index, settings.lexical_index_file)


@pytest.fixture
def place(either_index: Settings, collection: Any, embedder: FakeEmbedder) -> Callable[..., None]:
    """Return a function that makes the gallery one of vectors whose order can be seen by eye.

    It takes the items as `(id, angle)` or `(id, angle, fields)`: the vector of an angle in degrees
    lies in the plane of the first two dimensions, so two items have the cosine of the difference.
    """
    index = read_index_file(either_index.index_file)

    def place(*items: tuple[Any, ...]) -> None:
        documents = []
        for item_id, angle, *rest in items:
            vector = np.zeros(index.dimensions, dtype=np.float32)
            vector[:2] = np.cos(np.radians(angle)), np.sin(np.radians(angle))
            document = {"_id": item_id, "embedding": embedding_to_bson(vector, index)}
            documents.append({**document, "embedded_by": embedder.fingerprint, **dict(*rest)})
        create_collection(collection)
        collection.insert_many(documents)
        apply_index(collection, index, update=False)
        wait_until_queryable(collection, index, timeout_s=30)

    return place


@pytest.fixture(
    params=[through_pymongo, through_async_pymongo, through_motor],
    ids=["pymongo", "async", "motor"],
)
def ask(
    request: pytest.FixtureRequest, either_index: Settings, collection: Any, embedder: FakeEmbedder
) -> Callable[[Callable[[Any], Any]], Any]:
    """Return a function that asks the collection through each of the drivers."""
    return lambda question: request.param(either_index, collection, embedder, question)
