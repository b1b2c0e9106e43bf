import numpy as np

from scripts.benchmarking.contest import Contestant
from scripts.benchmarking.measuring import Replies
from scripts.benchmarking.questions import CategoryIn, PriceBelow, Question
from scripts.benchmarking.report import as_markdown, system_figures
from scripts.benchmarking.session import Footprint

QUERIES = np.zeros((1, 4), np.float32)
ANSWER = (frozenset(range(10)),)
QUESTIONS = [
    Question("unfiltered", 1.0, None, QUERIES, ANSWER),
    Question("filtered", 0.005, PriceBelow(0.005), QUERIES, ANSWER),
    Question("filtered_clusters", 0.9, CategoryIn(90), QUERIES, ANSWER),
]
FOUND = {"queries": 1, "short_answers": 0}


def contestant(**changes) -> Contestant:
    """A system that found ten, nine and five of ten, in 1, 2 and 3 ms."""
    answers = {"unfiltered": (1.0, 10), "filtered 0.005": (2.0, 9), "filtered_clusters 0.9": (3, 5)}
    replies = {}
    for name, (latency_ms, count) in answers.items():
        replies[name] = Replies([0], [float(latency_ms)], [list(range(count))])
    known = {
        "worker": None,
        "build_s": 12.345,
        "setting": {"ef": 40},
        "queries_per_s": [100.0, 300.0, 200.0],
        "footprint": Footprint(400.04, 222.22),
    }
    return Contestant(**{**known, "replies": replies, **changes})


def test_a_systems_figures_have_the_shape_that_readers_of_the_json_rely_on():
    assert system_figures(contestant(), QUESTIONS) == {
        "setting": {"ef": 40},
        "build_s": 12.35,
        "qps_4_clients": 200.0,
        "rss_mb": 400.0,
        "disk_mb": 222.2,
        "p50_ms": 1.0,
        "p95_ms": 1.0,
        "recall_at_10": 1.0,
        "filtered": {
            "0.005": {
                **FOUND,
                "p50_ms": 2.0,
                "p95_ms": 2.0,
                "recall_at_10": 0.9,
                "short_answers": 1,
            }
        },
        "filtered_clusters": {
            "0.9": {**FOUND, "p50_ms": 3.0, "p95_ms": 3.0, "recall_at_10": 0.5, "short_answers": 1}
        },
        **FOUND,
    }


def test_a_system_that_failed_has_its_reason_instead_of_figures():
    failed = contestant(failure="It took over 900 s.")

    assert system_figures(failed, QUESTIONS) == {"unavailable": "It took over 900 s."}


def test_the_table_has_a_column_for_each_system_and_the_reasons_of_the_others_below():
    report = {
        "vectors": 100_000,
        "dimensions": 512,
        "hnsw_m16_ef64_recall": 0.91,
        "machine": {"cores": 2, "processor": "Z80", "memory_gb": 8.0, "python": "3.11.0"},
        "systems": {
            "local_atlas": system_figures(contestant(), QUESTIONS),
            "chroma": system_figures(contestant(failure="It is not here."), QUESTIONS),
            "numpy_exact": system_figures(contestant(setting={}), QUESTIONS),
        },
        "local_atlas_exact_p50_ms": 7.5,
        "numpy_product_p50_ms": None,
        "upserts_per_s": {"bindata": 12_345, "array": 5000},
        "restart_s": 0.5,
    }

    lines = as_markdown(report).splitlines()

    assert lines[0] == (
        "100,000 vectors of 512 dimensions, 2 cores of Z80, 8 GB of memory, Python 3.11.0."
    )
    assert "recall@10 of 0.91 at ef 64" in lines[1]
    assert "|  | local_atlas | numpy_exact |" in lines
    assert "| setting | ef 40 | exact |" in lines
    assert "| p50, ms | 1.0 | 1.0 |" in lines
    assert (
        "| p50, ms (recall@10), a filter keeps 0.5 % of the items | 2.0 (0.9) | 2.0 (0.9) |"
        in lines
    )
    assert (
        "| p50, ms (recall@10), a filter keeps 90 % of the clusters | 3.0 (0.5) | 3.0 (0.5) |"
        in lines
    )
    assert "| answers with fewer hits than there are | 2 | 2 |" in lines
    assert "chroma is not measured: It is not here." in lines
    assert "| upserts a second, BinData | 12,345 |" in lines
    assert not any("matrix product" in line for line in lines)
