"""What junk among the training rows does to a model: kept, set apart, or down-weighted.

Whether a row is junk must be told by what was known when it arrived: whoever sets rows apart by
what leads did afterwards keeps those that were active, and the model then promises too much.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from leadcast.models.choice.backtest import paired_error, row_log_loss
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.learners.learner_store import FittedLearner

Treatment = Literal["keep", "set_apart", "weigh"]
TREATMENT_WORDS: Mapping[Treatment, str] = {
    "keep": "kept",
    "set_apart": "set apart",
    "weigh": "down-weighted",
}
HONEST = "honest"
"""The column of snapshots with what each counts in training: 0 for those that are set apart."""
APART_FROM = 0.5
LEAST_WEIGHT = 0.001


@dataclass(frozen=True)
class TrainingEffect:
    """What a treatment of junk among the training rows changes.

    Parameters
    ----------
    treatment : {"keep", "set_apart", "weigh"}
        What was done with junk.
    junk_by : str
        By what rows were taken for junk; empty where all are kept.
    rows : float
        Training rows, each by its weight.
    log_loss : float
        Of later rows of honest leads.
    change, error : float
        Of the log loss against keeping all rows, and its standard error by persons.
    expected, observed : float
        Conversions among those later rows, as predicted and as they came.
    """

    treatment: Treatment
    junk_by: str
    rows: float
    log_loss: float
    change: float
    error: float
    expected: float
    observed: float

    def to_json(self) -> dict[str, Any]:
        """Give plain data."""
        return asdict(self)


def counted_as(junk: Floats, treatment: Treatment) -> Floats:
    """Tell what each row counts in training.

    Parameters
    ----------
    junk : ndarray of float64, shape (n_rows,)
        How likely each row's lead is junk, by what was known when it arrived.
    treatment : {"keep", "set_apart", "weigh"}
        ``"keep"``: all count 1; ``"set_apart"``: 0 for what is junk more likely than not;
        ``"weigh"``: as much as it is likely not junk, and never nothing.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        0 to 1.
    """
    if treatment == "set_apart":
        return (junk < APART_FROM).astype(np.float64)
    if treatment == "weigh":
        return np.maximum(1 - junk, LEAST_WEIGHT)
    return np.ones(len(junk))


def treated(rows: LabelledMatrix, junk: Floats, treatment: Treatment) -> LabelledMatrix:
    """Treat junk among training rows.

    Parameters
    ----------
    rows : LabelledMatrix
    junk, treatment
        As `counted_as` takes them.

    Returns
    -------
    LabelledMatrix
    """
    counts = counted_as(junk, treatment)
    if treatment == "weigh":
        return replace(rows, weight=rows.weights * counts)
    return rows.rows(counts > 0)


def training_effects(
    learned: LabelledMatrix,
    junk: Mapping[str, Floats],
    later: LabelledMatrix,
    fit: Callable[[LabelledMatrix], FittedLearner],
) -> list[TrainingEffect]:
    """Fit a learner with each treatment, and measure it on later honest rows.

    Parameters
    ----------
    learned : LabelledMatrix
        Training rows.
    junk : mapping of str to ndarray of float64, shape (n_learned,)
        As `treated` takes it, by what it was told by.
    later : LabelledMatrix
        Rows of honest leads that came later.
    fit : callable
        Fits the learner.

    Returns
    -------
    list of TrainingEffect
        That of keeping all rows first.
    """
    kept, effects = np.zeros(0), list[TrainingEffect]()
    ways: tuple[Treatment, Treatment] = ("set_apart", "weigh")
    asked: list[tuple[Treatment, str, Floats]] = [("keep", "", np.zeros(len(learned)))]
    asked += [(way, name, told) for name, told in junk.items() for way in ways]
    for treatment, name, told in asked:
        rows = treated(learned, told, treatment)
        log_odds = fit(rows).log_odds(later.values)
        loss = row_log_loss(log_odds, later.converted)
        kept = kept if effects else loss
        effects.append(
            TrainingEffect(
                treatment,
                name,
                rows=float(rows.weights.sum()),
                log_loss=float(loss.mean()),
                change=float((loss - kept).mean()),
                error=paired_error(loss - kept, later.persons) if effects else 0.0,
                expected=float(sigmoid(log_odds).sum()),
                observed=float(later.converted.sum()),
            )
        )
    return effects
