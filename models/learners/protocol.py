"""What every fitted learner can do."""

from pathlib import Path
from typing import Protocol

from models.data import Floats, Matrix


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
