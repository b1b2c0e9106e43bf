"""`scoreDetails` of $search: what the scores are made of."""

from typing import Any

import pytest
from pymongo.database import Database

from tests.local_atlas.search.asking import Documents, indexed, search_definition

DOCUMENTS: list[dict[str, Any]] = [
    {"_id": 1, "t": "red red shoe", "color": "red", "n": 4, "v": [1, 0]},
    {"_id": 2, "t": "blue shoe of leather", "color": "blue", "n": 2, "v": [0, 0]},
    {"_id": 3, "t": "boot", "color": "red"},
]
FIELDS: dict[str, Any] = {
    "t": [{"type": "string"}, {"type": "autocomplete"}],
    "color": {"type": "token"},
    "n": {"type": "number"},
}
DETAILS = {"$meta": "searchScoreDetails"}
SHOE = {"text": {"path": "t", "query": "shoe"}}
IS_RED = {"equals": {"path": "color", "value": "red"}}


@pytest.fixture(scope="module")
def collection(module_db: Database[dict[str, Any]]) -> Documents:
    return indexed(module_db.c, DOCUMENTS, search_definition(**FIELDS))


def explained(collection: Documents, operator: dict[str, Any]) -> dict[int, Any]:
    """Return the details by id, having compared them with the scores and with their parts."""
    stages = [
        {"$search": {**operator, "scoreDetails": True}},
        {"$project": {"score": {"$meta": "searchScore"}, "details": DETAILS}},
    ]
    found = list(collection.aggregate(stages))
    for hit in found:
        assert hit["details"]["value"] == hit["score"]
        check_sums(hit["details"])
    return {hit["_id"]: hit["details"] for hit in found}


def check_sums(node: dict[str, Any]) -> None:
    assert set(node) == {"value", "description", "details"}
    values = [part["value"] for part in node["details"]]
    if node["description"] == "sum of:":
        assert node["value"] == pytest.approx(sum(values))
    if "computed as boost * idf * tf" in node["description"]:
        product = 1.0
        for value in values:
            product *= value
        assert node["value"] == pytest.approx(product)
    for part in node["details"]:
        check_sums(part)


def titles(node: dict[str, Any]) -> list[str]:
    return [part["description"] for part in node["details"]]


def test_numbers_are_those_that_a_real_server_printed(db: Database[dict[str, Any]]) -> None:
    """Nine texts of 44 terms, one of which has the term, among three.

    As Franck Pachot shows on https://dev.to/franckpachot, comparing engines that rank by BM25.
    """
    lengths = [3, 5, 5, 5, 5, 5, 5, 5, 6]
    texts = [" ".join(["apple", *["other"] * 2])] + [" ".join(["other"] * n) for n in lengths[1:]]
    documents = [{"_id": i, "t": text} for i, text in enumerate(texts)]
    collection = indexed(db.c, documents, search_definition(t={"type": "string"}))

    details = explained(collection, {"text": {"path": "t", "query": ["apple", "pear"]}})

    expected = {
        "value": 1.0242118835449219,
        "description": "sum of:",
        "details": [
            {
                "value": 1.0242118835449219,
                "description": "$type:string/t:apple [BM25Similarity], result of:",
                "details": [
                    {
                        "value": 1.0242118835449219,
                        "description": "score(freq=1.0), computed as boost * idf * tf from:",
                        "details": [
                            {
                                "value": 1.8971199989318848,
                                "description": "idf, computed as log(1 + (N - n + 0.5) / (n + "
                                "0.5)) from:",
                                "details": [
                                    leaf(1, "n, number of documents containing term"),
                                    leaf(9, "N, total number of documents with field"),
                                ],
                            },
                            {
                                "value": 0.5398772954940796,
                                "description": "tf, computed as freq / (freq + k1 * (1 - b + b * "
                                "dl / avgdl)) from:",
                                "details": [
                                    leaf(1, "freq, occurrences of term within document"),
                                    leaf(1.2000000476837158, "k1, term saturation parameter"),
                                    leaf(0.75, "b, length normalization parameter"),
                                    leaf(3, "dl, length of field"),
                                    leaf(4.888888835906982, "avgdl, average length of field"),
                                ],
                            },
                        ],
                    }
                ],
            }
        ],
    }
    assert sum(lengths) == 44
    assert rounded(details[0]) == rounded(expected)


def leaf(value: float, description: str) -> dict[str, Any]:
    return {"value": value, "description": description, "details": []}


def rounded(node: dict[str, Any]) -> dict[str, Any]:
    """Round to six digits: Lucene computes some of them in float32 where we do not."""
    parts = [rounded(part) for part in node["details"]]
    return {**node, "value": float(f"{node['value']:.6g}"), "details": parts}


def test_one_term_at_one_path_is_no_sum(collection: Documents) -> None:
    details = explained(collection, SHOE)

    assert sorted(details) == [1, 2]
    assert details[1]["description"] == "$type:string/t:shoe [BM25Similarity], result of:"


def test_terms_that_a_text_has_are_parts(collection: Documents) -> None:
    details = explained(collection, {"text": {"path": "t", "query": "red shoe hat"}})

    assert titles(details[1]) == [
        "$type:string/t:red [BM25Similarity], result of:",
        "$type:string/t:shoe [BM25Similarity], result of:",
    ]
    assert len(details[2]["details"]) == 1
    assert details[1]["details"][0]["details"][0]["description"].startswith("score(freq=2.0)")


