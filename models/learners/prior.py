"""The base rate, shrunken by segment: for data too small for anything else.

It is the rate since it last changed, as far as the outcomes show that it did: the average over all
moments of a change, and none, each weighed by its evidence (Bayesian model averaging of one change
point, Smith 1975, Biometrika 62).

A segment's rate is ``(won + strength * base rate) / (leads + strength)``, the mean of a beta
posterior; strength and segmenting feature are those with the greatest beta-binomial likelihood
(Skellam 1948), no segments at all among them.
"""

from dataclasses import dataclass
from math import lgamma
from pathlib import Path
from typing import Self

import numpy as np

from leadcast.features.base.files import write_json
from leadcast.features.base.plain import checked, inside, read_plain
from leadcast.models.data import Floats, LabelledMatrix, Matrix
from leadcast.models.evaluation.logistic import log_odds_of
from leadcast.models.learners.basis import Effect
from leadcast.models.learners.known_features import clock_shares
from leadcast.models.learners.learner_schema import DAMAGED, FILE, StoredPrior
from leadcast.models.learners.rows import stretches

STRETCHES = 12
"""So many stretches of time, between which the rate may have changed."""
CLOCK_SHARE = 0.25
"""As `LearnerSettings.clock_share` is by default."""
STRENGTHS = (5.0, 15.0, 50.0, 150.0)


@dataclass(frozen=True)
class Prior:
    """Log-odds of the base rate, moved by at most one feature."""

    base: float
    """Log-odds of the base rate."""
    segment: Effect | None
    """What the segment adds."""
    n_features: int

    @property
    def kind(self) -> str:
        """The learner's name."""
        return "prior"

    def log_odds(self, values: Matrix) -> Floats:
        """Score rows."""
        result = np.full(len(values), self.base)
        return result if self.segment is None else result + self.segment.of(values)

    def contributions(self, values: Matrix) -> tuple[Floats, Floats]:
        """Split the log-odds: the segment's feature, and the base rate."""
        result = np.zeros(values.shape)
        if self.segment is not None:
            result[:, self.segment.feature] = self.segment.of(values)
        return result, np.full(len(values), self.base)

    def importance(self) -> Floats:
        """Tell which feature makes the segments."""
        result = np.zeros(self.n_features)
        if self.segment is not None:
            result[self.segment.feature] = 1.0
        return result

    def save(self, folder: Path) -> None:
        """Write ``learner.json``."""
        segment = None if self.segment is None else self.segment.model_dump()
        content = {"kind": "prior", "base": self.base, "segment": segment}
        write_json(folder / FILE, {**content, "n_features": self.n_features})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        path = inside(folder, FILE)
        stored = checked(StoredPrior, read_plain(path), DAMAGED, f"{path}")
        return cls(stored.base, stored.segment, stored.n_features)


def fit_prior(data: LabelledMatrix) -> Prior:
    """Fit the base rate, and the best segments if they are worth it.

    Parameters
    ----------
    data : LabelledMatrix
        The training rows; both outcomes need not occur.

    Returns
    -------
    Prior
    """
    won, rows = float(data.weights @ data.converted), float(data.weights.sum())
    rate = (won + 0.5) / (rows + 1.0)
    best, effect = won * np.log(rate) + (rows - won) * np.log(1 - rate), None
    # What tells the time would take the rate of then for that of a kind of lead.
    clocks = clock_shares(data, stretches(data.position, STRETCHES)) >= CLOCK_SHARE
    categories = [j for j, f in enumerate(data.features) if f.dtype == "category" and not clocks[j]]
    for place in categories:
        for strength in STRENGTHS:
            evidence, tried = _segments(data, place, rate, strength)
            # Each alternative pays for the choice among them, so that chance does not win.
            evidence -= np.log(len(categories) * len(STRENGTHS))
            if evidence > best:
                best, effect = evidence, tried
    return Prior(float(log_odds_of(np.array([_rate_now(data)]))[0]), effect, len(data.features))


def _rate_now(data: LabelledMatrix) -> float:
    moments, moment = np.unique(data.position, return_inverse=True)
    stretch = stretches(moments, STRETCHES)[moment]
    weight = data.lead_weights
    won = np.bincount(stretch, weight * data.converted)
    lost = np.bincount(stretch, weight * (1 - data.converted))
    # The first entry is that of no change: all stretches are after it.
    after_won, after_lost = won[::-1].cumsum()[::-1], lost[::-1].cumsum()[::-1]
    evidence = np.array(
        [
            _beta(0.5 + w, 0.5 + n) + _beta(0.5 + won.sum() - w, 0.5 + lost.sum() - n)
            for w, n in zip(after_won, after_lost, strict=True)
        ]
    )
    # Half of the prior weight is on no change, the rest is spread over all the others.
    evidence[1:] -= np.log(max(len(won) - 1, 1))
    share = np.exp(evidence - evidence.max())
    rates = (after_won + 0.5) / (after_won + after_lost + 1.0)
    return float(share @ rates / share.sum())


def _segments(
    data: LabelledMatrix, place: int, rate: float, strength: float
) -> tuple[float, Effect]:
    column = data.values[:, place].astype(np.float64)
    # Missing is a segment too: NaN cannot be told equal to itself, -1 is no code.
    codes, member = np.unique(np.where(np.isnan(column), -1.0, column), return_inverse=True)
    won = np.bincount(member, data.weights * data.converted)
    leads = np.bincount(member, data.weights)
    a, b = strength * rate, strength * (1 - rate)
    evidence = sum(_beta(a + w, b + n - w) - _beta(a, b) for w, n in zip(won, leads, strict=True))
    of_all = log_odds_of(np.array([rate]))
    heights = log_odds_of((won + a) / (leads + strength)) - of_all
    known = codes >= 0
    missing = float(heights[~known][0]) if not known.all() else 0.0
    effect = Effect(
        feature=place,
        category=True,
        points=codes[known].tolist(),
        heights=heights[known].tolist(),
        other=0.0,
        missing=missing,
    )
    return evidence, effect


def _beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
