"""The compiler of the loops, in one place and typed."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba

_BLAS = "scipy.linalg.cython_blas"
if _BLAS not in sys.modules:
    # When it first compiles or loads, numba imports all of SciPy's linear algebra, only to know
    # whether `np.cov` may be compiled; that takes longer than to score ten leads. What needs it in
    # earnest, such as a product of matrices, asks again and finds it.
    sys.modules[_BLAS] = None  # type: ignore[assignment]
    import numba.np.arraymath

    del sys.modules[_BLAS]

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


def is_kept(function: Callable[..., object]) -> bool:
    """Tell whether the compiled code of a loop is on disk already, and newer than its text.

    Parameters
    ----------
    function : callable
        As `compiled` gives it.

    Returns
    -------
    bool
        False where the next call will compile it.
    """
    text = Path(function.__code__.co_filename)
    folder = Path(function.stats.cache_path)  # type: ignore[attr-defined]
    kept = folder.glob(f"{text.stem}.{function.__qualname__}-*.nbi")
    return any(one.stat().st_mtime >= text.stat().st_mtime for one in kept)
