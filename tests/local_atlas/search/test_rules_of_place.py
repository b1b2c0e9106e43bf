"""Where search stages may stand in a pipeline, and what later stages see of them."""

from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from tests.local_atlas.search.asking import Documents, indexed, search_definition

KNN = {"$search": {"knnBeta": {"path": "v", "vector": [0, 0], "k": 10}}}
VECTOR = {
    "$vectorSearch": {
        "index": "default",
        "path": "v",
        "queryVector": [0, 0],
        "limit": 10,
        "numCandidates": 10,
    }
}
LEXICAL = {"$search": {"exists": {"path": "v"}}}
LIST: dict[str, Any] = {"$listSearchIndexes": {}}
STAGES = [
    pytest.param(KNN, id="$search"),
    pytest.param(VECTOR, id="$vectorSearch"),
    pytest.param(LEXICAL, id="$search of values"),
    pytest.param(LIST, id="$listSearchIndexes"),
]


@pytest.fixture(scope="module")
def collection(module_db: Database[dict[str, Any]]) -> Documents:
    documents = [{"_id": i, "v": [i, 0], "f": i % 2} for i in range(4)]
    return indexed(module_db.c, documents, search_definition(f={"type": "number"}))


def refused(collection: Documents, *stages: dict[str, Any]) -> tuple[int, str]:
    with pytest.raises(OperationFailure) as refusal:
        list(collection.aggregate(list(stages)))
    return refusal.value.code or 0, (refusal.value.details or {})["errmsg"]


@pytest.mark.parametrize("stage", STAGES)
def test_only_the_first_stage(collection: Documents, stage: dict[str, Any]) -> None:
    (name,) = stage

    code, text = refused(collection, {"$match": {}}, stage)

    assert (code, text) == (40602, f"{name} is only valid as the first stage in a pipeline")


@pytest.mark.parametrize("stage", STAGES)
def test_only_the_first_stage_of_an_inner_pipeline_too(
    collection: Documents, stage: dict[str, Any]
) -> None:
    later = [{"$match": {}}, stage]
    union = {"$unionWith": {"coll": "c", "pipeline": later}}
    lookup = {"$lookup": {"from": "c", "pipeline": later, "as": "near"}}

    assert refused(collection, union)[0] == 40602
    assert refused(collection, lookup)[0] == 40602


@pytest.mark.parametrize("stage", STAGES)
def test_never_in_facet(collection: Documents, stage: dict[str, Any]) -> None:
    assert refused(collection, {"$facet": {"a": [stage]}})[0] == 40600


@pytest.mark.parametrize("stage", STAGES)
def test_never_in_an_update(collection: Documents, stage: dict[str, Any]) -> None:
    for update in (collection.update_one, collection.update_many, collection.find_one_and_update):
        with pytest.raises(OperationFailure) as refusal:
            update({"_id": 0}, [stage])
        assert refusal.value.code == 72


@pytest.mark.parametrize("stage", STAGES)
def test_only_with_the_local_read_concern(collection: Documents, stage: dict[str, Any]) -> None:
    (name,) = stage
    majority = collection.with_options(read_concern=ReadConcern("majority"))
    local = collection.with_options(read_concern=ReadConcern("local"))

    assert refused(majority, stage) == (
        72,
        f"Aggregation stage {name} cannot run with a readConcern other than 'local'. "
        "Current readConcern: majority",
    )
    joined = {"$unionWith": {"coll": "c", "pipeline": [stage]}}
    assert refused(majority, joined)[0] == 72
    assert list(local.aggregate([stage]))
    assert list(majority.aggregate([{"$limit": 1}]))


@pytest.mark.parametrize("stage", STAGES)
def test_never_in_a_transaction(collection: Documents, stage: dict[str, Any]) -> None:
    client = collection.database.client
    with (
        client.start_session() as session,
        pytest.raises(OperationFailure) as refusal,
        session.start_transaction(),
    ):
        list(collection.aggregate([stage], session=session))

    assert refusal.value.code == 263


def test_search_meta_is_not_there_after_a_vector_search(collection: Documents) -> None:
    code, _ = refused(collection, VECTOR, {"$set": {"meta": "$$SEARCH_META"}})

    assert code == 6347902


def test_a_find_has_no_score(collection: Documents) -> None:
    for kind in ("searchScore", "vectorSearchScore"):
        with pytest.raises(OperationFailure) as refusal:
            list(collection.find({}, {"score": {"$meta": kind}}))
        assert refusal.value.code == 40218
        with pytest.raises(OperationFailure) as refusal:
            list(collection.find().sort("score", {"$meta": kind}))
        assert refusal.value.code == 40218


