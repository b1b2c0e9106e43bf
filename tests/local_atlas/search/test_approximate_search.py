"""Searching by way of cells: near enough, never too few, never what must not be found."""

import threading
from collections.abc import Iterator
from typing import Any

import bson
import numpy as np
import pytest

from app.local_atlas.search import approximate_search, vector_index
from app.local_atlas.search.approach import Approach, Estimates
from app.local_atlas.search.approximate_search import nearest_approximately
from app.local_atlas.search.definition import parse_definition
from app.local_atlas.search.exact_search import Hits, nearest
from app.local_atlas.search.inverted_file import InvertedFile
from app.local_atlas.search.mapping import Similarity, VectorField
from app.local_atlas.search.mql_filter import read_mql_filter
from app.local_atlas.search.search_data import SearchData
from app.local_atlas.search.similarity import scores, square_lengths
from app.local_atlas.search.vector_criteria import VectorCriteria
from app.local_atlas.search.vector_index import VectorIndex
from app.local_atlas.search.vector_search import search_with_mql
from app.local_atlas.search.vectors import Vector

ROWS, DIMENSIONS, CLUSTERS, QUERIES = 8000, 32, 40, 30


def clustered(seed: int = 0) -> tuple[Any, Any]:
    """Return unit vectors in overlapping clusters, and the cluster of each."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((CLUSTERS, DIMENSIONS))
    cluster = random.integers(0, CLUSTERS, ROWS)
    values = centres[cluster] + 0.6 * random.standard_normal((ROWS, DIMENSIONS))
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return values.astype(np.float32), cluster


VALUES, CLUSTER = clustered()
QUERY_VALUES, QUERY_CLUSTER = clustered(seed=1)


def as_vectors(values: Any) -> list[Vector]:
    return [Vector("float32", one) for one in values]


def filled(values: Any, similarity: Similarity = "cosine", **options: Any) -> VectorIndex:
    index = VectorIndex(VectorField(values.shape[1], similarity, **options), "float32")
    slots = list(range(len(values)))
    index.add(slots, [slot + 1 for slot in slots], as_vectors(values))
    return index


def merge(index: VectorIndex) -> VectorIndex:
    while (step := index.next_merge()) is not None:
        step.cells.add(step.rows)
        index.accept(step)
    return index


@pytest.fixture(scope="module")
def merged() -> VectorIndex:
    return merge(filled(VALUES))


class Looks:
    """How many rows each search looked at by their codes."""

    def __init__(self) -> None:
        self.rows: list[int] = []


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    looks, into, at = Looks(), Approach.into, Approach.at

    def noted(estimates: Estimates) -> Estimates:
        looks.rows.append(np.count_nonzero(~np.isnan(estimates.distances)))
        return estimates

    monkeypatch.setattr(Approach, "into", lambda *given: noted(into(*given)))
    monkeypatch.setattr(Approach, "at", lambda *given: noted(at(*given)))
    return looks


def found(index: VectorIndex, query: Any, allowed: Any = None, k: int = 10) -> Hits:
    vector = Vector("float32", query)
    return nearest_approximately(index.snapshot(allowed), index.field, vector, k, 10 * k)


def exactly(index: VectorIndex, query: Any, allowed: Any = None, k: int = 10) -> Hits:
    return nearest(index.snapshot(allowed), index.field, Vector("float32", query), k)


def written(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state as it is written: what is a function becomes what it returns."""
    return {key: one() if callable(one) else one for key, one in state.items()}


def recall(index: VectorIndex, allowed: Any = None) -> float:
    hits = expected = 0
    for query in QUERY_VALUES[:QUERIES]:
        right = set(exactly(index, query, allowed).record_ids.tolist())
        hits += len(right & set(found(index, query, allowed).record_ids.tolist()))
        expected += len(right)
    return hits / expected


@pytest.mark.parametrize("similarity", ["cosine", "dotProduct", "euclidean"])
def test_nearly_all_of_the_nearest_are_found_among_a_part_of_the_rows(
    similarity: Similarity, looks: Looks
) -> None:
    index = merge(filled(VALUES, similarity, max_edges=8))

    assert recall(index) >= 0.95
    # A graph compares with 2 * maxEdges neighbours of each candidate; as many again at once.
    wanted = 2 * 10 * 10 * 2 * 8
    assert len(looks.rows) == QUERIES
    assert min(looks.rows) >= wanted
    assert max(looks.rows) < 1.2 * wanted


