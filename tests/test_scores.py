import numpy as np
import pytest

from app.scores import cosine_of_score, score_of_cosine

ONE, OTHER = np.array([0.6, 0.8]), np.array([1.0, 0.0])


def test_euclidean_score_is_that_of_the_squared_distance():
    expected = 1 / (1 + np.sum((ONE - OTHER) ** 2))

    assert score_of_cosine(float(ONE @ OTHER), "euclidean") == pytest.approx(expected)


@pytest.mark.parametrize("similarity", ["cosine", "dotProduct"])
def test_score_of_unit_vectors_is_half_of_one_and_their_cosine(similarity):
    assert score_of_cosine(0.6, similarity) == pytest.approx(0.8)


@pytest.mark.parametrize("similarity", ["cosine", "dotProduct", "euclidean"])
@pytest.mark.parametrize("cosine", [-1.0, -0.2, 0.0, 0.97, 1.0])
def test_cosine_comes_back_from_its_score(similarity, cosine):
    assert cosine_of_score(score_of_cosine(cosine, similarity), similarity) == pytest.approx(cosine)
