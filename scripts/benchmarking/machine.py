"""Where a run took place, without which its figures say little."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

BYTES_PER_GB = 1_000_000_000


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, memory, system, and how busy it was before the run."""
    pages, page_bytes = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor_name(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(pages * page_bytes / BYTES_PER_GB, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": sys.version.split()[0],
        "load_average_before": round(os.getloadavg()[0], 2),
    }


def package_versions(names: set[str]) -> dict[str, str | None]:
    """Return the version of each package, None where it is not installed."""
    return {name: _version(name) for name in sorted(names)}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
