"""`$meta`: the values beside a document that a search stage attached to its row."""

from typing import Any, Final

from ..errors import NOT_EMULATED, CommandError, bad_value
from .bson_types import is_string
from .expression_compiler import Evaluate, Scope, special_form
from .paths import MISSING
from .rows import Row

KINDS: Final = frozenset(
    {"searchScore", "vectorSearchScore", "searchScoreDetails", "searchHighlights", "score"}
    | {"scoreDetails", "searchSequenceToken", "searchRootDocumentId", "stream"}
)
MISSING_METADATA: Final = 40218
_IN_WORDS: Final = {"searchScore": "$search score", "vectorSearchScore": "$vectorSearch score"}
SORTABLE: Final = frozenset({"searchScore", "vectorSearchScore", "score"})
_SCORES: Final = ("score", "searchScore", "vectorSearchScore")
_DETAILS: Final = ("scoreDetails", "searchScoreDetails")
_NOT_EMULATED: Final = frozenset(
    {"textScore", "randVal", "recordId", "indexKey", "sortKey", "geoNearDistance", "geoNearPoint"}
)


def score_of(row: Row) -> float | None:
    """Return the score that the search stage of a row gave it, None where there was none."""
    return next((row.metadata[kind] for kind in _SCORES if kind in row.metadata), None)


def details_of(row: Row) -> dict[str, Any] | None:
    """Return what a row's score is made of, None where nobody asked for it."""
    return next((row.metadata[kind] for kind in _DETAILS if kind in row.metadata), None)


@special_form("$meta")
def compile_meta(operand: Any, scope: Scope) -> Evaluate:
    """Compile `{$meta: "searchScore"}` into the value of the row's metadata.

    Raises:
        CommandError: 17307 for a name that is no string, 17308 for an unknown one, 40218 where no
            earlier stage provides it.
    """
    if not is_string(operand):
        raise CommandError(17307, "Location17307", "$meta only supports string arguments")
    if operand in _NOT_EMULATED:
        raise bad_value(f"Unsupported argument to $meta: {operand} {NOT_EMULATED}")
    if operand not in KINDS:
        raise CommandError(17308, "Location17308", f"Unsupported argument to $meta: {operand}")
    if scope.metadata is not None and operand not in scope.metadata:
        raise CommandError(
            MISSING_METADATA,
            f"Location{MISSING_METADATA}",
            f"query requires {_IN_WORDS.get(operand, operand)} metadata, but it is not available",
        )
    if operand == "score":
        return lambda row, variables: MISSING if (score := score_of(row)) is None else score
    if operand == "scoreDetails":
        return lambda row, variables: MISSING if (found := details_of(row)) is None else found
    return lambda row, variables: row.metadata.get(operand, MISSING)
