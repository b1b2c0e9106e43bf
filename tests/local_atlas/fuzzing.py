"""Commands and frames that nobody would write, drawn so that many get far before they are refused.

A command takes the fields that it knows, and gets in them what belongs there half of the time: a
pipeline of stages, a filter of operators, an update; the operands are anything.
"""

from typing import Any

from bson import Binary, Code, DatetimeMS, DBRef, Decimal128, Int64, MaxKey, MinKey, Regex
from bson.timestamp import Timestamp
from hypothesis import strategies as st

from app.local_atlas.commands import load
from app.local_atlas.commands.table import COMMANDS
from app.local_atlas.mql.accumulators import ACCUMULATORS
from app.local_atlas.mql.expression_compiler import OPERATORS
from app.local_atlas.mql.pipelines import SEARCH_STAGES, SOURCES, STAGES
from app.local_atlas.mql.updates import OPERATORS as UPDATE_OPERATORS
from app.local_atlas.mql.window_functions import WINDOW_FUNCTIONS

load()

Strategy = st.SearchStrategy[Any]


def words(text: str) -> list[str]:
    return text.split()


STAGE_NAMES = sorted({*STAGES, *SOURCES, *SEARCH_STAGES})
EXPRESSIONS = sorted({*OPERATORS, *ACCUMULATORS, *WINDOW_FUNCTIONS})
QUERY_OPERATORS = words(
    "$and $or $nor $not $expr $comment $eq $ne $gt $gte $lt $lte $in $nin $exists $type $regex "
    "$options $size $all $elemMatch $mod $bitsAllSet $bitsAnySet $bitsAllClear $bitsAnyClear"
)
PATHS = ["a", "b", "_id", "a.b", "a.0", "a.$", "a.$[]", "a.$[x]", "v", "", ".", "a.", "a..b", "$a"]
# What the specifications of stages, operators and search indexes call their parts.
PARTS = words(
    "as boundaries branches buckets by case chars coll collation compound cond count date db "
    "default definition each endDate exact facet field fields filter find foreignField format from "
    "groupBy if in includeArrayIndex index initialValue input into key knnBeta let limit "
    "localField mappings must n name newRoot numCandidates on onError onNull operator options "
    "output partitionBy path pipeline query queryVector range regex replacement role scale score "
    "should size sortBy startDate text then timezone to type unit value vars vector whenMatched "
    "whenNotMatched window documents else $each $slice $sort $position $meta"
)
TEXTS = ["", "a", "c", "$a", "$a.b", "$$ROOT", "$$NOW", "$$x", "$", "$$", "*", "\0", "é", "a" * 300]
NUMBERS = [0, 1, -1, 2, 2**31 - 1, Int64(2**63 - 1), Int64(-(2**63)), 0.5, -0.0, 1e300]
ODD = [
    None, True, False, float("nan"), float("inf"), Decimal128("NaN"), Decimal128("1E+6000"),
    Decimal128("-Infinity"), Decimal128("2"), b"", Binary(b"\x27\0\0\0\x80?", 9),
    Binary(b"\x27", 9), Binary(b"1", 4), Binary(b"1" * 16, 4), DatetimeMS(0), DatetimeMS(2**62),
    DatetimeMS(-(2**63)), Timestamp(1, 1), Regex("a("), Regex("a", "i"), MinKey(), MaxKey(),
    Code("x"), Code("$a", {}), DBRef("c", 1), {}, [],
]  # fmt: skip

scalars: Strategy = st.sampled_from([*TEXTS, *NUMBERS, *ODD])
names = st.sampled_from([*PATHS, *PARTS, *QUERY_OPERATORS, *EXPRESSIONS, *UPDATE_OPERATORS])
values: Strategy = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
documents = st.dictionaries(names, values, max_size=3)


def one_of_names(of: list[str], operands: Strategy) -> Strategy:
    return st.dictionaries(st.sampled_from(of), operands, min_size=1, max_size=1)


