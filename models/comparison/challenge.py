"""Challenger against champion on the same snapshots: no worse, by margins that are told.

Non-inferiority (Piaggio et al. 2012, JAMA 308, CONSORT for noninferiority trials): the challenger
passes where the interval of what it loses lies below the margin, so that a small test does not pass
for want of evidence. Both are judged on the same rows, so that only their difference varies, and
rows of a lead or an account count as one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.models.choice.backtest import NORMAL_95, paired_error, row_log_loss
from leadcast.models.comparison.compared_rows import COLUMNS, Capacities, Compared
from leadcast.models.comparison.lists import Segments, WeeklyList
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.logistic import log_odds_of


@dataclass(frozen=True)
class Gap:
    """What the challenger loses, with its interval; below 0 it wins.

    Parameters
    ----------
    value, low, high : float
        With the 95 % interval's ends.
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, error: float) -> "Gap":
        """Put an interval around a value, by its standard error."""
        return cls(value, value - NORMAL_95 * error, value + NORMAL_95 * error)

    def to_json(self) -> dict[str, float]:
        """Give the numbers as plain data."""
        return asdict(self)

    def words(self, form: str = "{:.4f}", unit: str = "") -> str:
        """Tell it for a person: what is gained or lost, with the interval.

        Parameters
        ----------
        form : str
            How a number is written.
        unit : str
            What it is of; stands behind the number.

        Returns
        -------
        str

        Examples
        --------
        >>> Gap(-0.0178, -0.0236, -0.0120).words()
        'gains 0.0178 (95 %: gains 0.0120 to 0.0236)'
        >>> Gap(0.001, -0.002, 0.004).words(unit=" nats")
        'loses 0.0010 nats (95 %: between gaining 0.0020 and losing 0.0040)'
        """
        value, best, worst = (form.format(abs(one)) for one in (self.value, self.low, self.high))
        nothing = form.format(0.0)
        is_gain = self.value < 0
        head = f"{'gains' if is_gain else 'loses'} {value}{unit}"
        if value == nothing:
            head = "neither gains nor loses"
        if best == worst == nothing:
            return head
        if self.low < 0 < self.high:
            return f"{head} (95 %: between gaining {best} and losing {worst})"
        ends = f"gains {worst} to {best}" if self.high <= 0 else f"loses {best} to {worst}"
        return f"{head} (95 %: {ends})"


