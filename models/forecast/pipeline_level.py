"""How far past pipelines missed, and what that says of the level of the one that is open now.

Three levels are read off the weeks that are over, none of which the model has seen:

- customers: how many came for each that was expected, week by week, as a level that moves
  (`moving_level`); by age of the leads and by how many weeks ahead, what differs from it;
- whom: whether leads of large amounts are won as often, beside those of small ones, as was said (a
  partial likelihood as of Cox's regression, within origin and age);
- amounts: what customers brought for each that their mean amounts told, as a level that moves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from leadcast.models.data import Flags, Floats, Integers
from leadcast.models.forecast.moving_level import MovingLevel, counted, paid

AGES = ("young", "older", "old")
"""Kinds of open leads, by age: as old as the model was tested at, up to a horizon older, older."""
PRIOR = 4.0
"""What sets an age or weeks further ahead apart is drawn to nothing as by so many customers."""
BAND_PRIOR = 16.0
"""Weeks further ahead are believed as far off as nearer ones as if so many customers said it."""
RECENT_WEEKS = 26
"""The level of the pipeline is read off so many weeks before."""
WEEK_BANDS = (1, 4, 8)
"""The level is read off apart for the next week, those up to the fourth, the eighth, and later."""
SPREAD = 0.4
"""How far the level may be off before any week was seen, in logarithms; and beside it:"""
USUAL_DRIFT = 0.15
"""how far that of a stretch to come differs from earlier ones, where no origin told."""
STEPS = {0.0: 0.2, 0.02: 0.15, 0.05: 0.2, 0.1: 0.25, 0.2: 0.2}
"""How likely the level takes steps of each size from week to week (in logarithms)."""
WEEKLIES = {0.0: 0.3, 0.1: 0.25, 0.2: 0.25, 0.4: 0.2}
"""How likely single weeks differ so much beyond it."""
AMOUNT_SPREAD = 0.15
"""How far the level of amounts may be off before any was seen, beyond the error of its fit."""
AMOUNT_STEPS = {0.0: 0.4, 0.02: 0.25, 0.05: 0.2, 0.1: 0.15}
"""As `STEPS`, of amounts."""
TILT = 0.2
"""How far leads of large amounts may be won more often than said, in a standard deviation of their
amounts' logarithms."""
_FARTHEST, _TURNS = 3.0, 12


@dataclass(frozen=True)
class OpenLeads:
    """The leads that are open at a moment.

    Parameters
    ----------
    within : ndarray of float64, shape (n, n_weeks)
        The probability to be a customer by the end of each week; below 1, never falling.
    amount : ndarray of float64, shape (n,)
        The mean amount if won; NaN where nothing is told of amounts.
    is_known : ndarray of float64, shape (n,)
        1 where the amount is known and is no prediction.
    age : ndarray of int64, shape (n,)
        The place in `AGES`.
    """

    within: Floats
    amount: Floats
    is_known: Floats
    age: Integers

    @property
    def n_weeks(self) -> int:
        """How many weeks are looked at."""
        return int(self.within.shape[1])

    @property
    def hazard(self) -> Floats:
        """What is added in each week to the cumulative hazard, shape (n, n_weeks)."""
        cumulative = -np.log1p(-self.within)
        return np.diff(cumulative, axis=1, prepend=0.0)

    def expected(self) -> Floats:
        """Give the customers that are expected in each week, by age; shape (3, n_weeks)."""
        by_week = np.diff(self.within, axis=1, prepend=0.0)
        return np.stack([by_week[self.age == place].sum(axis=0) for place in range(len(AGES))])


