"""What `tune` found, as a file that the service reads: how many candidates which search needs."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from app.errors import ConfigError
from app.filters import Filter
from app.index_care.shares import FieldShares, Shares, estimate_share
from app.index_care.timing import Verdict
from app.indexes import SearchIndex
from app.pipelines import CANDIDATES_PER_RESULT, MAX_CANDIDATES


@dataclass(frozen=True, slots=True)
class TunedSetting:
    """What was measured where a filter keeps a share of the documents.

    Attributes:
        share: that the filter keeps; 1 without a filter.
        filter: in MQL and extended JSON, None for none.
        num_candidates: the least that reached the target, for `Tuning.limit` hits.
        recall: mean share of the exact hits that were found, on queries it was not chosen by.
        reaches_target: whether that is the target or more.
        p95_ms: 95 in 100 queries took no longer.
        usual_recall: with 20 times as many candidates as hits.
        usual_is: whether that is slower, beyond noise.
        exact_is: whether comparing every item is slower.
        is_exact_better: whether that is faster, or alone reaches the target.
    """

    share: float
    filter: Mapping[str, Any] | None
    num_candidates: int
    recall: float
    reaches_target: bool
    p95_ms: float
    usual_recall: float
    usual_p95_ms: float
    usual_is: Verdict
    exact_p95_ms: float
    exact_is: Verdict
    is_exact_better: bool


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was measured of one index.

    Attributes:
        limit: hits of each query.
        settings: the largest share first; the first one is without a filter.
        shares: of the filterable fields' values, to tell which setting a filter calls for.
    """

    index: str
    path: str
    dimensions: int
    documents: int
    limit: int
    target_recall: float
    settings: Sequence[TunedSetting]
    shares: Shares

    def num_candidates(self, limit: int, condition: Filter | None) -> int | None:
        """Return how many candidates a search should examine; None to compare every item.

        Args:
            limit: hits wanted.
            condition: the filter; one of which nothing is known gets what is safe.
        """
        chosen = self._settings_for(condition)
        if all(one.is_exact_better for one in chosen):
            return None
        per_hit = max(one.num_candidates for one in chosen) / self.limit
        return min(max(math.ceil(per_hit * limit), limit), MAX_CANDIDATES)

    def _settings_for(self, condition: Filter | None) -> Sequence[TunedSetting]:
        """Return the settings on both sides of a filter's share, all where it is not known."""
        share = 1.0 if condition is None else estimate_share(condition, self.shares)
        if share is None:
            return self.settings
        above = [one for one in self.settings if one.share >= share]
        below = [one for one in self.settings if one.share <= share]
        return [*above[-1:], *below[:1]]


def usual_candidates(limit: int) -> int:
    """Return how many candidates are examined where nothing was measured."""
    return min(CANDIDATES_PER_RESULT * limit, MAX_CANDIDATES)


def write_tuning(path: Path, tuning: Tuning) -> None:
    """Write the file; raises `ConfigError` where that cannot be done."""
    try:
        path.write_text(json.dumps(asdict(tuning), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error


def tuned(index: SearchIndex, path: Path | None) -> SearchIndex:
    """Return an index that knows what was measured of it, the same one where nothing was.

    Raises:
        ConfigError: as `read_tuning`.
    """
    return index if path is None else replace(index, candidates=read_tuning(path, index))


def read_tuning(path: Path, index: SearchIndex) -> Tuning:
    """Read the file.

    Raises:
        ConfigError: it is missing, is not what `tune` writes, or was measured on another index.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content["settings"] = [TunedSetting(**one) for one in content["settings"]]
        content["shares"] = {name: FieldShares(**one) for name, one in content["shares"].items()}
        tuning = Tuning(**content)
        _check_numbers(tuning)
    except OSError as error:
        raise ConfigError(f"Tuning file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"Tuning file {path} is not what scripts.atlas tune writes: {error}."
        ) from error
    measured, wanted = (
        (tuning.index, tuning.path, tuning.dimensions),
        (index.name, index.path, index.dimensions),
    )
    if measured != wanted or not tuning.settings:
        raise ConfigError(
            f"Tuning file {path} was measured on search index {tuning.index} ({tuning.path}, "
            f"{tuning.dimensions} dimensions); expected {index.name} ({index.path}, "
            f"{index.dimensions} dimensions)."
        )
    return tuning


def _check_numbers(tuning: Tuning) -> None:
    """Refuse, with a `ValueError`, what would end a search and not the start."""
    counts = [("limit", tuning.limit)]
    counts += [("num_candidates", one.num_candidates) for one in tuning.settings]
    for name, value in counts:
        if not isinstance(value, int) or not 1 <= value <= MAX_CANDIDATES:
            raise ValueError(f"{name} is {value!r}, not an integer from 1 to {MAX_CANDIDATES:,}")
    for one in tuning.settings:
        if not isinstance(one.share, int | float) or not 0 <= one.share <= 1:
            raise ValueError(f"share is {one.share!r}, not a number from 0 to 1")
