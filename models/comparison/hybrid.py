"""Scores made of both: points as a feature, and the model's grades as rules."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.models.comparison.compared_rows import Compared
from leadcast.models.comparison.lists import WeeklyList
from leadcast.models.comparison.result import Difference, Hybrid, HybridName, Hybrids
from leadcast.models.comparison.score_ranking import difference, measured
from leadcast.models.data import Floats
from leadcast.models.evaluation.delong import compare_aucs
from leadcast.models.evaluation.logistic import log_odds_of, logistic_fit, sigmoid
from leadcast.models.evaluation.tally import Tally

FEWEST = 200
FEWEST_CUSTOMERS = 20
"""Learning rows and conversions below which nothing is fitted."""

RIDGE = 1e-3
"""A prior so weak that it only keeps a fit finite."""


@dataclass(frozen=True)
class Past:
    """Snapshots of the learning part, scored by models that had not seen them, with points.

    Parameters
    ----------
    probability, points, converted : ndarray of float64, shape (n_rows,)
        All known.
    grade : sequence of str, length n_rows
    on_list : ndarray of bool, shape (n_rows,)
        Whether the row stands for its lead on a call list.
    """

    probability: Floats
    points: Floats
    converted: Floats
    grade: Sequence[str]
    on_list: npt.NDArray[np.bool_]

    def listed(self) -> tuple[Floats, Floats]:
        """Give points and outcomes of the rows that stand on a call list."""
        return self.points[self.on_list], self.converted[self.on_list]


def hybrids(compared: Compared, capacity: Floats, past: Past | None) -> Hybrids:
    """Fit scores made of both on the learning part and judge them on the test."""
    if past is None or len(past.points) < FEWEST or past.converted.sum() < FEWEST_CUSTOMERS:
        return Hybrids(hybrids=(), words=("There is too little of the past to fit a hybrid on.",))
    found = (_points_as_feature(compared, capacity, past), _bands_as_rule(compared, capacity, past))
    kept = tuple(one for one in found if one is not None)
    return Hybrids(hybrids=kept, words=tuple(_words(one) for one in kept))


def _points_as_feature(compared: Compared, capacity: Floats, past: Past) -> Hybrid | None:
    centre, spread = float(past.points.mean()), float(past.points.std())
    if spread == 0:
        return None

    def design(probability: Floats, points: Floats) -> Floats:
        told = (points - centre) / spread
        return np.column_stack([np.ones(len(told)), log_odds_of(probability), told])

    weights = _fit(design(past.probability, past.points), past.converted)
    if weights is None:
        return None
    test = design(compared.floats("probability"), compared.floats("points"))
    words = (
        "A logistic regression on the learned score's log-odds and the points: 10 points count "
        f"{10 * weights[2] / spread:+z.2f} in log-odds beside {weights[1]:.2f} times the learned "
        "score's own."
    )
    score = sigmoid((test * weights).sum(axis=1))
    return _judged("points_as_feature", words, {}, score, (compared, capacity, past))


def _bands_as_rule(compared: Compared, capacity: Floats, past: Past) -> Hybrid | None:
    grades = sorted(set(past.grade))
    lowest = grades[-1]
    above = [grade for grade in grades if grade != lowest]
    scale = float(past.points.std())
    if not above or scale == 0:
        return None
    flags = [np.array([one == grade for one in past.grade], dtype=np.float64) for grade in above]
    weights = _fit(
        np.column_stack([np.ones(len(past.points)), past.points / scale, *flags]), past.converted
    )
    if weights is None or weights[1] <= 0:
        return None
    # In the currency of the points themselves, in whole points, so that a CRM can add them.
    added = {
        grade: float(round(weight / weights[1] * scale))
        for grade, weight in zip(above, weights[2:], strict=True)
    }
    bonus = compared.frame["grade"].replace_strict(added, default=0.0, return_dtype=pl.Float64)
    told = ", ".join(f"{grade} {points:+g}" for grade, points in added.items())
    words = f"The points, with so many added for the learned score's grade: {told}."
    score = compared.floats("points") + bonus.to_numpy()
    return _judged("bands_as_rule", words, added, score, (compared, capacity, past))


def _fit(design: Floats, converted: Floats) -> Floats | None:
    ones = np.ones(len(converted))
    counts = Tally(ones, ones, converted)
    return logistic_fit(
        design, np.zeros(len(converted)), counts, precision=RIDGE * np.eye(design.shape[1])
    )


def _judged(
    name: HybridName,
    words: str,
    added: dict[str, float],
    score: Floats,
    on: tuple[Compared, Floats, Past],
) -> Hybrid:
    compared, capacity, past = on
    converted, group = compared.floats("converted"), compared.group
    against = [
        compare_aucs(score, compared.floats(other), converted, group)
        for other in ("probability", "points")
    ]
    gaps = [difference(one.difference, one.standard_error, one.p_value) for one in against]
    on_list = compared.frame["on_list"].to_numpy()
    called = WeeklyList.of(score[on_list], compared.week[on_list]).called(capacity)
    return Hybrid(
        name=name,
        words=words,
        added_points=added,
        fitted_on=len(past.points),
        auc=measured(against[0].first),
        against_learned=gaps[0],
        against_points=gaps[1],
        reached=float((called * converted[on_list]).sum()),
        helps=all(gap.shows and (gap.value or 0) > 0 for gap in gaps),
    )


_TITLES = {
    "points_as_feature": "Points as one more feature of the learned score",
    "bands_as_rule": "The learned score's grades as rules beside the points",
}


def _words(one: Hybrid) -> str:
    auc = "–" if one.auc.value is None else f"{one.auc.value:.3f}"
    return (
        f"{_TITLES[one.name]}: AUC {auc}, {_against(one.against_learned)} than the learned score "
        f"and {_against(one.against_points)} than the points."
    )


def _against(gap: Difference) -> str:
    if gap.value is None:
        return "no other"
    size = f"by {abs(gap.value):.3f}"
    if not gap.shows:
        return f"no different ({gap.value:+z.3f}, within chance)".replace("-", "−")
    return f"better {size}" if gap.value > 0 else f"worse {size}"