@dataclass(frozen=True)
class PastOrigin:
    """A past moment, and what its open leads brought since.

    Parameters
    ----------
    leads : OpenLeads
        As they stood then, told by a model that had not seen what came.
    won_in : ndarray of int64, shape (n,)
        The week in which each was won, from 0; -1 where it was not in the weeks that are known.
    amount : ndarray of float64, shape (n,)
        Of those that were won; NaN where not known.
    known_weeks : int
        How many whole weeks after it are known.
    """

    leads: OpenLeads
    won_in: Integers
    amount: Floats
    known_weeks: int

    def came(self) -> tuple[Floats, Floats]:
        """Give customers and revenue by week, each of shape (known weeks,)."""
        weeks = min(self.known_weeks, self.leads.n_weeks)
        mine = (self.won_in >= 0) & (self.won_in < weeks)
        week = self.won_in[mine]
        money = np.nan_to_num(self.amount[mine])
        return (
            np.bincount(week, minlength=weeks).astype(np.float64),
            np.bincount(week, money, weeks).astype(np.float64),
        )

    def by_age(self) -> Floats:
        """Give the customers of each week by age, shape (3, n_weeks); 0 in weeks not known."""
        found = np.zeros((len(AGES), self.leads.n_weeks))
        weeks = min(self.known_weeks, self.leads.n_weeks)
        mine = (self.won_in >= 0) & (self.won_in < weeks)
        np.add.at(found, (self.leads.age[mine], self.won_in[mine]), 1.0)
        return found


@dataclass(frozen=True)
class PastWeeks:
    """What was expected of past pipelines week by week, and what came.

    Parameters
    ----------
    expected, came : ndarray of float64, shape (n_past, 3, n_weeks)
        Customers of each past origin, by age and by how many weeks ahead. The origins are a week
        apart, in time's order.
    """

    expected: Floats
    came: Floats

    @classmethod
    def of(cls, past: Sequence[PastOrigin]) -> "PastWeeks":
        """Count those of past origins."""
        said = np.stack([one.leads.expected() for one in past])
        return cls(said, np.stack([one.by_age() for one in past]))

    def known_at(self, place: int) -> Flags:
        """Tell which weeks were over when an origin began, shape (n_past, n_weeks)."""
        n_past, _, n_weeks = self.expected.shape
        ends = np.arange(n_past)[:, None] + np.arange(1, n_weeks + 1)[None, :]
        recent = np.arange(n_past)[:, None] >= place - RECENT_WEEKS
        return (ends <= place) & recent


@dataclass(frozen=True)
class Pace:
    """What sets single weeks ahead apart from others of their band; the band's customers stay.

    Parameters
    ----------
    factor, error, share : ndarray of float64, shape (n_weeks,)
        By how much their hazards are moved, the standard error of the logarithm, and which share of
        the customers is expected in each.
    """

    factor: Floats
    error: Floats
    share: Floats

    @classmethod
    def of(cls, past: PastWeeks, known: Flags, expected: Floats) -> "Pace":
        """Read it off.

        Parameters
        ----------
        past : PastWeeks
        known : ndarray of bool, shape (n_past, n_weeks)
        expected : ndarray of float64, shape (n_past, 3, n_weeks)
            The customers of past origins, at the level of their weeks, ages and bands.

        Returns
        -------
        Pace
        """
        share = past.expected.sum(axis=(0, 1)) + 1e-9
        share /= share.sum()
        said, seen = ((one.sum(axis=1) * known).sum(axis=0) for one in (expected, past.came))
        factor, error = np.ones(len(share)), np.zeros(len(share))
        for first, last in _bands(len(share)):
            if last - first > 1:
                own = (seen[first:last] + BAND_PRIOR) / (said[first:last] + BAND_PRIOR)
                factor[first:last] = own / np.average(own, weights=share[first:last])
                error[first:last] = 1 / np.sqrt(seen[first:last] + BAND_PRIOR)
        return cls(factor, error, share)

    def draw(self, draws: int, random: np.random.Generator) -> Floats:
        """Draw what is added to the logarithms, shape (draws, n_weeks)."""
        apart = self.error * random.standard_normal((draws, len(self.error)))
        weight = self.share * (self.error > 0)
        if not weight.any():
            return apart
        return np.where(self.error > 0, apart - (apart @ weight / weight.sum())[:, None], 0.0)

    def at(self, place: Integers) -> "Pace":
        """Take some weeks."""
        return Pace(*(one[place] for one in (self.factor, self.error, self.share)))