expressions: Strategy = st.recursive(
    scalars,
    lambda inner: one_of_names(
        EXPRESSIONS,
        inner
        | st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(PARTS), inner, max_size=4),
    ),
    max_leaves=8,
)
filters = st.one_of(
    documents,
    one_of_names(["a", "a.b", "_id"], one_of_names(QUERY_OPERATORS, values)),
    one_of_names(["$and", "$or", "$nor"], st.lists(documents, max_size=2)),
    st.fixed_dictionaries({"$expr": expressions}),
)
pipelines = st.lists(
    one_of_names(STAGE_NAMES, documents | expressions | one_of_names(["a", "_id"], expressions)),
    max_size=3,
)
updates = st.one_of(
    one_of_names(sorted(UPDATE_OPERATORS), one_of_names(PATHS, values)), documents, pipelines
)
search_definitions = st.fixed_dictionaries(
    {},
    optional={
        "mappings": st.fixed_dictionaries({"dynamic": scalars, "fields": documents}),
        "fields": st.lists(documents, max_size=2),
    },
)
# What belongs into a field, whatever the command.
FITTING: dict[str, Strategy] = {
    "filter": filters,
    "query": filters,
    "pipeline": pipelines,
    "update": updates,
    "updates": st.lists(
        st.fixed_dictionaries(
            {"q": filters, "u": updates},
            optional=dict.fromkeys(("multi", "upsert", "arrayFilters", "hint", "c"), values),
        ),
        min_size=1,
        max_size=2,
    ),
    "deletes": st.lists(
        st.fixed_dictionaries({"q": filters, "limit": st.sampled_from([0, 1])}), max_size=2
    ),
    "documents": st.lists(documents, max_size=3),
    "projection": documents | one_of_names(["a", "b"], expressions),
    "fields": documents,
    "sort": documents,
    "cursor": st.fixed_dictionaries({}, optional={"batchSize": scalars}),
    "collection": st.just("c"),
    "key": st.sampled_from(PATHS),
    "let": st.fixed_dictionaries({"x": expressions}),
    "definition": search_definitions,
    "indexes": st.lists(
        st.fixed_dictionaries(
            {"key": st.just({"a": 1}) | documents, "name": scalars},
            optional={"definition": search_definitions, "unique": scalars},
        ),
        max_size=2,
    ),
    "ops": st.lists(
        st.fixed_dictionaries({"insert": scalars, "document": documents})
        | st.fixed_dictionaries({"update": scalars, "filter": filters, "updateMods": updates})
        | st.fixed_dictionaries({"delete": scalars, "filter": filters}),
        max_size=2,
    ),
    "nsInfo": st.lists(st.just({"ns": "fuzz.c"}) | documents, max_size=2),
    "$db": st.just("fuzz"),
}
REQUIRED = set(words("pipeline cursor updates deletes documents indexes collection key ops nsInfo"))
ANYWHERE = ["maxTimeMS", "lsid", "txnNumber", "readConcern", "writeConcern", "$readPreference"]


@st.composite
def commands(draw: st.DrawFn) -> dict[str, Any]:
    """A command that LocalAtlas knows, with fields that it knows, on a database `fuzz`."""
    name = draw(st.sampled_from(sorted(COMMANDS)))
    known = sorted(COMMANDS[name].fields or ())
    chosen = [field for field in known if field in REQUIRED]
    if known:
        chosen += draw(st.lists(st.sampled_from(known), max_size=3))
    if draw(st.integers(0, 9)) == 0:
        chosen.append(draw(st.sampled_from(ANYWHERE)))
    command = {name: draw(st.just("c") | st.just("c") | st.just("c") | values)}
    for field in dict.fromkeys(chosen):
        fits = field in FITTING and draw(st.integers(0, 9)) > 0
        command[field] = draw(FITTING[field] if fits else values)
    return {**command, "$db": "admin" if name == "bulkWrite" else "fuzz"}
