"""What the operating system knows of a process and of a folder."""

import os
import time
from pathlib import Path

_IDLE_LOOK_S = 0.2
_IDLE_LOOKS = 4
# The share of a core that a server with nothing to do may use for its own housekeeping.
_IDLE_SHARE = 0.1

BYTES_PER_MB = 1_000_000


def wait_until_idle(process_id: int) -> None:
    """Wait until a process has used next to no processor time for some looks."""
    idle_looks = 0
    before_s = _processor_s(process_id)
    while idle_looks < _IDLE_LOOKS:
        time.sleep(_IDLE_LOOK_S)
        now_s = _processor_s(process_id)
        idle_looks = idle_looks + 1 if now_s - before_s < _IDLE_SHARE * _IDLE_LOOK_S else 0
        before_s = now_s


def peak_memory_mb(process_id: int) -> float:
    """Return the largest resident memory that a process ever had (VmHWM of Linux)."""
    return _status_mb(process_id, "VmHWM")


def memory_mb(process_id: int) -> float:
    """Return the resident memory of a process (VmRSS of Linux)."""
    return _status_mb(process_id, "VmRSS")


def folder_size_mb(folder: Path) -> float:
    """Return what the files below a folder take up on the disk."""
    blocks = sum(path.stat().st_blocks for path in folder.rglob("*") if path.is_file())
    return blocks * 512 / BYTES_PER_MB


def written_mb(process_id: int) -> float:
    """Return what a process has had written to disks so far (write_bytes of Linux)."""
    for line in Path(f"/proc/{process_id}/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1]) / BYTES_PER_MB
    raise OSError(f"/proc/{process_id}/io has no line write_bytes; expected one on Linux.")


def _status_mb(process_id: int, name: str) -> float:
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / BYTES_PER_MB
    raise OSError(f"/proc/{process_id}/status has no line {name}; expected one on Linux.")


def _processor_s(process_id: int) -> float:
    # The second field is the program's name in parentheses and may hold spaces.
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