@dataclass(frozen=True)
class PipelineLevel:
    """How far the level of the pipeline's probabilities is off, by its own past weeks.

    Parameters
    ----------
    moving : MovingLevel
        Of the pipeline as a whole, at the moment.
    relative : ndarray of float64, shape (3, n_weeks)
        By age and by how many weeks ahead: how many customers came for each that was expected at
        the level of their week, drawn to that of all ages, of nearer weeks, and to 1.
    age_error : ndarray of float64, shape (3, n_weeks)
        The standard error of what sets an age apart, in logarithms.
    age_share : ndarray of float64, shape (3, n_weeks)
        What share of the expected customers is of each age.
    ahead_error : ndarray of float64, shape (n_weeks,)
        The standard error of what sets weeks further ahead apart from the next.
    pace : Pace
        What sets single weeks of the same band apart; its factor is in `relative`.
    weeks : int
        How many past weeks it was read off.
    """

    moving: MovingLevel
    relative: Floats
    age_error: Floats
    age_share: Floats
    ahead_error: Floats
    pace: Pace
    weeks: int

    @classmethod
    def of(cls, past: PastWeeks, place: int, drift: float = USUAL_DRIFT) -> "PipelineLevel":
        """Read it off the weeks that were over at an origin.

        Parameters
        ----------
        past : PastWeeks
        place : int
            The number of the origin; one more than the last for now.
        drift : float
            How far the level of a stretch to come differs from that of earlier ones, as a standard
            deviation of logarithms.

        Returns
        -------
        PipelineLevel
        """
        moving, at_week = _moved_through(past, place, drift)
        known = past.known_at(place)
        n_past, n_weeks = known.shape
        # What was expected, at the level of the week in which it was to come.
        target = np.arange(n_past)[:, None] + np.arange(n_weeks)[None, :]
        levelled = at_week[np.minimum(target, len(at_week) - 1)] if place else np.ones(known.shape)
        expected = past.expected * levelled[:, None, :]
        relative, ahead = np.ones((len(AGES), n_weeks)), np.zeros(n_weeks)
        age_error, age_share, before = relative.copy(), relative / len(AGES), 1.0
        for first, last in _bands(n_weeks):
            own = known[:, None, first:last]
            # A customer is counted at each origin from which its week lies in the band.
            share = 1 / (last - first)
            said = (expected[:, :, first:last] * own).sum(axis=(0, 2)) * share
            seen = (past.came[:, :, first:last] * own).sum(axis=(0, 2)) * share
            # As far as was told by then, of the weeks of the origin itself as well.
            all_said = past.expected[: place + 1, :, first:last].sum(axis=(0, 2)) + 1e-9
            age_share[:, first:last] = (all_said / all_said.sum())[:, None]
            # The level of all ages is drawn to that of the weeks before. Of the next week it is the
            # moving level's own: the same few customers must not tell it twice.
            if first:
                before = float((seen.sum() + BAND_PRIOR * before) / (said.sum() + BAND_PRIOR))
                ahead[first:last] = 1 / np.sqrt(seen.sum() + BAND_PRIOR)
            # Ages are set apart around it, and together leave it as it is.
            apart = (seen + PRIOR * before) / (said + PRIOR)
            apart *= before / float(apart @ age_share[:, first])
            relative[:, first:last] = apart[:, None]
            age_error[:, first:last] = (1 / np.sqrt(seen + PRIOR))[:, None]
        pace = Pace.of(past, known, expected * relative)
        relative, weeks = relative * pace.factor, int(known[:, 0].sum())
        return cls(moving, relative, age_error, age_share, ahead, pace, weeks)

    @property
    def factor(self) -> Floats:
        """By how much hazards are moved in the mean, by age and week; shape (3, n_weeks)."""
        return self.moving.mean * self.relative

    def draw(self, draws: int, random: np.random.Generator) -> Floats:
        """Draw by how much hazards are moved, by age and week; shape (draws, 3, n_weeks)."""
        n_weeks = self.relative.shape[1]
        level, weekly = self.moving.draw(draws, n_weeks, random)
        # One draw an age: what is off for the next week is likely off for the later ones, too.
        apart = self.age_error * random.standard_normal((draws, len(AGES), 1))
        # That of all ages together is the moving level's own.
        apart -= (apart * self.age_share).sum(axis=1, keepdims=True)
        ahead = self.ahead_error * random.standard_normal((draws, 1)) - self.ahead_error**2 / 2
        ahead = ahead + self.pace.draw(draws, random)
        moved = (level + weekly + ahead)[:, None, :] + apart
        return np.asarray(self.relative * np.exp(moved))

    def for_weeks(self, n_weeks: int) -> "PipelineLevel":
        """Tell the same for fewer or more weeks; beyond the last, its level stays."""
        place = np.minimum(np.arange(n_weeks), self.relative.shape[1] - 1)
        return replace(
            self,
            relative=self.relative[:, place],
            age_error=self.age_error[:, place],
            age_share=self.age_share[:, place],
            ahead_error=self.ahead_error[place],
            pace=self.pace.at(place),
        )

    def for_model(self, tested: OpenLeads, other: OpenLeads) -> "PipelineLevel":
        """Apply it to another model than the one whose past weeks it was read off.

        Parameters
        ----------
        tested, other : OpenLeads
            The same leads, as each model tells them.

        Returns
        -------
        PipelineLevel
            With which the other expects as many customers of each age as the tested one does.
        """
        said, says = (one.expected().sum(axis=1) for one in (tested, other))
        moved = (said + PRIOR) / (says + PRIOR)
        return replace(self, relative=self.relative * moved[:, None])

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        by_age = dict(zip(AGES, self.factor.tolist(), strict=True))
        told = {"drift": self.moving.step, "weekly": self.moving.weekly, "weeks": self.weeks}
        return {"factor": by_age, **told}


