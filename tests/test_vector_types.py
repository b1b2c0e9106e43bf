"""int8 and float32 vectors: each finds its own kind, and whoever asks for the other is told so."""

import asyncio
import dataclasses
from typing import Any

import pytest
from pymongo.collection import Collection

from app.config import PROJECT_ROOT, Settings
from app.db import connect_async
from app.errors import IndexNotReady
from app.indexes import SearchIndex, read_index_file
from app.similar import SimilarItems
from app.similar_async import AsyncSimilarItems
from tests.fakes import FakeEmbedder
from tests.galleries import COLORS, draw_item, fill_gallery

INDEX_FILES = {
    "float32": PROJECT_ROOT / "atlas" / "gallery_vector.json",
    "int8": PROJECT_ROOT / "atlas" / "gallery_vector_int8.json",
}
OTHER = {"float32": "int8", "int8": "float32"}


@pytest.fixture(params=["float32", "int8"])
def stored(request: pytest.FixtureRequest) -> str:
    return request.param


def embedder_of(vector_type: str) -> FakeEmbedder:
    embedder = FakeEmbedder(dimensions=512, vector_type=vector_type)
    embedder.load()
    return embedder


def fill(collection: Collection[Any], settings: Settings, vector_type: str) -> None:
    """Fill the gallery with vectors of a type, and create the search indexes of both files."""
    for name in (OTHER[vector_type], vector_type):
        collection.delete_many({})
        changed = dataclasses.replace(settings, index_file=INDEX_FILES[name])
        fill_gallery(collection, changed, embedder_of(name))


def search(collection: Collection[Any], vector_type: str) -> SimilarItems:
    index = read_index_file(INDEX_FILES[vector_type])
    return SimilarItems(collection, index, embedder_of(vector_type), max_time_ms=5000)


def ids_and_scores(similar: SimilarItems) -> tuple[list[Any], list[float]]:
    hits = similar.to_item("navy", limit=5).hits + similar.to_text("red", limit=6).hits
    return [hit.item_id for hit in hits], [hit.score for hit in hits]


def test_int8_finds_what_float32_finds_in_a_quarter_of_the_bytes(collection, settings):
    answers, sizes = [], []
    for vector_type in ("float32", "int8"):
        fill(collection, settings, vector_type)
        answers.append(ids_and_scores(search(collection, vector_type)))
        sizes.append(len(collection.find_one({"_id": "navy"})["embedding"]))

    (ids, scores), (small_ids, small_scores) = answers
    assert small_ids == ids
    assert small_scores == pytest.approx(scores, abs=2e-3)
    assert sizes == [2 + 4 * 512, 2 + 512]


def test_query_of_the_other_type_is_refused_not_answered_empty(collection, settings, stored):
    fill(collection, settings, stored)
    similar = search(collection, OTHER[stored])
    message = f"holds {stored} vectors at 'embedding' .* says vectorType {OTHER[stored]},"

    with pytest.raises(IndexNotReady, match=message):
        similar.to_image(draw_item("red"), limit=3)
    with pytest.raises(IndexNotReady, match=message):
        similar.to_text("red", limit=3)
    with pytest.raises(IndexNotReady, match=f"is {stored}, .* says vectorType {OTHER[stored]}"):
        similar.to_item("navy", limit=3)


def test_async_query_of_the_other_type_is_refused_too(collection, settings, stored):
    fill(collection, settings, stored)
    index = read_index_file(INDEX_FILES[OTHER[stored]])

    async def ask() -> None:
        async_collection = connect_async(settings)
        async with async_collection.database.client:
            similar = AsyncSimilarItems(
                async_collection, index, embedder_of(OTHER[stored]), max_time_ms=5000
            )
            await similar.to_image(draw_item("red"), limit=3)

    with pytest.raises(IndexNotReady, match=f"holds {stored} vectors"):
        asyncio.run(ask())


def test_item_of_the_other_type_among_others_is_refused_by_itself(collection, settings, stored):
    fill(collection, settings, OTHER[stored])
    odd = collection.find_one({"_id": "navy"})
    fill(collection, settings, stored)
    collection.replace_one({"_id": "navy"}, odd)
    similar = search(collection, stored)

    with pytest.raises(IndexNotReady, match=f"item 'navy' is {OTHER[stored]}, .* {stored}"):
        similar.to_item("navy", limit=3)
    assert {hit.item_id for hit in similar.to_item("blue", limit=9).hits} == {
        hit["_id"] for hit in collection.find({"_id": {"$nin": ["navy", "blue"]}})
    }


def test_one_broken_embedding_does_not_stop_the_others(collection, settings, stored):
    fill(collection, settings, stored)
    first = collection.find_one()["_id"]
    collection.update_one({"_id": first}, {"$set": {"embedding": "broken"}})

    assert len(search(collection, stored).to_text("red", limit=9).hits) == len(COLORS) - 1


def test_int8_over_a_live_index_that_quantizes_is_refused(collection, settings):
    fill(collection, settings, "int8")
    index = read_index_file(INDEX_FILES["int8"])
    collection.update_search_index(index.name, quantized(index))

    with pytest.raises(IndexNotReady, match='cannot go with "quantization"'):
        search(collection, "int8").to_text("red", limit=3)


def quantized(index: SearchIndex) -> dict[str, Any]:
    vector, *filters = index.definition["fields"]
    return {"fields": [{**vector, "quantization": "scalar"}, *filters]}


def test_a_stored_int8_vector_asks_for_itself(collection, settings):
    fill(collection, settings, "int8")
    similar = search(collection, "int8")

    by_item = similar.to_item("navy", limit=5)
    by_picture = similar.to_image(draw_item("navy"), limit=6)

    assert by_picture.hits[0].item_id == "navy"
    assert by_picture.hits[0].score == pytest.approx(1.0, abs=1e-6)
    assert by_item.hits == by_picture.hits[1:]
