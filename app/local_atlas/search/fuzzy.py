"""`fuzzy` of the text operator: the indexed terms that are a few edits away from a query's term.

Source: Lucene's `FuzzyQuery`, `FuzzyTermsEnum` and `TopTermsRewrite`.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """How far an indexed term may be from that of the query, and how many such are taken."""

    max_edits: int = 2
    prefix_length: int = 0
    max_expansions: int = 50


def similar_terms(term: str, indexed: Iterable[str], fuzzy: Fuzzy) -> list[str]:
    """Return the most similar of the indexed terms, equal ones in the order of their bytes."""
    return [candidate for candidate, _ in rated_terms(term, indexed, fuzzy)]


def rated_terms(term: str, indexed: Iterable[str], fuzzy: Fuzzy) -> list[tuple[str, float]]:
    """Return the same with how similar each is, from 0 to 1 for the term itself."""
    prefix = term[: fuzzy.prefix_length]
    found: list[tuple[float, str]] = []
    for candidate in indexed:
        if abs(len(candidate) - len(term)) > fuzzy.max_edits or not candidate.startswith(prefix):
            continue
        edits = edit_distance(term[len(prefix) :], candidate[len(prefix) :], fuzzy.max_edits)
        if edits is not None:
            # As few edits as possible weigh most, more so in long terms.
            shorter = min(len(term), len(candidate))
            found.append((edits / shorter if edits and shorter else float(edits), candidate))
    nearest = sorted(found)[: fuzzy.max_expansions]
    return [(candidate, max(0.0, 1.0 - distance)) for distance, candidate in nearest]


def edit_distance(one: str, other: str, most: int) -> int | None:
    """Count insertions, deletions, replacements and swaps of neighbours; None above `most`.

    No part is edited twice, so a swap cannot be pulled apart again: "ca" is 3 edits from "abc".
    """
    before: list[int] = []
    previous = list(range(len(other) + 1))
    for i, character in enumerate(one, 1):
        current = [i]
        for j, wanted in enumerate(other, 1):
            replaced = previous[j - 1] + (character != wanted)
            best = min(previous[j] + 1, current[j - 1] + 1, replaced)
            if i > 1 and j > 1 and character == other[j - 2] and one[i - 2] == wanted:
                best = min(best, before[j - 2] + 1)
            current.append(best)
        if min(current) > most and min(previous) > most:
            return None
        before, previous = previous, current
    return previous[-1] if previous[-1] <= most else None
