"""Which model of amounts is used: rolling origins in time decide, and the mean of all is the least.

At each origin candidates are fitted on what was known by then, and tried on the won leads after it.
The simplest whose logarithms err no more than the best one's, but for a standard error, is taken
(Breiman et al. 1984, section 3.4.3), unless the mean that it gives is no better than the mean of
all by more than a standard error: then all leads are worth the mean, and that is said.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from leadcast.models.amounts.amount_level import AmountLevel, gamma_loss
from leadcast.models.amounts.amount_model import AmountModel, known_column
from leadcast.models.amounts.amount_rows import AmountRows
from leadcast.models.amounts.locations import WORDS, Location, fit_locations
from leadcast.models.data import Flags, Floats
from leadcast.models.evaluation.bootstrap import coded

FEWEST = 10
"""With fewer won leads of known amount nothing is said of amounts."""
FEWEST_TO_LEARN = 60
"""With fewer, all leads are worth the mean."""
FEWEST_FOR_TREES = 150
_STARTS = (0.4, 0.6, 0.8)
"""Where origins lie, as shares of the won leads in time's order."""
_FEWEST_BEFORE = 20


@dataclass(frozen=True)
class AmountTrial:
    """How a candidate did at the rolling origins.

    Parameters
    ----------
    name : str
    log_error : float
        The root mean squared error of the logarithm, around each origin's mean logarithm.
    loss : float
        The mean gamma loss of its means (`amount_level.gamma_loss`).
    gain, error : float
        By how much its loss is below that of the mean of all, and the standard error of that.
    """

    name: str
    log_error: float
    loss: float
    gain: float
    error: float


@dataclass(frozen=True)
class Chosen:
    """A model of amounts, and why it is this one."""

    model: AmountModel
    trials: tuple[AmountTrial, ...]
    """Empty where there was too little to try anything on."""
    leads: float
    """The won leads of known amount that it has learned from."""
    by: str | None = None
    """By what means of one attribute tell leads apart, in words; None for other kinds."""

    def describe(self) -> str:
        """Say which it is and why, for a person."""
        known = ""
        if self.model.known is not None:
            known = f"{self.model.known.attribute} is taken as the amount where it is there. "
        named = WORDS[self.model.kind]
        if not self.trials:
            return f"{known}The mean of all: {self.leads:.0f} won leads tell no more."
        if self.model.kind == "mean":
            return f"{known}The mean of all: at the rolling origins nothing was surely better."
        mine = next(one for one in self.trials if one.name == self.model.kind)
        mean = next(one for one in self.trials if one.name == "mean")
        by = "" if self.by is None else f" ({self.by})"
        return (
            f"{known}{named[:1].upper()}{named[1:]}{by}, learned from {self.leads:.0f} won leads: "
            f"its logarithms err by {mine.log_error:.2f}, the mean's by {mean.log_error:.2f}."
        )

    def to_json(self) -> dict[str, Any]:
        """Give the trials as plain data."""
        return {
            "kind": self.model.kind,
            "leads": self.leads,
            "by": self.by,
            "words": self.describe(),
            "trials": [asdict(one) for one in self.trials],
        }


def choose_amounts(rows: AmountRows, seed: int, known: str | None = None) -> Chosen | None:
    """Fit a model of amounts, the kind of it chosen by rolling origins.

    Parameters
    ----------
    rows : AmountRows
        Won leads of known amount.
    seed : int
    known : str, optional
        The attribute that tells amounts in advance.

    Returns
    -------
    Chosen or None
        None with fewer than `FEWEST` leads.
    """
    if rows.leads < FEWEST:
        return None
    names = _candidates(rows)
    tried = _out_of_time(rows, names, seed) if len(names) > 1 else None
    if tried is None:
        return _fitted(rows, "mean", (), known, None, seed)
    trials = tuple(tried.trial(name) for name in names)
    kind = tried.simplest_of_best(names)
    mine = trials[names.index(kind)]
    kind = kind if mine.gain > mine.error else "mean"
    return _fitted(rows, kind, trials, known, tried, seed)


def mean_of_all(rows: AmountRows, seed: int) -> Chosen:
    """Fit the model that takes all leads for the mean, to hold others against.

    Parameters
    ----------
    rows : AmountRows
        Not empty.
    seed : int

    Returns
    -------
    Chosen
    """
    return _fitted(rows, "mean", (), None, None, seed)


def refit_amounts(chosen: Chosen, rows: AmountRows, seed: int, known: str | None) -> Chosen:
    """Fit the kind that was chosen again, on more rows.

    Parameters
    ----------
    chosen : Chosen
    rows : AmountRows
        All won leads of known amount; perhaps other features.
    seed : int
    known : str or None

    Returns
    -------
    Chosen
        With the trials of the choice.
    """
    kind = chosen.model.kind
    tried = _out_of_time(rows, (kind,), seed) if chosen.trials else None
    return _fitted(rows, kind, chosen.trials, known, tried, seed)


