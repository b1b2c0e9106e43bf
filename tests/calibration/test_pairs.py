"""Pairs of pictures whose vectors lie in a plane, so that the nearest can be seen by eye."""

import numpy as np
import pytest

from app.calibration import pairs as pairs_module
from app.calibration.pairs import JudgedPictures, LabelledPictures

ANGLES = (0, 10, 30, 70, 75)
LABELS = ("dress", "dress", "shirt", "dress", "shirt")


def at(*angles):
    radians = np.radians(angles)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def angles_of(pairs, is_match):
    return np.degrees(np.arccos(pairs.cosines[pairs.is_match == is_match])).round(2).tolist()


def everything(count):
    return np.ones(count, dtype=bool)


@pytest.mark.parametrize("rows_at_once", [1024, 2])
def test_each_picture_gives_its_nearest_of_its_label_and_of_another(monkeypatch, rows_at_once):
    monkeypatch.setattr(pairs_module, "_ROWS_AT_ONCE", rows_at_once)

    pairs = LabelledPictures(at(*ANGLES), LABELS).pairs(everything(5))

    assert angles_of(pairs, True) == [10, 10, 45, 60, 45]
    assert angles_of(pairs, False) == [30, 20, 20, 5, 5]


def test_picture_without_another_of_its_label_gives_one_pair():
    pairs = LabelledPictures(at(0, 10, 50), ["a", "a", "b"]).pairs(everything(3))

    assert angles_of(pairs, True) == [10, 10]
    assert angles_of(pairs, False) == [50, 40, 40]


def test_pictures_that_are_not_chosen_are_in_no_pair():
    chosen = np.array([True, False, True, True, False])

    pairs = LabelledPictures(at(*ANGLES), LABELS).pairs(chosen)

    assert angles_of(pairs, True) == [70, 70]
    assert angles_of(pairs, False) == [30, 30, 40]


def test_none_chosen_gives_no_pair():
    assert len(LabelledPictures(at(*ANGLES), LABELS).pairs(~everything(5)).cosines) == 0


def test_judged_pairs_count_as_they_were_judged_where_both_pictures_are_chosen():
    pictures = JudgedPictures(
        at(*ANGLES),
        first=np.array([0, 0, 2]),
        second=np.array([1, 2, 4]),
        is_match=np.array([True, False, False]),
    )

    assert angles_of(pictures.pairs(everything(5)), True) == [10]
    assert angles_of(pictures.pairs(everything(5)), False) == [30, 45]
    assert angles_of(pictures.pairs(np.array([1, 0, 1, 1, 1], dtype=bool)), False) == [30, 45]
    assert angles_of(pictures.pairs(np.array([1, 0, 1, 1, 0], dtype=bool)), False) == [30]


def test_weights_give_both_kinds_half():
    pairs = LabelledPictures(at(0, 10, 50), ["a", "a", "b"]).pairs(everything(3))

    assert pairs.weights.tolist() == pytest.approx([0.25, 0.25, 1 / 6, 1 / 6, 1 / 6])
