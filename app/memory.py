"""How much of the memory that was freed a process keeps for what comes next.

A forward pass takes and frees tens of megabytes in blocks that glibc gives back to the system at
once, and takes anew, page by page, for the next picture: 2,300 page faults that made a pass of
21 ms one of 25. Each thread has an arena of its own besides, so that what one has freed is of no
use to the next one that comes to run a pass.
https://man7.org/linux/man-pages/man3/mallopt.3.html
"""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8

# glibc takes no larger threshold. Larger blocks, as of whole pictures, are given back as before.
_KEPT_BLOCK_BYTES = 32 * 1024 * 1024
_KEPT_BYTES = 128 * 1024 * 1024
_ARENAS = 2


def keep_freed_memory() -> bool:
    """Let this process keep some freed memory; to be called before it has threads.

    Returns:
        Whether that was possible: False where the C library is not glibc.
    """
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    options = {
        _MMAP_THRESHOLD: _KEPT_BLOCK_BYTES,
        _TRIM_THRESHOLD: _KEPT_BYTES,
        _ARENA_MAX: _ARENAS,
    }
    taken = [set_option(name, value) == 1 for name, value in options.items()]
    return all(taken)