@dataclass(frozen=True)
class Condition:
    """One condition of the gate, and what was found.

    Parameters
    ----------
    name : str
        What it is about.
    passed : bool
        Whether it holds.
    words : str
        What was found, what the bound is, and by how much it was missed.
    """

    name: str
    passed: bool
    words: str

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Challenged:
    """Snapshots with their outcomes, and what both models say of them.

    Parameters
    ----------
    rows : pl.DataFrame
        ``lead_id``, ``as_of``, ``landmark_days``, ``position``, ``converted`` and ``group``, as a
        run's test part has them.
    challenger, champion : ndarray of float64, shape (n_rows,)
        Probabilities.
    """

    rows: pl.DataFrame
    challenger: Floats
    champion: Floats

    @property
    def converted(self) -> Floats:
        """1.0 for a conversion, else 0.0, shape (n_rows,)."""
        return np.asarray(self.rows["converted"].cast(pl.Float64).to_numpy(), dtype=np.float64)

    @property
    def group(self) -> Integers:
        """The lead or account of each row, as a code, shape (n_rows,)."""
        return np.asarray(self.rows["group"].to_numpy(), dtype=np.int64)

    def log_loss(self) -> Gap:
        """Measure by how much the challenger's log loss is above the champion's, in nats."""
        lost = self._lost()
        return Gap.of(float(lost.mean()), paired_error(lost, self.group))

    def _lost(self) -> Floats:
        own, other = (
            row_log_loss(log_odds_of(one), self.converted)
            for one in (self.challenger, self.champion)
        )
        return own - other

    def by_segment(
        self, segments: Mapping[str, npt.NDArray[np.str_]], fewest: int
    ) -> Iterator[tuple[str, str, int, Gap]]:
        """Measure the log loss likewise within each segment of enough leads.

        The intervals are widened for how many segments are looked at (Bonferroni), so that one of
        many is not found worse by chance.

        Parameters
        ----------
        segments : mapping of str to ndarray of str, shape (n_rows,)
            Each attribute's value by row.
        fewest : int
            So many leads a segment needs.

        Yields
        ------
        tuple of (str, str, int, Gap)
            Attribute, value, leads and gap.
        """
        found = [
            (name, str(value), values == value)
            for name, values in segments.items()
            for value in np.unique(values)
        ]
        held = [one for one in found if len(np.unique(self.group[one[2]])) >= max(fewest, 2)]
        lost, wider = self._lost(), _bonferroni(len(held))
        for name, value, mask in held:
            error = wider * paired_error(lost[mask], self.group[mask])
            n_leads = len(np.unique(self.group[mask]))
            yield name, value, n_leads, Gap.of(float(lost[mask].mean()), error)

    def reached(
        self, calls_per_week: float | None, landmark_days: float | None
    ) -> tuple[Gap, float, float]:
        """Measure which share of its customers the champion's weekly lists reach and ours do not.

        Parameters
        ----------
        calls_per_week : float or None
            What sales can call; None for a fifth of a mean week's leads.
        landmark_days : float or None
            At which age a lead stands on a list; None for the youngest.

        Returns
        -------
        gap : Gap
            As a share of the customers that the champion reaches; linearised at the cut, as
            `leadcast.models.comparison.lists` does. Infinite where the champion reaches none.
        champion, challenger : float
            Customers reached.
        """
        listed, capacities = self._listed(calls_per_week, landmark_days)
        converted, group = listed.floats("converted"), listed.group
        other, own = (
            _reach(listed, listed.floats(name), capacities) for name in ("points", "probability")
        )
        reaches = float((other.called * converted).sum())
        if reaches == 0:
            return Gap(0.0, 0.0, 0.0), 0.0, float((own.called * converted).sum())
        moved = other.influence(converted) - own.influence(converted)
        value = float(((other.called - own.called) * converted).sum()) / reaches
        error = paired_error(moved, group) * len(moved) / reaches
        return Gap.of(value, error), reaches, float((own.called * converted).sum())

    def _listed(
        self, calls_per_week: float | None, landmark_days: float | None
    ) -> tuple[Compared, Capacities]:
        scored = self.rows.with_columns(
            probability=pl.Series(self.challenger), points=pl.Series(self.champion)
        )
        absent = [pl.lit(None).alias(name) for name in COLUMNS if name not in scored.columns]
        listed = Compared.of(scored.with_columns(absent), (), landmark_days).on_list
        return listed, listed.capacities(calls_per_week).only_team

    def overlap(
        self, calls_per_week: float | None, landmark_days: float | None
    ) -> tuple[float, float]:
        """Count the calls of the champion's lists, and how many of them are on ours as well."""
        listed, capacities = self._listed(calls_per_week, landmark_days)
        other, own = (
            _reach(listed, listed.floats(name), capacities).called
            for name in ("points", "probability")
        )
        return float(other.sum()), float(np.minimum(other, own).sum())


@dataclass(frozen=True)
class _Reach:
    """Whom a ranking calls, and what one call more would reach."""

    called: Floats
    at_cut: float

    def influence(self, converted: Floats) -> Floats:
        return self.called * (converted - self.at_cut)


def _reach(listed: Compared, value: Floats, capacities: Capacities) -> _Reach:
    ranked = WeeklyList.of(value, listed.week)
    nothing = Segments.none(len(value))
    at_cut = ranked.at_cut(listed.floats("converted"), capacities.calls, nothing, 0)
    return _Reach(ranked.called(capacities.team), float(at_cut.customers[0]))


def _bonferroni(looks: int) -> float:
    # Only for those who ask, as it is slow to import.
    from scipy.special import ndtri

    return -float(ndtri(0.025 / max(looks, 1))) / NORMAL_95
