"""How good amounts are on the test: against the mean, their intervals, and revenue in total."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from leadcast.models.amounts.amount_level import LEVELS, gamma_loss
from leadcast.models.amounts.amount_model import AmountModel, Amounts
from leadcast.models.amounts.amount_rows import AmountRows
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.bootstrap import LEVEL, drawn_weights

BANDS = 10
"""Revenue is held against what came in so many parts of the leads."""
THIRDS = 3


def judge_amounts(
    model: AmountModel, mean: AmountModel, test: AmountRows, *, replicates: int, seed: int
) -> dict[str, Any]:
    """Measure amounts on won leads that were not learned from.

    Parameters
    ----------
    model : AmountModel
    mean : AmountModel
        That which takes all leads for the mean, fitted on the same leads.
    test : AmountRows
        With the columns of both.
    replicates : int
        Draws of leads (or accounts) for the 95 % intervals.
    seed : int

    Returns
    -------
    dict
        Plain data. Of ``model`` and ``mean``: ``absolute_error`` (of the median, in money),
        ``log_error`` (the median's root mean squared error in logarithms), ``loss`` (the mean's,
        `amount_level.gamma_loss`) and ``ratio`` (the sum of means over the sum of amounts);
        ``difference`` of the first three, mean minus model, above 0 where the model is better; of
        the model ``covered_80`` and ``covered_90``, and ``bands`` by what was predicted. Each
        figure has ``value``, ``low`` and ``high``.
    """
    told, plain = model.predict(test.values), mean.predict(test.values)
    draws = np.array([*drawn_weights(test.group, replicates, seed)]).reshape(-1, len(test))
    weights = np.vstack([np.ones(len(test)), draws]) * test.weight
    mine, theirs = _errors(told, test), _errors(plain, test)
    covered = {
        f"covered_{round(100 * level)}": _held(*model.interval(test.values, level), test, told)
        for level in LEVELS
    }
    return {
        "leads": round(test.leads),
        "known_in_advance": float(told.is_known @ test.weight),
        "amount": float(test.amount @ test.weight),
        "model": {name: _told(each(weights)) for name, each in mine.items()},
        "mean": {name: _told(each(weights)) for name, each in theirs.items()},
        "difference": {
            name: _told(theirs[name](weights) - mine[name](weights))
            for name in ("absolute_error", "log_error", "loss")
        },
        **{name: _told(_average(one)(weights)) for name, one in covered.items()},
        "bands": _bands(told.mean, test.amount, weights, test.weight, THIRDS),
    }


Measure = Callable[[Floats], Floats]
"""Takes the weights of many draws, shape (n_draws, n_rows); gives a figure for each."""


def _errors(told: Amounts, test: AmountRows) -> dict[str, Measure]:
    tiny = np.finfo(np.float64).tiny
    median, mean = (np.maximum(one, tiny) for one in (told.median, told.mean))
    squares = _average(np.log(test.amount / median) ** 2)
    return {
        "absolute_error": _average(np.abs(test.amount - told.median)),
        "log_error": lambda weights: np.sqrt(squares(weights)),
        "loss": _average(gamma_loss(test.amount, mean)),
        "ratio": lambda weights: (weights @ told.mean) / (weights @ test.amount),
    }


def _average(value: Floats) -> Measure:
    def of(weights: Floats) -> Floats:
        found: Floats = (weights @ value) / weights.sum(axis=1)
        return found

    return of


def _held(low: Floats, high: Floats, test: AmountRows, told: Amounts) -> Floats:
    held = (test.amount >= low) & (test.amount <= high)
    # What was known in advance has no interval: it holds where it is the amount.
    exact = np.isclose(test.amount, told.mean, rtol=1e-6)
    return np.where(told.is_known > 0, exact, held).astype(np.float64)


def _told(found: Floats) -> dict[str, float | None]:
    """Give the first, which is of all rows, with the percentiles of the draws."""
    value, draws = float(found[0]), found[1:][np.isfinite(found[1:])]
    if not np.isfinite(value):
        return {"value": None, "low": None, "high": None}
    if len(draws) < 2:
        return {"value": value, "low": None, "high": None}
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"value": value, "low": float(low), "high": float(high)}


@dataclass(frozen=True)
class RevenueRows:
    """Test snapshots with what was expected of them and what came.

    Parameters
    ----------
    probability, mean : ndarray of float64, shape (n,)
        To be won within the horizon, and the mean amount if so.
    converted : ndarray of float64, shape (n,)
    amount : ndarray of float64, shape (n,)
        NaN where it is not known.
    group : ndarray of int64, shape (n,)
        The lead (or account) of each row.
    """

    probability: Floats
    mean: Floats
    converted: Floats
    amount: Floats
    group: Integers

    @property
    def known(self) -> "RevenueRows":
        """Leave out those that were won for nobody knows how much."""
        kept = (self.converted == 0) | np.isfinite(self.amount)
        return RevenueRows(*(one[kept] for one in vars(self).values()))

    @property
    def expected(self) -> Floats:
        """The expected revenue of each row."""
        return self.probability * self.mean

    @property
    def came(self) -> Floats:
        """What each row brought within the horizon."""
        return np.where(self.converted == 1, np.nan_to_num(self.amount), 0.0)


def judge_revenue(
    rows: RevenueRows, mean_amount: float, *, replicates: int, seed: int
) -> dict[str, Any]:
    """Hold expected revenue against what came, in all and by tenths of the leads.

    Parameters
    ----------
    rows : RevenueRows
    mean_amount : float
        Of the leads that were learned from, for the revenue of who takes amounts and probabilities
        for independent.
    replicates : int
    seed : int

    Returns
    -------
    dict
        ``expected`` and ``came`` (sums over the snapshots), ``ratio`` of both with its interval,
        ``ratio_of_mean`` of the probability times the mean of all, ``unknown`` (snapshots left out
        as nobody knows their amount) and ``bands``, the least expected first.
    """
    known = rows.known
    draws = np.array([*drawn_weights(known.group, replicates, seed)])
    ones = np.ones(len(known.mean))
    weights = np.vstack([ones, draws.reshape(-1, len(ones))])
    expected, came = known.expected, known.came
    sums = weights @ came
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (weights @ expected) / sums
        plain = mean_amount * (weights @ known.probability) / sums
    return {
        "snapshots": len(ones),
        "unknown": len(rows.mean) - len(ones),
        "expected": float(expected.sum()),
        "came": float(came.sum()),
        "ratio": _told(ratio),
        "ratio_of_mean": _told(plain),
        "bands": _bands(expected, came, weights, ones, BANDS),
    }


def _bands(
    predicted: Floats, observed: Floats, weights: Floats, share: Floats, number: int
) -> list[dict[str, Any]]:
    """Hold predicted means against observed ones, in parts of equal weight by the prediction."""
    order = np.argsort(predicted, kind="stable")
    passed = (np.cumsum(share[order]) - share[order] / 2) / share.sum()
    band = np.empty(len(order), np.int64)
    band[order] = np.minimum((passed * number).astype(np.int64), number - 1)
    found = []
    for each in range(number):
        mine = band == each
        if not mine.any():
            continue
        own = weights[:, mine]
        with np.errstate(divide="ignore", invalid="ignore"):
            came = (own @ observed[mine]) / own.sum(axis=1)
        said = float(np.average(predicted[mine], weights=share[mine]))
        found.append({"predicted": said, "rows": int(mine.sum()), "observed": _told(came)})
    return found
