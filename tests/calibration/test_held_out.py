import numpy as np
import pytest

from app.calibration.held_out import measure_held_out
from app.calibration.pairs import LabelledPictures, Pairs


class Noted:
    """Pairs of chosen cosines, and a note of which pictures were chosen for them."""

    def __init__(self, pictures, cosines, is_match):
        self.pictures = pictures
        self.chosen = []
        self._cosines, self._is_match = cosines, is_match

    def pairs(self, chosen):
        self.chosen.append(chosen)
        return Pairs(self._cosines[chosen], self._is_match[chosen])


def noted(overlap):
    """A pair for each of 400 pictures; a share of them has the cosine of the other kind."""
    is_match = np.arange(400) % 2 == 0
    is_swapped = np.random.default_rng(1).uniform(size=400) < overlap
    return Noted(400, np.where(is_match ^ is_swapped, 0.95, 0.7), is_match)


def test_halves_have_no_picture_in_common_and_leave_none_out():
    source = noted(0.1)

    measured = measure_held_out(source, seed=0)

    first, second = source.chosen
    assert (first ^ second).all()
    assert first.sum() == 200
    assert (measured.matches, measured.mismatches) == (200, 200)


def test_each_half_is_measured_with_what_the_other_gives():
    """What parts the pairs of one half keeps none of the other's, or all."""
    is_match = np.arange(100) % 2 == 0
    near, far = np.where(is_match, 0.99, 0.97), np.where(is_match, 0.8, 0.6)
    source = noted(0.0)
    halves = iter([Pairs(near, is_match), Pairs(far, is_match)])
    source.pairs = lambda chosen: next(halves)

    measured = measure_held_out(source, seed=0)

    assert (measured.kept_matches, measured.kept_mismatches) == (0.5, 0.5)


def test_figures_are_those_of_the_pairs():
    """A tenth of each kind looks like the other: P is 0.9 or 0.1, and right."""
    measured = measure_held_out(noted(0.1), seed=0)

    assert measured.kept_matches == pytest.approx(0.9, abs=0.04)
    assert measured.kept_mismatches == pytest.approx(0.1, abs=0.04)
    assert measured.log_loss == pytest.approx(-0.9 * np.log(0.9) - 0.1 * np.log(0.1), abs=0.06)
    assert measured.calibration_error < 0.06


def test_cosines_that_tell_little_give_the_loss_of_who_knows_nothing():
    measured = measure_held_out(noted(0.45), seed=0)

    assert measured.log_loss == pytest.approx(np.log(2), abs=0.03)


def test_same_seed_gives_the_same_figures_and_another_one_others():
    random = np.random.default_rng(2)
    centres = random.normal(size=(4, 8)).repeat(30, axis=0)
    rows = centres + random.normal(size=(120, 8))
    embeddings = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    source = LabelledPictures(embeddings, [str(i // 30) for i in range(120)])

    assert measure_held_out(source, seed=1) == measure_held_out(source, seed=1)
    assert measure_held_out(source, seed=1) != measure_held_out(source, seed=2)
