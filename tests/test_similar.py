"""The same searches through PyMongo, AsyncMongoClient and Motor, with both index files."""

import asyncio
import dataclasses

import motor.motor_asyncio
import numpy as np
import pytest

from app.db import connect, connect_async
from app.errors import DatabaseUnavailable, IndexNotReady, ItemNotEmbedded, ItemNotFound
from app.filter_parser import parse_filter
from app.indexes import read_index_file
from app.similar import SimilarItems
from app.similar_async import AsyncSimilarItems
from tests.fakes import FakeEmbedder
from tests.galleries import draw_item, fill_gallery

MAX_TIME_MS = 5000


@pytest.fixture
def embedder():
    embedder = FakeEmbedder(dimensions=512)
    embedder.load()
    return embedder


@pytest.fixture
def gallery(either_index, collection, embedder):
    fill_gallery(collection, either_index, embedder)
    return either_index


def sync_search(settings, embedder, collection):
    index = read_index_file(settings.index_file)
    return SimilarItems(collection, index, embedder, max_time_ms=MAX_TIME_MS)


def pairs(hits):
    return [(hit.item_id, hit.score) for hit in hits]


@pytest.mark.parametrize("value", ["text", ["a", "b"], [{}], [[1.0], [2.0, 3.0]], b"bytes"])
def test_broken_embedding_of_an_item_is_one_sentence(gallery, collection, embedder, value):
    collection.update_one({"_id": "navy"}, {"$set": {"embedding": value}})

    with pytest.raises(ItemNotEmbedded, match="'navy' cannot be read"):
        sync_search(gallery, embedder, collection).to_item("navy", limit=3)


@pytest.mark.parametrize("number", [0.0, float("inf")])
def test_embedding_without_a_direction_is_one_sentence(gallery, collection, embedder, number):
    collection.update_one({"_id": "navy"}, {"$set": {"embedding": [number] * 512}})

    with pytest.raises(ItemNotEmbedded, match="'navy' has no direction"):
        sync_search(gallery, embedder, collection).to_item("navy", limit=3)


def test_host_that_cannot_be_found_is_a_database_that_cannot_be_reached(settings):
    lost = dataclasses.replace(settings, mongodb_uri="mongodb+srv://no-such-host.invalid")

    with pytest.raises(DatabaseUnavailable, match="MONGODB_URI cannot be used"):
        connect(lost)


async def ask_everything(similar, condition):
    return [
        pairs(await similar.to_item("navy", limit=3)),
        pairs(await similar.to_item("navy", limit=3, condition=condition)),
        pairs(await similar.to_image(draw_item("crimson"), limit=3)),
        pairs(await similar.to_text("red", limit=3)),
    ]


def test_async_clients_give_the_answers_of_pymongo(gallery, collection, embedder):
    index = read_index_file(gallery.index_file)
    condition = parse_filter({"category": "dress"}, index.filter_types)
    similar = sync_search(gallery, embedder, collection)
    expected = [
        pairs(similar.to_item("navy", limit=3).hits),
        pairs(similar.to_item("navy", limit=3, condition=condition).hits),
        pairs(similar.to_image(draw_item("crimson"), limit=3).hits),
        pairs(similar.to_text("red", limit=3).hits),
    ]

    async def through_pymongo():
        async_collection = connect_async(gallery)
        async with async_collection.database.client:
            return await ask_everything(
                AsyncSimilarItems(async_collection, index, embedder, max_time_ms=MAX_TIME_MS),
                condition,
            )

    async def through_motor():
        host = collection.database.client.address[0]
        uri = f"mongodb://{host.replace('/', '%2F')}/?directConnection=true"
        client = motor.motor_asyncio.AsyncIOMotorClient(uri)
        try:
            motor_collection = client[gallery.database][gallery.collection]
            return await ask_everything(
                AsyncSimilarItems(motor_collection, index, embedder, max_time_ms=MAX_TIME_MS),
                condition,
            )
        finally:
            client.close()

    assert asyncio.run(through_pymongo()) == expected
    assert asyncio.run(through_motor()) == expected


def test_both_indexes_on_one_collection_give_the_same_hits(settings, collection, embedder):
    answers = []
    for name in ("gallery_knn.json", "gallery_vector.json"):
        index_file = settings.index_file.with_name(name)
        changed = dataclasses.replace(settings, index_file=index_file)
        collection.delete_many({})
        fill_gallery(collection, changed, embedder)
        answers.append(sync_search(changed, embedder, collection).to_item("navy", limit=5).hits)

    knn, vector = answers
    assert [hit.item_id for hit in knn] == [hit.item_id for hit in vector]
    assert [hit.score for hit in knn] == pytest.approx([hit.score for hit in vector], abs=1e-4)


def test_scores_are_half_of_one_plus_the_cosine(gallery, collection, embedder):
    query = embedder.embed_images([draw_item("navy")])[0]
    hits = sync_search(gallery, embedder, collection).to_image(draw_item("navy"), limit=6).hits

    for hit in hits[1:]:
        picture = draw_item(hit.document["color"])
        cosine = float(np.dot(query, embedder.embed_images([picture])[0]))
        assert hit.score == pytest.approx((1 + cosine) / 2, abs=1e-5)


def test_unknown_item_is_not_found(gallery, collection, embedder):
    with pytest.raises(ItemNotFound, match="'none'"):
        sync_search(gallery, embedder, collection).to_item("none", limit=1)


def test_dropped_index_is_noticed_at_the_first_empty_answer(gallery, collection, embedder):
    similar = sync_search(gallery, embedder, collection)
    assert similar.to_item("navy", limit=1).hits
    similar._asker._state._read_at_s -= 30  # half a minute later

    collection.drop_search_index(gallery.index_file.stem)

    with pytest.raises(IndexNotReady, match="does not exist"):
        similar.to_item("navy", limit=1)


def test_unreachable_database_is_one_sentence(settings, embedder):
    unreachable = dataclasses.replace(settings, mongodb_uri="mongodb://user:pw@127.0.0.1:1")
    collection = connect(unreachable)
    similar = SimilarItems(
        collection,
        read_index_file(settings.index_file),
        embedder,
        max_time_ms=MAX_TIME_MS,
        where=unreachable.database_label,
    )

    with pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.1:1 cannot be reached") as caught:
        similar.to_item("navy", limit=1)

    assert "pw" not in caught.value.message
    collection.database.client.close()
