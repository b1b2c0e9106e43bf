"""`scoreDetails` of $search: what a score is made of, as a tree of values and descriptions.

Values are in float32, as scores are, and words those of Lucene's `explain`, with the names that the
search server gives to fields; of operators on values, and of `score`, only the gist.
https://www.mongodb.com/docs/atlas/atlas-search/score/get-details/
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from .bm25 import K1, B, rarity, saturation
from .completions import HasCompletion
from .conditions import AllOf, Among, AnyOf, Condition, Exists, InRange, IsNull
from .operators import Clause, Compound, Operator
from .scored import Scored
from .space import Space
from .term_patterns import HasPattern
from .text_conditions import HasPhrase, HasText
from .text_ranking import Match, Weighed, phrase_matches, text_matches

Details: TypeAlias = dict[str, Any]
# Tells of a slot what its score is made of; None where the operator does not find it.
Explain: TypeAlias = Callable[[int], Details | None]


def explained(operator: Operator, space: Space) -> Explain:
    """Return what tells how an operator scores; it may be asked when `space` has changed."""
    if isinstance(operator, Compound):
        plain: Operator = replace(operator, score=None)
        explain = _compound(operator, space)
    else:
        assert isinstance(operator, Clause), "there is no third kind of operator"
        plain = replace(operator, score=None)
        explain = _condition(operator.condition, plain.scored(space), space)
    if operator.score is None:
        return explain
    return _modified(explain, operator.scored(space))


def detail(value: Any, description: str, parts: Sequence[Details] = ()) -> Details:
    """Return one node of the tree; `value` is taken as float32."""
    return {"value": float(np.float32(value)), "description": description, "details": [*parts]}


def _modified(explain: Explain, scored: Scored) -> Explain:
    def of_slot(slot: int) -> Details | None:
        part = explain(slot)
        if part is None:
            return None
        return detail(scored.scores[slot], 'the "score" of the operator, computed from:', [part])

    return of_slot


def _compound(compound: Compound, space: Space) -> Explain:
    scored = replace(compound, score=None).scored(space)
    counted = [explained(one, space) for one in (*compound.must, *compound.should)]
    required = [explained(one, space) for one in compound.filter]
    tie_breaker = compound.tie_breaker
    title = "sum of:"
    if tie_breaker is not None:
        title = f"max plus {tie_breaker} times others of:" if tie_breaker else "max of:"

    def of_slot(slot: int) -> Details | None:
        if not scored.met[slot]:
            return None
        parts = [part for explain in counted if (part := explain(slot)) is not None]
        filters = [part for explain in required if (part := explain(slot)) is not None]
        parts += [
            detail(0, "match on required clause, product of:", [detail(0, "# clause"), part])
            for part in filters
        ]
        return detail(scored.scores[slot], title, parts)

    return of_slot


def _condition(condition: Condition, scored: Scored, space: Space) -> Explain:
    if isinstance(condition, HasText):
        return _of_matches(text_matches(condition, space), scored)
    if isinstance(condition, HasPhrase):
        return _of_matches(phrase_matches(condition, space), scored)
    if isinstance(condition, HasCompletion) and condition.fuzzy is None:
        matches = (*condition.gram_matches(space), *condition.word_matches(space))
        return _of_matches(matches, scored)
    label = f"ConstantScore({_label(condition)})"

    def of_slot(slot: int) -> Details | None:
        return detail(scored.scores[slot], label) if scored.met[slot] else None

    return of_slot


def _of_matches(matches: Iterable[Match], scored: Scored) -> Explain:
    found = list(matches)
    asked = sum(match.asked for match in found)

    def of_slot(slot: int) -> Details | None:
        if not scored.met[slot]:
            return None
        met = [one for match in found if match.met[slot] for one in match.weighed]
        placed = [(one, one.place(slot)) for one in met]
        parts = [_weighed(one, slot, place) for one, place in placed if place is not None]
        if asked == 1 and len(parts) == 1:
            return parts[0]
        return detail(scored.scores[slot], "sum of:", parts)

    return of_slot


def _weighed(one: Weighed, slot: int, place: int) -> Details:
    shown = one.terms[0] if len(one.terms) == 1 else f'"{" ".join(one.terms)}"'
    path = one.texts.path
    name = f"{path.path}.{path.multi}" if path.multi else path.path
    score = one.scores[place]
    frequency = np.float32(one.frequencies[place])
    parts = [_idf(one), _tf(one, slot, place)]
    if one.boost != 1:
        parts.insert(0, detail(one.boost, "boost"))
    computed = f"score(freq={frequency}), computed as boost * idf * tf from:"
    title = f"$type:{path.use}/{name}:{shown} [BM25Similarity], result of:"
    return detail(score, title, [detail(score, computed, parts)])


def _idf(one: Weighed) -> Details:
    each = [
        detail(
            rarity(one.texts.documents, holding),
            "idf, computed as log(1 + (N - n + 0.5) / (n + 0.5)) from:",
            [
                detail(holding, "n, number of documents containing term"),
                detail(one.texts.documents, "N, total number of documents with field"),
            ],
        )
        for holding in one.holding
    ]
    if len(each) == 1:
        return each[0]
    return detail(sum(rarity(one.texts.documents, h) for h in one.holding), "idf, sum of:", each)


def _tf(one: Weighed, slot: int, place: int) -> Details:
    texts, frequency = one.texts, one.frequencies[place]
    counted = "freq, occurrences of term within document"
    if len(one.terms) > 1:
        counted = f"phraseFreq={np.float32(frequency)}"
    return detail(
        saturation(np.array([frequency]), texts.lengths[[slot]], texts.average)[0],
        "tf, computed as freq / (freq + k1 * (1 - b + b * dl / avgdl)) from:",
        [
            detail(frequency, counted),
            detail(K1, "k1, term saturation parameter"),
            detail(B, "b, length normalization parameter"),
            detail(texts.lengths[slot], "dl, length of field"),
            detail(texts.average, "avgdl, average length of field"),
        ],
    )


def _label(condition: Condition) -> str:
    match condition:
        case InRange(path=path, kind=kind) | Among(path=path, kind=kind):
            return f"$type:{kind}/{path}"
        case Exists(path=path):
            return f"exists:{path}"
        case IsNull(path=path):
            return f"$type:null/{path}"
        case HasCompletion(path=path):
            return f"$type:autocomplete/{path}"
        case HasPattern(search=search):
            return " ".join(f"$type:string/{path}" for path in search.paths)
        case AllOf(parts=parts) | AnyOf(parts=parts):
            return " ".join(_label(part) for part in parts)
        case _:
            return "*:*"
