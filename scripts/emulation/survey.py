"""What is emulated, topic by topic: from LocalAtlas's tables, else from trying an example of each.

Where a table is the whole truth, what it lacks is told from the names that LocalAtlas knows to be
MongoDB's.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.local_atlas import mongodb_names
from app.local_atlas.commands import load
from app.local_atlas.commands.table import COMMANDS
from app.local_atlas.mql import stages, updates  # noqa: F401 - importing fills the tables
from app.local_atlas.mql.accumulators import ACCUMULATORS
from app.local_atlas.mql.expression_compiler import OPERATORS
from app.local_atlas.mql.pipelines import SEARCH_STAGES, SOURCES, STAGES
from app.local_atlas.mql.updates import OPERATORS as UPDATE_OPERATORS
from app.local_atlas.mql.window_functions import WINDOW_FUNCTIONS
from app.local_atlas.search.analyzers import ANALYZERS
from scripts.emulation import examples
from scripts.emulation.probe import Probe

_KNN_BETA = examples.SEARCH_OPERATORS["knnBeta"]


@dataclass(frozen=True, slots=True)
class Topic:
    """One kind of thing, and which of it are emulated; `key` names its place in the page."""

    key: str
    emulated: tuple[str, ...]
    missing: tuple[str, ...]


def survey(probe: Probe) -> list[Topic]:
    """Return every topic of the page, the names in it sorted."""
    load()
    return [*_from_tables(probe), *_of_queries(probe), *_of_indexes(probe), *_of_searches(probe)]


def _from_tables(probe: Probe) -> Iterator[Topic]:
    sources = {name for name in SEARCH_STAGES if probe.aggregates({name: _stage_example(name)})}
    yield _compared("commands", _without_aliases(COMMANDS), mongodb_names.COMMANDS)
    yield _compared("stages", {*STAGES, *SOURCES, *sources}, mongodb_names.STAGES)
    yield _compared("expressions", OPERATORS, mongodb_names.EXPRESSIONS)
    yield _compared("accumulators", ACCUMULATORS, mongodb_names.ACCUMULATORS)
    yield _compared("window_functions", WINDOW_FUNCTIONS, mongodb_names.WINDOW_FUNCTIONS)
    yield _compared("analyzers", ANALYZERS, mongodb_names.ANALYZERS)
    yield _compared("updates", UPDATE_OPERATORS, ())


def _stage_example(name: str) -> examples.Examples:
    if name == "$vectorSearch":
        vector = {"path": "embedding", "queryVector": [1.0, 0.0]}
        return {"index": "vectors", **vector, "numCandidates": 1, "limit": 1}
    return {"knnBeta": _KNN_BETA} if name in ("$search", "$searchMeta") else {}


def _of_queries(probe: Probe) -> Iterator[Topic]:
    taken = {
        name: probe.finds({name: operand}) for name, operand in examples.TOP_LEVEL_QUERIES.items()
    } | {
        name: probe.finds({"number": {name: operand}})
        for name, operand in examples.FIELD_QUERIES.items()
    }
    yield _tried("queries", taken)
    yield _tried("behaviours", probe.behaviours())


def _of_indexes(probe: Probe) -> Iterator[Topic]:
    yield _tried(
        "index_keys",
        {name: probe.creates_index(keys, {}) for name, keys in examples.INDEX_KEYS.items()},
    )
    yield _tried(
        "index_options",
        {
            name: probe.creates_index({"a": 1}, {name: value})
            for name, value in examples.INDEX_OPTIONS.items()
        },
    )
    yield _tried(
        "vector_index_fields",
        {
            name: probe.creates_search_index("vectorSearch", _fields({"type": name, **options}))
            for name, options in examples.VECTOR_INDEX_FIELDS.items()
        },
    )
    yield _tried(
        "vector_index_options",
        {
            name: probe.creates_search_index("vectorSearch", _with_options(options))
            for name, options in examples.VECTOR_INDEX_OPTIONS.items()
        },
    )
    yield _tried(
        "search_index_fields",
        {
            name: probe.creates_search_index(
                "search", {"mappings": {"fields": {"a": {"type": name, **options}}}}
            )
            for name, options in examples.SEARCH_INDEX_FIELDS.items()
        },
    )


def _fields(field: examples.Examples) -> examples.Examples:
    # A filter alone makes no index; the vector beside it does.
    beside = {"type": "vector", "path": "beside", "numDimensions": 8, "similarity": "cosine"}
    return {"fields": [beside, field]}


def _with_options(options: examples.Examples) -> examples.Examples:
    return _fields({"type": "vector", **examples.VECTOR_INDEX_FIELDS["vector"], **options})


def _of_searches(probe: Probe) -> Iterator[Topic]:
    yield _tried(
        "vector_search_fields",
        {
            name: probe.searches_vectors(options)
            for name, options in examples.VECTOR_SEARCH_FIELDS.items()
        },
    )
    yield _tried(
        "vector_search_filters",
        {
            name: probe.searches_vectors({"numCandidates": 10, "filter": query})
            for name, query in examples.VECTOR_SEARCH_FILTERS.items()
        },
    )
    operators = examples.SEARCH_OPERATORS.items()
    yield _tried(
        "search_operators",
        {name: probe.aggregates({"$search": {name: operand}}) for name, operand in operators},
    )
    yield _tried(
        "search_filters",
        {
            name: _knn_beta_takes(probe, {"filter": {name: operand}})
            for name, operand in operators
            if name not in examples.NEVER_IN_A_FILTER
        },
    )
    yield _tried(
        "text_options",
        {
            name: _knn_beta_takes(probe, {"filter": operator})
            for name, operator in examples.TEXT_OPTIONS.items()
        },
    )
    yield _tried(
        "search_scores",
        {
            name: _knn_beta_takes(probe, {"score": {name: value}})
            for name, value in examples.SCORE_OPTIONS.items()
        },
    )
    yield _tried(
        "search_options",
        {
            name: probe.aggregates({"$search": {"knnBeta": _KNN_BETA, name: value}})
            for name, value in examples.SEARCH_OPTIONS.items()
        },
    )


def _knn_beta_takes(probe: Probe, options: examples.Examples) -> bool:
    return probe.aggregates({"$search": {"knnBeta": {**_KNN_BETA, **options}}})


def _without_aliases(names: Iterable[str]) -> set[str]:
    """Return the names without those that another one is in lower case."""
    given = set(names)
    return {name for name in given if not any(_is_alias(name, other) for other in given)}


def _is_alias(name: str, other: str) -> bool:
    return name != other and name == other.lower()


def _compared(key: str, emulated: Iterable[str], documented: Iterable[str]) -> Topic:
    have = set(emulated)
    return Topic(key, tuple(sorted(have)), tuple(sorted(set(documented) - have)))


def _tried(key: str, taken: dict[str, bool]) -> Topic:
    emulated = tuple(name for name in sorted(taken) if taken[name])
    return Topic(key, emulated, tuple(name for name in sorted(taken) if not taken[name]))
