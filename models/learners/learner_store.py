"""Reading a fitted learner back, with NumPy only.

What every fitted learner can do.

What the learners are called wherever a person reads of them.
"""

import reprlib
from pathlib import Path
from typing import Protocol

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.plain import inside, read_plain
from leadcast.models.data import Floats, Matrix
from leadcast.models.learners.additive import FILE, Additive, Average
from leadcast.models.learners.prior import Prior


class FittedLearner(Protocol):
    """A learner after training: it turns a feature matrix into log-odds."""

    @property
    def kind(self) -> str:
        """Its name: "prior", "logistic", "lightgbm" or "blend"."""

    def log_odds(self, values: Matrix) -> Floats:
        """Score rows: float32 of shape (n, n_features) to float64 of shape (n,), all finite."""

    def contributions(self, values: Matrix) -> tuple[Floats, Floats]:
        """Split log-odds among features, (n, n_features), and a base, (n,); they add up."""

    def importance(self) -> Floats:
        """Tell each feature's share, shape (n_features,); they sum to 1, or are all 0."""

    def save(self, folder: Path) -> None:
        """Write plain data into `folder`: JSON, and LightGBM's text for trees."""


def load_learner(folder: Path) -> FittedLearner:
    """Read a learner that its `save` wrote; imports no training library and runs no stored code.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    FittedLearner

    Raises
    ------
    LeadcastError
        If files are missing, damaged, or of an unknown kind; names the file.
    """
    path = inside(folder, FILE)
    content = read_plain(path)
    kind = content.get("kind") if isinstance(content, dict) else None
    if kind == "prior":
        return Prior.load(folder)
    if kind == "blend":
        return Average.load(folder)
    if kind in ("logistic", "lightgbm"):
        return Additive.load(folder)
    told = reprlib.repr(kind)
    raise LeadcastError(f"{path}: holds no learner that this version knows (kind {told})")


LEARNERS = {
    "prior": "base rate by segment",
    "logistic": "logistic regression",
    "lightgbm": "boosted trees (LightGBM)",
    "blend": "blend of regression and trees",
}
"""Each kind of learner, for a person."""


def learner_words(kind: str) -> str:
    """Name a learner for a person.

    Parameters
    ----------
    kind : str
        A key of `LEARNERS`, or words, which stand as they are.

    Returns
    -------
    str
    """
    return LEARNERS.get(kind, kind)
