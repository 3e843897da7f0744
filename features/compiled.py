"""The compiler of the loops, in one place and typed."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compile a loop over arrays to machine code; the result is kept on disk between runs.

    Parameters
    ----------
    function : callable
        A function over NumPy arrays and numbers, in numba's nopython subset.

    Returns
    -------
    callable
        The compiled function, with the same signature; it releases the interpreter's lock.
    """
    return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))
