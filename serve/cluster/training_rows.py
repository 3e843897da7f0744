"""Training rows on a Dask cluster: which there are, and who learns from which."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from models.data import Integers

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""The golden ratio's share of 2**64: its multiples are spread evenly (Knuth 1973, 6.4)."""


@dataclass(frozen=True)
class Share:
    """Some of the rows, evenly spread among all.

    Parameters
    ----------
    number, of : int
        Which share, of how many.
    """

    number: int
    of: int

    def holds(self, numbers: Integers) -> npt.NDArray[np.bool_]:
        """Tell which rows are in the share; each is in one.

        Parameters
        ----------
        numbers : ndarray of int64, shape (n,)
            The rows' numbers in the matrix.

        Returns
        -------
        ndarray of bool, shape (n,)
        """
        # Not every so-and-so-many-th, since a lead may have just so many snapshots.
        spread = (numbers.astype(np.uint64) * GOLDEN) >> np.uint64(32)
        return np.asarray((spread * np.uint64(self.of)) >> np.uint64(32) == self.number)


@dataclass(frozen=True)
class Learned:
    """Which rows are learned from.

    Parameters
    ----------
    numbers : ndarray of int64, shape (n,)
        Of the rows in the matrix, ascending.
    span : ndarray of int64, shape (2,)
        The first and the last position.
    group : pl.Series, shape (n,)
        Who hangs together.
    """

    numbers: Integers
    span: Integers
    group: pl.Series

    def leads_per_row(self, share: Share) -> float:
        """Tell how many groups there are for each row of a share.

        Parameters
        ----------
        share : Share

        Returns
        -------
        float
        """
        own = self.group.filter(pl.Series(share.holds(self.numbers)))
        return own.n_unique() / len(own)


@dataclass(frozen=True)
class Rows:
    """All training rows, in files that all workers see.

    Parameters
    ----------
    matrix : Path
        Parquet, a float32 column a feature.
    labels : Path
        Parquet, a row for each of the matrix: ``learned`` (Boolean: whether it is a training row),
        ``position`` (Int64), ``converted`` (Float64) and ``group`` (who hangs together).
    """

    matrix: Path
    labels: Path

    @property
    def statistics(self) -> Path:
        """Where `write_statistics` puts what the categories of each row have come to.

        Returns
        -------
        Path
            Parquet, a row for each of the matrix and a float32 column a category.
        """
        return self.labels.with_name("statistics.parquet")

    def learned(self) -> Learned:
        """Read which rows are learned from.

        Returns
        -------
        Learned
        """
        table = pl.scan_parquet(self.labels).with_row_index("row").filter("learned")
        found = table.select(pl.col("row").cast(pl.Int64), "position", "group").collect()
        position = found["position"].to_numpy()
        span = np.array([position.min(), position.max()])
        return Learned(found["row"].to_numpy(), span, found["group"])

    def block(self, first: int, count: int, share: Share, *, statistics: bool) -> pl.DataFrame:
        """Read the training rows of a share among some rows of the matrix, labels and all.

        Parameters
        ----------
        first, count : int
        share : Share
        statistics : bool
            Whether the categories' statistics stand behind the features.

        Returns
        -------
        pl.DataFrame
        """
        files = (self.matrix, *([self.statistics] if statistics else []), self.labels)
        slices = (pl.scan_parquet(path).slice(first, count) for path in files)
        table = pl.concat([part.collect() for part in slices], how="horizontal")
        own = pl.Series(share.holds(np.arange(first, first + len(table))))
        return table.filter(pl.col("learned") & own)
