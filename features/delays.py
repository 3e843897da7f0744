"""How long conversions take: the share of leads that have become customers, by age, with its band.

References
----------
Pocock, S. J., Clayton, T. C., Altman, D. G. (2002). Survival plots of time-to-event outcomes in
clinical trials: good practice and pitfalls. Lancet 359, 1686-1689. (Where to end the curve.)

The share that an event has reached by each age, when another event may forestall it.

A lead that was lost can no longer be won, so that a loss is a competing event and not the end of
watching: taken as the latter (the plain Kaplan-Meier estimate), the curve would say what share
would be won if nobody were ever lost, which is always too much. The estimate here is Aalen and
Johansen's, which is one minus Kaplan and Meier's where no loss is recorded.

References
----------
Aalen, O., Johansen, S. (1978). An empirical transition matrix for non-homogeneous Markov chains
based on censored observations. Scandinavian Journal of Statistics 5, 141-150.

Marubini, E., Valsecchi, M. G. (1995). Analysing survival data from clinical trials and
observational studies. Wiley. (The variance, by the delta method; Greenwood's without losses.)
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.registry import DAY_US
from leadcast.features.tables import TIME, Tables, TimeOrder, moment_words

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

OPEN, WON, LOST = 0, 1, 2
"""How watching a lead ended: still open, won, lost."""

_Z_95 = 1.959963984540054


def count_endings(
    days: Floats, ending: Integers, entry_days: Floats | None = None
) -> tuple[Floats, Integers, Integers, Integers]:
    """Count wins, losses and leads at risk by age; with the ages from which leads were watched."""
    times, step = np.unique(days, return_inverse=True)
    won = np.bincount(step, weights=ending == WON, minlength=len(times)).astype(np.int64)
    lost = np.bincount(step, weights=ending == LOST, minlength=len(times)).astype(np.int64)
    gone = np.bincount(step, minlength=len(times)).cumsum()
    at_risk = len(days) - np.concatenate([[0], gone[:-1]])
    if entry_days is not None:
        # Whoever comes to be watched later, at that very age or after it, was not at risk before.
        at_risk = at_risk - (len(days) - np.searchsorted(np.sort(entry_days), times, side="left"))
    return times, won, lost, at_risk.astype(np.int64)


def incidence(won: Integers, lost: Integers, at_risk: Integers) -> tuple[Floats, Floats]:
    r"""Estimate the share won by each age, with its standard error.

    With :math:`S_i` the share still open just before age i, and w wins, d endings (wins and
    losses) among Y leads at risk there:

    .. math::

        F(t) = \sum_{i \le t} S_i w_i / Y_i, \quad
        Var F(t) = \sum_{i \le t} (F(t) - F_i)^2 \frac{d_i}{Y_i (Y_i - d_i)}
                 + S_i^2 \frac{(Y_i - w_i) w_i}{Y_i^3} - 2 (F(t) - F_i) S_i \frac{w_i}{Y_i^2}
    """
    ended, risk = (won + lost).astype(np.float64), at_risk.astype(np.float64)
    still_open = np.concatenate([[1.0], np.cumprod(1 - ended / risk)[:-1]])
    share = np.cumsum(still_open * won / risk)
    # Where everyone at risk ends, F stays as it is from there on and the term is 0.
    left = risk - ended
    first = np.divide(ended, risk * left, out=np.zeros_like(risk), where=left > 0)
    second = still_open**2 * (risk - won) * won / risk**3
    third = still_open * won / risk**2
    # The squares are multiplied out, so that each sum is one pass for every t at once.
    variance = share**2 * first.cumsum() - 2 * share * (first * share).cumsum()
    variance += (first * share**2).cumsum() + second.cumsum()
    variance -= 2 * (share * third.cumsum() - (third * share).cumsum())
    return np.minimum(share, 1.0), np.sqrt(np.maximum(variance, 0.0))


def band(share: Floats, error: Floats) -> tuple[Floats, Floats]:
    """Draw a 95 % band around a curve of shares, point by point.

    Symmetric on the scale :math:`log(-log(1 - F))`, which keeps both ends between 0 and 1.
    """
    # A sum of shares may miss 1 by a rounding.
    inside = (share > 0) & (share < 1 - 1e-9)
    lasting = np.where(inside, 1 - share, 0.5)
    width = np.where(inside, _Z_95 * error / (-lasting * np.log(lasting)), 0.0)
    width = np.minimum(width, 30.0)
    low, high = 1 - lasting ** np.exp(-width), 1 - lasting ** np.exp(width)
    return np.where(inside, low, share), np.where(inside, high, share)


_FOLLOWED_SHARE = 0.1


@dataclass(frozen=True)
class DelayCurve:
    """The share of leads won by each age, in a step at each win.

    Parameters
    ----------
    days : ndarray of float64, shape (n_steps,)
        Ages in days, increasing; the first is 0 or the first win, the last the longest watched.
    share : ndarray of float64, shape (n_steps,)
        Share of leads won by that age (cumulative incidence).
    low, high : ndarray of float64, shape (n_steps,)
        95 % band, point by point.
    at_risk : ndarray of int64, shape (n_steps,)
        Leads that were open and watched just before that age.
    follow_up_days : ndarray of float64, shape (n_leads,)
        How old each lead is, or would be, when the export ends; increasing.
    n_won, n_lost : int
        Leads seen to be won, and to be lost.
    note : str
        A sentence on the leads that the curve leaves out, if it leaves out any.
    """

    days: Floats
    share: Floats
    low: Floats
    high: Floats
    at_risk: Integers
    follow_up_days: Floats
    n_won: int
    n_lost: int
    note: str = ""

    @classmethod
    def from_durations(
        cls,
        days: Floats,
        ending: Integers,
        follow_up_days: Floats,
        entry_days: Floats | None = None,
    ) -> Self:
        """Estimate the curve from how long each lead was watched, and how that ended.

        All have shape (n_leads,): ages in days at which leads were won, lost or last seen open,
        `OPEN`, `WON` or `LOST`, how old each is, or would be, when the export ends, and with
        delayed entry the age after which each was watched (negative: from its creation on).
        """
        if not (ending == WON).any():
            raise LeadcastError(
                f"there is no delay to measure: none of {len(days)} leads was seen to be won; "
                "check how the source definition maps the outcome"
            )
        times, won, lost, at_risk = count_endings(days, ending, entry_days)
        share, error = incidence(won, lost, at_risk)
        low, high = band(share, error)
        steps = won > 0
        steps[[0, -1]] = True
        shown = (times[steps], share[steps], low[steps], high[steps], at_risk[steps])
        return cls(*shown, np.sort(follow_up_days), int(won.sum()), int(lost.sum()))

    def frame(self) -> pl.DataFrame:
        """Give the curve as a table.

        Returns
        -------
        pl.DataFrame
            ``days``, ``share``, ``low``, ``high`` (Float64) and ``at_risk`` (Int64); from age 0.
        """
        table = {name: getattr(self, name) for name in ("days", "share", "low", "high", "at_risk")}
        frame = pl.DataFrame(table)
        if self.days[0] == 0:
            return frame
        return pl.concat(
            [frame.head(1).with_columns(days=0.0, share=0.0, low=0.0, high=0.0), frame]
        )

    @property
    def reference_days(self) -> float:
        """Where the curve is taken to end: the age in days that a tenth of the leads could reach.

        Beyond it so few leads are watched that a single win would bend the curve.
        """
        return float(np.quantile(self.follow_up_days, 1 - _FOLLOWED_SHARE))

    def share_won(self, days: float) -> float:
        """Read the share of leads won by an age in days; 0 before the first win."""
        step = int(np.searchsorted(self.days, days, side="right")) - 1
        return float(self.share[step]) if step >= 0 else 0.0

    def caught_by(self, horizon_days: float) -> float:
        """Give the share of conversions that a horizon covers, of those by `reference_days`.

        Conversions that take longer than the curve reaches are unknown, so that this is at most
        what it says.

        Parameters
        ----------
        horizon_days : float
            A horizon that begins when the lead is created.

        Returns
        -------
        float
            Between 0 and 1; 0 where nobody is won by `reference_days`.
        """
        reference = self.share_won(self.reference_days)
        return min(1.0, self.share_won(horizon_days) / reference) if reference > 0 else 0.0

    def days_until(self, caught: float) -> float:
        """Tell the age in days by which a share of those won by `reference_days` is won."""
        wanted = caught * self.share_won(self.reference_days)
        # A hair less, because the share may be a quotient that rounding has put above its step.
        step = int(np.searchsorted(self.share, wanted * (1 - 1e-12)))
        return float(self.days[min(step, len(self.days) - 1)])

    def words(self, horizon_days: float) -> str:
        """Say in a sentence or two how long conversions take, and what a horizon misses.

        Parameters
        ----------
        horizon_days : float
            The horizon of the labels.

        Returns
        -------
        str
        """
        missed = 1 - self.caught_by(horizon_days)
        return (
            f"Half of the conversions come within {self.days_until(0.5):.3g} days of creation, "
            f"nine in ten within {self.days_until(0.9):.3g}. A horizon of {horizon_days:g} days "
            f"misses {missed:.0%} of those won within {self.reference_days:.0f} days, which is as "
            "long as a tenth of the leads can be watched." + (f" {self.note}" if self.note else "")
        )


def delay_curve(tables: Tables) -> DelayCurve:
    """Estimate the delay curve of a source from the dates of creation, win and loss.

    A lead that is neither won nor lost by `observed_until` was watched until then, and so was one
    whose end is dated later. Where outcomes were recorded from a later day than leads, leads from
    before are left out, or with delayed entry watched from that day on.

    Parameters
    ----------
    tables : Tables
        Canonical tables of a dated source whose outcomes have dates.

    Returns
    -------
    DelayCurve

    Raises
    ------
    LeadcastError
        If the source has no dates of creation or of wins, or no lead was won.
    """
    if tables.time_order is not TimeOrder.DATED or tables.observed_until is None:
        raise LeadcastError(
            "there is no delay to measure: the source does not say when leads were created, "
            "or until when its outcomes are known; if the export does, map "
            "tables.leads.columns.created_at and set observed_until in the source's definition"
        )
    if tables.outcomes["won_at"].null_count() == tables.outcomes.height:
        raise LeadcastError(
            "there is no delay to measure: no win has a date; map it in tables.outcomes of the "
            "source's definition (form: dates or events), if there are won leads"
        )
    watched = _watched(tables)
    columns = ["days", "ending", "follow_up_days"]
    if tables.outcomes_from is not None and tables.delayed_entry:
        columns.append("entry_days")
    curve = DelayCurve.from_durations(*(watched[name].to_numpy() for name in columns))
    return replace(curve, note=_late_words(tables))


def _late_words(tables: Tables) -> str:
    if tables.outcomes_from is None:
        return ""
    fate = "are watched from then on" if tables.delayed_entry else "are left out"
    begin = moment_words(tables.outcomes_from)
    return f"Outcomes were recorded from {begin} on; leads from before {fate}."


def _watched(tables: Tables) -> pl.DataFrame:
    until = pl.lit(tables.observed_until, dtype=TIME)
    first_end = pl.min_horizontal("won_at", "lost_at")
    ended = first_end <= until
    leads = tables.leads.lazy().select("lead_id", "created_at").drop_nulls()
    begin = pl.lit(tables.outcomes_from, dtype=TIME)
    watched = pl.lit(value=True)
    if tables.outcomes_from is not None:
        last_seen = pl.when(ended).then(first_end).otherwise(until)
        watched = last_seen > begin if tables.delayed_entry else pl.col("created_at") >= begin
    return (
        leads.join(tables.outcomes.lazy(), on="lead_id", how="left")
        .filter(pl.col("created_at") <= until, watched)
        .select(
            days=_days_since_creation(pl.when(ended).then(first_end).otherwise(until)),
            ending=pl.when(ended & (pl.col("won_at") == first_end))
            .then(WON)
            .when(ended)
            .then(LOST)
            .otherwise(OPEN)
            .cast(pl.Int64),
            follow_up_days=_days_since_creation(until),
            # From its creation on: an end on the first day counts.
            entry_days=pl.when(pl.col("created_at") < begin)
            .then(_days_since_creation(begin))
            .otherwise(-1.0),
        )
        .collect()
    )


def _days_since_creation(moment: pl.Expr) -> pl.Expr:
    elapsed = moment.dt.epoch("us") - pl.col("created_at").dt.epoch("us")
    return elapsed.clip(lower_bound=0) / DAY_US
