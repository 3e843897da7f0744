"""How good scores are, told from the scores alone, and how far off that was once labels came.

The assumption is one: a score still means what it says (of the leads at 10 % one in ten converts).
Then each metric has an expected value that needs no label (Guillory et al. 2021; as "confidence-
based performance estimation" in Białek et al. 2024). It follows changes in who the leads are. It
does not see a change in how leads convert, which is what the evidence of conversions is for.
"""

from dataclasses import asdict, dataclass

import numpy as np

from leadcast.models.data import Floats
from leadcast.models.evaluation.logistic import inside
from leadcast.models.evaluation.metrics import auc, log_loss
from leadcast.models.evaluation.tally import tally

ASSUMPTION = (
    "Assumed: a score still means what it says. A change in who the leads are is followed; a "
    "change in how such leads convert is not seen here, but by the conversions themselves."
)


@dataclass(frozen=True)
class ExpectedPerformance:
    """What metrics should come to, if the scores mean what they say.

    Parameters
    ----------
    leads : int
    base_rate, log_loss : float
    auc : float
        NaN where it is not defined.
    """

    leads: int
    base_rate: float
    log_loss: float
    auc: float

    def to_json(self) -> dict[str, float | int | None]:
        """Give plain data; null where a metric is not defined."""
        return {
            name: None if isinstance(value, float) and np.isnan(value) else value
            for name, value in asdict(self).items()
        }


def expected_performance(probability: Floats) -> ExpectedPerformance:
    """Compute the metrics that calibrated probabilities imply.

    Each lead stands for p conversions and 1 - p others at its place.

    Parameters
    ----------
    probability : ndarray of float64, shape (n,)
        In (0, 1).

    Returns
    -------
    ExpectedPerformance
    """
    if not len(probability):
        return ExpectedPerformance(0, np.nan, np.nan, np.nan)
    return _measured(inside(probability), inside(probability))


def seen_performance(probability: Floats, converted: Floats) -> ExpectedPerformance:
    """Compute the same metrics from labels, for those whose labels are known.

    Parameters
    ----------
    probability : ndarray of float64, shape (n,)
    converted : ndarray of float64, shape (n,)
        0 or 1.

    Returns
    -------
    ExpectedPerformance
    """
    if not len(probability):
        return expected_performance(probability)
    return _measured(probability, converted)


def _measured(probability: Floats, converted: Floats) -> ExpectedPerformance:
    counts = tally(probability, converted)
    rate, loss, ranked = float(np.mean(converted)), float(log_loss(counts)), float(auc(counts))
    return ExpectedPerformance(len(probability), rate, loss, ranked)
