"""Fitted learners: what each can do, their plain data, and what a person calls them.

A logistic regression and boosted trees are a level plus weighted shapes, as is an estimator of
others; the blend is the average of such learners that forget at different speeds. Reading a
built-in one back takes NumPy only.
"""

import reprlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import write_json
from leadcast.features.base.plain import AGAIN, checked, inside, read_plain
from leadcast.models.data import Floats, Matrix
from leadcast.models.learners.drifting_level import Level
from leadcast.models.learners.imported_shape import EstimatorShape
from leadcast.models.learners.learner_schema import (
    DAMAGED,
    FILE,
    StoredAdditive,
    StoredAverage,
    StoredSegmented,
)
from leadcast.models.learners.prior import Prior
from leadcast.models.learners.segmented import SegmentParts
from leadcast.models.learners.shapes import Shape, load_shape

LEARNERS = {
    "prior": "base rate by segment",
    "logistic": "logistic regression",
    "lightgbm": "boosted trees (LightGBM)",
    "blend": "blend of regression and trees",
    "segmented": "own levels and slopes by segment",
}
"""Each kind of learner, for a person."""
ROWS_AT_ONCE = 50_000
"""Rows are scored in blocks of so many, so that memory stays bounded."""
EXPLAINED_ROWS = 300
FEW_EXPLAINED_ROWS = 60
"""Of estimators of others, whose parts take many times as long."""
BUILT_IN = ("logistic", "lightgbm", "mixed")
"""Kinds of additive learners. Mixed: curves and trees on one level, a member of a blend."""
SEGMENTED, WHOLE = "segmented", "whole"
ESTIMATOR = "estimator"
"""How the kind of an estimator of others is stored, beside its name."""


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


class FittedLearner(Protocol):
    """A learner after training: it turns a feature matrix into log-odds."""

    @property
    def kind(self) -> str:
        """Its name: "prior", "logistic", "lightgbm", "blend", "segmented", or an estimator's."""

    def log_odds(self, values: Matrix) -> Floats:
        """Score rows: float32 of shape (n, n_features) to float64 of shape (n,), all finite."""

    def contributions(self, values: Matrix) -> tuple[Floats, Floats]:
        """Split log-odds among features, (n, n_features), and a base, (n,); they add up."""

    def importance(self) -> Floats:
        """Tell each feature's share, shape (n_features,); they sum to 1, or are all 0."""

    def save(self, folder: Path) -> None:
        """Write plain data into `folder`: JSON, and LightGBM's text for trees."""


@dataclass(frozen=True)
class Additive:
    """Log-odds ``trust * (level + sum of weight * shape)``."""

    kind: str
    """Of `BUILT_IN`, or the name of an estimator of others."""
    level: Level
    """What all leads of the time have in common, and how sure it is."""
    shapes: tuple[Shape, ...]
    """What sets leads apart."""
    weights: tuple[float, ...]
    """One for each shape, not negative."""
    shares: Floats
    """The importance of each feature: of the mean absolute contributions over training rows."""

    def log_odds(self, values: Matrix) -> Floats:
        """Score rows; see `FittedLearner.log_odds`."""
        starts = range(0, max(len(values), 1), ROWS_AT_ONCE)
        blocks = [values[start : start + ROWS_AT_ONCE] for start in starts]
        return np.concatenate([self._log_odds(block) for block in blocks])

    def contributions(self, values: Matrix) -> tuple[Floats, Floats]:
        """Split the log-odds among the features; see `FittedLearner.contributions`."""
        total, base = self.level.contributions(values)
        for weight, shape in zip(self.weights, self.shapes, strict=True):
            if weight > 0:
                part, start = shape.contributions(values)
                total += weight * part
                base += weight * start
        trust = self.level.trust(values)
        return total * trust[:, None], base * trust

    def importance(self) -> Floats:
        """Tell the shares; see `FittedLearner.importance`."""
        return self.shares

    def save(self, folder: Path) -> None:
        """Write ``learner.json``, and a LightGBM text for each forest."""
        folder.mkdir(parents=True, exist_ok=True)
        named = {"kind": self.kind}
        if self.kind not in BUILT_IN:
            named = {"kind": ESTIMATOR, "name": self.kind}
        content = {
            **named,
            "level": self.level.to_json(),
            "shapes": [shape.save(folder, f"shape_{i}") for i, shape in enumerate(self.shapes)],
            "weights": list(self.weights),
            "importance": self.shares.tolist(),
        }
        write_json(folder / FILE, content)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        path = inside(folder, FILE)
        stored = checked(StoredAdditive, read_plain(path), DAMAGED, f"{path}")
        return cls(
            kind=stored.name or stored.kind,
            level=Level(
                terms=tuple(stored.level.terms),
                weights=np.array(stored.level.weights, float),
                centre=np.array(stored.level.centre, float),
                covariance=np.array(stored.level.covariance, float),
                drift=stored.level.drift,
                low=stored.level.bounds[0],
                high=stored.level.bounds[1],
            ),
            shapes=tuple(load_shape(folder, shape) for shape in stored.shapes),
            weights=tuple(stored.weights),
            shares=np.array(stored.importance, float),
        )

    def _log_odds(self, values: Matrix) -> Floats:
        total = self.level.mean(values)
        for weight, shape in zip(self.weights, self.shapes, strict=True):
            if weight > 0:
                total = total + weight * shape.values(values)
        return np.asarray(total * self.level.trust(values))