@pytest.mark.parametrize("stage", STAGES[:3])
def test_first_in_union_with_and_lookup(collection: Documents, stage: dict[str, Any]) -> None:
    union = [{"$match": {"_id": 3}}, {"$unionWith": {"coll": "c", "pipeline": [stage]}}]
    lookup = [
        {"$match": {"_id": 3}},
        {"$lookup": {"from": "c", "pipeline": [stage, {"$limit": 2}], "as": "near"}},
    ]

    assert [one["_id"] for one in collection.aggregate(union)] == [3, 0, 1, 2, 3]
    (joined,) = collection.aggregate(lookup)
    assert [one["_id"] for one in joined["near"]] == [0, 1]


@pytest.mark.parametrize(
    ("stage", "own", "other"),
    [(KNN, "searchScore", "vectorSearchScore"), (VECTOR, "vectorSearchScore", "searchScore")],
    ids=["$search", "$vectorSearch"],
)
def test_the_score_is_metadata(
    collection: Documents, stage: dict[str, Any], own: str, other: str
) -> None:
    plain = list(collection.aggregate([stage]))
    scored = list(collection.aggregate([stage, {"$set": {"score": {"$meta": own}}}]))

    assert plain[0] == {"_id": 0, "v": [0, 0], "f": 0}
    assert [one["score"] for one in scored][:2] == [1.0, 0.5]
    assert refused(collection, stage, {"$set": {"score": {"$meta": other}}})[0] == 40218
    assert refused(collection, {"$set": {"score": {"$meta": own}}})[0] == 40218


@pytest.mark.parametrize("first", [KNN, VECTOR, {"$match": {}}], ids=["knn", "vector", "match"])
@pytest.mark.parametrize(
    "kind",
    ["searchHighlights", "searchScoreDetails", "searchSequenceToken", "searchRootDocumentId"],
)
def test_metadata_that_nobody_must_provide_is_just_missing(
    collection: Documents, first: dict[str, Any], kind: str
) -> None:
    stages = [first, {"$group": {"_id": {"$meta": kind}}}, {"$set": {"x": {"$meta": kind}}}]

    assert list(collection.aggregate(stages)) == [{"_id": None}]


def test_score_details_are_there_for_who_asked_the_search_for_them(collection: Documents) -> None:
    plain, asked = ({"$search": {**LEXICAL["$search"], "scoreDetails": on}} for on in (False, True))
    details = {"$project": {"details": {"$meta": "scoreDetails"}}}

    assert refused(collection, plain, details) == (
        40218,
        "query requires scoreDetails metadata, but it is not available",
    )
    assert all(hit["details"]["value"] == 1.0 for hit in collection.aggregate([asked, details]))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("searchScore", "$search score"),
        ("vectorSearchScore", "$vectorSearch distance"),
        ("score", "score"),
        ("textScore", "text score"),
    ],
)
def test_unavailable_metadata_is_called_by_the_servers_words(
    collection: Documents, kind: str, words: str
) -> None:
    asked = {"$meta": kind}

    for stage in ({"$set": {"x": asked}}, {"$sort": {"x": asked}}, {"$group": {"_id": asked}}):
        assert refused(collection, stage) == (
            40218,
            f"query requires {words} metadata, but it is not available",
        )


def test_a_score_is_missing_behind_a_group_and_only_the_general_one_refused(
    collection: Documents,
) -> None:
    group = {"$group": {"_id": "$f"}}
    for first, kind in ((KNN, "searchScore"), (VECTOR, "vectorSearchScore")):
        later = {"$set": {"x": {"$meta": kind}}}
        assert list(collection.aggregate([first, group, later])) == [{"_id": 0}, {"_id": 1}]
        general = {"$set": {"x": {"$meta": "score"}}}
        assert refused(collection, first, group, general)[0] == 40218


def test_later_stages_work_on_the_hits_in_their_order(collection: Documents) -> None:
    stages = [
        KNN,
        {"$match": {"f": 1}},
        {"$project": {"_id": 1, "score": {"$meta": "searchScore"}}},
        {"$skip": 1},
        {"$limit": 1},
    ]

    assert list(collection.aggregate(stages)) == [{"_id": 3, "score": pytest.approx(0.1)}]


def test_results_come_in_batches(db: Database[dict[str, Any]]) -> None:
    documents = [{"_id": i, "v": [i, 0]} for i in range(250)]
    collection = indexed(db.c, documents, search_definition())
    stage = {"$search": {"knnBeta": {"path": "v", "vector": [0, 0], "k": 1000}}}

    hits = list(collection.aggregate([stage], batchSize=7))

    assert [hit["_id"] for hit in hits] == list(range(250))


def test_documents_that_are_deleted_meanwhile_drop_out(db: Database[dict[str, Any]]) -> None:
    documents = [{"_id": i, "v": [i, 0]} for i in range(300)]
    collection = indexed(db.c, documents, search_definition())
    stage = {"$search": {"knnBeta": {"path": "v", "vector": [0, 0], "k": 1000}}}

    cursor = collection.aggregate([stage], batchSize=10)
    first = next(cursor)
    collection.delete_many({"_id": {"$gte": 250}})
    rest = [hit["_id"] for hit in cursor]

    assert first["_id"] == 0
    assert rest == list(range(1, 250))
