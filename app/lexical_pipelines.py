"""What is asked of the words of the documents, pure: sentences, and what somebody is typing."""

import unicodedata
from collections.abc import Sequence
from typing import Any

from app.errors import BadRequest
from app.filters import Filter, to_operator
from app.indexes import SearchIndex
from app.lexical_indexes import LexicalIndex
from app.pipelines import Pipeline, hits

# `$meta` has the score of `$search` under this name.
SCORE_NAME = "searchScore"
_MAX_TYPED_WORDS = 8
# Documents of which suggestions are made; several may have the same value.
_READ_FOR_SUGGESTIONS = 100


def words_stages(
    lexical: LexicalIndex,
    texts: Sequence[tuple[str, float]],
    *,
    limit: int,
    fuzzy: int = 0,
    condition: Filter | None = None,
) -> Pipeline:
    """Build the search for documents with words of the texts, those that fit best first.

    Args:
        lexical: where the words are.
        texts: each with its weight, above 0, of which only the proportions count; a document is
            found by a word of any of them.
        limit: documents wanted.
        fuzzy: how many typing errors a word may have, 0 to 2; its first letter has none.
        condition: only documents that match it.
    """
    heaviest = max(weight for _, weight in texts)
    clauses = [_text(lexical, text, weight / heaviest, fuzzy) for text, weight in texts]
    return [_search(lexical, {"should": clauses}, condition), {"$limit": limit}]


def text_pipeline(
    lexical: LexicalIndex,
    index: SearchIndex,
    text: str,
    *,
    limit: int,
    condition: Filter | None = None,
) -> Pipeline:
    """Build the search for a sentence by its words; the rows are those of `search_pipeline`."""
    stages = words_stages(lexical, [(text, 1.0)], limit=limit, condition=condition)
    return [*stages, *hits(index, SCORE_NAME)]


def suggestions_pipeline(
    lexical: LexicalIndex | None, typed: str, *, condition: Filter | None = None
) -> Pipeline | None:
    """Build the search for values that go on as somebody types.

    Every word of `typed` must be one of a value, or its beginning; values that have them one after
    the other come first. Words that are too short for the index are passed over.

    Args:
        lexical: where words are completed, None for nowhere.
        typed: so far.
        condition: only values of documents that match it.

    Returns:
        A pipeline of rows `values`, a list; None where too little was typed.

    Raises:
        BadRequest: the index completes nothing.
    """
    if lexical is None or not lexical.completions:
        raise BadRequest(
            "Suggestions need a field of type autocomplete, which neither INDEX_FILE nor "
            "LEXICAL_INDEX_FILE has."
        )
    fields = [
        clause
        for path, shortest in lexical.completions.items()
        if (clause := _completion(path, shortest, typed)) is not None
    ]
    if not fields:
        return None
    return [
        _search(lexical, {"should": fields}, condition),
        {"$limit": _READ_FOR_SUGGESTIONS},
        {"$project": {"_id": 0, "values": [f"${path}" for path in lexical.completions]}},
    ]


def suggestions_of(rows: Sequence[dict[str, Any]], typed: str, limit: int) -> list[str]:
    """Return the distinct values of `suggestions_pipeline` that go on as somebody types.

    A document has been found by one of its values, and may have others: those that hold the most
    of the words are taken.
    """
    words = _folded(typed).split()
    fitting = (value for row in rows for value in _fitting(row["values"], words))
    return list(dict.fromkeys(fitting))[:limit]


def _search(
    lexical: LexicalIndex, clauses: dict[str, Any], condition: Filter | None
) -> dict[str, Any]:
    compound = {**clauses, "minimumShouldMatch": 1}
    if condition is not None:
        compound["filter"] = [to_operator(condition)]
    return {"$search": {"index": lexical.name, "compound": compound}}


def _text(lexical: LexicalIndex, text: str, weight: float, fuzzy: int) -> dict[str, Any]:
    operator: dict[str, Any] = {"path": list(lexical.text_paths), "query": text}
    if fuzzy:
        operator["fuzzy"] = {"maxEdits": fuzzy, "prefixLength": 1}
    if weight != 1:
        operator["score"] = {"boost": {"value": weight}}
    return {"text": operator}


def _completion(path: str, shortest: int, typed: str) -> dict[str, Any] | None:
    words = [word for word in typed.split() if len(word) >= shortest][:_MAX_TYPED_WORDS]
    if not words:
        return None
    each = [{"autocomplete": {"path": path, "query": word}} for word in words]
    whole = {"path": path, "query": " ".join(words), "tokenOrder": "sequential"}
    return {"compound": {"must": each, "should": [{"autocomplete": whole}]}}


def _fitting(fields: Sequence[Any], words: Sequence[str]) -> list[str]:
    values = [value for field in fields for value in _strings(field)]
    counts = [sum(word in _folded(value) for word in words) for value in values]
    return [value for value, count in zip(values, counts, strict=True) if count == max(counts)]


def _folded(text: str) -> str:
    """Return a text as the index compares it: without case and diacritics."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in decomposed if not unicodedata.combining(one))


def _strings(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str)]
