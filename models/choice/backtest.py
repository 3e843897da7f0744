"""Rolling origins: each candidate trained on the past of a moment and tried on what came next."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from leadcast.models.data import Floats, Integers, LabelledMatrix
from leadcast.models.evaluation.logistic import shift_to
from leadcast.models.evaluation.metrics import auc
from leadcast.models.evaluation.tally import tally
from leadcast.models.learners.rows import thinned_places

TRIED_SHARE = 0.4
"""The latest share of the rows, on which the origins together try the candidates."""
FEWEST_OUTCOMES = 5
"""An origin needs this many won and lost rows on either side to tell anything."""
NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Origin:
    """A moment up to which a candidate may learn, and the rows that it is tried on."""

    position: int
    """The first position that is tried."""
    train: Integers
    valid: Integers
    """Row numbers. Each training row's label was known at `position`, and none is of another lead
    of a person tried."""


@dataclass(frozen=True)
class Result:
    """How one candidate did at one origin."""

    candidate: str
    origin: int
    """0 for the earliest."""
    position: int
    """The origin's first position tried."""
    n_train: int
    n_valid: int
    """Rows."""
    log_loss: float
    """Mean over the rows tried."""
    auc: float | None
    """None where the rows tried hold one outcome only."""
    difference: float
    low: float
    high: float
    """Log loss less that of the candidate chosen, with its 95 % interval, paired by row and
    clustered on groups."""

    def to_json(self) -> dict[str, Any]:
        """Turn the result into plain data."""
        return asdict(self)


def rolling_origins(data: LabelledMatrix, number: int) -> tuple[Origin, ...]:
    """Place origins in the later part of the rows.

    At each all is learned from that was known then, but other leads of the persons that are
    tried: what became of an account's earlier leads was known.
    """
    ordered = np.sort(data.position)
    cuts = np.linspace(1 - TRIED_SHARE, 1.0, number + 1)
    starts = [int(ordered[min(int(cut * len(data)), len(data) - 1)]) for cut in cuts[:-1]]
    ends = [*starts[1:], int(ordered[-1]) + 1]
    origins = (_origin(data, start, end) for start, end in zip(starts, ends, strict=True))
    return tuple(origin for origin in origins if _tells(data, origin))


def thinned_origin(origin: Origin, most: int) -> Origin:
    """Keep at most so many rows on either side of an origin, evenly spaced."""
    train, valid = (
        index[thinned_places(len(index), most)] for index in (origin.train, origin.valid)
    )
    return Origin(origin.position, train, valid)


def compare(
    log_odds: Mapping[str, Sequence[Floats]],
    chosen: str,
    data: LabelledMatrix,
    origins: Sequence[Origin],
) -> tuple[Result, ...]:
    """Lay out the backtest as a table."""
    return tuple(
        _result(candidate, place, data, origin, own[place], log_odds[chosen][place])
        for candidate, own in log_odds.items()
        for place, origin in enumerate(origins)
    )


def row_log_loss(log_odds: Floats, converted: Floats) -> Floats:
    """Compute each row's log loss.

    Parameters
    ----------
    log_odds, converted : ndarray of float64, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    return np.asarray(np.logaddexp(0.0, log_odds) - converted * log_odds)


def loss_at_their_level(log_odds: Floats, converted: Floats) -> Floats:
    """Compute each row's log loss once all log-odds are moved to the rate that came.

    Learners are chosen by how they set leads apart. The level of leads to come is followed alike
    under all of them (`learners.drifting_level`), and where it was missed at an origin, that would
    drown what they differ in: whoever missed it by less by chance would win.

    Parameters
    ----------
    log_odds, converted : ndarray of float64, shape (n,)
        Of rows of both outcomes.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    return row_log_loss(log_odds + shift_to(log_odds, float(converted.mean())), converted)


def paired_error(difference: Floats, group: Integers) -> float:
    """Estimate the standard error of a mean over rows whose groups hang together.

    Parameters
    ----------
    difference : ndarray of float64, shape (n,)
    group : ndarray of int64, shape (n,)

    Returns
    -------
    float
        By the sandwich over groups (Liang & Zeger 1986, Biometrika 73); infinite for one group.
    """
    member = np.unique(group, return_inverse=True)[1]
    sums = np.bincount(member, difference - difference.mean())
    if len(sums) < 2:
        return float("inf")
    return float(np.sqrt(len(sums) / (len(sums) - 1) * (sums @ sums))) / len(difference)


def error_over_origins(means: Floats) -> float:
    """Estimate the standard error of a mean of origins from how much they differ.

    What changes from period to period hits all rows of an origin alike: then the origins, not
    their rows, are the sample.

    Parameters
    ----------
    means : ndarray of float64, shape (n_origins,)

    Returns
    -------
    float
        0 for one origin.
    """
    return float(means.std(ddof=1)) / float(np.sqrt(len(means))) if len(means) > 1 else 0.0


def _result(
    candidate: str, place: int, data: LabelledMatrix, origin: Origin, own: Floats, best: Floats
) -> Result:
    converted, group = data.converted[origin.valid], data.group[origin.valid]
    loss = row_log_loss(own, converted)
    area = auc(tally(own, converted))
    return Result(
        candidate=candidate,
        origin=place,
        position=origin.position,
        n_train=len(origin.train),
        n_valid=len(origin.valid),
        log_loss=float(loss.mean()),
        auc=float(area) if np.isfinite(area) else None,
        **_difference(loss - row_log_loss(best, converted), group),
    )


def _difference(difference: Floats, group: Integers) -> dict[str, float]:
    mean, error = float(difference.mean()), paired_error(difference, group)
    error = error if np.isfinite(error) else 0.0
    low, high = mean - NORMAL_95 * error, mean + NORMAL_95 * error
    return {"difference": mean, "low": low, "high": high}


def _origin(data: LabelledMatrix, start: int, end: int) -> Origin:
    valid = np.flatnonzero((data.position >= start) & (data.position < end))
    # A row's label is known at position + horizon; undated rows (horizon 0) at once.
    known = (data.position < start) & (data.position + data.horizon <= start)
    train = np.flatnonzero(known & data.may_stand_beside(valid))
    return Origin(start, train, valid)


def _tells(data: LabelledMatrix, origin: Origin) -> bool:
    def both(index: Integers) -> bool:
        won = float(data.converted[index].sum())
        return min(won, len(index) - won) >= FEWEST_OUTCOMES

    return both(origin.train) and both(origin.valid)