def _moved_through(past: PastWeeks, place: int, drift: float) -> tuple[MovingLevel, Floats]:
    """Follow the level through the weeks before an origin; give it, and its mean in each week."""
    moving = MovingLevel.before(float(np.hypot(SPREAD, drift)), STEPS, WEEKLIES)
    said, seen = past.expected[:place, :, 0].sum(axis=1), past.came[:place, :, 0].sum(axis=1)
    means = []
    for expected, came in zip(said, seen, strict=True):
        moving = moving.moved().after(counted(expected, came, moving.weeklies))
        means.append(moving.mean)
    return moving, np.array(means)


def _bands(n_weeks: int) -> list[tuple[int, int]]:
    """Part the weeks ahead, the next ones finer."""
    ends = [end for end in WEEK_BANDS if end < n_weeks]
    return list(zip([0, *ends], [*ends, n_weeks], strict=True))


@dataclass(frozen=True)
class MoneyDoubt:
    """How far amounts lie from what is told of them.

    Parameters
    ----------
    ratios : ndarray of float64, shape (n,)
        Logarithms of amounts over their means, evenly likely.
    error : float
        The standard error of the logarithm of all means together, by their fit.
    """

    ratios: Floats
    error: float

    @property
    def variance(self) -> float:
        """The squared coefficient of variation of an amount around its mean."""
        ratio = np.exp(self.ratios)
        return float(ratio.var() / ratio.mean() ** 2)


