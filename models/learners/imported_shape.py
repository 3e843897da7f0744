"""What an estimator of others adds to the level: its log-odds, and their parts by sampling."""

import importlib.metadata
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.plain import inside, read_bytes
from leadcast.models.data import Floats, Integers, LabelledMatrix, Matrix
from leadcast.models.imported.given_matrix import GivenMatrix, way_of
from leadcast.models.imported.import_path import built
from leadcast.models.imported.sampled_parts import background_of, sampled_parts
from leadcast.models.imported.skops_file import (
    MOST_BYTES,
    dump_estimator,
    load_estimator,
    refuse_rows,
)
from leadcast.models.learners.learner_schema import StoredEstimator
from leadcast.models.settings import EstimatorCandidate

FOLDS = 3
"""Of persons: what is said of training rows is said by estimators that were not fitted on them."""
STEP = 2.0**-20
"""Log-odds are rounded to about a millionth: the last digits of matrix products differ with how
many rows there are at once, and a lead alone must score as among many."""


@dataclass(frozen=True)
class EstimatorShape:
    """A fitted estimator's log-odds, less their mean over the training rows."""

    estimator: Any
    content: bytes
    """As a file of skops."""
    types: tuple[str, ...]
    """Those in the file that skops does not trust by itself."""
    path: str
    """The import path of its class."""
    versions: dict[str, str]
    """Of the packages that it needs."""
    given: GivenMatrix
    most: float
    """Log-odds are at most so far from 0: shares of n rows tell nothing finer than 1 / (2 n)."""
    centre: float
    background: Floats

    def values(self, matrix: Matrix) -> Floats:
        """Tell its log-odds; see `leadcast.models.learners.shapes.Shape`."""
        return self._of(matrix[:, self.given.columns])

    def contributions(self, matrix: Matrix) -> tuple[Floats, float]:
        """Split them among the features by sampling; they add up exactly."""
        result = np.zeros(matrix.shape)
        seen = np.ascontiguousarray(matrix[:, self.given.columns])
        parts, base = sampled_parts(self._of, seen, self.background)
        result[:, self.given.columns] = parts
        return result, base

    def save(self, folder: Path, name: str) -> dict[str, Any]:
        """Write the file of skops."""
        file = f"{name}.skops"
        (folder / file).write_bytes(self.content)
        rows = [[None if np.isnan(v) else v for v in row] for row in self.background.tolist()]
        return {
            "kind": "estimator",
            "file": file,
            "path": self.path,
            "types": list(self.types),
            "versions": self.versions,
            "way": self.given.way,
            "columns": self.given.columns.tolist(),
            "levels": self.given.levels.tolist(),
            "medians": self.given.medians.tolist(),
            "gaps": self.given.gaps.tolist(),
            "most": self.most,
            "centre": self.centre,
            "background": rows,
        }

    def _of(self, seen: Matrix) -> Floats:
        if not len(seen):
            return np.zeros(0)
        return log_odds_by(self.estimator, self.given.seen(seen), self.most) - self.centre


def load_estimator_shape(folder: Path, stored: StoredEstimator) -> EstimatorShape:
    """Read a shape that `EstimatorShape.save` wrote, with the packages that it was fitted with."""
    path = inside(folder, stored.file)
    for name, version in stored.versions.items():
        _refuse_other(f"{path}", name, version)
    content, types = read_bytes(path, MOST_BYTES), tuple(stored.types)
    columns = np.array(stored.columns, np.int64)
    given = GivenMatrix(
        way=stored.way,
        columns=columns,
        levels=np.array(stored.levels, np.int64),
        medians=np.array(stored.medians, float),
        gaps=np.array(stored.gaps, np.int64),
    )
    background = np.array([[np.nan if v is None else v for v in row] for row in stored.background])
    shape = EstimatorShape(
        estimator=load_estimator(content, types, f"{path}"),
        content=content,
        types=types,
        path=stored.path,
        versions=dict(stored.versions),
        given=given,
        most=stored.most,
        centre=stored.centre,
        background=background.reshape(len(stored.background), len(columns)),
    )
    _try_out(shape, f"{path}")
    return shape


def _try_out(shape: EstimatorShape, where: str) -> None:
    """See that it can score the background, so that what does not fit is told when it is read."""
    try:
        values = shape._of(shape.background.astype(np.float32))
    except Exception as error:
        raise LeadcastError(f"{where}: the estimator does not score ({error})") from None
    if not np.isfinite(values).all():
        raise LeadcastError(f"{where}: the estimator gives no finite log-odds")


def fit_estimator(
    candidate: EstimatorCandidate, data: LabelledMatrix, columns: Integers, seed: int
) -> tuple[EstimatorShape, Floats]:
    """Fit an estimator on training rows.

    Parameters
    ----------
    candidate : EstimatorCandidate
    data : LabelledMatrix
        In canonical order. A fresh row that is still open counts in part as won and in part as not.
    columns : ndarray of int64
        The features that it may see: those that are no clocks.
    seed : int
        Of every ``random_state`` that is open.

    Returns
    -------
    EstimatorShape
    ndarray of float64, shape (n,)
        What it adds to the training rows' log-odds, by estimators that were fitted on other
        persons: the level under it must not believe what it has by heart.

    Raises
    ------
    LeadcastError
        If it cannot be built, fitted or exported; names it.
    """
    estimator = built(candidate, seed)
    way = way_of(estimator) if candidate.matrix == "auto" else candidate.matrix
    given = GivenMatrix.of(way, data.values, data.features, columns)
    own = np.ascontiguousarray(data.values[:, columns])
    seen, most = given.seen(own), float(np.log(2 * len(data) - 1))
    with _one_thread():
        fitted = _fitted(estimator, seen, data, candidate.kind)
        learned = _held_out(estimator, seen, data, most, candidate.kind)
    learned = log_odds_by(fitted, seen, most) if learned is None else learned
    refuse_rows(fitted, len(data), candidate.kind)
    content, types = dump_estimator(fitted, candidate.kind)
    centre = float(learned.mean())
    shape = EstimatorShape(
        estimator=fitted,
        content=content,
        types=types,
        path=candidate.estimator,
        versions=_versions(types, candidate.estimator),
        given=given,
        most=most,
        centre=centre,
        background=background_of(own, given.levels),
    )
    return shape, learned - centre