def additive_of(
    kind: str, level: Level, shapes: tuple[Shape, ...], weights: tuple[float, ...], values: Matrix
) -> Additive:
    """Put a learner together and measure its importance on evenly spaced training rows."""
    bare = Additive(kind, level, shapes, weights, np.zeros(values.shape[1]))
    most = EXPLAINED_ROWS if kind in BUILT_IN else FEW_EXPLAINED_ROWS
    return replace(bare, shares=_shares(bare, values, most))


def _shares(learner: "Additive | SegmentedLearner", values: Matrix, most: int) -> Floats:
    """Measure each feature's importance on so many evenly spaced rows."""
    some = values[np.linspace(0, len(values) - 1, min(most, len(values))).astype(int)]
    contributions = learner.contributions(some)[0]
    sizes = np.abs(contributions - contributions.mean(axis=0)).mean(axis=0)
    total = float(sizes.sum())
    return sizes / total if total > 0 else np.zeros(values.shape[1])


@dataclass(frozen=True)
class Average:
    """The mean of log-odds: half-lives that the backtest cannot tell apart, side by side."""

    members: tuple[Additive, ...]
    """At least one; each puts weighted curves and trees on a level."""

    @property
    def kind(self) -> str:
        """The learner's name."""
        return "blend"

    def log_odds(self, values: Matrix) -> Floats:
        """Score rows; see `FittedLearner.log_odds`."""
        total = np.zeros(len(values))
        for member in self.members:
            total += member.log_odds(values)
        return total / len(self.members)

    def contributions(self, values: Matrix) -> tuple[Floats, Floats]:
        """Split the log-odds among the features; see `FittedLearner.contributions`."""
        total, base = np.zeros(values.shape), np.zeros(len(values))
        for member in self.members:
            part, start = member.contributions(values)
            total += part / len(self.members)
            base += start / len(self.members)
        return total, base

    def importance(self) -> Floats:
        """Tell the shares; see `FittedLearner.importance`."""
        return np.asarray(np.mean([member.importance() for member in self.members], axis=0))

    def save(self, folder: Path) -> None:
        """Write ``learner.json`` and a folder for each member."""
        names = [f"member_{place}" for place in range(len(self.members))]
        for name, member in zip(names, self.members, strict=True):
            member.save(folder / name)
        write_json(folder / FILE, {"kind": self.kind, "members": names})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; the members must be of matrices of one width."""
        path = inside(folder, FILE)
        names = checked(StoredAverage, read_plain(path), DAMAGED, f"{path}").members
        members = tuple(Additive.load(inside(folder, name)) for name in names)
        if len({len(member.shares) for member in members}) != 1:
            raise LeadcastError(f"{path}: members: see matrices of different widths. {AGAIN}")
        return cls(members)


@dataclass(frozen=True)
class SegmentedLearner:
    """A learner of all leads, and what segments have of their own beside it."""

    whole: FittedLearner
    """Learned from all leads; never segmented itself."""
    parts: SegmentParts
    shares: Floats
    """The importance of each feature."""

    @property
    def kind(self) -> str:
        """The learner's name."""
        return SEGMENTED

    def log_odds(self, values: Matrix) -> Floats:
        """Score rows; a row whose segment is not known has the whole's score, bit for bit."""
        whole = self.whole.log_odds(values)
        return whole + self.parts.of(whole, values)

    def contributions(self, values: Matrix) -> tuple[Floats, Floats]:
        """Split the log-odds among the features; see `FittedLearner.contributions`."""
        part, base = self.whole.contributions(values)
        return self.parts.contributions(part, base, values), base

    def importance(self) -> Floats:
        """Tell the shares; see `FittedLearner.importance`."""
        return self.shares

    def save(self, folder: Path) -> None:
        """Write ``learner.json`` and a folder for the whole."""
        self.whole.save(folder / WHOLE)
        content = {
            "kind": self.kind,
            "whole": WHOLE,
            "segments": self.parts.model_dump(),
            "importance": self.shares.tolist(),
        }
        write_json(folder / FILE, content)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; the whole must be of a matrix of the same width."""
        path = inside(folder, FILE)
        stored = checked(StoredSegmented, read_plain(path), DAMAGED, f"{path}")
        whole = _load_whole(inside(folder, stored.whole))
        if len(whole.importance()) != len(stored.importance):
            raise LeadcastError(f"{path}: whole: sees a matrix of another width. {AGAIN}")
        return cls(whole, stored.segments, np.array(stored.importance, float))


def segmented_of(whole: FittedLearner, parts: SegmentParts, values: Matrix) -> SegmentedLearner:
    """Put a learner and what segments have of their own together; measure the importance.

    Parameters
    ----------
    whole : FittedLearner
    parts : SegmentParts
    values : ndarray of float32, shape (n, n_features)
        Training rows.

    Returns
    -------
    SegmentedLearner
    """
    bare = SegmentedLearner(whole, parts, np.zeros(values.shape[1]))
    most = FEW_EXPLAINED_ROWS if imported_shapes(whole) else EXPLAINED_ROWS
    return replace(bare, shares=_shares(bare, values, most))


def whole_of(learner: FittedLearner) -> FittedLearner:
    """Give the learner of all leads that a segmented one stands on; another as it is.

    Parameters
    ----------
    learner : FittedLearner

    Returns
    -------
    FittedLearner
    """
    return learner.whole if isinstance(learner, SegmentedLearner) else learner


def imported_shapes(learner: FittedLearner) -> tuple[EstimatorShape, ...]:
    """Give what estimators of others add to a learner; nothing in a built-in one.

    Parameters
    ----------
    learner : FittedLearner

    Returns
    -------
    tuple of EstimatorShape
    """
    learner = whole_of(learner)
    members = learner.members if isinstance(learner, Average) else (learner,)
    shapes = [shape for one in members if isinstance(one, Additive) for shape in one.shapes]
    return tuple(shape for shape in shapes if isinstance(shape, EstimatorShape))


def load_learner(folder: Path) -> FittedLearner:
    """Read a learner that its `save` wrote; runs no stored code.

    A built-in one imports no training library; an estimator of others needs its own, and skops.

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
    if _kind_in(inside(folder, FILE)) == SEGMENTED:
        return SegmentedLearner.load(folder)
    return _load_whole(folder)


def _kind_in(path: Path) -> object:
    content = read_plain(path)
    return content.get("kind") if isinstance(content, dict) else None


def _load_whole(folder: Path) -> FittedLearner:
    path = inside(folder, FILE)
    kind = _kind_in(path)
    if kind == "prior":
        return Prior.load(folder)
    if kind == "blend":
        return Average.load(folder)
    if kind in ("logistic", "lightgbm", ESTIMATOR):
        return Additive.load(folder)
    told = reprlib.repr(kind)
    raise LeadcastError(f"{path}: holds no learner that this version knows (kind {told})")
