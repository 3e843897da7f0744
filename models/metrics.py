"""Metrics of scored rows, each with its formula and its source.

Rows may carry weights; a weight of two is the same as a row that stands there twice. The order of
the rows never matters, also where they tie. A metric that is not defined (only one outcome among
the rows, say) is NaN here and null in files.
"""

import numpy as np
import numpy.typing as npt

from models import tally_metrics as on
from models.tally import tally


def auc(
    value: npt.ArrayLike, converted: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """Area under the ROC curve.

    The probability that a converted row stands above one that did not convert, a tie counting
    half: ``sum_ij w_i w_j ([v_i > v_j] + [v_i = v_j] / 2) / (W_converted W_rest)`` over converted
    i and other j (Mann and Whitney 1947; Hanley and McNeil 1982).

    Parameters
    ----------
    value : array_like of float, shape (n_rows,)
        Probabilities, or any finite numbers that rank.
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    weight : array_like of float, shape (n_rows,), optional
        At least 0; 1 for each row if not given.

    Returns
    -------
    float
        In [0, 1]; NaN where one of the two outcomes is absent.
    """
    return on.auc_of(tally(value, converted, weight))


def average_precision(
    value: npt.ArrayLike, converted: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """Average precision: the mean, over converted rows, of the precision down to their value.

    ``sum_k (R_k - R_(k-1)) P_k`` over the distinct values v_k from the highest down, with recall
    R_k and precision P_k of the rows at or above v_k (Buckley and Voorhees 2000). Rows that tie
    are taken in together, so their order does not matter.

    Parameters
    ----------
    value : array_like of float, shape (n_rows,)
        Probabilities, or any finite numbers that rank.
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    weight : array_like of float, shape (n_rows,), optional
        At least 0; 1 for each row if not given.

    Returns
    -------
    float
        In [0, 1]; NaN where nothing converted.
    """
    return on.average_precision_of(tally(value, converted, weight))


def gain_at(
    value: npt.ArrayLike,
    converted: npt.ArrayLike,
    share: float,
    weight: npt.ArrayLike | None = None,
) -> float:
    """Gain: the share of all conversions that the highest `share` of the rows holds.

    Rows that tie at the cut, and the row that the cut goes through, count in proportion: the
    expectation over the tied rows' orders.

    Parameters
    ----------
    value : array_like of float, shape (n_rows,)
        Probabilities, or any finite numbers that rank.
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    share : float
        In (0, 1].
    weight : array_like of float, shape (n_rows,), optional
        At least 0; 1 for each row if not given.

    Returns
    -------
    float
        In [0, 1]; NaN where nothing converted.

    Raises
    ------
    ValueError
        If `share` is outside (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}; it must lie in (0, 1]")
    return float(on.gains_of(tally(value, converted, weight), np.array([share]))[0])


def lift_at(
    value: npt.ArrayLike,
    converted: npt.ArrayLike,
    share: float,
    weight: npt.ArrayLike | None = None,
) -> float:
    """Lift: how many times the base rate the highest `share` of the rows converts at.

    `gain_at` divided by `share`.

    Parameters
    ----------
    value : array_like of float, shape (n_rows,)
        Probabilities, or any finite numbers that rank.
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    share : float
        In (0, 1].
    weight : array_like of float, shape (n_rows,), optional
        At least 0; 1 for each row if not given.

    Returns
    -------
    float
        At least 0; NaN where nothing converted.

    Raises
    ------
    ValueError
        If `share` is outside (0, 1].
    """
    return gain_at(value, converted, share, weight) / share


def log_loss(
    probability: npt.ArrayLike, converted: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """Logarithmic loss, in nats: ``-sum w (y log p + (1 - y) log(1 - p)) / sum w`` (Good 1952).

    Parameters
    ----------
    probability : array_like of float, shape (n_rows,)
        In [0, 1]; kept 2.2e-16 off 0 and 1, so that the loss is finite.
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    weight : array_like of float, shape (n_rows,), optional
        At least 0; 1 for each row if not given.

    Returns
    -------
    float
        At least 0; NaN without rows.
    """
    return on.log_loss_of(tally(probability, converted, weight))


def brier_score(
    probability: npt.ArrayLike, converted: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """Brier score: ``sum w (p - y)^2 / sum w`` (Brier 1950).

    Parameters
    ----------
    probability : array_like of float, shape (n_rows,)
        In [0, 1].
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    weight : array_like of float, shape (n_rows,), optional
        At least 0; 1 for each row if not given.

    Returns
    -------
    float
        In [0, 1]; NaN without rows.
    """
    return on.brier_of(tally(probability, converted, weight))


def brier_decomposition(
    probability: npt.ArrayLike, converted: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> tuple[float, float, float]:
    """Split the Brier score into reliability, resolution and uncertainty, exactly.

    The CORP decomposition (Dimitriadis, Gneiting and Jordan 2021, PNAS 118 e2016191118): with S
    the Brier score of the probabilities, S_c that of their isotonic recalibration on the same
    rows and S_r that of the base rate, reliability is ``S - S_c``, resolution ``S_r - S_c`` and
    uncertainty ``S_r``; ``S = reliability - resolution + uncertainty``. No bins are chosen. On
    few rows reliability and resolution are both too high, since the recalibration fits noise.

    Parameters
    ----------
    probability : array_like of float, shape (n_rows,)
        In [0, 1].
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    weight : array_like of float, shape (n_rows,), optional
        At least 0; 1 for each row if not given.

    Returns
    -------
    tuple of float
        Reliability (0 is perfect), resolution (0 is useless), uncertainty; NaN without rows.
    """
    return on.brier_decomposition_of(tally(probability, converted, weight))


def expected_calibration_error(
    probability: npt.ArrayLike, converted: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """Compute the expected calibration error (ECE) over 15 bins of equal weight.

    ``sum_b |mean probability - share converted| W_b / W`` (Naeini, Cooper and Hauskrecht 2015;
    bins of equal mass as in Nixon et al. 2019). Rows are sorted by probability and cut into bins
    of exactly equal weight; rows that tie at a cut are shared by the bins in proportion, so their
    order does not matter. Biased upward: even perfect probabilities show about
    ``sum_b sqrt(2 p_b (1 - p_b) / (pi n_b)) / 15``; `models.chance.if_calibrated` gives the
    amount.

    Parameters
    ----------
    probability : array_like of float, shape (n_rows,)
        In [0, 1].
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    weight : array_like of float, shape (n_rows,), optional
        At least 0; 1 for each row if not given.

    Returns
    -------
    float
        In [0, 1]; NaN without rows.
    """
    return on.ece_of(tally(probability, converted, weight))


def calibration_line(
    probability: npt.ArrayLike, converted: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> tuple[float, float]:
    """Calibration slope and intercept: the logistic recalibration of Cox (1958).

    The maximum-likelihood ``logit P(converted) = intercept + slope * logit(probability)``. A slope
    below 1 says that probabilities are too extreme.

    Parameters
    ----------
    probability : array_like of float, shape (n_rows,)
        In [0, 1]; kept 2.2e-16 off 0 and 1.
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    weight : array_like of float, shape (n_rows,), optional
        At least 0; 1 for each row if not given.

    Returns
    -------
    tuple of float
        Slope (1 is perfect) and intercept (0 is perfect); NaN where they have no finite value:
        one outcome is absent, all probabilities are equal, or they separate the outcomes.
    """
    return on.calibration_of(tally(probability, converted, weight))[:2]


def calibration_in_the_large(
    probability: npt.ArrayLike, converted: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> float:
    """Calibration in the large: the shift of all log-odds that makes the level right.

    The maximum-likelihood intercept with the slope held at 1 (Van Calster et al. 2019, BMC
    Medicine 17:230). Above 0: more converted than was predicted.

    Parameters
    ----------
    probability : array_like of float, shape (n_rows,)
        In [0, 1]; kept 2.2e-16 off 0 and 1.
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    weight : array_like of float, shape (n_rows,), optional
        At least 0; 1 for each row if not given.

    Returns
    -------
    float
        0 is perfect; NaN where one of the two outcomes is absent.
    """
    return on.calibration_in_the_large_of(tally(probability, converted, weight))