def test_who_looks_at_many_rows_looks_again_where_hits_are_to_be_expected(
    looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approximate_search, "_DOUBLED", 0)
    anywhere = np.random.default_rng(3).standard_normal((ROWS, DIMENSIONS)).astype(np.float32)
    wanted = 10 * 10 * 2 * 4

    assert recall(merge(filled(VALUES, max_edges=4))) >= 0.95
    assert len(looks.rows) == QUERIES  # of queries in the midst of clusters

    looks.rows.clear()
    recall(merge(filled(anywhere, max_edges=4)))
    assert len(looks.rows) == 2 * QUERIES
    assert min(looks.rows) > wanted / 2
    assert max(looks.rows) < 1.2 * wanted


def test_hits_carry_exact_scores_best_first(merged: VectorIndex, looks: Looks) -> None:
    hits = found(merged, QUERY_VALUES[0])

    rows = VALUES[hits.record_ids - 1]
    expected = scores("float32", "cosine", QUERY_VALUES[0], rows, square_lengths(rows))
    assert hits.scores.tolist() == expected.tolist()
    assert (np.diff(hits.scores) <= 0).all()
    assert looks.rows


FILTERS = {
    "random half": np.random.default_rng(3).random(ROWS) < 0.5,
    "random 5 %": np.random.default_rng(3).random(ROWS) < 0.05,
    "random 0.5 %": np.random.default_rng(3).random(ROWS) < 0.005,
    "clusters 90 %": CLUSTER >= CLUSTERS * 0.1,
    "clusters half": CLUSTER >= CLUSTERS * 0.5,
    "clusters 5 %": CLUSTER >= CLUSTERS * 0.95,
    "seven rows": np.arange(ROWS) < 7,
    "one row": np.arange(ROWS) == 5000,
    "no row": np.zeros(ROWS, np.bool_),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_gets_all_that_there_are_and_nothing_else(merged: VectorIndex, name: str) -> None:
    allowed = FILTERS[name]

    for query in QUERY_VALUES[:QUERIES]:
        hits = found(merged, query, allowed)
        assert len(hits.record_ids) == min(10, np.count_nonzero(allowed))
        assert len(set(hits.record_ids.tolist())) == len(hits.record_ids)
        assert allowed[hits.slots].all()


@pytest.mark.parametrize("name", [name for name in FILTERS if name != "no row"])
def test_a_filter_does_not_cost_recall(merged: VectorIndex, name: str) -> None:
    assert recall(merged, FILTERS[name]) >= 0.9


def test_a_filter_that_keeps_other_clusters_does_not_stop_the_search(merged: VectorIndex) -> None:
    hits = expected = 0
    for query, cluster in zip(QUERY_VALUES[:QUERIES], QUERY_CLUSTER, strict=False):
        allowed = cluster != CLUSTER
        right = set(exactly(merged, query, allowed).record_ids.tolist())
        hits += len(right & set(found(merged, query, allowed).record_ids.tolist()))
        expected += len(right)

    assert hits / expected >= 0.9


def test_many_equal_vectors_are_found_in_full() -> None:
    index = merge(filled(np.tile(VALUES[:2], (3000, 1))))

    hits = found(index, VALUES[0], k=50)

    assert len(hits.record_ids) == 50
    assert len(set(hits.scores.tolist())) == 1


def test_what_cells_took_in_that_is_not_accepted_is_not_saved() -> None:
    index = filled(VALUES)
    for _ in range(2):
        step = index.next_merge()
        assert step is not None
        step.cells.add(step.rows)
        index.accept(step)
    accepted = written(index.state()["cells"]["rows"])

    step = index.next_merge()
    assert step is not None
    step.cells.add(step.rows)  # as beside a save, or before a failure

    state = index.state()
    assert state["merged"] == 2 * len(step.rows)
    for part, values in written(state["cells"]["rows"]).items():
        assert values.tolist() == accepted[part].tolist()


def test_dead_rows_of_any_length_are_no_trouble() -> None:
    values = VALUES.copy()
    values[500], values[600] = 3e38, 1e25
    index = filled(values, "euclidean")
    index.remove(500)
    index.remove(600)
    merge(index)

    assert index.snapshot().merged == ROWS
    assert recall(index) >= 0.95
    assert recall(index, FILTERS["random half"]) >= 0.99


def test_many_dimensions_take_more_rows_to_have_cells() -> None:
    values = np.random.default_rng(1).standard_normal((4500, 1200)).astype(np.float32)

    assert merge(filled(values)).snapshot().cells is None
    assert merge(filled(np.vstack([values, values[:300]]))).snapshot().cells is not None


def test_many_equal_vectors_do_not_hide_the_others() -> None:
    values = VALUES.copy()
    values[np.random.default_rng(4).random(ROWS) < 0.6] = -VALUES[0]

    index = merge(filled(values))

    assert recall(index) >= 0.95
    assert recall(index, FILTERS["clusters 90 %"]) >= 0.95


def test_few_rows_and_flat_indexes_never_have_cells() -> None:
    few = merge(filled(VALUES[:4000]))
    flat = merge(filled(VALUES, indexing_method="flat"))

    assert few.snapshot().cells is None
    assert flat.snapshot().cells is None
    assert recall(flat) == 1


def test_hits_in_many_cells_are_looked_for_further() -> None:
    # In few directions, the nearest rows of a query lie in many cells, and near the ends of them.
    directions = np.random.default_rng(9).standard_normal((16, DIMENSIONS))
    spread = np.random.default_rng(10).standard_normal((ROWS + QUERIES, 16)) @ directions
    values = spread.astype(np.float32)
    index = merge(filled(values[:ROWS]))

    found_ids = 0
    for query in values[ROWS:]:
        vector = Vector("float32", query)
        right = set(exactly(index, query).record_ids.tolist())
        near = nearest_approximately(index.snapshot(), index.field, vector, 10, 20)
        found_ids += len(right & set(near.record_ids.tolist()))

    assert found_ids >= 0.95 * 10 * QUERIES


def test_more_candidates_and_more_edges_find_more() -> None:
    few, many = (merge(filled(VALUES, max_edges=edges)) for edges in (2, 64))

    def hits(index: VectorIndex, candidates: int) -> int:
        total = 0
        for query in QUERY_VALUES[:QUERIES]:
            vector = Vector("float32", query)
            right = set(exactly(index, query).record_ids.tolist())
            near = nearest_approximately(index.snapshot(), index.field, vector, 10, candidates)
            total += len(right & set(near.record_ids.tolist()))
        return total

    assert hits(few, 10) < hits(few, 200)
    assert hits(few, 10) < hits(many, 10)


def test_cells_that_were_outgrown_are_succeeded_by_more(looks: Looks) -> None:
    rows = np.tile(VALUES, (3, 1)) + np.float32(0.001) * clustered(5)[0][0]
    index = VectorIndex(VectorField(DIMENSIONS, "cosine"), "float32")
    seen = set()
    for start in range(0, len(rows), 4800):
        slots = list(range(start, start + 4800))
        index.add(slots, slots, as_vectors(rows[start : start + 4800]))
        while (step := index.next_merge()) is not None:
            step.cells.add(step.rows)
            index.accept(step)
            cells = index.snapshot().cells
            assert cells is not None
            # The old ones serve until then.
            assert len(cells.state(ROWS * 3)["rows"]["cells"]) == index.snapshot().merged
            seen.add(id(cells))
            assert len(found(index, rows[0]).record_ids) == 10

    assert len(seen) == 2
    assert index.snapshot().merged == len(rows)
    assert recall(index) >= 0.95
    assert looks.rows


def test_a_new_row_is_found_before_and_after_it_is_merged(looks: Looks) -> None:
    index = merge(filled(VALUES))
    slots = list(range(ROWS, ROWS + 300))
    index.add(slots, [slot + 1 for slot in slots], as_vectors(QUERY_VALUES[:300]))

    waiting = [found(index, query).record_ids[0] for query in QUERY_VALUES[:20]]
    assert index.snapshot().merged == ROWS
    merge(index)
    stored = [found(index, query).record_ids[0] for query in QUERY_VALUES[:20]]

    assert index.snapshot().merged == ROWS + 300
    assert waiting == stored == [slot + 1 for slot in slots[:20]]
    assert len(looks.rows) == 40


def test_removed_rows_are_never_found_and_never_missed(looks: Looks) -> None:
    index = merge(filled(VALUES))
    removed = FILTERS["random half"] & (np.arange(ROWS) < ROWS / 2)
    for slot in np.flatnonzero(removed).tolist():
        index.remove(slot)

    for query in QUERY_VALUES[:QUERIES]:
        hits = found(index, query)
        assert len(hits.record_ids) == 10
        assert not removed[hits.slots].any()
    assert recall(index) >= 0.95
    assert looks.rows


def test_a_removed_row_does_not_cost_a_look_at_all_cells(
    looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = merge(filled(VALUES, max_edges=8))
    removed = np.random.default_rng(7).permutation(ROWS)[:2000]
    for slot in removed.tolist():
        index.remove(slot)
    counts: list[int] = []
    monkeypatch.setattr(Approach, "counts", lambda _, rows: counts.append(len(rows)))

    for query in QUERY_VALUES[:QUERIES]:
        assert not np.isin(found(index, query).slots, removed).any()

    # A quarter is dead, and as many living rows are looked at as if none were.
    assert 0.9 * 3200 < np.mean(looks.rows) < 1.1 * 3200
    assert counts == []


def test_where_a_whole_neighbourhood_is_gone_the_next_one_is_found() -> None:
    index = merge(filled(VALUES, max_edges=2))
    similar = VALUES @ QUERY_VALUES[0]
    for slot in np.argsort(-similar)[:1000].tolist():
        index.remove(slot)

    hits = found(index, QUERY_VALUES[0], k=20)

    assert len(hits.record_ids) == 20


def test_removing_and_compacting_in_the_middle_of_a_merge_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vector_index, "_STEP", 100)
    index = filled(VALUES)
    alive = np.ones(ROWS, np.bool_)
    random = np.random.default_rng(4)
    for turn in range(40):
        step = index.next_merge()
        assert step is not None
        for slot in random.choice(np.flatnonzero(alive), 90, replace=False).tolist():
            index.remove(slot)
            alive[slot] = False
        step.cells.add(step.rows)
        index.compact()
        index.accept(step)
        hits = found(index, QUERY_VALUES[turn], k=ROWS)
        assert set(hits.record_ids.tolist()) == set((np.flatnonzero(alive) + 1).tolist())
    merge(index)

    hits = exactly(index, QUERY_VALUES[0], k=ROWS)
    rows = VALUES[hits.record_ids - 1]
    expected = scores("float32", "cosine", QUERY_VALUES[0], rows, square_lengths(rows))
    assert hits.scores.tolist() == expected.tolist()
    assert len(hits.record_ids) == np.count_nonzero(alive)
    assert index.snapshot().cells is not None
    assert recall(index) >= 0.9


def test_a_snapshot_does_not_see_what_the_cells_take_in_later() -> None:
    index = merge(filled(VALUES))
    snapshot = index.snapshot()
    index.add(
        [ROWS + i for i in range(5000)],
        [10_000 + i for i in range(5000)],
        as_vectors(np.tile(QUERY_VALUES[0], (5000, 1))),
    )
    merge(index)

    hits = nearest_approximately(snapshot, index.field, Vector("float32", QUERY_VALUES[0]), 10, 100)

    assert hits.record_ids.max() <= ROWS
    assert len(hits.record_ids) == 10
    assert (snapshot.values == VALUES).all()


def test_rows_that_come_after_a_snapshot_do_not_crowd_out_those_in_it() -> None:
    index = merge(filled(VALUES, max_edges=2))
    snapshot = index.snapshot()
    slots = np.arange(ROWS, ROWS + 3000)
    index.add_rows(slots, slots, np.tile(QUERY_VALUES[0], (len(slots), 1)))
    merge(index)

    query = Vector("float32", QUERY_VALUES[0])
    hits = nearest_approximately(snapshot, index.field, query, 100, 100)

    assert len(hits.record_ids) == 100
    assert hits.slots.max() < ROWS


@pytest.mark.parametrize("tightness", [1e-3, 1e-4, 1e-5])
@pytest.mark.parametrize("similarity", ["cosine", "dotProduct", "euclidean"])
def test_nearly_equal_rows_are_told_apart(similarity: Similarity, tightness: float) -> None:
    # Fewer than ten that may be found are nearly equal, so the tenth is far away.
    centres = VALUES[np.random.default_rng(1).integers(1000, size=20_000)]
    noise = np.random.default_rng(2).standard_normal((20_000, DIMENSIONS))
    near = centres + tightness / np.sqrt(DIMENSIONS) * noise
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    index = merge(filled(near.astype(np.float32), similarity))
    allowed = np.random.default_rng(3).random(20_000) < 0.3

    for query in near[:30].astype(np.float32):
        right, near_ones = exactly(index, query, allowed), found(index, query, allowed)
        assert near_ones.scores.tolist() == right.scores.tolist()


def test_rows_far_from_the_origin_are_told_apart() -> None:
    far = np.float32(100) + np.float32(0.05) * VALUES
    index = merge(filled(far, "euclidean"))
    allowed = FILTERS["random half"]

    assert index.snapshot().cells is not None
    for query in far[:QUERIES]:
        right = exactly(index, query, allowed)
        assert found(index, query, allowed).scores.tolist() == right.scores.tolist()


@pytest.mark.parametrize("scale", [1e-14, 1e13])
@pytest.mark.parametrize("similarity", ["cosine", "dotProduct", "euclidean"])
def test_extreme_lengths_have_cells(similarity: Similarity, scale: float, looks: Looks) -> None:
    index = merge(filled(VALUES * np.float32(scale), similarity))

    hits = found(index, VALUES[7] * np.float32(scale), FILTERS["random half"] | (CLUSTER < 40))

    assert len(hits.record_ids) == 10
    assert looks.rows
    if similarity == "cosine" or scale > 1:
        assert hits.record_ids[0] == 8


@pytest.mark.parametrize("similarity", ["cosine", "dotProduct", "euclidean"])
def test_what_seems_near_is_compared_where_lengths_are_uneven(similarity: Similarity) -> None:
    # Rows of nearly one direction, whose lengths decide as much as their directions do.
    random = np.random.default_rng(8)
    near = VALUES[0] + 0.01 * random.standard_normal((ROWS, DIMENSIONS))
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    lengths = np.sqrt(1 + random.uniform(-0.0009, 0.0009, (ROWS, 1)))
    index = merge(filled((near * lengths).astype(np.float32), similarity))
    assert index.snapshot().cells is not None
    query = Vector("float32", VALUES[0])

    hits = nearest_approximately(index.snapshot(), index.field, query, 10, ROWS)

    assert hits.record_ids.tolist() == exactly(index, query.values).record_ids.tolist()


def test_vectors_of_different_lengths_are_searched_by_their_directions(looks: Looks) -> None:
    lengths = np.random.default_rng(5).uniform(0.5, 2, (ROWS, 1)).astype(np.float32)
    index = merge(filled(VALUES * lengths, "cosine"))

    assert recall(index) >= 0.95
    assert recall(index, FILTERS["clusters 5 %"]) >= 0.95
    assert looks.rows


def test_products_of_vectors_of_different_lengths_are_searched_exactly() -> None:
    lengths = np.random.default_rng(5).uniform(0.5, 2, (ROWS, 1)).astype(np.float32)
    index = merge(filled(VALUES * lengths, "dotProduct"))

    assert index.snapshot().cells is None
    assert recall(index) == 1


def test_cells_are_given_up_when_a_longer_vector_comes() -> None:
    index = merge(filled(VALUES, "dotProduct"))
    assert index.snapshot().cells is not None

    index.add(list(range(ROWS, 2 * ROWS)), list(range(ROWS, 2 * ROWS)), as_vectors(3 * VALUES))
    merge(index)

    assert index.snapshot().cells is None
    assert recall(index) == 1


def test_extreme_queries_are_answered() -> None:
    index = merge(filled(VALUES, "euclidean"))

    hits = found(index, np.full(DIMENSIONS, 1e19, np.float32))

    assert len(hits.record_ids) == 10


VECTOR = {"type": "vector", "path": "v", "numDimensions": DIMENSIONS, "similarity": "cosine"}
DEFINITION = parse_definition(
    "vectorSearch", {"fields": [VECTOR, {"type": "filter", "path": "even"}]}
)


def change(record_id: int, values: Any) -> tuple[int, bytes]:
    """A document whose filter value can be told from its record id."""
    return record_id, bson.encode({"even": record_id % 2 == 0, "v": values.tolist()})


@pytest.fixture
def data() -> Iterator[SearchData]:
    data = SearchData(DEFINITION)
    data.apply([change(i + 1, one) for i, one in enumerate(VALUES)])
    yield data
    data.stop()
    data.wait_until_merged()


def criteria(num_candidates: int | None) -> VectorCriteria[Any]:
    return VectorCriteria(
        path="v",
        vector=Vector("float32", QUERY_VALUES[0]),
        limit=10,
        num_candidates=num_candidates,
        filter=None,
        parent_filter=None,
        wants_explain=False,
        return_stored_source=False,
        score_mode=None,
    )


def test_only_approximate_queries_ask_the_codes(data: SearchData, looks: Looks) -> None:
    data.wait_until_merged()

    search_with_mql(DEFINITION, data, criteria(None))
    assert looks.rows == []
    search_with_mql(DEFINITION, data, criteria(77))
    assert len(looks.rows) == 1


def test_cells_are_learnt_when_all_is_there_that_a_build_finds(looks: Looks) -> None:
    data = SearchData(DEFINITION)
    order = np.argsort(CLUSTER)  # as documents are that were inserted a folder at a time
    data.begin_filling(ROWS)
    data.apply([change(i + 1, VALUES[row]) for i, row in enumerate(order[:6000])])
    data.wait_until_merged()
    assert data.unmerged == 6000

    data.end_filling()
    data.apply([change(i + 6001, VALUES[row]) for i, row in enumerate(order[6000:])])
    data.wait_until_merged()
    assert data.unmerged == 0

    found = 0
    for query in QUERY_VALUES[:QUERIES]:
        vector = Vector("float32", query)
        near = data.nearest("v", vector, 10, candidates=50).record_ids
        found += len(set(near.tolist()) & set(data.nearest("v", vector, 10).record_ids.tolist()))
    assert found >= 0.9 * 10 * QUERIES
    assert looks.rows


class Traffic:
    """Writes to a searched index, and what queries saw that they should not have."""

    def __init__(self, data: SearchData) -> None:
        self.data = data
        self.failures: list[str] = []
        self.is_done = threading.Event()
        self.alive = set(range(1, ROWS + 1))

    def write(self) -> None:
        random = np.random.default_rng(6)
        for turn in range(120):
            chosen = (random.choice(ROWS, 100, replace=False) + 1).tolist()
            gone, replaced = chosen[:40], chosen[40:]
            self.alive = (self.alive - set(gone)) | set(replaced)
            changes: list[tuple[int, bytes | None]] = [(one, None) for one in gone]
            self.data.apply(changes + [change(one, QUERY_VALUES[one - turn]) for one in replaced])
        self.is_done.set()

    def query(self, seed: int) -> None:
        while not self.is_done.is_set():
            for is_even in (True, False):
                hits = self.found(QUERY_VALUES[seed], is_even)
                if len(hits.record_ids) != 20 or len(set(hits.record_ids.tolist())) != 20:
                    self.failures.append("documents were missing or came twice")
                if (np.diff(hits.scores) > 0).any():
                    self.failures.append("hits came out of order")
                if not ((hits.record_ids % 2 == 0) == is_even).all():
                    self.failures.append("a document came that the filter refuses")

    def found(self, values: Any, is_even: bool, k: int = 20) -> Hits:
        condition = read_mql_filter({"even": is_even}, "filter").condition
        query = Vector("float32", values)
        return self.data.nearest("v", query, k, condition, candidates=max(k, 60))


def test_queries_beside_writes_and_merges_see_whole_states(data: SearchData) -> None:
    traffic = Traffic(data)
    threads = [threading.Thread(target=traffic.write)]
    threads += [threading.Thread(target=traffic.query, args=(seed,)) for seed in range(2)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data.wait_until_merged()

    assert traffic.failures == []
    for is_even in (True, False):
        expected = {one for one in traffic.alive if (one % 2 == 0) == is_even}
        hits = traffic.found(QUERY_VALUES[0], is_even, k=ROWS)
        assert set(hits.record_ids.tolist()) == expected


def test_a_failing_build_leaves_the_index_answering(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(cells: InvertedFile, rows: Any) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(InvertedFile, "add", fail)
    data = SearchData(DEFINITION)
    data.apply([change(i + 1, one) for i, one in enumerate(VALUES)])
    data.wait_until_merged()

    hits = data.nearest("v", Vector("float32", VALUES[5]), 3, candidates=10)

    assert hits.record_ids[0] == 6
    assert "could not be built any further" in caplog.text