@dataclass(frozen=True)
class RevenueLevel:
    """Who is won, small or large, and how far the level of amounts is off.

    Parameters
    ----------
    doubt : MoneyDoubt
    moving : MovingLevel
        Of amounts, at the moment.
    tilt, tilt_error : float
        By how much the logarithm of a lead's hazard is moved for each standard deviation of the
        amount's logarithm, and its standard error.
    centre, scale : float
        The mean and the standard deviation of the amounts' logarithms, as customers are expected.
    other : float
        What is added to the amounts' logarithms where another model than the tested one tells them.
    """

    doubt: MoneyDoubt
    moving: MovingLevel = field(
        default_factory=lambda: MovingLevel.before(0.0, {0.0: 1.0}, {0.0: 1.0})
    )
    tilt: float = 0.0
    tilt_error: float = 0.0
    centre: float = 0.0
    scale: float = 1.0
    other: float = 0.0

    @classmethod
    def of(
        cls, past: Sequence[PastOrigin], place: int, doubt: MoneyDoubt, leads: OpenLeads
    ) -> "RevenueLevel":
        """Read it off the weeks that were over at an origin.

        Parameters
        ----------
        past : sequence of PastOrigin
        place : int
            The number of the origin; one more than the last for now.
        doubt : MoneyDoubt
        leads : OpenLeads
            Of that origin.

        Returns
        -------
        RevenueLevel
        """
        weight = leads.within[:, -1] * (leads.amount > 0)
        bare = cls(doubt)
        if weight.sum() > 0:
            logarithm = np.log(np.where(leads.amount > 0, leads.amount, 1.0))
            centre = float(np.average(logarithm, weights=weight))
            scale = float(np.sqrt(np.average((logarithm - centre) ** 2, weights=weight)))
            bare = replace(bare, centre=centre, scale=scale)
        recent = past[max(0, place - RECENT_WEEKS) : place]
        tilt, error = _tilt(bare, recent)
        moving = _amounts_moved(doubt, past[:place])
        return replace(bare, tilt=tilt, tilt_error=error, moving=moving)

    def for_model(self, tested: OpenLeads, other: OpenLeads) -> "RevenueLevel":
        """Apply it to another model's amounts; see `PipelineLevel.for_model`."""
        chance = tested.within[:, -1] * (tested.is_known == 0)
        said, says = (float(chance @ np.nan_to_num(one.amount)) for one in (tested, other))
        if not (said > 0 and says > 0):
            return self
        return replace(self, other=float(np.log(said / says)))

    def prices(self, draws: int, n_weeks: int, random: np.random.Generator) -> Floats:
        """Draw what is added to the amounts' logarithms in each week, shape (draws, n_weeks)."""
        level, _ = self.moving.draw(draws, n_weeks, random)
        return self.other + level

    def size(self, leads: OpenLeads) -> Floats:
        """Place amounts on a scale of standard deviations; 0 where all are alike; shape (n,)."""
        if self.scale < 1e-6:
            return np.zeros(len(leads.amount))
        logarithm = np.log(np.maximum(leads.amount, np.finfo(np.float64).tiny))
        return np.clip((logarithm - self.centre) / self.scale, -_FARTHEST, _FARTHEST)


def _amounts_moved(doubt: MoneyDoubt, past: Sequence[PastOrigin]) -> MovingLevel:
    """Follow the level of amounts through past weeks, by the customers of each."""
    moving = MovingLevel.before(float(np.hypot(doubt.error, AMOUNT_SPREAD)), AMOUNT_STEPS, {0.0: 1})
    variance = max(doubt.variance, 0.01)
    for one in past:
        moving = moving.moved()
        mine = (one.won_in == 0) & (one.amount > 0) & (one.leads.is_known == 0)
        said = one.leads.amount[mine]
        if said.sum() > 0:
            shape = float(said.sum() ** 2 / (variance * (said**2).sum()))
            moving = moving.after(paid(float(said.sum()), float(one.amount[mine].sum()), shape))
    return moving


def _tilt(level: RevenueLevel, past: Sequence[PastOrigin]) -> tuple[float, float]:
    """Maximise the partial likelihood, which is concave, by Newton's method; normal prior."""
    parts = []
    for one in past:
        hazard, size, won = one.leads.hazard[:, 0], level.size(one.leads), one.won_in == 0
        for place in range(len(AGES)):
            mine = one.leads.age == place
            if won[mine].any() and hazard[mine].sum() > 0:
                parts.append((hazard[mine], size[mine], size[mine & won]))
    tilt, curved = 0.0, TILT**-2
    for _ in range(_TURNS):
        slope, curved = -tilt * TILT**-2, TILT**-2
        for hazard, size, won_size in parts:
            weight = hazard * np.exp(tilt * size)
            mean = float(weight @ size / weight.sum())
            slope += float((won_size - mean).sum())
            curved += len(won_size) * float(weight @ (size - mean) ** 2 / weight.sum())
        step = float(np.clip(slope / curved, -0.5, 0.5))
        tilt += step
        if abs(step) < 1e-9:
            break
    return tilt, float(curved**-0.5)
