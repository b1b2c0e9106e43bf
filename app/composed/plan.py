"""How a search goes about: by vectors alone, or by vectors and by words."""

from dataclasses import dataclass, replace

from app.composed.query import ComposedQuery, Sentence
from app.errors import BadRequest, TextNotSupported
from app.lexical_indexes import LexicalIndex

BY_WORDS_ONLY = "The model understands no text, so texts were searched by their words."


@dataclass(frozen=True, slots=True)
class Words:
    """Texts that are searched by their words.

    Attributes:
        lexical: what finds them.
        texts: each with its weight.
    """

    lexical: LexicalIndex
    texts: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done for a query.

    Attributes:
        embedded: the query with the inputs that go through the model or have done so, perhaps none.
        words: None in mode vector.
        note: what the answer has to say about it; None for nothing.
    """

    embedded: ComposedQuery
    words: Words | None = None
    note: str | None = None


def make_plan(query: ComposedQuery, lexical: LexicalIndex | None, *, embeds_text: bool) -> Plan:
    """Decide how to search.

    Where the query names no mode, texts that the model does not understand are searched by their
    words.

    Args:
        query: has been checked.
        lexical: what finds words, None where nothing does.
        embeds_text: whether the model has a text tower.

    Raises:
        BadRequest: the query's options do not go with the mode, or nothing finds words.
        TextNotSupported: a text is to be unlike the hits, which words cannot say.
    """
    texts = tuple(
        (one.source.text, one.weight) for one in query.positive if isinstance(one.source, Sentence)
    )
    is_forced = query.mode is None and not embeds_text and bool(texts) and lexical is not None
    if query.mode != "hybrid" and not is_forced:
        if query.fuzzy:
            raise BadRequest(f"fuzzy ({query.fuzzy}) needs mode hybrid, which searches words.")
        return Plan(query)
    if lexical is None:
        raise BadRequest(
            "mode hybrid needs an index that finds words: INDEX_FILE has no field of type string, "
            "and LEXICAL_INDEX_FILE is not set."
        )
    if not texts:
        raise BadRequest("mode hybrid needs a text among the positive inputs.")
    _check_hybrid(query)
    words = Words(lexical, texts)
    if embeds_text:
        return Plan(query, words)
    return Plan(_without_texts(query), words, BY_WORDS_ONLY)


def _check_hybrid(query: ComposedQuery) -> None:
    for name, bound in (("min_score", query.min_score), ("min_raw_score", query.min_raw_score)):
        if bound is None:
            continue
        raise BadRequest(
            f"{name} ({bound:g}) cannot go with mode hybrid, whose scores say how "
            f"high up an item is and not how like."
        )
    if query.diversity:
        raise BadRequest(
            f"diversity ({query.diversity:g}) cannot go with mode hybrid, whose order is not that "
            f"of the vectors alone."
        )


def _without_texts(query: ComposedQuery) -> ComposedQuery:
    if any(isinstance(one.source, Sentence) for one in query.negative):
        raise TextNotSupported(
            "negative holds a text, and the model understands none; expected items or pictures."
        )
    positive = tuple(one for one in query.positive if not isinstance(one.source, Sentence))
    if query.negative and not positive:
        raise BadRequest(
            "negative needs an item or a picture among the positive inputs: the model understands "
            "no text, so that there is nothing to subtract it from."
        )
    return replace(query, positive=positive)
