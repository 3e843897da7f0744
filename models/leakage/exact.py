"""What a column tells where only few leads have one of the outcomes, without any approximation.

Shares and intervals mean little among eight winners. Whether chance could put them apart can still
be counted: of all the ways to choose eight of 2,000 leads, so many have all of them at one end. How
many ends, values and columns were looked at is counted in (Bonferroni).

A column that is told apart from chance may yet be honest, and merely strong. So it is also compared
with the strongest honest column: one whose scores are normal in both outcomes and that ranks with
an AUC of `HONEST_AUC`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.models.data import Floats

FEW = 100
"""With fewer leads of either outcome, columns are looked at exactly as well."""
FEWEST = 3
"""With fewer, even a perfect separation says little: it is told, and stops nothing."""
HONEST_AUC = 0.85
"""More than any honest column: the strongest that this project knows of have 0.76."""
MOST_LEVELS = 30
"""A number with at most so many values is also read as a category."""

FILLED = "have it filled in"
NOT_ZERO = "have a number that is not zero"
Severity = Literal["error", "warning"]
"""An error fails the run."""
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """A part of the leads, chosen by a column, in which one outcome stands out."""

    where: str
    """Which part, as a predicate of leads: ``"have it filled in"``."""
    rare: int
    """How many leads with the rarer outcome are in the part."""
    of_rare: int
    """Of so many."""
    others: int
    """How many leads with the other outcome are in it."""
    of_others: int
    """Of so many."""
    log_chance: float
    """Natural logarithm of the probability that chance makes such a part, for this column."""
    kind: str
    """``"filled"``, ``"zero"``, ``"value"`` or ``"threshold"``: what the part is chosen by."""

    @property
    def auc(self) -> float:
        """How the part alone ranks leads."""
        return (1 + self.rare / self.of_rare - self.others / self.of_others) / 2

    @property
    def is_near_perfect(self) -> bool:
        """Whether it holds nearly all leads of the one outcome and hardly any of the other."""
        return self.rare >= 0.9 * self.of_rare and self.others <= 0.05 * self.of_others

    @property
    def is_perfect(self) -> bool:
        """Whether it holds all leads of the one outcome and none of the other."""
        return self.rare == self.of_rare and self.others == 0

    @property
    def is_one_sided(self) -> bool:
        """Whether hardly any lead of the other outcome is in it, and many of the one are."""
        mostly = self.rare >= 10 * self.others and self.rare >= 2
        return mostly and self.rare >= 0.2 * self.of_rare

    @property
    def leaves_out(self) -> bool:
        """Whether being filled in is what none of the one outcome and many of the other are."""
        some = self.others <= 0.8 * self.of_others
        return self.kind == "filled" and self.rare == self.of_rare and some

    @property
    def is_telling(self) -> bool:
        """Whether it is worth a word, if chance does not explain it."""
        return self.is_near_perfect or self.is_one_sided or self.leaves_out

    def sureness(self, columns: int) -> Severity | None:
        """Judge it, given how many columns were looked at: ``"error"``, ``"warning"`` or None.

        Parameters
        ----------
        columns : int
            So many columns might each have shown such a part by chance.

        Returns
        -------
        str or None
        """
        if not self.is_telling:
            return None
        log_chance = self.log_chance + np.log(max(columns, 1))
        if log_chance > np.log(0.05) or self._log_honest() > np.log(0.05):
            return None
        # Four of four leads may be a small segment that buys half of the time; five are not.
        whole = self.is_near_perfect or self.leaves_out
        enough = self.of_rare >= FEWEST and (whole or self.rare >= 5)
        sure = log_chance <= np.log(0.001) and self._log_honest() <= np.log(0.005)
        return "error" if enough and sure else "warning"

    def words(self, rare_words: str) -> str:
        """Say it: ``"8 of 8 won leads and 3 of 2,000 others have it filled in"``."""
        return (
            f"{self.rare:,} of {self.of_rare:,} {rare_words} leads and {self.others:,} of "
            f"{self.of_others:,} others {self.where}"
        )

    def _log_honest(self) -> float:
        from scipy.special import ndtr, ndtri
        from scipy.stats import binom

        # One lead more than there is, because none of 300 does not mean none of a million.
        share = (self.others + 1) / (self.of_others + 1)
        reached = ndtr(ndtri(share) + np.sqrt(2) * ndtri(HONEST_AUC))
        ends = self.of_rare if self.kind == "threshold" else 1
        return float(binom.logsf(self.rare - 1, self.of_rare, reached) + np.log(ends))


def best_split(values: pl.Series, rare: Flags) -> Split | None:
    """Find the part of the leads, chosen by a column, that chance explains least.

    Parameters
    ----------
    values : pl.Series
        The column, a value for each lead; NaN and null are missing.
    rare : ndarray of bool
        Which leads have the rarer outcome.

    Returns
    -------
    Split or None
        None where the column is the same for all leads. Splits that `Split.sureness` has
        something to say of come before others.
    """
    found = sorted(splits(values, rare), key=lambda split: split.log_chance)
    telling = [split for split in found if split.is_telling]
    return next(iter([*telling, *found]), None)


def splits(values: pl.Series, rare: Flags) -> Iterator[Split]:
    """List the best parts of each kind."""
    if values.dtype.is_float():
        values = values.fill_nan(None)
    filled = values.is_not_null().to_numpy()
    yield from _by_flag(filled, FILLED, "have it empty", rare, "filled")
    if values.dtype.is_numeric():
        some = (values != 0).fill_null(value=False).to_numpy()
        yield from _by_flag(some, NOT_ZERO, "have none of it", rare, "zero")
    if values.dtype.is_numeric() or values.dtype.is_temporal():
        yield from _by_threshold(values, rare)
        if values.n_unique() <= MOST_LEVELS:
            yield from _by_level(_shown(values), rare, "value")
    elif values.dtype != pl.Null:
        yield from _by_level(_shown(values), rare, "value")


def splits_by_part(counts: pl.DataFrame, rare: Flags, where: str) -> Iterator[tuple[Split, str]]:
    """List parts that are counted already, of however many, but for those of one rare lead.

    Parameters
    ----------
    counts : pl.DataFrame
        A row a part: its name, ``all`` and ``rare`` (how many leads it holds).
    rare : ndarray of bool
        Which leads have the rarer outcome.
    where : str
        As in `Split`.

    Yields
    ------
    tuple of Split and str
        The part and its name; that there were so many is in its chance.
    """
    of_rare, of_others = int(rare.sum()), int((~rare).sum())
    held = counts.filter(pl.col("rare") >= min(2, of_rare))
    k = held["rare"].cast(pl.Float64).to_numpy()
    m = held["all"].cast(pl.Float64).to_numpy() - k
    log_chance = log_of_chance(k, of_rare, m, of_others) + np.log(max(counts.height, 1))
    for i, name in enumerate(held[:, 0]):
        yield _split(where, (k, m, log_chance), i, rare, "value"), name


def log_of_chance(rare: Floats, of_rare: int, others: Floats, of_others: int) -> Floats:
    """Tell how probable it is that at least so many of the rare leads are in parts of that size.

    Parameters
    ----------
    rare, others : ndarray of float64, shape (n_parts,)
        How many leads of each outcome each part holds.
    of_rare, of_others : int
        How many there are.

    Returns
    -------
    ndarray of float64, shape (n_parts,)
        Natural logarithms of the hypergeometric distribution's upper tail.
    """
    from scipy.special import logsumexp

    size = (rare + others)[:, None]
    more = np.arange(of_rare + 1, dtype=np.float64)[None, :]
    possible = (more >= rare[:, None]) & (more <= size) & (size - more <= of_others)
    ways = _log_choose(of_rare, more) + _log_choose(of_others, np.where(possible, size - more, 0.0))
    tail = logsumexp(np.where(possible, ways, -np.inf), axis=1)
    log_chance: Floats = np.minimum(tail - _log_choose(of_rare + of_others, size[:, 0]), 0.0)
    return log_chance


def _log_choose(n: float, k: Floats) -> Floats:
    from scipy.special import gammaln

    inside = np.clip(k, 0, n)
    ways: Floats = gammaln(n + 1) - gammaln(inside + 1) - gammaln(n - inside + 1)
    return ways


def _by_flag(flags: Flags, yes: str, no: str, rare: Flags, kind: str) -> Iterator[Split]:
    # There are many columns: their flags are counted without a table.
    of_yes, all_yes = int(np.count_nonzero(rare & flags)), int(np.count_nonzero(flags))
    both = [
        (yes, of_yes, all_yes),
        (no, int(np.count_nonzero(rare)) - of_yes, len(flags) - all_yes),
    ]
    yield from _by_counts([one for one in both if one[2]], rare, kind)


def _by_level(levels: pl.Series, rare: Flags, kind: str) -> Iterator[Split]:
    counts = (
        pl.DataFrame({"level": levels, "rare": rare})
        .group_by("level")
        .agg(rare=pl.col("rare").sum(), all=pl.len())
    )
    yield from _by_counts(counts.rows(), rare, kind)


def _by_counts(counts: Sequence[tuple[str, int, int]], rare: Flags, kind: str) -> Iterator[Split]:
    # The levels with the largest share of rare leads come first; each first few of them are a
    # part. So many sets of as many levels could have been chosen, which chance must be given.
    in_order = sorted(counts, key=lambda one: (-one[1] / one[2], -one[2], one[0]))
    n, of_rare = len(in_order), int(rare.sum())
    if n < 2 or not of_rare:
        return
    # Levels without rare leads add nothing.
    first = [one for one in in_order if one[1] > 0][: n - 1]
    k = np.cumsum([one[1] for one in first], dtype=np.float64)
    m = np.cumsum([one[2] for one in first], dtype=np.float64) - k
    chosen = np.arange(1, len(k) + 1, dtype=np.float64)
    tries = _log_choose(n, chosen) + np.log(n - 1) + np.log(4)
    log_chance = log_of_chance(k, of_rare, m, len(rare) - of_rare) + tries
    best = int(np.argmin(log_chance))
    names = [one[0] for one in first[: best + 1]]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} others" if len(names) > 3 else "")
    where = f"have {shown}" if kind == "value" else shown
    yield _split(where, (k, m, log_chance), best, rare, kind)


def _by_threshold(values: pl.Series, rare: Flags) -> Iterator[Split]:
    known = values.is_not_null().to_numpy()
    numbers = values.to_physical().cast(pl.Float64).fill_null(0.0).to_numpy()
    of_rare = int(rare.sum())
    ends = np.unique(numbers[rare & known])
    if not len(ends):
        return
    for sign, word in ((1, "or more"), (-1, "or less")):
        k = _beyond(numbers[rare & known], ends, sign)
        m = _beyond(numbers[~rare & known], ends, sign)
        log_chance = log_of_chance(k, of_rare, m, len(rare) - of_rare)
        log_chance = log_chance + np.log(2 * of_rare) + np.log(4)
        best = int(np.argmin(log_chance))
        end = _in_words(values.filter(pl.Series(known & (numbers == ends[best])))[0])
        yield _split(f"have {end} {word}", (k, m, log_chance), best, rare, "threshold")


def _beyond(numbers: Floats, ends: Floats, sign: int) -> Floats:
    in_order = np.sort(sign * numbers)
    return (len(numbers) - np.searchsorted(in_order, sign * ends, side="left")).astype(np.float64)


def _split(
    where: str, found: tuple[Floats, Floats, Floats], best: int, rare: Flags, kind: str
) -> Split:
    k, m, log_chance = (float(each[best]) for each in found)
    of_rare = int(rare.sum())
    return Split(where, int(k), of_rare, int(m), len(rare) - of_rare, log_chance, kind)


def _shown(values: pl.Series) -> pl.Series:
    if values.dtype.is_numeric():
        names = {value: _in_words(value) for value in values.unique()}
        return values.replace_strict(names, return_dtype=pl.String).fill_null("nothing")
    texts = pl.DataFrame({"text": values.cast(pl.String)})
    quoted = pl.concat_str(pl.lit("'"), "text", pl.lit("'"))
    return texts.select(quoted.fill_null("nothing")).to_series()


def _in_words(value: object) -> str:
    return f"{value:,.6g}" if isinstance(value, float) else str(value)
