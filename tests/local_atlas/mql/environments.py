"""What the tests of pipelines run them in: collections that are lists, and BSON-exact equality."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import bson

from app.local_atlas.mql.matcher import compile_filter
from app.local_atlas.mql.rows import CODEC, Row
from app.local_atlas.mql.sorting import compile_sort
from app.local_atlas.mql.stages import run_pipeline

Document = dict[str, Any]


class ListEnvironment:
    """A database of lists; counts how many documents were read."""

    def __init__(
        self,
        collections: Mapping[str, Sequence[Document]],
        name: str,
        variables: Mapping[str, Any] | None = None,
    ) -> None:
        self.collections = collections
        self.name = name
        self.variables = dict(variables or {})
        self.read = 0
        self.queries: list[Any] = []

    @property
    def search_sources(self) -> Mapping[str, Callable[[Any, Any, int | None], Iterator[Row]]]:
        return {"$search": _scored("searchScore"), "$vectorSearch": _scored("vectorSearchScore")}

    def rows(
        self,
        query: Mapping[str, Any] | None,
        sort: Mapping[str, Any] | None = None,
        wanted: int | None = None,
    ) -> Iterator[Row]:
        self.queries.append(query)
        matches = compile_filter(query or {})
        rows = (Row(document=each) for each in self._documents() if matches(each))
        return rows if not sort else iter(sorted(rows, key=compile_sort(sort)))

    def on(self, collection_name: str) -> "ListEnvironment":
        return ListEnvironment(self.collections, collection_name, self.variables)

    def check_time(self) -> None:
        pass

    def _documents(self) -> Iterator[Document]:
        for document in self.collections.get(self.name, []):
            self.read += 1
            yield document


def _scored(kind: str) -> Callable[[Any, Any, int | None], Iterator[Row]]:
    """A search stage that finds everything, each hit half as good as the one before it."""

    def search(
        specification: Any, environment: ListEnvironment, wanted: int | None
    ) -> Iterator[Row]:
        return (
            Row(document=document, metadata={kind: 0.5**place})
            for place, document in enumerate(environment.collections.get(environment.name, []))
        )

    return search


def run(
    pipeline: Sequence[Document],
    documents: Sequence[Document] = (),
    *,
    others: Mapping[str, Sequence[Document]] | None = None,
    variables: Mapping[str, Any] | None = None,
) -> list[Document]:
    """Run a pipeline on a collection of these documents."""
    environment = ListEnvironment({"items": documents, **(others or {})}, "items", variables)
    return [row.document for row in run_pipeline(pipeline, environment)]


def stored(value: Any) -> Any:
    """Return a value as it is read back from BSON, so that its types are those of the store."""
    return bson.decode(bson.encode({"value": value}), CODEC)["value"]


def as_bson(value: Any) -> bytes:
    """Return what compares equal only for the same types, field order and values."""
    return bson.encode({"value": value})