def _candidates(rows: AmountRows) -> tuple[str, ...]:
    if rows.leads < FEWEST_TO_LEARN:
        return ("mean",)
    few = ("mean", "segment", "ridge")
    return few if rows.leads < FEWEST_FOR_TREES else (*few, "trees", "blend")


@dataclass(frozen=True)
class _Tried:
    """What candidates said of leads that they had not seen."""

    rows: AmountRows
    """Those that were tried on, origin after origin."""
    deviation: dict[str, Floats]
    """Around the mean logarithm of what was known at the origin, which `mean` holds."""
    mean: Floats

    def level(self, name: str) -> AmountLevel:
        return AmountLevel.fit(self.deviation[name], self.rows.amount, self.rows.weight)

    def trial(self, name: str) -> AmountTrial:
        rows, loss = self.rows, self._loss(name)
        gain, error = self._mean_of(self._loss("mean") - loss)
        return AmountTrial(
            name=name,
            log_error=float(np.sqrt(np.average(self._squares(name), weights=rows.weight))),
            loss=float(np.average(loss, weights=rows.weight)),
            gain=gain,
            error=error,
        )

    def simplest_of_best(self, names: tuple[str, ...]) -> str:
        """Take the first that errs no more than the best one, but for a standard error."""
        squares = {name: self._squares(name) for name in names}
        best = min(names, key=lambda name: float(squares[name] @ self.rows.weight))
        for name in names:
            worse, error = self._mean_of(squares[name] - squares[best])
            if worse <= error:
                return name
        return best

    def _squares(self, name: str) -> Floats:
        error = np.log(self.rows.amount) - self.mean - self.deviation[name]
        return np.asarray(error**2)

    def _mean_of(self, value: Floats) -> tuple[float, float]:
        """Give a mean with its standard error, by leads (or accounts): snapshots are no news."""
        codes, groups = coded(self.rows.group)
        total = self.rows.leads
        mean = float(value @ self.rows.weight / total)
        each = np.bincount(codes, self.rows.weight * (value - mean), groups)
        return mean, float(np.sqrt((each**2).sum()) / total)

    def _loss(self, name: str) -> Floats:
        log_mean = self.level(name).log_mean(self.deviation[name])
        return gamma_loss(self.rows.amount, np.exp(log_mean))


def _out_of_time(rows: AmountRows, names: tuple[str, ...], seed: int) -> _Tried | None:
    parts, means = [], []
    told: dict[str, list[Floats]] = {name: [] for name in names}
    for before, after in origins(rows):
        known, tried = rows.rows(before), rows.rows(after)
        for name, location in fit_locations(known, names, seed).items():
            told[name].append(location.of(tried.values))
        mean = float(np.average(np.log(known.amount), weights=known.weight))
        means.append(np.full(len(tried), mean))
        parts.append(np.flatnonzero(after))
    if not parts:
        return None
    every = rows.rows(np.concatenate(parts))
    return _Tried(
        every,
        {name: np.concatenate(one) for name, one in told.items()},
        np.concatenate(means),
    )


def origins(rows: AmountRows) -> Iterator[tuple[Flags, Flags]]:
    """Part rows in time: what was known at an origin, and what came up to the next one.

    Parameters
    ----------
    rows : AmountRows

    Yields
    ------
    before, after : ndarray of bool, shape (n_rows,)
        No lead (or account) stands in both.
    """
    order = np.argsort(rows.position, kind="stable")
    passed = np.cumsum(rows.weight[order]) / rows.leads
    places = np.minimum(np.searchsorted(passed, _STARTS), len(rows) - 1)
    starts = np.unique(rows.position[order][places])
    ends = np.append(starts[1:], np.iinfo(np.int64).max)
    for start, end in zip(starts, ends, strict=True):
        after = (rows.position >= start) & (rows.position < end)
        before = (rows.position + rows.horizon <= start) & ~np.isin(rows.group, rows.group[after])
        if rows.weight[before].sum() >= _FEWEST_BEFORE and after.any():
            yield before, after


def _fitted(
    rows: AmountRows,
    kind: str,
    trials: tuple[AmountTrial, ...],
    known: str | None,
    tried: _Tried | None,
    seed: int,
) -> Chosen:
    location: Location = fit_locations(rows, (kind,), seed)[kind]
    if tried is None:
        # The mean of all has nothing to forget: its own leads tell how far amounts lie around it.
        level = AmountLevel.fit(np.zeros(len(rows)), rows.amount, rows.weight)
    else:
        level = tried.level(kind)
    model = AmountModel(
        kind=kind,  # type: ignore[arg-type]
        location=location,
        level=level,
        n_features=len(rows.features),
        known=known_column(rows.features, known),
    )
    by = location.looks_at if kind == "segment" else ()
    words = ", ".join(_plain_words(rows.features[place].words) for place in by)
    return Chosen(model, trials, rows.leads, words or None)


def _plain_words(words: str) -> str:
    """Name an attribute, whatever scale its feature has."""
    return words.replace(" (on a logarithmic scale)", "").replace(", on a logarithmic scale", "")
