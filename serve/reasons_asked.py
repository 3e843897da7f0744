"""For which leads reasons are asked, and reasons as a column of a table."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, Self

import numpy as np
import polars as pl

from features.errors import LeadcastError
from models.bundle import Bundle
from models.data import Floats, Integers, Matrix
from serve.reasons import GROUPS, Reasons, reasons_of

_REASON = pl.Struct(
    {
        "feature": pl.String(),
        "group": pl.String(),
        "contribution": pl.Float64(),
        "words": pl.String(),
    }
)
REASONS = pl.Struct(
    {
        "log_odds": pl.Float64(),
        "base": pl.Float64(),
        "groups": pl.Struct({group: pl.Float64() for group in GROUPS}),
        "calibrator": pl.Float64(),
        "up": pl.List(_REASON),
        "down": pl.List(_REASON),
        "others": pl.Float64(),
    }
)
"""The column ``reasons``: the fields of `serve.reasons.Reasons`; null where none are asked."""


@dataclass(frozen=True)
class ReasonsAsked:
    """For which leads reasons are wanted; they cost far more than scores.

    Parameters
    ----------
    which : {"none", "all", "cut", "top"}
        Nobody, everybody, the leads above the cut (of grade A), or those that score highest.
    top : int
        How many, where they are those that score highest.
    """

    which: Literal["none", "all", "cut", "top"] = "none"
    top: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a user wrote.

        Parameters
        ----------
        text : str
            ``"none"``, ``"all"``, ``"cut"`` or ``"top:200"``.

        Returns
        -------
        ReasonsAsked

        Raises
        ------
        LeadcastError
            If it is none of these.
        """
        if text in ("none", "all", "cut"):
            return cls(text)  # type: ignore[arg-type]
        name, _, number = text.partition(":")
        if name != "top" or not number.isascii() or not number.isdigit() or int(number) < 1:
            raise LeadcastError(
                f"reasons: found {text!r}; expected top:N (for the N leads that score highest), "
                "cut (those of grade A), all or none"
            )
        return cls("top", int(number))

    def __str__(self) -> str:
        return f"top:{self.top}" if self.which == "top" else self.which

    def rows(self, bundle: Bundle, probability: Floats) -> Integers:
        """Choose the leads to explain.

        Parameters
        ----------
        bundle : Bundle
            Knows where the cut is.
        probability : ndarray of float64, shape (n_rows,)

        Returns
        -------
        ndarray of int64
            Rows, ascending.
        """
        if self.which == "top":
            # Of equal ones the first, so that it is always so many.
            first = np.argsort(-probability, kind="stable")[: self.top]
            return np.sort(first).astype(np.int64)
        if self.which == "cut":
            return np.flatnonzero(probability >= bundle.reference.bounds[0])
        return np.arange(len(probability) if self.which == "all" else 0)


NO_REASONS = ReasonsAsked()


def reasons_column(bundle: Bundle, values: Matrix, rows: Integers) -> pl.Series:
    """Explain some rows of a table.

    Parameters
    ----------
    bundle : Bundle
    values : ndarray of float32, shape (n_rows, n_features)
        Of all rows.
    rows : ndarray of int64
        Those to explain.

    Returns
    -------
    pl.Series
        Of type `REASONS`, one for each row of `values`; null for the others.
    """
    column: list[dict[str, object] | None] = [None] * len(values)
    explained: Sequence[Reasons] = reasons_of(bundle, values[rows])
    for row, reasons in zip(rows.tolist(), explained, strict=True):
        column[row] = asdict(reasons)
    return pl.Series("reasons", column, dtype=REASONS)
