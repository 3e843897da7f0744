"""Memory that a batch has let go of goes back to the system, so that its peak is that of a part.

The C library keeps what is freed, in pieces, for later; over many parts, with threads, that adds
up. Elsewhere than with glibc these functions do nothing.
"""

import ctypes
from typing import Any

_M_MMAP_THRESHOLD = -3
LARGE_BLOCK = 2**20
"""Blocks from so many bytes on are got from the system one by one, and go back when freed."""


def keep_large_blocks_apart() -> None:
    """Give large blocks back to the system when they are freed, however large they get.

    By itself glibc raises its bound whenever a larger block is freed (mallopt(3)).
    """
    change = _of_libc("mallopt")
    if change is not None:
        change(_M_MMAP_THRESHOLD, LARGE_BLOCK)


def give_back() -> None:
    """Give back what is free between blocks that are in use (malloc_trim(3))."""
    trim = _of_libc("malloc_trim")
    if trim is not None:
        trim(ctypes.c_size_t(0))


def _of_libc(name: str) -> Any:  # noqa: ANN401 - a C function, or None
    return getattr(ctypes.CDLL(None), name, None)
