"""Scores as probabilities of a match, where the model has been calibrated.

A calibration is about pairs of pictures of one model. So there are no units for other embeddings,
nor for a query that holds a text: a text and a picture that match are further apart than two
pictures.
"""

from dataclasses import dataclass

from app.calibration import Calibration
from app.composed.query import ComposedQuery, Sentence
from app.errors import BadRequest
from app.indexes import SearchIndex
from app.scores import cosine_of_score, score_of_cosine


@dataclass(frozen=True, slots=True)
class Units:
    """The scores of an index in the units of a model's calibration."""

    calibration: Calibration
    similarity: str

    def probability(self, score: float) -> float:
        """Return the probability that a hit with this score of Atlas's is a match."""
        return self.calibration.probability(cosine_of_score(score, self.similarity))

    def score_at(self, probability: float) -> float:
        """Return the score that has this probability, which is above 0 and below 1."""
        return score_of_cosine(self.calibration.cosine_at(probability), self.similarity)


def check_units(query: ComposedQuery, calibration: Calibration | None) -> None:
    """Refuse a `min_score` that means nothing.

    Raises:
        BadRequest: the model has no calibration, or an input is a text.
    """
    if query.min_score is None:
        return
    if calibration is None:
        raise BadRequest(
            f"min_score ({query.min_score:g}) needs a calibrated model, and this one carries no "
            f"calibration: python -m scripts.calibrate fits it; min_raw_score takes Atlas's score."
        )
    if _has_text(query):
        raise BadRequest(
            f"min_score ({query.min_score:g}) cannot go with a text, because models are calibrated "
            f"on pairs of pictures; min_raw_score takes Atlas's score."
        )


def units_of(
    query: ComposedQuery, calibration: Calibration | None, index: SearchIndex, embedded_by: str
) -> Units | None:
    """Return the units of a query's hits; None where there are none.

    Args:
        query: went through `check_units`.
        calibration: the model's.
        index: that is asked.
        embedded_by: fingerprint of the model that made the embeddings of inputs and hits.

    Raises:
        BadRequest: `min_score` is asked for, and these embeddings are of another model.
    """
    if not _has_text(query):
        units = units_of_model(calibration, index, embedded_by)
        if units is not None:
            return units
    if query.min_score is not None:
        raise BadRequest(
            f"min_score ({query.min_score:g}) is in the units of this service's model, and the "
            f"inputs were embedded by another ({embedded_by[:12]}); min_raw_score takes Atlas's "
            f"score."
        )
    return None


def units_of_model(
    calibration: Calibration | None, index: SearchIndex, embedded_by: str
) -> Units | None:
    """Return the units of embeddings with this fingerprint; None where they are not calibrated."""
    if calibration is None or embedded_by not in calibration.fingerprints:
        return None
    return Units(calibration, index.similarity)


def _has_text(query: ComposedQuery) -> bool:
    return any(isinstance(one.source, Sentence) for one in (*query.positive, *query.negative))
