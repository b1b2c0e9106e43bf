"""Composed searches of a small gallery, through every driver and with both index files."""

import dataclasses
import inspect
import json

import numpy as np
import pytest

from app.composed import ComposedQuery, Input, Picture, Sentence, StoredItem
from app.composed.vector import query_vector, signed_weights
from app.data_state import read_data_state
from app.documents import embedding_from_bson
from app.errors import BadRequest, IndexNotReady, ItemNotEmbedded, ItemNotFound
from app.filters import Comparison
from app.indexes import read_index_file
from app.live_indexes import apply_index, wait_until_queryable
from app.similar_async import AsyncSimilarItems
from tests.galleries import ODD_ID, draw_item

pytestmark = pytest.mark.usefixtures("gallery")

SHIRT = Comparison("category", "$eq", "shirt")


def items(*ids, weight=1.0):
    return tuple(Input(StoredItem(one), weight) for one in ids)


def ids(answer):
    return [hit.item_id for hit in answer.hits]


def expected_order(collection, query, embeddings):
    """Rank by cosine, as numpy computes it, everything that the query does not leave out."""
    vector = query_vector(embeddings, signed_weights(query))
    cosines = {}
    for document in collection.find():
        one = embedding_from_bson(document["embedding"])
        cosines[document["_id"]] = float(vector @ one / np.linalg.norm(one))
    kept = [one for one in cosines if one not in query.left_out]
    return sorted(((one, (1 + cosines[one]) / 2) for one in kept), key=lambda pair: -pair[1])


def test_items_pictures_and_texts_make_one_query(ask, collection, embedder):
    picture = draw_item("green")
    query = ComposedQuery(
        (*items("navy", weight=2.0), Input(Picture(embedder.prepare(picture)), 0.5)),
        (Input(Sentence("something white"), 0.25),),
    )
    navy = embedding_from_bson(collection.find_one({"_id": "navy"})["embedding"])
    embeddings = [navy, embedder.embed_images([picture])[0], embedder.embed_texts(["white"])[0]]

    answer = ask(lambda similar: similar.search(query))

    expected = expected_order(collection, query, np.stack(embeddings))
    assert ids(answer) == [one for one, _ in expected]
    assert [hit.score for hit in answer.hits] == pytest.approx([s for _, s in expected], abs=1e-5)


def test_weights_and_negatives_turn_the_query(ask):
    towards_red = ComposedQuery((*items("navy"), *items(ODD_ID, weight=5.0)), limit=1)
    away_from_red = ComposedQuery(items("white"), items("crimson"), limit=1)

    assert ids(ask(lambda similar: similar.search(towards_red))) == ["crimson"]
    assert ids(ask(lambda similar: similar.search(away_from_red))) != [ODD_ID]


def test_inputs_and_excluded_items_are_no_hits(ask):
    query = ComposedQuery(items("navy"), items("white"), exclude=("blue", "no such item"))

    answer = ask(lambda similar: similar.search(query))

    assert set(ids(answer)) == {ODD_ID, "crimson", "green"}


def test_filter_limit_and_offset_hold_together(ask):
    whole = ComposedQuery(items("navy"), condition=SHIRT)
    part = ComposedQuery(items("navy"), condition=SHIRT, limit=1, offset=1)

    assert len(ids(ask(lambda similar: similar.search(whole)))) == 3
    assert (
        ids(ask(lambda similar: similar.search(part)))
        == ids(ask(lambda similar: similar.search(whole)))[1:2]
    )


def test_min_raw_score_keeps_what_reaches_it_and_says_why_it_is_few(ask):
    everything = ask(lambda similar: similar.search(ComposedQuery(items("navy"))))
    bar = everything.hits[1].score

    answer = ask(lambda similar: similar.search(ComposedQuery(items("navy"), min_raw_score=bar)))

    assert ids(answer) == ids(everything)[:2]
    assert answer.shortfall == (
        "2 of 10 hits: there are no more items that min_raw_score lets through, "
        "near-identical pictures apart."
    )


def test_full_page_has_no_shortfall(ask):
    assert (
        ask(lambda similar: similar.search(ComposedQuery(items("navy"), limit=5))).shortfall is None
    )


def test_exact_search_and_num_candidates_give_the_same_hits_here(ask):
    plain = ask(lambda similar: similar.search(ComposedQuery(items("navy"))))
    exact = ask(lambda similar: similar.search(ComposedQuery(items("navy"), exact=True)))
    many = ask(lambda similar: similar.search(ComposedQuery(items("navy"), num_candidates=50)))

    assert ids(exact) == ids(many) == ids(plain)
    assert [hit.score for hit in exact.hits] == pytest.approx([hit.score for hit in plain.hits])


def test_fields_are_all_that_a_document_holds(ask):
    query = ComposedQuery(items("navy"), limit=1, fields=("color", "image.uri", "brand"))

    (hit,) = ask(lambda similar: similar.search(query)).hits

    assert hit.document == {"_id": "blue", "color": "blue", "image": {"uri": "blue.png"}}


