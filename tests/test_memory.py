"""A process that serves keeps the memory that one request frees for the next one."""

import platform
import subprocess
import sys

import pytest

from app.config import PROJECT_ROOT

FAULTS = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from app.memory import keep_freed_memory

if "keep" in sys.argv:
    assert keep_freed_memory()
threads = [ThreadPoolExecutor(1) for _ in range(8)]

def take():
    parts = [np.ones(1 << 20, np.float32) for _ in range(6)]
    return len(parts)

def take_everywhere():
    for thread in threads:
        thread.submit(take).result()

take_everywhere()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
take_everywhere()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(*arguments: str) -> int:
    command = [sys.executable, "-c", FAULTS, *arguments]
    done = subprocess.run(
        command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no mallopt")
def test_what_one_thread_has_freed_the_next_one_takes_without_page_faults() -> None:
    pages = 8 * 6 * (1 << 22) // 4096

    assert page_faults("keep") < pages / 10
    assert page_faults() > pages / 10
