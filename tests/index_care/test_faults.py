"""Why a vector is passed over, as told and as the engine does it."""

import pytest

from app.index_care.faults import Fault, Reason, find_fault
from app.index_care.verify import verify_index
from tests.index_care.definitions import knn_definition, vector_definition
from tests.index_care.vectors import BAD, GOOD, float32, int8

TOKEN = {"type": "token"}
DEFINITIONS = {"vectorSearch": vector_definition("_id"), "search": knn_definition(_id=TOKEN)}
IN_ARRAYS = {
    "vectors": [[1.0, 0.5], [0.0, 0.0]],
    "binaries": [float32(1, 0)],
    "a bad one, then a good one": ["x", [1.0, 0.5]],
}
BLOCKED = {"too long first": [[1.0, 0, 0], [1.0, 0]], "zero first": [[0, 0], [1.0, 0]]}


@pytest.fixture(params=list(DEFINITIONS))
def index(request, make_index):
    return make_index(DEFINITIONS[request.param])


@pytest.mark.parametrize("name", list(BAD))
def test_bad_vector_has_its_reason(index, name):
    value, reason = BAD[name]

    fault = find_fault({"v": value}, index)

    assert fault is not None
    assert fault.reason is reason


@pytest.mark.parametrize("name", list(GOOD))
def test_good_vector_has_none(index, name):
    assert find_fault({"v": GOOD[name]}, index) is None


@pytest.mark.parametrize("name", list(IN_ARRAYS))
def test_vectors_in_arrays_are_for_vector_search_indexes_only(make_index, name):
    document = {"v": IN_ARRAYS[name]}

    assert find_fault(document, make_index(vector_definition())) is None
    fault = find_fault(document, make_index(knn_definition()))
    assert fault is not None
    assert fault.reason in (Reason.IN_ARRAY, Reason.WRONG_TYPE)


@pytest.mark.parametrize("name", list(BLOCKED))
def test_first_vector_of_an_array_blocks_the_others(make_index, name):
    assert find_fault({"v": BLOCKED[name]}, make_index(vector_definition())) is not None


def test_path_leads_through_documents_and_arrays(make_index):
    index = make_index(vector_definition(path="a.v"))

    assert find_fault({"a": {"v": [1.0, 0.0]}}, index) is None
    assert find_fault({"a": [{}, {"v": [1.0, 0.0]}]}, index) is None
    assert find_fault({"a": 1}, index) == Fault(Reason.WRONG_TYPE, "is not there")


def test_vector_of_another_type_than_the_queries_is_told(make_index):
    plain = make_index(vector_definition(), vectorType="int8")

    assert find_fault({"v": int8(1, 2)}, plain) is None
    assert find_fault({"v": [1.0, 0.5]}, plain) == Fault(
        Reason.WRONG_TYPE, "is float32, which queries of int8 never see"
    )
    fault = find_fault({"v": int8(1, 2)}, make_index(vector_definition(quantization="scalar")))
    assert fault == Fault(
        Reason.WRONG_TYPE, "is int8, and the index is quantized, which takes float32 only"
    )


@pytest.mark.parametrize("kind", list(DEFINITIONS))
def test_engine_passes_over_exactly_what_has_a_fault(collection, make_index, apply, kind):
    values = {**{name: value for name, (value, _) in BAD.items()}, **GOOD, **IN_ARRAYS, **BLOCKED}
    collection.insert_many([{"_id": name, "v": value} for name, value in values.items()])
    index = make_index(DEFINITIONS[kind])
    apply(index)

    report = verify_index(collection, index)

    faulty = {name for name, value in values.items() if find_fault({"v": value}, index)}
    assert {one.item_id for one in report.missing} == faulty
    assert Reason.LAG not in {one.reason for one in report.missing}
    assert report.searchable == len(values) - len(faulty)
