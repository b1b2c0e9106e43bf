import numpy as np
import pytest

from app.composed import ComposedQuery, Input, StoredItem
from app.composed.vector import query_vector, signed_weights
from app.errors import BadRequest

X, Y = np.float32([1, 0, 0]), np.float32([0, 1, 0])


def weights(positive, negative=()):
    return signed_weights(
        ComposedQuery(
            tuple(Input(StoredItem("a"), one) for one in positive),
            tuple(Input(StoredItem("b"), one) for one in negative),
        )
    )


def test_query_is_the_weighted_sum_scaled_to_unit_length():
    assert query_vector(np.stack([X, Y]), weights([3, 4])) == pytest.approx([0.6, 0.8, 0])


def test_negative_inputs_are_subtracted():
    assert query_vector(np.stack([X, Y]), weights([3], [4])) == pytest.approx([0.6, -0.8, 0])


@pytest.mark.parametrize("unit", [1e-320, 1e-40, 100 / 4])
def test_only_the_proportions_of_the_weights_count(unit):
    assert query_vector(np.stack([X, Y]), weights([3 * unit], [4 * unit])) == pytest.approx(
        [0.6, -0.8, 0], abs=1e-3
    )


def test_inputs_of_any_length_count_by_their_weights_alone():
    """Stored int8 vectors have lengths of their own."""
    assert query_vector(np.stack([100 * X, Y / 9]), weights([3, 4])) == pytest.approx([0.6, 0.8, 0])


@pytest.mark.parametrize("nudge", [0.0, 1e-6])
def test_inputs_that_cancel_are_refused(nudge):
    nearly = X + np.float32(nudge) * Y

    with pytest.raises(BadRequest, match="cancel"):
        query_vector(np.stack([X, nearly]), weights([2], [2]))


def test_inputs_that_leave_a_direction_are_none_that_cancel():
    assert query_vector(np.stack([X, X]), weights([2], [1.9])) == pytest.approx([1, 0, 0])
