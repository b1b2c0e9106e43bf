"""The parts of the drawing that pictures alone would not show to be wrong."""

import numpy as np
import pytest

from scripts.drawing.catalogue import make_items
from scripts.drawing.fields import blurred, shifted
from scripts.drawing.geometry import chain, flip, mirrored, moved, ribbon, smooth, turned
from scripts.drawing.painter import Pose, paint
from scripts.drawing.parts import Fabric, Part
from scripts.drawing.patterns import PATTERNS, TILE_PX, make_pattern
from scripts.drawing.picture import KINDS
from scripts.drawing.products import PRODUCTS

WHITE, RED, BLUE = np.ones(3, np.float32), np.array([1, 0, 0], np.float32), np.array([0, 0, 1.0])


def test_an_edge_bends_to_its_right_by_its_bulge() -> None:
    line = chain((0, 0, 0.25), (2, 0))  # to the right, so that its right hand is down

    assert line[0].tolist() == [0, 0]
    assert line[-1].tolist() == [2, 0]
    assert line[:, 1].max() == pytest.approx(0.5, abs=0.01)


def test_a_mirrored_outline_is_its_own_mirror_image() -> None:
    outline = mirrored((0, -1), (0.5, -0.8, 0.1), (0.4, 1), (0, 1))

    mirror = flip(outline)[::-1]

    np.testing.assert_allclose(outline, mirror)


def test_a_smooth_line_goes_through_its_points() -> None:
    points = [(0.0, 0.0), (1.0, 0.5), (2.0, 0.0)]

    line = smooth(*points)

    for point in points:
        assert np.abs(line - point).sum(axis=1).min() < 1e-9


def test_a_ribbon_is_as_wide_as_it_is_told() -> None:
    band = ribbon(chain((0, 0), (1, 0)), 0.2)

    assert np.ptp(band[:, 1]) == pytest.approx(0.2)


def test_a_turn_is_clockwise_as_seen() -> None:
    assert turned(np.array([[1.0, 0.0]]), np.pi / 2) == pytest.approx(np.array([[0.0, 1.0]]))


def test_a_blur_keeps_the_mean_and_what_is_even() -> None:
    even = np.full((40, 60), 0.3, np.float32)
    spot = np.zeros((61, 61), np.float32)
    spot[30, 30] = 1.0

    for radius_px in (1.0, 3.0, 9.0):
        np.testing.assert_allclose(blurred(even, radius_px), 0.3, atol=1e-5)
    assert float(blurred(spot, 3.0).sum()) == pytest.approx(1.0, abs=1e-3)


def test_a_shifted_field_does_not_come_in_again_at_the_other_side() -> None:
    field = np.zeros((5, 5), np.float32)
    field[4, 4] = 1.0

    assert shifted(field, 1, 1).sum() == 0.0


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_continues_seamlessly_into_itself(name: str) -> None:
    pattern = make_pattern(name, WHITE, RED, BLUE.astype(np.float32), np.random.default_rng(0))

    assert pattern is not None
    tile = pattern.tile
    assert tile.shape == (TILE_PX, TILE_PX, 3)
    for axis in (0, 1):
        steps = np.abs(np.diff(tile, axis=axis, append=np.take(tile, [0], axis=axis))).mean(
            axis=(1 - axis, 2)
        )
        assert steps[-1] <= steps.max() + 1e-6


def test_a_part_is_painted_inside_its_outline_only() -> None:
    canvas = np.ones((60, 60, 3), np.float32)
    pose = Pose(np.eye(2) * 30, np.array([30.0, 30.0]), np.zeros((1, 5)))
    square = chain((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5), closed=True)

    paint(canvas, Part(square, Fabric(RED), drop=0.0), pose, np.random.default_rng(0))

    assert canvas[30, 30, 0] > 0.6
    assert canvas[30, 30, 1] < 0.2
    assert (canvas[:12] == 1.0).all()
    assert (canvas[:, :12] == 1.0).all()


def test_a_part_off_the_canvas_changes_nothing() -> None:
    canvas = np.ones((20, 20, 3), np.float32)
    pose = Pose(np.eye(2) * 10, np.array([10.0, 10.0]), np.zeros((1, 5)))

    paint(
        canvas,
        Part(moved(chain((0, 0), (1, 0), (1, 1), closed=True), 50, 0), Fabric(RED)),
        pose,
        np.random.default_rng(0),
    )

    assert (canvas == 1.0).all()


def test_every_drawing_and_pattern_is_used_by_a_product() -> None:
    styles = {kind: set(builders) for kind, builders in KINDS.items()}
    used: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for product in PRODUCTS:
        used[product.kind].add(product.style)

    assert used == styles
    assert {product.pattern for product in PRODUCTS} == {*PATTERNS, "plain"}


def test_ids_are_unique_and_fit_for_a_file_name_and_an_address() -> None:
    ids = [item.item_id for item in make_items(0)]

    assert len(set(ids)) == len(ids)
    assert all(item_id.replace("-", "").isalnum() and item_id.isascii() for item_id in ids)
