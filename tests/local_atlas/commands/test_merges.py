"""$merge over the wire: every pair of modes, the paths it goes by, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
from bson import Int64, ObjectId, Regex
from pymongo.database import Database
from pymongo.errors import OperationFailure

from app.local_atlas.options import ServerOptions
from tests.local_atlas.nodes import serving
from tests.local_atlas.search.asking import indexed, vector_definition, vector_search

Docs = Database[dict[str, Any]]
Doc = dict[str, Any]

STORED = [{"_id": 1, "old": "a", "n": 1}, {"_id": 2, "old": "b", "n": 2}]
RESULTS = [{"_id": 2, "n": 20}, {"_id": 3, "n": 30}]
MERGED = {"_id": 2, "old": "b", "n": 20}
REPLACED = {"_id": 2, "n": 20}
ADDING = [{"$set": {"n": {"$add": ["$n", "$$new.n"]}}}]
ADDED = {"_id": 2, "old": "b", "n": 22}
NEW = {"_id": 3, "n": 30}


@pytest.fixture
def totals(db: Docs) -> Docs:
    db.totals.insert_many(STORED)
    db.results.insert_many(RESULTS)
    return db


def merge(db: Docs, *stages: Doc, into: Any = "totals", **options: Any) -> None:
    returned = db.results.aggregate([*stages, {"$merge": {"into": into, **options}}])
    assert list(returned) == []


def refusal(db: Docs, *stages: Doc) -> Doc:
    with pytest.raises(OperationFailure) as refused:
        db.results.aggregate(list(stages))
    assert refused.value.details is not None
    return dict(refused.value.details)


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        pytest.param({}, [STORED[0], MERGED, NEW], id="as it is without modes"),
        pytest.param({"whenMatched": "merge"}, [STORED[0], MERGED, NEW], id="merge"),
        pytest.param(
            {"whenMatched": "merge", "whenNotMatched": "discard"},
            [STORED[0], MERGED],
            id="merge, discard",
        ),
        pytest.param({"whenMatched": "replace"}, [STORED[0], REPLACED, NEW], id="replace"),
        pytest.param(
            {"whenMatched": "replace", "whenNotMatched": "discard"},
            [STORED[0], REPLACED],
            id="replace, discard",
        ),
        pytest.param({"whenMatched": "keepExisting"}, [*STORED, NEW], id="keepExisting"),
        pytest.param({"whenMatched": ADDING}, [STORED[0], ADDED, NEW], id="pipeline"),
        pytest.param(
            {"whenMatched": ADDING, "whenNotMatched": "discard"},
            [STORED[0], ADDED],
            id="pipeline, discard",
        ),
    ],
)
def test_modes_decide_what_becomes_of_matches_and_others(
    totals: Docs, modes: Doc, expected: list[Doc]
) -> None:
    merge(totals, **modes)

    assert list(totals.totals.find()) == expected


@pytest.mark.parametrize("matched", ["merge", "replace", ADDING], ids=str)
def test_result_that_matches_nothing_fails_where_it_is_to(totals: Docs, matched: Any) -> None:
    stage = {"$merge": {"into": "totals", "whenMatched": matched, "whenNotMatched": "fail"}}

    refused = refusal(totals, stage)

    assert (refused["code"], refused["codeName"]) == (13113, "MergeStageNoMatchingDocument")
    assert "could not find a matching document in the target collection" in refused["errmsg"]
    # What else was in its batch is written all the same.
    assert totals.totals.find_one({"_id": 2}) != STORED[1]
    assert totals.totals.count_documents({}) == 2


def test_match_fails_where_it_is_to_and_others_are_stored(totals: Docs) -> None:
    refused = refusal(totals, {"$merge": {"into": "totals", "whenMatched": "fail"}})

    assert refused["code"] == 11000
    assert refused["keyValue"] == {"_id": 2}
    assert refused["errmsg"].startswith(
        "PlanExecutor error during aggregation :: caused by :: $merge with whenMatched: fail found "
        "an existing document with the same values for the 'on' fields :: caused by :: E11000"
    )
    assert list(totals.totals.find()) == [*STORED, NEW]


def test_all_matching_is_no_failure(totals: Docs) -> None:
    merge(totals, {"$match": {"_id": 2}}, whenMatched="merge", whenNotMatched="fail")
    merge(totals, {"$match": {"_id": 3}}, whenMatched="fail")

    assert list(totals.totals.find()) == [STORED[0], MERGED, NEW]


def test_stored_id_keeps_its_type(totals: Docs) -> None:
    stage = {"$set": {"_id": {"$toDouble": "$_id"}}}

    merge(totals, stage)

    assert [type(document["_id"]) for document in totals.totals.find()] == [int, int, float]


def test_missing_collection_is_made_only_where_something_goes_in(totals: Docs) -> None:
    merge(totals, {"$match": {"_id": 9}}, into="empty")
    merge(totals, into="discarded", whenMatched="replace", whenNotMatched="discard")
    assert (
        refusal(totals, {"$merge": {"into": "failed", "whenNotMatched": "fail"}})["code"] == 13113
    )
    merge(totals, into="made")

    assert set(totals.list_collection_names()) == {"totals", "results", "made"}
    assert list(totals.made.find()) == RESULTS


def test_string_alone_names_the_collection(totals: Docs) -> None:
    totals.results.aggregate([{"$merge": "totals"}])

    assert list(totals.totals.find()) == [STORED[0], MERGED, NEW]


def test_other_database_is_written_to(totals: Docs) -> None:
    other = totals.client[f"{totals.name}_other"]
    try:
        merge(totals, into={"db": other.name, "coll": "copy"})
        merge(totals, into={"coll": "here"})

        assert list(other.copy.find()) == list(totals.here.find()) == RESULTS
    finally:
        totals.client.drop_database(other)


def test_results_without_an_id_are_inserted_under_a_new_one(totals: Docs) -> None:
    merge(totals, {"$project": {"_id": 0}}, into="made")
    merge(totals, {"$project": {"_id": 0}}, into="by_pipeline", whenMatched=ADDING)

    for collection in (totals.made, totals.by_pipeline):
        assert [document["n"] for document in collection.find()] == [20, 30]
        assert all(isinstance(document["_id"], ObjectId) for document in collection.find())


def test_collection_of_the_pipeline_may_be_merged_into(totals: Docs) -> None:
    totals.totals.aggregate([{"$set": {"n": {"$add": ["$n", 1]}}}, {"$merge": "totals"}])
    totals.totals.aggregate([{"$project": {"_id": 0, "copy": "$n"}}, {"$merge": "totals"}])

    assert [document.get("n") for document in totals.totals.find()] == [2, 3, None, None]
    assert [document.get("copy") for document in totals.totals.find()] == [None, None, 2, 3]


def test_results_with_the_same_key_meet_each_other(totals: Docs) -> None:
    twice = [{"$set": {"_id": 7, "n": "$n"}}]

    merge(totals, *twice, into="by_pipeline", whenMatched=ADDING)
    merge(totals, *twice, into="replaced", whenMatched="replace")

    assert list(totals.by_pipeline.find()) == [{"_id": 7, "n": 50}]
    assert list(totals.replaced.find()) == [{"_id": 7, "n": 30}]


def test_pipeline_sees_its_own_variables_and_those_of_the_command(totals: Docs) -> None:
    stages = [
        {
            "$merge": {
                "into": "totals",
                "let": {"price": "$n", "gone": "$missing"},
                "whenMatched": [
                    {
                        "$set": {
                            "seen": ["$$price", "$$extra", {"$ifNull": ["$$gone", "gone"]}],
                            "new": "$$new",
                        }
                    }
                ],
            }
        }
    ]

    totals.results.aggregate(stages, let={"extra": "x"})

    assert totals.totals.find_one({"_id": 2}) == {
        **STORED[1],
        "seen": [20, "x", "gone"],
        "new": RESULTS[0],
    }
    assert totals.totals.find_one({"_id": 3}) == NEW


def test_score_of_a_search_can_be_kept_by_a_variable(db: Docs) -> None:
    collection = indexed(db.items, [{"_id": 1, "v": [0.0, 0.0]}], vector_definition())
    search = {"index": "default", "path": "v", "queryVector": [0.0, 0.0], "limit": 1}
    db.scores.insert_one({"_id": 1})
    into = {
        "into": "scores",
        "let": {"score": {"$meta": "vectorSearchScore"}},
        "whenMatched": [{"$set": {"score": "$$score"}}],
        "whenNotMatched": "discard",
    }

    collection.aggregate([{"$vectorSearch": {**search, "numCandidates": 1}}, {"$merge": into}])

    assert db.scores.find_one() == {"_id": 1, "score": 1.0}


class TestOtherPaths:
    @pytest.fixture
    def by_path(self, db: Docs) -> Docs:
        db.totals.create_index([("shop.id", 1), ("day", -1)], unique=True)
        db.totals.insert_one({"_id": "kept", "shop": {"id": 1}, "day": "mon", "n": 1})
        db.results.insert_many(
            [
                {"_id": 1, "shop": {"id": 1}, "day": "mon", "n": 10},
                {"_id": 2, "shop": {"id": 2}, "day": "mon", "n": 20},
            ]
        )
        return db

    def test_match_goes_by_the_values_at_the_paths(self, by_path: Docs) -> None:
        merge(by_path, {"$unset": "_id"}, on=["day", "shop.id"])

        kept, new = by_path.totals.find()
        assert kept == {"_id": "kept", "shop": {"id": 1}, "day": "mon", "n": 10}
        assert (new["shop"], new["day"], new["n"]) == ({"id": 2}, "mon", 20)
        assert isinstance(new["_id"], ObjectId)

    @pytest.mark.parametrize("mode", ["replace", "keepExisting", ADDING], ids=str)
    def test_every_mode_goes_by_them(self, by_path: Docs, mode: Any) -> None:
        merge(by_path, {"$unset": "_id"}, on=["day", "shop.id"], whenMatched=mode)

        assert [document["n"] for document in by_path.totals.find()] == [
            {"replace": 10, "keepExisting": 1}.get(str(mode), 11),
            20,
        ]
        assert by_path.totals.find_one({"n": {"$ne": 20}}, {"_id": 1}) == {"_id": "kept"}

    @pytest.mark.parametrize("mode", ["merge", "replace"])
    def test_id_of_a_match_cannot_be_changed(self, by_path: Docs, mode: str) -> None:
        stage = {"$merge": {"into": "totals", "on": ["day", "shop.id"], "whenMatched": mode}}

        refused = refusal(by_path, stage)

        assert (refused["code"], refused["codeName"]) == (66, "ImmutableField")
        assert (
            "$merge failed to update the matching document, did you attempt to modify the _id or "
            "the shard key? :: caused by :: "
        ) in refused["errmsg"]
        assert by_path.totals.find_one({"_id": "kept"}, {"n": 1, "_id": 0}) == {"n": 1}
        assert by_path.totals.find_one({"_id": 2}) is not None

    @pytest.mark.parametrize(
        "keys",
        [
            pytest.param(None, id="no index"),
            pytest.param({"unique": False}, id="not unique"),
            pytest.param(
                {"unique": True, "partialFilterExpression": {"n": {"$gt": 1}}}, id="partial"
            ),
        ],
    )
    def test_paths_need_a_unique_index(self, db: Docs, keys: Doc | None) -> None:
        db.results.insert_one({"code": 1})
        if keys is not None:
            db.totals.create_index("code", **keys)

        refused = refusal(db, {"$merge": {"into": "totals", "on": "code"}})

        assert refused["code"] == 51183
        assert refused["errmsg"] == "Cannot find index to verify that join fields will be unique"

    def test_index_of_further_paths_is_not_enough(self, by_path: Docs) -> None:
        assert refusal(by_path, {"$merge": {"into": "totals", "on": "day"}})["code"] == 51183

    def test_null_and_missing_are_one_value_unless_the_index_is_sparse(self, db: Docs) -> None:
        db.results.insert_many([{"_id": 1, "n": 1}, {"_id": 2, "code": None, "n": 2}])
        db.totals.create_index("code", unique=True)
        db.sparse.create_index("code", unique=True, sparse=True)

        merge(db, {"$unset": "_id"}, on="code")
        refused = refusal(db, {"$merge": {"into": "sparse", "on": "code"}})

        assert [document["n"] for document in db.totals.find()] == [2]
        assert refused["code"] == 51132
        assert "'on' field 'code' cannot be missing, null or undefined" in refused["errmsg"]

    @pytest.mark.parametrize("path", ["code", "code.a"])
    def test_array_at_a_path_is_refused(self, db: Docs, path: str) -> None:
        db.totals.create_index(path, unique=True)
        db.results.insert_one({"code": [{"a": 1}]})

        refused = refusal(db, {"$merge": {"into": "totals", "on": path}})

        assert refused["code"] == 51185
        assert f"$merge write error: 'on' field '{path}' is an array" in refused["errmsg"]

    def test_values_are_compared_as_they_are(self, db: Docs) -> None:
        db.totals.create_index("code", unique=True)
        values = [{"x": 1}, "abc", Regex("^a"), Int64(5), 6.0]
        db.totals.insert_many([{"_id": i, "code": value} for i, value in enumerate(values)])
        db.results.insert_many([{"code": value, "n": 1} for value in [*values[:4], 6]])

        merge(db, {"$unset": "_id"}, on="code", whenNotMatched="fail")

        assert [document["n"] for document in db.totals.find()] == [1] * 5


def test_unique_index_of_the_target_holds(totals: Docs) -> None:
    totals.totals.create_index("n", unique=True)

    refused = refusal(totals, {"$set": {"n": 1}}, {"$merge": "totals"})

    assert refused["code"] == 11000
    assert "$merge failed due to a DuplicateKey error :: caused by :: E11000" in refused["errmsg"]
    assert list(totals.totals.find()) == STORED
    assert [document["_id"] for document in totals.totals.find({"n": 2})] == [2]


def test_what_is_merged_is_searchable_at_once(db: Docs) -> None:
    collection = indexed(db.items, [{"_id": 1, "v": [9.0, 0.0]}], vector_definition())
    db.results.insert_many([{"_id": 1, "v": [1.0, 0.0]}, {"_id": 2, "v": [0.0, 0.0]}])

    merge(db, into="items")

    assert vector_search(collection) == [(2, 1.0), (1, 0.5)]


def test_strict_server_refuses_what_an_index_would_skip(tmp_path: Path) -> None:
    with serving(tmp_path, ServerOptions(is_strict=True)) as client:
        indexed(client.db.items, [{"_id": 1, "v": [9.0, 0.0]}], vector_definition())
        client.db.results.insert_many([{"_id": 1, "v": [1.0]}, {"_id": 2, "v": [1.0, 2.0]}])

        refused = refusal(client.db, {"$merge": "items"})

        assert refused["code"] == 121
        assert client.db.items.find_one({"_id": 1}) == {"_id": 1, "v": [9.0, 0.0]}
        assert client.db.items.find_one({"_id": 2}) == {"_id": 2, "v": [1.0, 2.0]}


@pytest.mark.parametrize("mode", ["merge", "replace", "keepExisting", "fail", ADDING], ids=str)
def test_more_results_than_one_batch_are_merged(db: Docs, mode: Any) -> None:
    db.results.insert_many([{"_id": i, "n": 1, "v": [0.5] * 40} for i in range(1200)])

    merge(db, whenMatched=mode)

    assert list(db.totals.find()) == list(db.results.find())


def test_merged_results_are_there_after_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path, ServerOptions()) as client:
        client.db.results.insert_many(RESULTS)
        client.db.results.aggregate([{"$merge": "totals"}])
    with serving(tmp_path, ServerOptions()) as client:
        assert list(client.db.totals.find()) == RESULTS


REFUSED = [
    pytest.param(1, 14, "$merge requires a string or object argument, but found int", id="type"),
    pytest.param({}, 40414, "'$merge.into' is missing but a required field", id="no into"),
    pytest.param({"into": 1}, 51178, "must be either a string or an object", id="into"),
    pytest.param({"into": ""}, 5786800, "cannot be an empty string", id="into empty"),
    pytest.param({"into": {"db": "x"}}, 5786801, "must specify a 'coll'", id="no coll"),
    pytest.param({"into": {"coll": "x", "a": 1}}, 40415, "'into.a' is an unknown", id="into.a"),
    pytest.param({"into": {"coll": 1}}, 14, "'into.coll' is the wrong type 'int'", id="coll"),
    pytest.param({"into": "a$b"}, 73, "Invalid $merge target namespace: '", id="dollar"),
    pytest.param({"into": "system.x"}, 31319, "special collection: system.x", id="system"),
    pytest.param(
        {"into": {"db": "local", "coll": "x"}}, 31320, "internal database: local", id="local"
    ),
    pytest.param({"into": "x", "to": 1}, 40415, "'$merge.to' is an unknown field", id="unknown"),
    pytest.param({"into": "x", "on": 1}, 51186, "either a string or an array", id="on"),
    pytest.param({"into": "x", "on": [1]}, 51134, "must be strings, but found int", id="on[0]"),
    pytest.param({"into": "x", "on": []}, 51187, "must include at least one field", id="on []"),
    pytest.param({"into": "x", "on": ["a", "a"]}, 31465, "duplicate field 'a'", id="on twice"),
    pytest.param({"into": "x", "on": "$a"}, 16410, "may not start with '$'", id="on $"),
    pytest.param({"into": "x", "whenMatched": 1}, 51191, "a string or an array", id="matched 1"),
    pytest.param(
        {"into": "x", "whenMatched": "pipeline"},
        2,
        "Enumeration value 'pipeline' for field 'whenMatched' is not a valid value.",
        id="matched pipeline",
    ),
    pytest.param(
        {"into": "x", "whenNotMatched": "x"}, 2, "field '$merge.whenNotMatched'", id="unmatched"
    ),
    pytest.param(
        {"into": "x", "whenMatched": "keepExisting", "whenNotMatched": "discard"},
        51181,
        "'whenMatched: keepExisting' and 'whenNotMatched: discard' is not supported",
        id="combination",
    ),
    pytest.param({"into": "x", "let": 1}, 14, "'$merge.let' is the wrong type 'int'", id="let"),
    pytest.param(
        {"into": "x", "let": {"a": 1}}, 51199, "variables with 'whenMatched: merge'", id="let merge"
    ),
    pytest.param(
        {"into": "x", "let": {"new": 1}, "whenMatched": ADDING}, 51273, "reserved 'new'", id="new"
    ),
    pytest.param(
        {"into": "x", "let": {"A": 1}, "whenMatched": ADDING}, 9, "invalid character", id="let A"
    ),
    pytest.param(
        {"into": "x", "whenMatched": [{"$match": {}}]}, 72, "within an update", id="$match"
    ),
    pytest.param(
        {"into": "x", "whenMatched": [{"$set": {"a": "$$b"}}]}, 17276, "variable: b", id="$$b"
    ),
    pytest.param(
        {
            "into": "x",
            "let": {"a": 1},
            "whenMatched": ADDING,
            "whenNotMatched": "discard",
        },
        17276,
        "variable: new",
        id="no new",
    ),
]


@pytest.mark.parametrize(("stage", "code", "message"), REFUSED)
def test_malformed_merge_is_refused_before_anything_is_read(
    totals: Docs, stage: Any, code: int, message: str
) -> None:
    refused = refusal(totals, {"$merge": stage})

    assert refused["code"] == code
    assert message in refused["errmsg"]
    assert set(totals.list_collection_names()) == {"totals", "results"}


@pytest.mark.parametrize(
    ("pipeline", "code"),
    [
        pytest.param([{"$merge": "x"}, {"$limit": 1}], 40601, id="not last"),
        pytest.param([{"$facet": {"a": [{"$merge": "x"}]}}], 40600, id="facet"),
        pytest.param(
            [{"$lookup": {"from": "totals", "pipeline": [{"$merge": "x"}], "as": "a"}}],
            51047,
            id="lookup",
        ),
        pytest.param(
            [{"$unionWith": {"coll": "totals", "pipeline": [{"$merge": "x"}]}}], 31441, id="union"
        ),
    ],
)
def test_merge_stands_only_at_the_very_end(totals: Docs, pipeline: list[Doc], code: int) -> None:
    assert refusal(totals, *pipeline)["code"] == code
