"""What a learner's plain data must be; the classes that read it say what it means.

Beside the ranges of single numbers: indices are columns of the matrix, lengths agree, what is
bisected or joined by lines rises, and no lead can make the log-odds anything but a number.
"""

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import FailFast, Field, model_validator

from leadcast.features.base.plain import (
    MOST_COLUMNS,
    Column,
    Count,
    FileName,
    NotNegative,
    Number,
    Plain,
    Positive,
    Share,
    Text,
)
from leadcast.models.data import Floats
from leadcast.models.imported.sampled_parts import ROWS
from leadcast.models.learners.basis import Effect, Numbers, Term
from leadcast.models.learners.segmented import SegmentParts

FILE = "learner.json"
DAMAGED = "the learner is damaged"
MOST_MEMBERS = 100
MOST_FILES = 200
MOST_SHAPES = 1_000
MOST_TYPES = 1_000

Features = Annotated[list[Column], FailFast(), Field(max_length=MOST_COLUMNS)]
Names = Annotated[list[FileName], FailFast(), Field(min_length=1)]


class StoredLevel(Plain):
    """`leadcast.models.learners.drifting_level.Level`."""

    terms: Annotated[list[Term], FailFast(), Field(max_length=MOST_COLUMNS)]
    weights: Numbers
    centre: Numbers
    covariance: Annotated[list[Numbers], FailFast()]
    drift: NotNegative
    low: Number | None = None
    high: Number | None = None
    """The level's bounds; learners of before they were known have none."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Give the bounds as numbers, infinite where there are none."""
        return (
            -np.inf if self.low is None else self.low,
            np.inf if self.high is None else self.high,
        )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        ends = [pair for term in self.terms for pair in term.ends]
        n = 1 + len(ends)
        if len(self.weights) != n or len(self.centre) != n - 1:
            raise ValueError(f"terms of {n - 1} columns need {n} weights, and a centre for each")
        if len(self.covariance) != n or any(len(row) != n for row in self.covariance):
            raise ValueError(f"{n} weights need a covariance of {n} rows and columns")
        if self.bounds[0] > self.bounds[1]:
            raise ValueError("low must not be above high")
        if not self._is_doubt(np.array(ends).reshape(-1, 2)):
            raise ValueError("covariance must not give a lead a negative variance")
        return self

    def _is_doubt(self, ends: Floats) -> bool:
        covariance = np.array(self.covariance)
        values = np.linalg.eigvalsh((covariance + covariance.T) / 2)
        farthest = np.abs(ends - np.array(self.centre)[:, None]).max(axis=1)
        length = 1 + float(farthest @ farthest)
        rounding = 1e-15 * len(values) * max(float(values[-1]), 0.0)
        # Of 1 + pi * (variance + drift) / 8 a root is taken, at most so far below `drift`.
        return bool((rounding - min(float(values[0]), 0.0)) * length < 1 + self.drift)


class StoredCurves(Plain):
    """`leadcast.models.learners.shapes.Curves`."""

    kind: Literal["curves"]
    effects: Annotated[list[Effect], FailFast(), Field(max_length=MOST_COLUMNS)]

    @model_validator(mode="after")
    def _are_of_different_features(self) -> Self:
        if len(set(self.features)) != len(self.features):
            raise ValueError("effects must be of different features")
        return self

    @property
    def features(self) -> list[int]:
        """The columns that it looks at."""
        return [effect.feature for effect in self.effects]


class StoredTrees(Plain):
    """`leadcast.models.learners.shapes.TreeShape`, but for the texts."""

    kind: Literal["trees"]
    files: Annotated[Names, Field(max_length=MOST_FILES)]
    columns: Features
    centre: Number

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        if len(set(self.files)) != len(self.files):
            raise ValueError("files must not repeat")
        if len(set(self.columns)) != len(self.columns):
            raise ValueError("columns must not repeat")
        return self

    @property
    def features(self) -> list[int]:
        """The columns that it looks at."""
        return self.columns


