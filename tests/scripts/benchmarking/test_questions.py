import numpy as np
import pytest

from scripts.benchmarking import questions
from scripts.benchmarking.clusters import ClusteredVectors
from scripts.benchmarking.dataset import Dataset, write_dataset
from scripts.benchmarking.questions import CategoryIn, PriceBelow, Question, make_questions

COUNT = 1000


@pytest.fixture
def source() -> ClusteredVectors:
    return ClusteredVectors(COUNT, 16, seed=3)


@pytest.fixture
def dataset(source: ClusteredVectors, tmp_path) -> Dataset:
    return write_dataset(tmp_path, source.parts(), seed=3)


@pytest.fixture
def asked(source: ClusteredVectors, dataset: Dataset, monkeypatch) -> list[Question]:
    monkeypatch.setattr(questions, "_ROWS_AT_ONCE", 300)  # several batches, the last one short
    return make_questions(source, dataset, queries=8, filtered_queries=4)


def test_the_same_seed_draws_the_same_vectors_and_another_one_others(source):
    embeddings, codes = next(source.parts())

    again, codes_again = next(ClusteredVectors(COUNT, 16, seed=3).parts())
    other, _ = next(ClusteredVectors(COUNT, 16, seed=4).parts())

    np.testing.assert_array_equal(again, embeddings)
    np.testing.assert_array_equal(codes_again, codes)
    assert (other != embeddings).any(axis=1).all()
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)


def test_a_dataset_reads_back_in_batches_as_it_was_written(source, dataset):
    batches = list(dataset.batches(300))

    embeddings, codes = next(source.parts())
    assert [len(items.codes) for items in batches] == [300, 300, 300, 100]
    assert [items.start for items in batches] == [0, 300, 600, 900]
    np.testing.assert_array_equal(
        np.concatenate([items.embeddings for items in batches]), embeddings
    )
    np.testing.assert_array_equal(np.concatenate([items.codes for items in batches]), codes)


def test_the_questions_are_one_without_a_filter_three_random_and_three_of_whole_clusters(asked):
    assert [(one.kind, one.share, one.condition) for one in asked] == [
        ("unfiltered", 1.0, None),
        ("filtered", 0.5, PriceBelow(0.5)),
        ("filtered", 0.05, PriceBelow(0.05)),
        ("filtered", 0.005, PriceBelow(0.005)),
        ("filtered_clusters", 0.9, CategoryIn(90)),
        ("filtered_clusters", 0.5, CategoryIn(50)),
        ("filtered_clusters", 0.05, CategoryIn(5)),
    ]
    assert [len(one.queries) for one in asked] == [8, 4, 4, 4, 4, 4, 4]


def test_the_answers_are_the_nearest_of_what_the_filter_keeps(asked, dataset):
    (everything,) = dataset.batches(COUNT)

    for question in asked:
        kept = np.arange(COUNT)
        if question.condition is not None:
            kept = np.flatnonzero(question.condition.keeps(everything))
        for query, answer in zip(question.queries, question.answers, strict=True):
            order = np.argsort(-(everything.embeddings[kept] @ query))
            assert answer == set(kept[order[:10]].tolist())


def test_there_are_no_more_answers_than_the_filter_keeps(asked, dataset):
    (everything,) = dataset.batches(COUNT)
    few = int((everything.prices < 0.005).sum())

    assert 0 < few < 10
    assert {len(answer) for answer in asked[3].answers} == {few}


def test_queries_come_from_the_clusters_that_are_asked_for():
    source = ClusteredVectors(COUNT, 512, seed=3)
    centres = source._centres  # the nearest one tells a vector's cluster, as wide as clusters are

    queries = source.queries(50, range(90, 100))

    nearest = np.argmax(queries @ centres.T, axis=1)
    assert set(nearest) <= set(range(90, 100))
    assert len(set(nearest)) > 1
