"""`$meta`: the values beside a document that a search stage attached to its row."""

from collections.abc import Mapping
from typing import Any, Final

from ..errors import NOT_EMULATED, CommandError, bad_value
from .bson_types import is_string
from .expression_compiler import Evaluate, Scope, special_form
from .paths import MISSING
from .rows import Row

KINDS: Final = frozenset(
    {"searchScore", "vectorSearchScore", "searchScoreDetails", "searchHighlights", "score"}
    | {"scoreDetails", "searchSequenceToken", "searchRootDocumentId", "stream", "textScore"}
)
MISSING_METADATA: Final = 40218
SORTABLE: Final = frozenset({"searchScore", "vectorSearchScore", "score", "textScore"})
# What a stage must have provided; anything else of `KINDS` is just missing where nothing did.
# https://github.com/mongodb/mongo/blob/master/jstests/with_mongot/e2e/metadata/meta_dependency_validation.js
_IN_WORDS: Final = {
    "searchScore": "$search score",
    "vectorSearchScore": "$vectorSearch distance",
    "score": "score",
    "scoreDetails": "scoreDetails",
    "textScore": "text score",
}
_OF_DOCUMENTS: Final = frozenset({"score", "scoreDetails"})
_SCORES: Final = ("score", "searchScore", "vectorSearchScore")
_DETAILS: Final = ("scoreDetails", "searchScoreDetails")
_NOT_EMULATED: Final = frozenset(
    {"randVal", "recordId", "indexKey", "sortKey", "geoNearDistance", "geoNearPoint"}
)


def provided_by(stage: str, operand: Any) -> frozenset[str]:
    """Return the kinds of metadata that a search stage provides and that are asked for by name."""
    if stage == "$vectorSearch":
        return frozenset({"score", "vectorSearchScore"})
    if stage != "$search":
        return frozenset()
    has_details = isinstance(operand, Mapping) and operand.get("scoreDetails") is True
    return frozenset({"score", "searchScore"} | ({"scoreDetails"} if has_details else set()))


def behind_new_documents(metadata: frozenset[str] | None) -> frozenset[str] | None:
    """Return the kinds that can be asked for behind a stage that makes new documents.

    The documents have none of them. The server says so of `score` and `scoreDetails`; the others
    are missing in silence where an earlier stage provided them.
    """
    return metadata and metadata - _OF_DOCUMENTS


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
    if operand in _IN_WORDS and not _is_provided(operand, scope):
        raise CommandError(
            MISSING_METADATA,
            f"Location{MISSING_METADATA}",
            f"query requires {_IN_WORDS[operand]} metadata, but it is not available",
        )
    if operand == "score":
        return lambda row, variables: MISSING if (score := score_of(row)) is None else score
    if operand == "scoreDetails":
        return lambda row, variables: MISSING if (found := details_of(row)) is None else found
    return lambda row, variables: row.metadata.get(operand, MISSING)


def _is_provided(kind: str, scope: Scope) -> bool:
    if scope.metadata is None:
        return kind != "textScore"  # `$text` is not emulated
    return kind in scope.metadata
