"""Golden cases of apply, and what ends it: a build that fails, other people, limits, rights."""

import threading
import time

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.operations import SearchIndexModel

from app.errors import DatabaseUnavailable, IndexNotReady
from app.index_care import apply
from app.index_care.apply import apply_plan
from app.index_care.builds import read_build
from app.index_care.plan import plan_index
from app.index_care.refusals import IndexRefused
from app.live_indexes import live_entries
from app.local_atlas.addresses import SocketAddress
from app.local_atlas.errors import CommandError
from app.local_atlas.node import start_node
from app.local_atlas.search.generation import Generation
from app.local_atlas.search.registry import SearchRegistry
from tests import real_server
from tests.index_care.definitions import knn_definition, vector_definition


def search(collection, vector=(1, 0), **more):
    stage = {"index": "v", "path": "v", "queryVector": list(vector), "exact": True, "limit": 10}
    return [hit["_id"] for hit in collection.aggregate([{"$vectorSearch": {**stage, **more}}])]


def build_of(collection):
    (entry,) = live_entries(collection)
    return read_build(entry)


def test_collection_and_index_are_created_and_a_second_run_changes_nothing(
    collection, make_index, apply
):
    index = make_index(vector_definition("a"))

    first, second = apply(index), apply(index)

    assert (first.action, first.is_collection_new) == ("create", True)
    assert (second.action, second.is_collection_new) == ("nothing", False)
    assert first.version == second.version
    assert build_of(collection).serves_latest


def test_additive_filter_field_answers_when_apply_returns(collection, make_index, apply):
    collection.insert_many([{"_id": 1, "v": [1, 0], "a": 1}, {"_id": 2, "v": [1, 1], "a": 2}])
    apply(make_index(vector_definition()))
    with pytest.raises(PyMongoError, match="needs to be indexed as filter"):
        search(collection, filter={"a": 2})

    report = apply(make_index(vector_definition("a")))

    assert report.action == "update"
    assert search(collection, filter={"a": 2}) == [2]


def test_change_that_breaks_queries_wants_leave(collection, make_index, apply):
    collection.insert_one({"_id": 1, "v": [1, 0, 0]})
    apply(make_index(vector_definition()))
    wanted = make_index(vector_definition(dimensions=3))

    with pytest.raises(IndexNotReady, match=r"Queries of 2 dimensions .* --may-break"):
        apply(wanted)
    version = build_of(collection).latest_version
    report = apply(wanted, may_break=True)

    assert version == 0
    assert report.version == 1
    assert search(collection, (1, 0, 0)) == [1]


def test_type_is_never_changed(collection, make_index, apply):
    apply(make_index(knn_definition()))

    with pytest.raises(IndexNotReady, match="of type search and the file says vectorSearch"):
        apply(make_index(vector_definition()), may_break=True)


def test_no_query_fails_during_an_update(collection, make_index, apply):
    collection.insert_many([{"_id": number, "v": [1, number]} for number in range(2000)])
    apply(make_index(vector_definition()))
    answers, is_over = [], threading.Event()

    def ask():
        while not is_over.is_set():
            try:
                answers.append(search(collection))
            except PyMongoError as error:
                answers.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    apply(make_index(vector_definition("a")))
    apply(make_index(vector_definition("a", quantization="scalar")))
    is_over.set()
    asking.join()

    assert len(answers) > 1
    assert {tuple(one) if isinstance(one, list) else one for one in answers} == {tuple(range(10))}