@cache
def _threads() -> Any:  # noqa: ANN401 - threadpoolctl's, which comes with scikit-learn
    import sklearn.ensemble  # noqa: F401 - so that its libraries are among those controlled
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _one_thread() -> AbstractContextManager[object]:
    """Keep to one thread: sums come out the same on any machine, and processes share the cores."""
    limited: AbstractContextManager[object] = _threads().limit(limits=1)
    return limited


def log_odds_by(estimator: Any, seen: Floats, most: float) -> Floats:  # noqa: ANN401
    """Give an estimator's log-odds, within bounds and to `STEP`."""
    with _one_thread():
        probability = np.asarray(estimator.predict_proba(seen), np.float64)[:, 1]
    with np.errstate(divide="ignore"):
        log_odds = np.log(probability) - np.log1p(-probability)
    return np.asarray(np.round(np.clip(log_odds, -most, most) / STEP) * STEP)


def _fitted(estimator: Any, seen: Floats, data: LabelledMatrix, name: str) -> Any:  # noqa: ANN401
    """Fit a copy."""
    from sklearn.base import clone

    rows, won, weight = _outcomes(data)
    weights = {} if weight is None else _weights(estimator, weight, name)
    try:
        fitted = clone(estimator).fit(seen[rows], won, **weights)
        told = np.asarray(fitted.predict_proba(seen[:1]))
    except Exception as error:
        raise LeadcastError(
            f"{name}: cannot be fitted on {len(won)} rows of {seen.shape[1]} columns ({error}); "
            "where it takes no missing values, or no codes, say matrix: filled beside it, else "
            "change its parameters or take it out of model.candidates"
        ) from None
    if told.shape != (1, 2) or not np.isfinite(told).all():
        raise LeadcastError(f"{name}: predict_proba gives no two probabilities a row")
    return fitted


def _outcomes(data: LabelledMatrix) -> tuple[Integers, Integers, Floats | None]:
    """Give rows, their outcomes and weights; rows that are won in part stand there twice."""
    won, weight = data.converted, data.weights
    open_rows = np.flatnonzero((won > 0) & (won < 1))
    if not len(open_rows) and (weight == weight[0]).all():
        return np.arange(len(won)), won.astype(np.int64), None
    rows = np.concatenate([np.arange(len(won)), open_rows])
    outcome = np.concatenate([np.ceil(won), np.zeros(len(open_rows))]).astype(np.int64)
    share = np.concatenate([np.where(won > 0, won, 1.0), 1 - won[open_rows]])
    return rows, outcome, share * weight[rows]


def _weights(estimator: Any, weight: Floats, name: str) -> dict[str, Floats]:  # noqa: ANN401
    """Say by which argument an estimator, or the last step of a pipeline, takes weights."""
    from sklearn.utils.validation import has_fit_parameter

    steps = getattr(estimator, "steps", None)
    last, prefix = (estimator, "") if steps is None else (steps[-1][1], f"{steps[-1][0]}__")
    if not has_fit_parameter(last, "sample_weight"):
        raise LeadcastError(
            f"{name}: takes no sample_weight, which fresh snapshots and weighed calls need; "
            "switch model.fresh_snapshots and selection.weigh_calls off, or take it out"
        )
    return {f"{prefix}sample_weight": weight}


def _held_out(
    estimator: Any,  # noqa: ANN401
    seen: Floats,
    data: LabelledMatrix,
    most: float,
    name: str,
) -> Floats | None:
    """Predict each training row by an estimator fitted on others; None where there are too few."""
    from sklearn.model_selection import GroupKFold

    if len(np.unique(data.persons)) < FOLDS:
        return None
    result = np.empty(len(data))
    for learn, rest in GroupKFold(FOLDS).split(seen, groups=data.persons):
        part = data.rows(learn)
        if len(np.unique(part.converted)) < 2:
            return None
        result[rest] = log_odds_by(_fitted(estimator, seen[learn], part, name), seen[rest], most)
    return result


@cache
def _packages_of_modules() -> Mapping[str, list[str]]:
    """Look through all that is installed, once: it takes about a second."""
    return importlib.metadata.packages_distributions()


def _versions(types: tuple[str, ...], path: str) -> dict[str, str]:
    """Tell of which packages an estimator is, and their versions."""
    roots = {name.partition(".")[0] for name in (path, *types)}
    named = _packages_of_modules()
    packages = {named[root][0] for root in roots if root in named} | {"scikit-learn", "skops"}
    return {name: importlib.metadata.version(name) for name in sorted(packages)}


def _refuse_other(where: str, name: str, version: str) -> None:
    try:
        here = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        here = "none"
    # What skops writes, other versions of it read; what a package computes may change with it.
    if here == "none" or (name != "skops" and here.split(".")[:2] != version.split(".")[:2]):
        raise LeadcastError(
            f"{where}: was fitted with {name} {version}, and here is {here}; install {name} "
            f"{version} to score with it, or train again"
        )
