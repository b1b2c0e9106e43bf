"""An index changes no answer: whatever lies in a collection and whatever is asked of it."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from bson import DatetimeMS, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from hypothesis import given, settings
from hypothesis import strategies as st
from pymongo import DeleteMany, MongoClient, ReplaceOne
from pymongo.errors import BulkWriteError, OperationFailure

from app.local_atlas import index_entries
from app.local_atlas.index_keys import is_positional
from tests.local_atlas.mql import oracle

Document = dict[str, Any]

# Few values, so that they meet: the same number in every type, what is next to it, each type once.
SCALARS = [
    None, 1, 1.0, Int64(1), Decimal128("1"), 2, 1.5, Decimal128("1.5"), -3, -0.0, 0, float("nan"),
    Decimal128("NaN"), float("inf"), float("-inf"), 2**53 + 1, float(2**53), True, False, "", "a",
    "ab", "b", "a\0", DatetimeMS(0), DatetimeMS(-1), ObjectId(b"0" * 12), ObjectId(b"1" * 12),
    b"a", Regex("^a"), Regex("a", 2), MinKey(), MaxKey(),
]  # fmt: skip
RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
PATHS = ["a", "b", "a.b", "a.c", "b.c", "a.0", "a.b.c"]
names = itertools.count()

directions = st.sampled_from([1, -1])


@dataclass(frozen=True)
class Case:
    """One collection, one index and one question, all made of the same few values."""

    stored: list[Document]
    pattern: Document
    options: Document
    query: Document
    sort: Document


@st.composite
def cases(draw: st.DrawFn) -> Case:
    common = st.sampled_from(SCALARS) if draw(st.booleans()) else oracle.scalars
    pool = draw(st.lists(common, min_size=2, max_size=3))
    scalars = st.sampled_from(pool)
    paths = draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=3, unique=True))
    pattern = {path: draw(directions) for path in paths}
    queries = _queries(st.sampled_from(paths), scalars)
    return Case(
        stored=draw(st.lists(_documents(scalars), min_size=3, max_size=14)),
        pattern=pattern,
        options=draw(_options(st.sampled_from(paths), scalars)),
        query=draw(queries),
        sort=draw(st.sampled_from([{}, {"_id": -1}, pattern, dict(list(pattern.items())[:1])])),
    )


def _documents(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[Document]:
    inner = scalars | st.lists(scalars, max_size=3)
    nested = st.dictionaries(st.sampled_from(["b", "c", "0"]), inner, min_size=1, max_size=2)
    value = st.one_of(scalars, inner, nested, st.lists(nested | scalars, max_size=3))
    return st.dictionaries(st.sampled_from(["a", "b"]), value, max_size=2)


def _queries(
    paths: st.SearchStrategy[str], scalars: st.SearchStrategy[Any]
) -> st.SearchStrategy[Document]:
    plain = scalars.filter(lambda value: not isinstance(value, Regex))
    values = scalars | st.lists(scalars, max_size=2)
    compared = {"$gt": plain, "$gte": plain, "$lt": plain, "$lte": plain, "$eq": plain}
    operators = st.one_of(
        *(st.tuples(st.just(name), operand) for name, operand in compared.items()),
        st.tuples(st.just("$ne"), plain),
        st.tuples(st.just("$in"), st.lists(values, max_size=3)),
        st.tuples(st.just("$all"), st.lists(values, min_size=1, max_size=2)),
        st.tuples(st.just("$exists"), st.booleans()),
        st.tuples(st.just("$regex"), st.sampled_from(["^a", "^ab*", "a", "^a|b", "^ab"])),
        st.tuples(st.just("$elemMatch"), st.fixed_dictionaries({}, optional=compared)),
        st.tuples(st.just("$elemMatch"), st.dictionaries(st.sampled_from(["b", "c"]), plain)),
    )
    condition = values | st.lists(operators, min_size=1, max_size=2).map(dict)
    fields = st.dictionaries(paths, condition, min_size=1, max_size=2)
    joined = st.builds(
        lambda name, parts: {name: parts},
        st.sampled_from(["$and", "$or"]),
        st.lists(fields, min_size=1, max_size=2),
    )
    return fields | joined


def _options(
    paths: st.SearchStrategy[str], scalars: st.SearchStrategy[Any]
) -> st.SearchStrategy[Document]:
    compared = st.sampled_from(["$eq", "$gt", "$lte"])
    plain = scalars.filter(lambda value: not isinstance(value, Regex))
    condition = st.builds(lambda name, value: {name: value}, compared, plain)
    partial = st.dictionaries(
        paths, condition | st.just({"$exists": True}), min_size=1, max_size=1
    ).filter(
        lambda query: not any(isinstance(v, Regex) for c in query.values() for v in c.values())
    )
    return st.one_of(
        st.just({}),
        st.just({"sparse": True}),
        st.builds(lambda query: {"partialFilterExpression": query}, partial),
    )


@pytest.fixture(scope="module")
def numbered(client: MongoClient[Document]) -> Any:
    """Return a database whose indexes settle new entries after a few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_entries, "_SETTLED_AT_ONCE", 4)
        yield client["index_answers"]
    client.drop_database("index_answers")


@settings(max_examples=80, deadline=None, database=None)
@given(cases())
def test_index_changes_neither_an_answer_nor_its_order(numbered: Any, case: Case) -> None:
    collection = _indexed(numbered, case)

    found = _answer(collection, case.query, case.sort)

    assert found == _answer(collection, case.query, case.sort, hint={"$natural": 1})
    # Places in arrays are indexed where they run parallel, too, which gives them no order.
    if not case.options and not is_positional(case.pattern):
        hinted = _answer(collection, case.query, case.sort, hint=list(case.pattern.items()))
        if case.sort or isinstance(found, int):
            assert hinted == found
        else:  # a hint without a sort gives the order of its index
            assert sorted(hinted) == sorted(found)


@settings(max_examples=40, deadline=None, database=None)
@given(cases(), cases())
def test_index_follows_what_becomes_of_the_documents(
    numbered: Any, case: Case, other: Case
) -> None:
    collection = _indexed(numbered, case)
    changes = [ReplaceOne({"_id": 2 * n}, document) for n, document in enumerate(other.stored)]
    with _but_for_parallel_arrays():
        collection.bulk_write([*changes, DeleteMany({"_id": {"$mod": [3, 0]}})], ordered=False)

    found = _answer(collection, case.query, {})

    assert found == _answer(collection, case.query, {}, hint={"$natural": 1})


def _indexed(numbered: Any, case: Case) -> Any:
    """Return a collection with an index and the documents that can be in it."""
    collection = numbered.get_collection(f"c{next(names)}", codec_options=RAW)
    collection.create_index(list(case.pattern.items()), **case.options)
    documents = [{"_id": number, **document} for number, document in enumerate(case.stored)]
    with _but_for_parallel_arrays():
        collection.insert_many(documents, ordered=False)
    return collection


@contextmanager
def _but_for_parallel_arrays() -> Iterator[None]:
    try:
        yield
    except BulkWriteError as error:
        if any(each["code"] != 171 for each in error.details["writeErrors"]):
            raise


def _answer(collection: Any, query: Document, sort: Document, hint: Any = None) -> Any:
    """Return the documents, byte for byte, or the error code."""
    try:
        return [each.raw for each in collection.find(query, sort=sort or None, hint=hint)]
    except OperationFailure as error:
        return error.code
