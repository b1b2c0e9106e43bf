"""A LocalAtlas of its own, to try things on: what it answers, not what anybody wrote of it."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import OperationFailure
from pymongo.operations import DeleteOne, SearchIndexModel
from pymongo.read_concern import ReadConcern

from app.local_atlas.addresses import automatic_address
from app.local_atlas.errors import NOT_EMULATED
from app.local_atlas.node import start_node
from scripts.emulation.examples import Examples

Document = dict[str, Any]

_TIMEOUT_S = 30.0
_POLL_S = 0.02
_DOCUMENT: Document = {
    "_id": 1,
    "number": 1,
    "title": "red shoe",
    "embedding": [1.0, 0.0],
    "modern": [1.0, 0.0],
    "variants": [{"embedding": [1.0, 0.0]}],
}
_SEARCH_FIELDS: Document = {
    "embedding": {"type": "knnVector", "dimensions": 2, "similarity": "cosine"},
    "modern": {"type": "vector", "numDimensions": 2, "similarity": "cosine"},
    "number": {"type": "number"},
    "parts": {"type": "embeddedDocuments", "dynamic": True},
    "place": {"type": "geo", "indexShapes": True},
    "prefix": {"type": "autocomplete"},
    "own": {"type": "string", "analyzer": "own"},
    "title": {
        "type": "string",
        "multi": {"words": {"type": "string", "analyzer": "lucene.whitespace"}},
    },
    "token": [{"type": "token"}, {"type": "string", "analyzer": "lucene.keyword"}],
}
_STORED_SOURCE: Document = {"include": ["title"]}
_WITH_META: list[Document] = [
    {"$search": {"exists": {"path": "number"}}},
    {"$project": {"meta": "$$SEARCH_META"}},
]


def _vector_field(path: str) -> Document:
    return {"type": "vector", "path": path, "numDimensions": 2, "similarity": "cosine"}


_INDEXES = (
    SearchIndexModel(
        {
            "mappings": {"fields": _SEARCH_FIELDS},
            "storedSource": _STORED_SOURCE,
            "analyzers": [{"name": "own", "tokenizer": {"type": "standard"}}],
            "synonyms": [
                {
                    "name": "colours",
                    "source": {"collection": "synonyms"},
                    "analyzer": "lucene.standard",
                }
            ],
        },
        "default",
    ),
    SearchIndexModel(
        {
            "fields": [_vector_field("embedding"), {"type": "filter", "path": "number"}],
            "storedSource": _STORED_SOURCE,
        },
        "vectors",
        type="vectorSearch",
    ),
    SearchIndexModel(
        {
            "fields": [_vector_field("variants.embedding"), {"type": "filter", "path": "number"}],
            "nestedRoot": "variants",
        },
        "nested",
        type="vectorSearch",
    ),
)


class Probe:
    """Tries things on a collection of one document, with an index of each kind.

    Args:
        collection: empty; `open_probe` gives a probe of a fresh one.
    """

    def __init__(self, collection: Collection[Document]) -> None:
        self._collection = collection
        collection.insert_one(_DOCUMENT)
        collection.create_search_indexes(list(_INDEXES))
        self._wait_for_indexes()

    def finds(self, query: Document) -> bool:
        """Tell whether a query is taken."""
        return accepts(lambda: list(self._collection.find(query)))

    def creates_index(self, keys: Document, options: Examples) -> bool:
        """Tell whether an ordinary index is made."""
        index = {"key": keys, "name": "tried", **options}
        ask = {"createIndexes": "tried", "indexes": [index]}
        made = accepts(lambda: self._collection.database.command(ask))
        self._collection.database.drop_collection("tried")
        return made

    def creates_search_index(self, index_type: str, definition: Document) -> bool:
        """Tell whether a search index is made."""
        model = SearchIndexModel(definition, "tried", type=index_type)
        made = accepts(lambda: self._collection.create_search_index(model))
        if made:
            self._collection.drop_search_index("tried")
        return made

    def aggregates(self, stage: Document) -> bool:
        """Tell whether a stage is taken as the first of a pipeline."""
        return accepts(lambda: list(self._collection.aggregate([stage])))

    def searches_vectors(self, options: Examples) -> bool:
        """Tell whether $vectorSearch takes these options; one that is None is left out."""
        stage: Document = {"index": "vectors", "path": "embedding", "queryVector": [1.0, 0.0]}
        stage |= {"limit": 1} | options
        given = {name: value for name, value in stage.items() if value is not None}
        return self.aggregates({"$vectorSearch": given})

    def behaviours(self) -> dict[str, bool]:
        """Return what does not go by one name, and whether it is emulated."""
        collection, client = self._collection, self._collection.database.client
        tries: dict[str, Callable[[], object]] = {
            "sessions and retryable writes": lambda: _write_in_session(client, collection),
            "`snapshot` reads": lambda: collection.with_options(
                read_concern=ReadConcern("snapshot")
            ).find_one(),
            "multi-document transactions": lambda: _write_in_transaction(client, collection),
            "change streams": lambda: collection.watch().close(),
            "`explain`": lambda: collection.find().explain(),
            "bulk writes of a collection": lambda: collection.bulk_write([DeleteOne({"_id": 2})]),
            "bulk writes of a client (`bulkWrite`)": lambda: client.bulk_write(
                [DeleteOne({"_id": 2}, namespace=collection.full_name)]
            ),
            "collation": lambda: list(collection.find().collation({"locale": "en"})),
            "`let` variables": lambda: list(collection.aggregate([], let={"a": 1})),
            "`$$SEARCH_META`": lambda: list(collection.aggregate(_WITH_META)),
            "updates with an aggregation pipeline": lambda: collection.update_one(
                {}, [{"$set": {"a": 1}}]
            ),
            "array filters": lambda: collection.update_one(
                {}, {"$set": {"variants.$[one].a": 1}}, array_filters=[{"one.a": 2}]
            ),
            "read-only views": lambda: _create(collection, viewOn=collection.name, pipeline=[]),
            "capped collections, tailable cursors": lambda: _create(
                collection, capped=True, size=4096
            ),
            "time series": lambda: _create(collection, timeseries={"timeField": "t"}),
            "schema validation": lambda: _create(collection, validator={"a": 1}),
        }
        return {name: accepts(ask) for name, ask in tries.items()}

    def _wait_for_indexes(self) -> None:
        deadline_s = time.monotonic() + _TIMEOUT_S
        while not all(each["queryable"] for each in self._collection.list_search_indexes()):
            assert time.monotonic() < deadline_s, "the probe's indexes do not become queryable"
            time.sleep(_POLL_S)


def _write_in_session(client: MongoClient[Document], collection: Collection[Document]) -> None:
    with client.start_session() as session:
        collection.update_one({"_id": 1}, {"$set": {"a": 1}}, session=session)


def _write_in_transaction(client: MongoClient[Document], collection: Collection[Document]) -> None:
    with client.start_session() as session, session.start_transaction():
        collection.update_one({"_id": 1}, {"$set": {"a": 1}}, session=session)


def _create(collection: Collection[Document], **options: Any) -> None:
    database = collection.database
    database.command({"create": "tried", **options})
    database.drop_collection("tried")


def accepts(ask: Callable[[], object]) -> bool:
    """Tell whether the server does what is asked, or refuses it as not emulated.

    Raises:
        OperationFailure: it refuses it for another reason, so what is asked proves nothing.
    """
    try:
        ask()
    except OperationFailure as error:
        if NOT_EMULATED not in str(error):
            raise
        return False
    return True


@contextmanager
def open_probe() -> Iterator[Probe]:
    """Start a LocalAtlas in a temporary directory and give a probe of it."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory).resolve()
        node = start_node(path, automatic_address(path))
        try:
            client: MongoClient[Document]
            with MongoClient(node.uri) as client:
                yield Probe(client["probe"]["collection"])
        finally:
            node.close()