@pytest.mark.parametrize("fields", [("_id.x",), ("_id", "_id.x", "color")])
def test_hit_has_its_whole_id_whatever_the_fields(ask, fields):
    query = ComposedQuery(items("navy"), limit=1, fields=fields)

    (hit,) = ask(lambda similar: similar.search(query)).hits

    assert (
        {"_id": "blue"}.items() <= hit.document.items() <= {"_id": "blue", "color": "blue"}.items()
    )


def test_documents_come_without_their_embedding(ask):
    (hit,) = ask(lambda similar: similar.search(ComposedQuery(items("navy"), limit=1))).hits

    assert "embedding" not in hit.document
    assert hit.document["title"] == "A blue one"


def test_input_that_is_no_item_is_not_found(ask):
    query = ComposedQuery(items("navy", "nobody"))

    with pytest.raises(ItemNotFound, match="'nobody'"):
        ask(lambda similar: similar.search(query))


def test_input_without_an_embedding_says_so(ask, collection):
    collection.update_one({"_id": "white"}, {"$unset": {"embedding": 1}})

    with pytest.raises(ItemNotEmbedded, match="'white' has no embedding yet"):
        ask(lambda similar: similar.search(ComposedQuery(items("navy"), items("white"))))


@pytest.mark.parametrize("number", [0.0, float("nan"), 1e39])
def test_input_whose_embedding_has_no_direction_says_so(ask, collection, number):
    collection.update_one({"_id": "white"}, {"$set": {"embedding": [number] * 512}})

    with pytest.raises(ItemNotEmbedded, match="'white' has no direction"):
        ask(lambda similar: similar.search(ComposedQuery(items("navy"), items("white"))))


def test_inputs_of_two_models_are_not_added_up(ask, collection):
    collection.update_one({"_id": "white"}, {"$set": {"embedded_by": "f" * 64}})

    with pytest.raises(ItemNotEmbedded, match="'white' was embedded by another model"):
        ask(lambda similar: similar.search(ComposedQuery(items("navy", "white"))))


def test_hits_are_of_the_model_of_the_inputs(ask, collection):
    collection.update_one({"_id": "blue"}, {"$set": {"embedded_by": "f" * 64}})

    assert "blue" not in ids(ask(lambda similar: similar.search(ComposedQuery(items("navy")))))


def test_item_against_itself_cancels(ask):
    with pytest.raises(BadRequest, match="cancel"):
        ask(lambda similar: similar.search(ComposedQuery(items("navy"), items("navy"))))


def test_missing_index_is_an_error_that_lists_those_there_are(ask, gallery, collection):
    collection.drop_search_index(gallery.index_file.stem)

    with pytest.raises(IndexNotReady, match=r"does not exist on .*, which has: none"):
        ask(lambda similar: similar.search(ComposedQuery(items("navy"))))


def test_index_that_went_missing_since_the_last_search_never_reads_as_no_results(
    ask, gallery, collection
):
    with pytest.raises(IndexNotReady, match="does not exist"):
        ask_change_ask(ask, lambda: collection.drop_search_index(gallery.index_file.stem))


@pytest.fixture
def rebuild(gallery, collection):
    """Return a function that builds the index anew, for vectors of so many dimensions."""
    index = read_index_file(gallery.index_file)

    def rebuild(dimensions):
        definition = json.loads(json.dumps(index.definition).replace("512", str(dimensions)))
        built = dataclasses.replace(index, definition=definition, dimensions=dimensions)
        collection.drop_search_index(index.name)
        apply_index(collection, built, update=False)
        wait_until_queryable(collection, built, timeout_s=30)

    return rebuild


def test_index_that_became_another_since_the_last_search_is_told(ask, gallery, rebuild):
    with pytest.raises(IndexNotReady, match=gallery.index_file.stem):
        ask_change_ask(ask, lambda: rebuild(8))


def test_search_that_fails_is_asked_again_where_its_index_is_ready_by_then(
    ask, rebuild, monkeypatch
):
    def after_rebuilding(read):
        def rebuilt(*arguments):
            rebuild(512)
            return read(*arguments)

        return rebuilt

    def change():
        rebuild(8)
        of_async = after_rebuilding(AsyncSimilarItems._read_state)
        monkeypatch.setattr("app.asking.read_data_state", after_rebuilding(read_data_state))
        monkeypatch.setattr(AsyncSimilarItems, "_read_state", of_async)

    assert ask_change_ask(ask, change).hits


def ask_change_ask(ask, change):
    """Search once, then again after a change."""
    query = ComposedQuery(items("navy"))

    def asking(similar):
        first = similar.search(query)
        if not inspect.isawaitable(first):
            change()
            return similar.search(query)

        async def go_on():
            await first
            change()
            return await similar.search(query)

        return go_on()

    return ask(asking)