class StoredEstimator(Plain):
    """`leadcast.models.learners.imported_shape.EstimatorShape`, but for its file."""

    kind: Literal["estimator"]
    file: FileName
    path: Text
    types: Annotated[list[Text], FailFast(), Field(max_length=MOST_TYPES)]
    versions: Annotated[dict[Text, Text], Field(max_length=MOST_TYPES)]
    way: Literal["codes", "filled"]
    columns: Features
    levels: Annotated[list[Count], FailFast(), Field(max_length=MOST_COLUMNS)]
    medians: Numbers
    gaps: Annotated[list[Literal[0, 1]], FailFast(), Field(max_length=MOST_COLUMNS)]
    most: Positive
    centre: Number
    background: Annotated[
        list[Annotated[list[Number | None], FailFast(), Field(max_length=MOST_COLUMNS)]],
        FailFast(),
        Field(min_length=ROWS, max_length=ROWS),
    ]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        n = len(self.columns)
        if len(set(self.columns)) != n:
            raise ValueError("columns must not repeat")
        told = (len(self.levels), len(self.medians), len(self.gaps), *map(len, self.background))
        if any(length != n for length in told):
            raise ValueError(f"{n} columns need as many levels, medians, gaps and values")
        if sum(self.levels) > MOST_COLUMNS:
            raise ValueError(f"levels must not sum to more than {MOST_COLUMNS}")
        return self

    @property
    def features(self) -> list[int]:
        """The columns that it looks at."""
        return self.columns


StoredShape = Annotated[StoredCurves | StoredTrees | StoredEstimator, Field(discriminator="kind")]


class StoredAdditive(Plain):
    """`leadcast.models.learners.learner_store.Additive`, but for the trees' texts."""

    kind: Literal["logistic", "lightgbm", "mixed", "estimator"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z]\w{0,99}$")] | None = None
    """Of an estimator of others."""
    level: StoredLevel
    shapes: Annotated[list[StoredShape], FailFast(), Field(max_length=MOST_SHAPES)]
    weights: Annotated[list[NotNegative], FailFast(), Field(max_length=MOST_SHAPES)]
    importance: Annotated[list[Share], FailFast(), Field(max_length=MOST_COLUMNS)]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(self.weights) != len(self.shapes):
            raise ValueError("each shape needs its weight")
        theirs = [shape for shape in self.shapes if isinstance(shape, StoredEstimator)]
        if bool(theirs) != (self.kind == "estimator") or len(theirs) > 1:
            raise ValueError("one estimator makes a learner of the kind 'estimator'")
        if (self.name is None) == bool(theirs):
            raise ValueError("an estimator has a name, and nothing else has one")
        features = [term.feature for term in self.level.terms]
        features += [feature for shape in self.shapes for feature in shape.features]
        if max(features, default=-1) >= len(self.importance):
            raise ValueError(
                f"column {max(features)} is none of the {len(self.importance)} of the matrix"
            )
        return self


class StoredAverage(Plain):
    """`leadcast.models.learners.learner_store.Average`."""

    kind: Literal["blend"]
    members: Annotated[Names, Field(max_length=MOST_MEMBERS)]

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        if len(set(self.members)) != len(self.members):
            raise ValueError("members must not repeat")
        return self


class StoredSegmented(Plain):
    """`leadcast.models.learners.learner_store.SegmentedLearner`."""

    kind: Literal["segmented"]
    whole: FileName
    """The folder of the learner of all leads."""
    segments: SegmentParts
    importance: Annotated[list[Share], FailFast(), Field(max_length=MOST_COLUMNS)]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if max(self.segments.features, default=-1) >= len(self.importance):
            raise ValueError(
                f"column {max(self.segments.features)} is none of the {len(self.importance)} of "
                "the matrix"
            )
        return self


class StoredPrior(Plain):
    """`leadcast.models.learners.prior.Prior`."""

    kind: Literal["prior"]
    base: Number
    segment: Effect | None
    n_features: Annotated[int, Field(strict=True, ge=0, le=MOST_COLUMNS)]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.segment is not None and self.segment.feature >= self.n_features:
            raise ValueError(f"the segment's column is none of the {self.n_features}")
        return self