def test_failed_update_is_rolled_back_and_the_old_index_serves_throughout(own_server, make_index):
    """A strict server builds no index over documents of which it would pass something over."""
    collection = own_server(is_strict=True).c
    collection.insert_many([{"_id": 1, "v": [1, 0]}, {"_id": 2, "v": [0, 1]}])
    apply_plan(collection, make_index(vector_definition()), timeout_s=30)

    with pytest.raises(IndexNotReady) as failed:
        apply_plan(
            collection, make_index(vector_definition(dimensions=3)), timeout_s=30, may_break=True
        )

    assert failed.value.message.startswith("Search index v FAILED: The index would pass over ")
    assert failed.value.message.endswith(
        "The old definition was sent again; it has answered all the time."
    )
    assert search(collection) == [1, 2]
    real_server.poll(lambda: build_of(collection).serves_latest, 20)
    assert build_of(collection).serving_definition == vector_definition()
    assert search(collection) == [1, 2]


def test_rollback_needs_no_server_that_tells_what_its_hosts_serve(
    own_server, make_index, monkeypatch
):
    collection = own_server(is_strict=True).c
    collection.insert_many([{"_id": 1, "v": [1, 0]}, {"_id": 2, "v": [0, 1]}])
    apply_plan(collection, make_index(vector_definition()), timeout_s=30)
    listed = apply.list_entries
    monkeypatch.setattr(
        apply,
        "list_entries",
        lambda of: [{k: v for k, v in one.items() if k != "statusDetail"} for one in listed(of)],
    )

    with pytest.raises(IndexNotReady, match="The old definition was sent again"):
        apply_plan(
            collection, make_index(vector_definition(dimensions=3)), timeout_s=30, may_break=True
        )

    real_server.poll(lambda: build_of(collection).serves_latest, 20)
    (entry,) = live_entries(collection)
    assert entry["latestDefinition"] == vector_definition()


def test_index_of_which_nothing_answers_is_mended_without_leave_and_without_boasting(
    own_server, make_index
):
    collection = own_server(is_strict=True).c
    collection.insert_one({"v": [1.0, 0.0]})
    failing, good = vector_definition(dimensions=3), vector_definition()
    collection.create_search_index(SearchIndexModel(failing, name="v", type="vectorSearch"))
    real_server.poll(lambda: build_of(collection).status == "FAILED", 20)
    index = make_index(good)

    planned = plan_index(collection, index).as_text()
    done = apply_plan(collection, index, timeout_s=30)

    assert "nothing answers until the new one is built" in planned
    assert done.action == "update"
    assert "the old one answered" not in done.as_text()


def test_index_that_failed_when_created_is_dropped_again(own_server, make_index):
    collection = own_server(is_strict=True).c
    collection.insert_one({"_id": 1, "v": [1, 0]})

    with pytest.raises(IndexNotReady, match="It was dropped again, so nothing has changed"):
        apply_plan(collection, make_index(vector_definition(dimensions=3)), timeout_s=30)

    assert live_entries(collection) == []


def test_apply_waits_for_the_version_and_not_for_ready(own_server, make_index, held_builds):
    collection = own_server().create_collection("c")
    held_builds.may_go_on.set()
    apply_plan(collection, make_index(vector_definition()), timeout_s=30)
    held_builds.may_go_on.clear()
    wanted = make_index(vector_definition("a"))

    with pytest.raises(IndexNotReady, match=r"v is BUILDING after 0\.2 s; the server goes on"):
        apply_plan(collection, wanted, timeout_s=0.2)
    assert build_of(collection).is_queryable
    assert not build_of(collection).serves_latest
    held_builds.may_go_on.set()

    assert apply_plan(collection, wanted, timeout_s=30).action == "nothing"
    assert build_of(collection).serves_latest


def test_definition_that_somebody_else_is_building_is_not_replaced(
    own_server, make_index, held_builds
):
    collection = own_server().create_collection("c")
    with pytest.raises(IndexNotReady, match="after 0 s"):
        apply_plan(collection, make_index(vector_definition()), timeout_s=0)
    other = make_index(vector_definition("a"))

    with pytest.raises(IndexNotReady, match=r"is (PENDING|BUILDING) with another definition"):
        apply_plan(collection, other, timeout_s=30)
    held_builds.may_go_on.set()
    assert apply_plan(collection, other, timeout_s=30, take_over=True).action == "update"