def test_fuzzy_terms_tell_what_they_stand_for_with_a_boost(collection: Documents) -> None:
    operator = {"text": {"path": "t", "query": "shoo", "fuzzy": {"maxEdits": 1}}}

    (details, _) = explained(collection, operator).values()

    assert details["description"].startswith("$type:string/t:shoe ")
    boost = details["details"][0]["details"][0]
    assert boost == {"value": 0.75, "description": "boost", "details": []}


def test_phrase_adds_up_how_rare_its_terms_are(collection: Documents) -> None:
    operator = {"phrase": {"path": "t", "query": "red shoe"}}

    (details,) = explained(collection, operator).values()

    assert details["description"] == '$type:string/t:"red shoe" [BM25Similarity], result of:'
    idf, tf = details["details"][0]["details"]
    assert (idf["description"], len(idf["details"])) == ("idf, sum of:", 2)
    assert tf["details"][0]["description"] == "phraseFreq=1.0"


def test_values_are_constants(collection: Documents) -> None:
    details = explained(collection, IS_RED)

    assert details[3] == leaf(1, "ConstantScore($type:token/color)")
    ranges = explained(collection, {"range": {"path": "n", "gte": 3}})
    assert "$type:number/n" in str(ranges[1])
    assert explained(collection, {"exists": {"path": "t"}})[3] == leaf(1, "ConstantScore(exists:t)")


def test_compound_is_a_sum_and_its_filter_adds_nothing(collection: Documents) -> None:
    lacking = {"exists": {"path": "nowhere"}}
    compound = {"must": SHOE, "should": [IS_RED, lacking], "filter": IS_RED}

    (details,) = explained(collection, {"compound": compound}).values()

    assert details["description"] == "sum of:"
    text, constant, required = details["details"]
    assert text["description"].startswith("$type:string/t:shoe")
    assert constant["value"] == 1
    assert required["description"] == "match on required clause, product of:"
    assert required["value"] == 0


def test_dismax_says_so(collection: Documents) -> None:
    dismax = {"should": [SHOE, IS_RED], "score": {"dismax": {"tieBreakerScore": 0.5}}}

    details = explained(collection, {"compound": dismax})

    assert details[1]["description"] == "max plus 0.5 times others of:"


def test_score_keeps_what_it_was_made_of(collection: Documents) -> None:
    boosted = {"text": {**SHOE["text"], "score": {"boost": {"value": 3}}}}
    plain = explained(collection, SHOE)[1]

    details = explained(collection, boosted)[1]

    assert details["value"] == pytest.approx(3 * plain["value"])
    assert details["details"] == [plain]


def test_completions_tell_grams_and_words(collection: Documents) -> None:
    details = explained(collection, {"autocomplete": {"path": "t", "query": "shoe"}})

    assert titles(details[1]) == [
        "$type:autocomplete/t:shoe [BM25Similarity], result of:",
        "$type:string/t:shoe [BM25Similarity], result of:",
    ]
    near = {"autocomplete": {"path": "t", "query": "shoo", "fuzzy": {"maxEdits": 1}}}
    assert explained(collection, near)[1] == leaf(1, "ConstantScore($type:autocomplete/t)")


def test_nearest_vectors_are_within_the_best(collection: Documents) -> None:
    details = explained(collection, {"knnBeta": {"path": "v", "vector": [0, 0], "k": 5}})

    assert details[2] == leaf(1, "within top 5 docs")
    assert details[1] == leaf(0.5, "within top 5 docs")


def test_nobody_who_did_not_ask_is_told(collection: Documents) -> None:
    stages = [{"$search": SHOE}, {"$project": {"details": DETAILS}}, {"$limit": 1}]

    (hit,) = collection.aggregate(stages)

    assert "details" not in hit


def test_details_are_also_those_of_the_score(collection: Documents) -> None:
    both = {"$project": {"one": DETAILS, "other": {"$meta": "scoreDetails"}}}

    (hit, *_) = collection.aggregate([{"$search": {**SHOE, "scoreDetails": True}}, both])

    assert hit["one"] == hit["other"]


def test_fusions_hand_on_what_their_inputs_tell(collection: Documents) -> None:
    pipelines = {"words": [{"$search": {**SHOE, "scoreDetails": True}}]}
    project = {"$project": {"details": {"$meta": "scoreDetails"}}}
    own = explained(collection, SHOE)[1]

    by_rank = {"$rankFusion": {"input": {"pipelines": pipelines}, "scoreDetails": True}}
    given = {"pipelines": pipelines, "normalization": "none"}
    by_score = {"$scoreFusion": {"input": given, "scoreDetails": True}}
    ranked, scored = (
        next(hit for hit in collection.aggregate([stage, project]) if hit["_id"] == 1)
        for stage in (by_rank, by_score)
    )

    (of_rank,) = ranked["details"]["details"]
    (of_score,) = scored["details"]["details"]
    assert {key: of_rank[key] for key in own} == own
    assert of_rank["weight"] == 1
    assert of_score["details"] == own


def test_details_come_in_batches(collection: Documents) -> None:
    operator = {"$search": {"exists": {"path": "t"}, "scoreDetails": True}}
    project = {"$project": {"_id": 0, "value": {"$getField": {"field": "value", "input": DETAILS}}}}

    assert list(collection.aggregate([operator, project], batchSize=1)) == [{"value": 1}] * 3
