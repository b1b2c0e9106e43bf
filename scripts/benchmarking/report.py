"""The figures of a run as a dictionary for JSON, and as tables in Markdown."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from scripts.benchmarking.contest import Contestant
from scripts.benchmarking.measuring import figures
from scripts.benchmarking.questions import Question

_KINDS = ("filtered", "filtered_clusters")
_TABLE = (
    ("p50, ms", "p50_ms"),
    ("p95, ms", "p95_ms"),
    ("recall@10", "recall_at_10"),
    ("queries/s, 4 clients", "qps_4_clients"),
    ("peak memory, MB", "rss_mb"),
    ("disk, MB", "disk_mb"),
    ("build, s", "build_s"),
)


def system_figures(contestant: Contestant, questions: Sequence[Question]) -> dict[str, Any]:
    """Return what one system did, or why it is not known."""
    if contestant.failure is not None:
        return {"unavailable": contestant.failure}
    assert contestant.footprint is not None
    report: dict[str, Any] = {
        "setting": dict(contestant.setting),
        "build_s": round(contestant.build_s, 2),
        "qps_4_clients": round(statistics.median(contestant.queries_per_s), 1),
        "rss_mb": round(contestant.footprint.rss_mb, 1),
        "disk_mb": round(contestant.footprint.disk_mb, 1),
    }
    report.update({kind: {} for kind in _KINDS})
    for question in questions:
        found = figures(contestant.replies[question.name], question)
        if question.condition is None:
            report.update(found)
        else:
            report[question.kind][f"{question.share:g}"] = found
    return report


def as_markdown(report: Mapping[str, Any]) -> str:
    """Return a report as tables, one column for each system."""
    machine = report["machine"]
    systems: dict[str, Any] = report["systems"]
    lines = [
        f"{report['vectors']:,} vectors of {report['dimensions']} dimensions, "
        f"{machine['cores']} cores of {machine['processor']}, "
        f"{machine['memory_gb']:g} GB of memory, Python {machine['python']}.",
        *_hardness(report["hnsw_m16_ef64_recall"]),
        "",
    ]
    measured = {name: one for name, one in systems.items() if "unavailable" not in one}
    lines += _table(measured)
    lines += [
        f"\n{name} is not measured: {one['unavailable']}"
        for name, one in systems.items()
        if "unavailable" in one
    ]
    if "local_atlas" in measured:
        lines += ["", *_own_figures(report)]
    return "\n".join(lines)


def _hardness(recall: float | None) -> list[str]:
    if recall is None:
        return []
    return [
        f"In these vectors, FAISS's plain HNSW with M = 16 has a recall@10 of {recall} at ef 64."
    ]


def _table(systems: Mapping[str, Any]) -> list[str]:
    rows = [["", *systems], ["setting", *(_setting(one["setting"]) for one in systems.values())]]
    rows += [[label, *(f"{one[key]:,}" for one in systems.values())] for label, key in _TABLE]
    for kind in _KINDS:
        shares = {share for one in systems.values() for share in one[kind]}
        for share in sorted(shares, key=float, reverse=True):
            cells = [_filtered(one[kind][share]) for one in systems.values()]
            of = "the items" if kind == "filtered" else "the clusters"
            kept = f"{float(share) * 100:g} % of {of}"
            rows.append([f"p50, ms (recall@10), a filter keeps {kept}", *cells])
    rows.append(["answers with fewer hits than there are", *map(_short, systems.values())])
    text = [f"| {' | '.join(row)} |" for row in rows]
    return [text[0], "|---" * len(rows[0]) + "|", *text[1:]]


def _setting(setting: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in setting.items()) or "exact"


def _filtered(found: Mapping[str, Any]) -> str:
    return f"{found['p50_ms']:,} ({found['recall_at_10']:g})"


def _short(figures: Mapping[str, Any]) -> str:
    filtered = [found for kind in _KINDS for found in figures[kind].values()]
    return str(figures["short_answers"] + sum(found["short_answers"] for found in filtered))


def _own_figures(report: Mapping[str, Any]) -> list[str]:
    upserts = report["upserts_per_s"]
    lines = [
        ("p50 with `exact: true`, ms", report["local_atlas_exact_p50_ms"]),
        ("p50 of numpy's matrix product alone, ms", report["numpy_product_p50_ms"]),
        ("upserts a second, BinData", upserts["bindata"]),
        ("upserts a second, arrays", upserts["array"]),
        ("restart to the first right answer, s", report["restart_s"]),
    ]
    rows = [f"| {label} | {value:,} |" for label, value in lines if value is not None]
    return ["| LocalAtlas | |", "|---|---|", *rows]