def test_of_two_people_who_apply_at_once_one_is_told(own_server, make_index, held_builds):
    collection = own_server().create_collection("c")
    held_builds.may_go_on.set()
    apply_plan(collection, make_index(vector_definition()), timeout_s=30)
    held_builds.may_go_on.clear()
    held_builds.reached.clear()
    told = []

    def apply_first():
        try:
            apply_plan(collection, make_index(vector_definition("a")), timeout_s=30)
        except IndexNotReady as error:
            told.append(error.message)

    first = threading.Thread(target=apply_first)
    first.start()
    assert held_builds.reached.wait(10)
    second = threading.Thread(
        target=apply_plan,
        args=(collection, make_index(vector_definition("a", "b"))),
        kwargs={"timeout_s": 30, "take_over": True},
    )
    second.start()
    first.join(20)
    held_builds.may_go_on.set()
    second.join(20)

    assert told == [
        "Somebody else gave search index v another definition meanwhile, and that one stands; "
        "run plan again to see what it is."
    ]
    assert build_of(collection).serving_definition == vector_definition("a", "b")


def test_of_two_people_who_create_at_once_one_is_told(own_server, make_index, monkeypatch):
    collection = own_server().create_collection("c")
    create = SearchRegistry.create

    def create_after_somebody_else(registry, stored, requests):
        monkeypatch.setattr(SearchRegistry, "create", create)
        apply_plan(collection, make_index(vector_definition("b")), timeout_s=30)
        return create(registry, stored, requests)

    monkeypatch.setattr(SearchRegistry, "create", create_after_somebody_else)

    with pytest.raises(IndexRefused, match="Somebody else gave search index v another definition"):
        apply_plan(collection, make_index(vector_definition("a")), timeout_s=30)
    assert build_of(collection).serving_definition == vector_definition("b")


@pytest.mark.parametrize(
    ("code", "said", "part"),
    [
        (13, "not authorized on care", "ask the administrator for the action createSearchIndexes"),
        (20, "The maximum number of FTS indexes has been reached.", "M0 has room for 3 and Flex"),
        (8, "The maximum number of FTS indexes has been reached.", "M0 has room for 3 and Flex"),
        (8000, "createSearchIndexes is not allowed", "paste the index's JSON into the JSON editor"),
    ],
    ids=["no right", "limit", "limit, other code", "tier"],
)
def test_refused_creation_comes_with_what_to_paste(
    own_server, make_index, monkeypatch, code, said, part
):
    def refuse(*_):
        raise CommandError(code, "Refused", said)

    monkeypatch.setattr(SearchRegistry, "create", refuse)
    collection = own_server().create_collection("c")

    with pytest.raises(IndexRefused, match=part) as refused:
        apply_plan(collection, make_index(vector_definition("a")), timeout_s=30)

    assert refused.value.paste == {
        "name": "v",
        "type": "vectorSearch",
        "definition": vector_definition("a"),
    }
    assert live_entries(collection) == []


def test_lost_connection_tells_what_stands_and_what_to_run_next(
    tmp_path, make_index, held_builds, monkeypatch
):
    node = start_node(tmp_path / "data", SocketAddress(tmp_path / "a.sock"))
    client = MongoClient(node.uri, serverSelectionTimeoutMS=300)
    collection = client.care.create_collection("c")
    told = []

    def apply_it():
        try:
            apply_plan(collection, make_index(vector_definition()), timeout_s=30)
        except DatabaseUnavailable as error:
            told.append(error.message)

    applying = threading.Thread(target=apply_it)
    applying.start()
    assert held_builds.reached.wait(10)
    time.sleep(0.1)
    held_builds.may_go_on.set()
    monkeypatch.setattr(Generation, "build", lambda *_: None)
    node.close()
    applying.join(20)
    client.close()

    assert told == [
        "The connection was lost: the server goes on building v; run this again to wait on, or "
        "status."
    ]
