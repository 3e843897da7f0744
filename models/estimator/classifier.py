"""`LeadcastClassifier`: learners that compete in time and are calibrated, on any table."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, check_consistent_length
from sklearn.utils.multiclass import type_of_target, unique_labels
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _num_samples,
    check_array,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from leadcast.features.base.errors import LeadcastError, did_you_mean
from leadcast.features.registry import DAY_US
from leadcast.models.calibration.in_time import calibrate_with_intervals
from leadcast.models.choice.choice import Choice, choose
from leadcast.models.data import Floats, Integers, LabelledMatrix, Matrix
from leadcast.models.estimator.columns import Table, columns_of, learn_encoding, refuse_infinity
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.settings import LearnerSettings

FEWEST_POSITIVE = 5
"""A regression is shrunken by what it is worth; below this there is nothing to tell that by."""


class LeadcastClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The recipe of Leadcast on any table, in scikit-learn's manners.

    Base rate, logistic regression with curves, boosted trees and blends of them compete on rolling
    origins: each is judged on rows later than those that it was fitted on. The winner is fitted on
    all rows, and calibrated where that has helped later rows.

    Parameters
    ----------
    candidates : tuple of {"prior", "logistic", "lightgbm", "blend"}
        Who competes.
    horizon : float
        How long after a row's `time` its label becomes known, in days where `time` holds dates,
        else in the unit of `time`. A model is never judged on rows by labels that were not known
        when they came.
    origins : int
        How many rolling origins judge the candidates.
    settings : dict, optional
        Any other of `leadcast.models.settings.LearnerSettings`, by name.
    n_jobs : int, optional
        Threads of LightGBM; None: 1.
    random_state : int
        Of everything that is random.

    Attributes
    ----------
    classes_ : ndarray, shape (2,)
        The second is what is predicted.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, shape (n_features_in_,)
        Where the table has names.
    feature_importances_ : ndarray of float64, shape (n_features_in_,)
        Shares of the mean absolute contributions.
    chosen_ : str
        The candidate that was chosen.
    backtest_ : list of dict
        Each candidate at each origin: log loss, AUC, the difference from the one chosen.
    notes_ : tuple of str
        Why it was chosen, and what there was too little data for.

    Examples
    --------
    >>> import numpy as np
    >>> from leadcast import LeadcastClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 2))
    >>> y = rng.random(400) < 1 / (1 + np.exp(-2 * X[:, 0]))
    >>> model = LeadcastClassifier(candidates=("prior", "logistic")).fit(X, y)
    >>> model.predict_proba(X[:3]).shape
    (3, 2)
    """

    def __init__(
        self,
        candidates: tuple[str, ...] = ("prior", "logistic", "lightgbm", "blend"),
        horizon: float = 0.0,
        origins: int = 3,
        settings: dict[str, Any] | None = None,
        n_jobs: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.candidates = candidates
        self.horizon = horizon
        self.origins = origins
        self.settings = settings
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(
        self,
        X: Table,
        y: npt.ArrayLike,
        groups: npt.ArrayLike | None = None,
        time: npt.ArrayLike | None = None,
    ) -> Self:
        """Let the candidates compete, and fit the winner on all rows.

        Parameters
        ----------
        X : array_like or data frame (pandas, polars, Arrow), shape (n_rows, n_features)
            Numbers, flags and categories; NaN where missing. Of a data frame, texts and
            categoricals are categories.
        y : array_like, shape (n_rows,)
            Two values; the greater is the one that is predicted.
        groups : array_like, shape (n_rows,), optional
            The lead or account of each row: rows that share it are not independent, and never on
            both sides of an origin. A row whose own is missing (None, NaN, NA) is a group of its
            own. None: each row is one.
        time : array_like of datetime64, datetime or float, shape (n_rows,), optional
            When each row was seen; texts are no moments. None: the rows stand in the order of time.

        Returns
        -------
        LeadcastClassifier

        Raises
        ------
        ValueError
            If lengths differ, `y` has not two classes, a setting is unknown, `horizon` is below
            0, or a moment is missing or none.
        TypeError
            If a column holds neither numbers, flags nor texts.
        """
        if not (np.isfinite(self.horizon) and self.horizon >= 0):
            raise ValueError(
                f"horizon: found {self.horizon!r}; expected how long after a row's time its label "
                "becomes known, 0 or more"
            )
        names, columns = self._columns(X, fitting=True)
        answers = self._answers(y, len(columns[0]))
        self._encoding = learn_encoding(names, columns)
        data = LabelledMatrix(
            values=self._encoding.matrix(columns),
            features=self._encoding.features,
            converted=answers,
            position=_positions(time, len(answers)),
            group=_codes(groups, len(answers)),
            horizon=round(self.horizon * (DAY_US if _is_dated(time) else 1)),
        )
        try:
            choice = choose(data, self._learner_settings())
        except LeadcastError as error:
            raise ValueError(str(error)) from error
        self._calibrate(choice, data)
        self._learner = choice.learner
        self.chosen_ = choice.learner.kind
        self.backtest_ = [result.to_json() for result in choice.backtest]
        self.notes_ = choice.notes
        self.feature_importances_ = choice.learner.importance()
        return self

    def decision_function(self, X: Table) -> Floats:
        """Give the calibrated log-odds of the second class.

        Parameters
        ----------
        X : array_like or data frame, shape (n_rows, n_features)
            As for `fit`.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
        """
        values = self._matrix(X)
        return self._calibrator.log_odds(self._learner.log_odds(values))

    def predict_proba(self, X: Table) -> Floats:
        """Give the calibrated probabilities of both classes.

        Parameters
        ----------
        X : array_like or data frame, shape (n_rows, n_features)
            As for `fit`.

        Returns
        -------
        ndarray of float64, shape (n_rows, 2)
            In the order of `classes_`.
        """
        second = sigmoid(self.decision_function(X))
        return np.column_stack([1 - second, second])

    def predict(self, X: Table) -> npt.NDArray[Any]:
        """Give the more probable class.

        Parameters
        ----------
        X : array_like or data frame, shape (n_rows, n_features)
            As for `fit`.

        Returns
        -------
        ndarray, shape (n_rows,)
            Values of `classes_`.
        """
        above = (self.decision_function(X) > 0).astype(int)
        return np.asarray(self.classes_[above])

    def predict_interval(self, X: Table) -> Floats:
        """Give the 90 % interval of the second class's probability.

        It holds the rate of rows with the same log-odds, as far as later rows have shown it
        (Venn-Abers pairs, and the drift between origins).

        Parameters
        ----------
        X : array_like or data frame, shape (n_rows, n_features)
            As for `fit`.

        Returns
        -------
        ndarray of float64, shape (n_rows, 2)
            Lower and upper end; they hold `predict_proba`.
        """
        values = self._matrix(X)
        log_odds = self._learner.log_odds(values)
        calibrated = sigmoid(self._calibrator.log_odds(log_odds))
        return np.column_stack(self._intervals.interval(log_odds, calibrated))

    def contributions(self, X: Table) -> Floats:
        """Split each row's log-odds, before calibration, among the features.

        Parameters
        ----------
        X : array_like or data frame, shape (n_rows, n_features)
            As for `fit`.

        Returns
        -------
        ndarray of float64, shape (n_rows, n_features + 1)
            What each feature adds; last the value from which they start.
        """
        values = self._matrix(X)
        parts, start = self._learner.contributions(values)
        return np.column_stack([parts, start])

    def get_feature_names_out(
        self, input_features: npt.ArrayLike | None = None
    ) -> npt.NDArray[Any]:
        """Give the names of the features, as scikit-learn's transformers do.

        Parameters
        ----------
        input_features : array_like of str, optional
            Names for a table that had none.

        Returns
        -------
        ndarray of str, shape (n_features_in_,)
        """
        check_is_fitted(self)
        if hasattr(self, "feature_names_in_"):
            return np.asarray(self.feature_names_in_, dtype=object)
        given = input_features
        return np.asarray(
            [f"x{i}" for i in range(self.n_features_in_)] if given is None else given, dtype=object
        )

    def __sklearn_tags__(self) -> Tags:
        """Tell what scikit-learn may expect."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags

    def _matrix(self, X: Table) -> Matrix:
        check_is_fitted(self)
        return self._encoding.matrix(self._columns(X, fitting=False)[1])

    def _columns(self, X: Table, fitting: bool) -> tuple[list[str], list[Any]]:
        """Check a table as scikit-learn does, and take it apart."""
        found = columns_of(X)
        if found is None:
            values = validate_data(
                self, X, reset=fitting, dtype=np.float64, ensure_all_finite="allow-nan"
            )
            return [f"x{i}" for i in range(values.shape[1])], list(values.T)
        _check_feature_names(self, X, reset=fitting)
        _check_n_features(self, X, reset=fitting)
        if not found[1] or not len(found[1][0]):
            check_array(np.empty((_num_samples(X), len(found[1]))))
        for name, column in zip(*found, strict=True):
            refuse_infinity(str(name), column)
            if column.dtype != object:
                check_array(column, ensure_2d=False, ensure_all_finite="allow-nan")
        return [str(name) for name in found[0]], found[1]

    def _answers(self, y: npt.ArrayLike, rows: int) -> Floats:
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        given = column_or_1d(y, warn=True)
        if given.dtype.kind == "f":
            check_array(given, ensure_2d=False, input_name="y")
        kind = type_of_target(given, input_name="y", raise_unknown=True)
        if kind == "multiclass":
            raise ValueError(
                f"Only binary classification is supported. The type of the target is {kind}."
            )
        if kind != "binary":
            raise ValueError(f"Unknown label type: {kind}. Expected two classes.")
        if len(given) != rows:
            check_consistent_length(np.empty(rows), given)
        self.classes_ = unique_labels(given)
        if len(self.classes_) < 2:
            (only,) = self.classes_.tolist()
            raise ValueError(f"y holds one class only, {only!r}: there is nothing to learn from")
        return np.asarray(given == self.classes_[1], dtype=np.float64)

    def _learner_settings(self) -> LearnerSettings:
        own = {
            "candidates": tuple(self.candidates),
            "origins": self.origins,
            "num_threads": self.n_jobs or 1,
            "seed": self.random_state,
            "fewest_won_logistic": FEWEST_POSITIVE,
        }
        given = self.settings or {}
        try:
            return LearnerSettings.model_validate(own | given)
        except ValidationError as error:
            raise ValueError("; ".join(_wrong_settings(error, given))) from None

    def _calibrate(self, choice: Choice, data: LabelledMatrix) -> None:
        past = choice.out_of_time
        index, log_odds, origin = past.index, past.log_odds, past.origin
        if not len(index):
            index = np.arange(len(data))
            log_odds, origin = choice.learner.log_odds(data.values), np.full(len(data), -1)
        found, self._intervals = calibrate_with_intervals(
            log_odds,
            data.converted[index],
            data.group[index],
            origin,
            data.position[index],
            seed=self.random_state,
        )
        self._calibrator = found.calibrator


def _is_dated(time: npt.ArrayLike | None) -> bool:
    return time is not None and _as_array(time).dtype.kind == "M"


def _as_array(time: npt.ArrayLike) -> npt.NDArray[Any]:
    """Give moments as NumPy has them; those of pandas with a zone would come as objects."""
    given: Any = time
    if getattr(getattr(given, "dtype", None), "tz", None) is not None:
        given = (given.dt if hasattr(given, "dt") else given).tz_convert(None)
    found = np.asarray(given)
    if found.dtype != object:
        return found
    import pandas as pd

    there = found[~pd.isna(found)]
    if not len(there) or not all(isinstance(one, date | np.datetime64) for one in there):
        return found
    return np.asarray(pd.to_datetime(pd.Series(found), utc=True).dt.tz_localize(None))


def _positions(time: npt.ArrayLike | None, rows: int) -> Integers:
    """Put rows in time's order: microseconds, or ranks of numbers."""
    if time is None:
        return np.arange(rows)
    given = _as_array(time)
    check_consistent_length(np.empty(rows), given)
    if given.dtype.kind == "M":
        if np.isnat(given).any():
            raise ValueError(f"time: {np.isnat(given).sum()} of {rows} moments are missing")
        return given.astype("datetime64[us]").astype(np.int64)
    numbers = _numbers(given)
    if not np.isfinite(numbers).all():
        raise ValueError(f"time: {(~np.isfinite(numbers)).sum()} of {rows} moments are not finite")
    return np.round(numbers).astype(np.int64)


def _numbers(given: npt.NDArray[Any]) -> Floats:
    """Give moments that are no dates as numbers, NaN where one is missing."""
    if given.dtype == object:
        import pandas as pd

        given = np.where(pd.isna(given), np.nan, given)
    odd = [one for one in given.tolist() if not isinstance(one, (bool, int, float))]
    if odd:
        raise ValueError(
            f"time: found {odd[0]!r}; expected moments or numbers, of one kind. Read texts as "
            "moments first, as pandas.to_datetime does"
        )
    return np.asarray(given, dtype=np.float64)


def _codes(groups: npt.ArrayLike | None, rows: int) -> Integers:
    """Give groups numbers, and each row whose own is missing one of its own."""
    if groups is None:
        return np.arange(rows)
    import pandas as pd

    # Of a list with a missing one NumPy would make texts, among them "nan".
    given = np.asarray(groups, dtype=None if hasattr(groups, "dtype") else object)
    check_consistent_length(np.empty(rows), given)
    missing = pd.isna(given)
    known = given[~missing]
    known = known.astype(str) if known.dtype == object else known
    codes = np.empty(len(given), dtype=np.int64)
    values, codes[~missing] = np.unique(known, return_inverse=True)
    codes[missing] = len(values) + np.arange(missing.sum())
    return codes


def _wrong_settings(error: ValidationError, given: Mapping[str, Any]) -> Iterator[str]:
    """Say of each setting that is not known, or cannot be so, what was found and expected."""
    for one in error.errors(include_url=False):
        place = [str(part) for part in one["loc"]]
        name = ".".join(place)
        where = f"settings: {name!r}" if place and place[0] in given else f"{name!r}"
        if one["type"] == "extra_forbidden":
            meant = did_you_mean(name, LearnerSettings.model_fields)
            yield f"{where}: found no such setting; expected one of LearnerSettings. {meant}"
        else:
            message = one["msg"].removeprefix("Value error, ")
            yield f"{where}: found {one['input']!r}; expected: {message}. Correct its value"
