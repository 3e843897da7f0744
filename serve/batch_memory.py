"""Memory that a batch has let go of goes back to the system, so that its peak is that of a part.

The C library keeps what is freed, in pieces, for later; over many parts, with threads, that adds
up. Elsewhere than with glibc nothing is done.
"""

import ctypes

_M_MMAP_THRESHOLD = -3
LARGE_BLOCK = 2**23
"""Blocks from so many bytes on are got from the system one by one, and go back when freed."""


def keep_large_blocks_apart() -> None:
    """Give large blocks back to the system when they are freed, however large they get.

    By itself glibc raises its bound whenever a larger block is freed (mallopt(3)).
    """
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    if change is not None:
        change(_M_MMAP_THRESHOLD, LARGE_BLOCK)
