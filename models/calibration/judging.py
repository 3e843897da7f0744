"""Reaching the verdict on a model: the test against one rate for all, and the level's interval."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from leadcast.models.calibration.level_doubt import LevelDoubt
from leadcast.models.calibration.verdict import ADVICE, MOST_FACTOR, OFF_FACTOR, ModelVerdict
from leadcast.models.choice.backtest import NORMAL_95, paired_error, row_log_loss
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.logistic import log_odds_of

NO_RANKING = 0.5
"""The AUC of a coin's toss."""


@dataclass(frozen=True)
class WithoutModel:
    """What one rate for all leads would have lost on the test.

    Parameters
    ----------
    base_rate : float
        The share that had converted of all snapshots whose outcome was known when the test began.
    log_loss : float
        Of that rate on the test.
    difference, low, high : float
        The model's log loss less that one, with its 95 % interval, paired by row and clustered on
        groups; below 0 the model is better.
    """

    base_rate: float
    log_loss: float
    difference: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """Give the numbers as plain data, by their names."""
        return asdict(self)


def without_model(
    log_odds: Floats, converted: Floats, group: Integers, n_known: int, n_known_converted: int
) -> WithoutModel | None:
    """Compare the test's log loss with that of one rate for all.

    Parameters
    ----------
    log_odds : ndarray of float64, shape (n_rows,)
        What the model said of the test's leads, calibrated.
    converted : ndarray of float64, shape (n_rows,)
        1.0 for a conversion, else 0.0.
    group : ndarray of int64, shape (n_rows,)
        The lead (or account) of each row.
    n_known, n_known_converted : int
        How many snapshots' outcomes were known when the test began, and how many had converted;
        half a snapshot of either outcome is added, so that no rate is 0 or 1.

    Returns
    -------
    WithoutModel or None
        None for a test of fewer than two leads, which has no interval.
    """
    if len(np.unique(group)) < 2:
        return None
    rate = (n_known_converted + 0.5) / (n_known + 1)
    alone = row_log_loss(np.full(len(converted), log_odds_of(np.array([rate]))[0]), converted)
    gap = row_log_loss(log_odds, converted) - alone
    mean, reach = float(gap.mean()), NORMAL_95 * paired_error(gap, group)
    return WithoutModel(rate, float(alone.mean()), mean, mean - reach, mean + reach)


def judge(
    test: Mapping[str, Any], without: WithoutModel | None, level: LevelDoubt | None
) -> ModelVerdict:
    """Say what scores may be used for.

    Parameters
    ----------
    test : mapping
        ``"test"`` of ``metrics.json``.
    without : WithoutModel or None
    level : LevelDoubt or None
        Of the rolling origins and the test; None where there are too few.

    Returns
    -------
    ModelVerdict
    """
    against, doubts = [*_against(test, without, level)], [*_doubts(test, without)]
    if _no_ranking(test) and (without is None or without.high >= 0):
        told = "; ".join(["nothing better than one rate for all leads was shown", *doubts])
        words = f"{ADVICE['nothing']}: {told}. {_figures(test, without)}"
        return ModelVerdict(use="nothing", words=words, beware=True)
    if against:
        told = "; ".join([*against, *(doubt for doubt in doubts if doubt not in against)])
        words = f"{ADVICE['ranking']}: {told}. {_ranks(test)}"
        return ModelVerdict(use="ranking", words=words.strip(), beware=True)
    said = f", but beware: {'; '.join(doubts)}" if doubts else ""
    words = f"{ADVICE['probability']}{said}. {_figures(test, without)}"
    return ModelVerdict(use="probability", words=words, beware=bool(doubts))


def _no_ranking(test: Mapping[str, Any]) -> bool:
    low = test["auc"]["low"]
    return low is None or low <= NO_RANKING


def _against(
    test: Mapping[str, Any], without: WithoutModel | None, level: LevelDoubt | None
) -> Iterator[str]:
    if level is not None and level.beyond_errors and level.factor > MOST_FACTOR:
        *missed, last = (f"{np.exp(one.shift):.2g}" for one in level.misses)
        mean, low, high = map(_percent, (level.mean_probability, level.mean_low, level.mean_high))
        yield (
            f"leads that came after a model was fitted had {', '.join(missed)} and {last} times "
            f"the odds that it said (1 is right), so where it says {mean} on average, {low} to "
            f"{high} may come"
        )
    if _error_beyond(test) > _off_by_a_factor(test["base_rate"]["value"]):
        yield _error_words(test)
    if without is not None and without.low > 0:
        yield _loss_words(test, without)


def _doubts(test: Mapping[str, Any], without: WithoutModel | None) -> Iterator[str]:
    if without is not None and without.difference > 0:
        chance = ", though no more than chance gives" if without.low <= 0 else ""
        yield _loss_words(test, without) + chance
    if _error_beyond(test) > 0:
        yield _error_words(test)


def _error_beyond(test: Mapping[str, Any]) -> float:
    """Take off the calibration error as much as chance may give."""
    error, chance = test["ece"]["value"], test["ece_if_calibrated"]["high"]
    return 0.0 if error is None or chance is None else max(error - chance, 0.0)


def _off_by_a_factor(rate: float | None) -> float:
    # How far from a rate that of `OFF_FACTOR` times smaller odds is, of the rarer outcome.
    if rate is None:
        return 1.0
    rarer = min(rate, 1 - rate)
    return rarer - rarer / (rarer + OFF_FACTOR * (1 - rarer))


def _error_words(test: Mapping[str, Any]) -> str:
    error, chance = test["ece"]["value"], test["ece_if_calibrated"]["high"]
    said, came = test["mean_probability"]["value"], test["base_rate"]["value"]
    return (
        f"the calibration error is {_percent(error)} where chance gives up to {_percent(chance)} "
        f"(it said {_percent(said)} on average, {_percent(came)} came)"
    )


def _loss_words(test: Mapping[str, Any], without: WithoutModel) -> str:
    told = test["log_loss"]["value"]
    # Of very few rows it is not told as a figure; held against no model it is.
    log_loss = without.log_loss + without.difference if told is None else told
    return (
        f"its log loss of {log_loss:.3f} is above the {without.log_loss:.3f} of "
        f"no model at all, of {_percent(without.base_rate)} for every lead"
    )


def _ranks(test: Mapping[str, Any]) -> str:
    auc = test["auc"]
    return "" if auc["low"] is None else f"It ranks with an AUC of {_told(auc, '{:.3f}')}."


def _figures(test: Mapping[str, Any], without: WithoutModel | None) -> str:
    auc = test["auc"]
    parts = [] if auc["value"] is None else [f"AUC {_told(auc, '{:.3f}')}"]
    if without is not None and test["log_loss"]["value"] is not None:
        loss = f"log loss {test['log_loss']['value']:.3f}"
        parts.append(f"{loss} where no model at all has {without.log_loss:.3f}")
    if test["ece"]["value"] is not None and _error_beyond(test) == 0:
        error = f"calibration error {_percent(test['ece']['value'])}"
        parts.append(f"{error}, no more than chance gives")
    told = "; ".join(parts) or "there were too few leads to test it on"
    return f"{told[:1].upper()}{told[1:]}."


def _told(metric: Mapping[str, float], form: str) -> str:
    value, low, high = (metric[name] for name in ("value", "low", "high"))
    if low is None:
        return form.format(value)
    return f"{form.format(value)} (95 %: {form.format(low)} to {form.format(high)})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
