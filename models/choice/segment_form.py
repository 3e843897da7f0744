"""Learning what segments have of their own beside a learner, from what it says of others' leads.

What a learner says of leads that it has learned from is too bold, and would leave segments too
little to explain: so the training rows are split into folds of persons, and each fold is scored by
the learner fitted on the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from leadcast.features.base.errors import Fault, FaultsError, nearest_first
from leadcast.features.registry import Feature
from leadcast.models.choice.fitting import clocks_of
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.models.learners.learner_store import FittedLearner, SegmentedLearner, segmented_of
from leadcast.models.learners.rows import canonical_order
from leadcast.models.learners.segmented import (
    Form,
    SegmentParts,
    fit_segments,
    segment_codes,
)

FOLDS = 3
MOST_SLOPES = 3
"""Segments have slopes on so many of the numbers that matter most to the whole."""

_OWN = ("fit", "source")
"""The groups of what leads are, and not of what they do or when."""
Fit = Callable[[LabelledMatrix], FittedLearner]


@dataclass(frozen=True)
class SegmentForm:
    """Which segments have how much of their own."""

    columns: tuple[str, ...]
    """Names of features."""
    form: Form

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {"columns": list(self.columns), "form": self.form}

    @classmethod
    def from_json(cls, content: Mapping[str, Any] | None) -> Self | None:
        """Read it back; None of None."""
        return None if content is None else cls(tuple(content["columns"]), content["form"])


@dataclass(frozen=True)
class CrossFitted:
    """What a learner says of rows whose persons it has not learned from."""

    rows: LabelledMatrix
    """In canonical order."""
    log_odds: Floats
    numbers: tuple[int, ...]
    """The columns of the numbers that matter most to it, clocks left out."""

    @classmethod
    def of(cls, fit: Fit, data: LabelledMatrix, held: Sequence[str] = ()) -> Self | None:
        """Fit a learner on all folds but one, for each.

        Parameters
        ----------
        fit : callable
            From training rows to a learner.
        data : LabelledMatrix
        held : sequence of str
            Numbers on which segments must have no slopes, as their direction is constrained.

        Returns
        -------
        CrossFitted or None
            None where some fold leaves leads of one outcome only.
        """
        rows = data.rows(canonical_order(data))
        fold = np.unique(rows.persons, return_inverse=True)[1] % FOLDS
        log_odds, importance = np.zeros(len(rows)), np.zeros(len(rows.features))
        clocks = set[int]()
        for number in range(FOLDS):
            known, new = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            if not len(known) or rows.converted[known].min() == rows.converted[known].max():
                return None
            learner = fit(rows.rows(known))
            log_odds[new] = learner.log_odds(rows.values[new])
            importance += learner.importance()
            clocks |= set(clocks_of(learner))
        usable = [
            place
            for place in np.argsort(-importance, kind="stable").tolist()
            if rows.features[place].dtype == "number"
            and importance[place] > 0
            and place not in clocks
            and rows.features[place].name not in held
        ]
        return cls(rows, log_odds, tuple(usable[:MOST_SLOPES]))

    def parts(self, columns: Sequence[str], form: Form) -> SegmentParts:
        """Learn what segments have of their own.

        Parameters
        ----------
        columns : sequence of str
            Names of features.
        form : {"level", "slope", "numbers"}

        Returns
        -------
        SegmentParts
        """
        places = [p for p, feature in enumerate(self.rows.features) if feature.name in columns]
        return fit_segments(self.rows, self.log_odds, places, self.numbers, form)


def fit_segmented(
    fit: Fit, whole: FittedLearner, data: LabelledMatrix, form: SegmentForm, held: Sequence[str]
) -> FittedLearner:
    """Put what segments have of their own on a learner; the learner alone where nothing can."""
    if not any(feature.name in form.columns for feature in data.features):
        return whole
    crossed = CrossFitted.of(fit, data, held)
    if crossed is None:
        return whole
    return segmented_of(whole, crossed.parts(form.columns, form.form), data.values)


def segment_features(features: Sequence[Feature], said: Sequence[str]) -> tuple[str, ...]:
    """Look up the features whose values are segments.

    Parameters
    ----------
    features : sequence of Feature
    said : sequence of str
        As the settings name them: by the feature or by the attribute that it is read off.

    Returns
    -------
    tuple of str
        Names of features.

    Raises
    ------
    FaultsError
        If a name is none of a category or a flag; tells all of them.
    """
    names = {f.name: f.name for f in features if f.dtype != "number"}
    read = {f.inputs[0]: f.name for f in features if f.name in names and len(f.inputs) == 1}
    names = {key.removeprefix("leads."): name for key, name in reversed(read.items())} | names
    faults = []
    for one in said:
        if one not in names:
            number = any(one == f.name or f"leads.{one}" in f.inputs for f in features)
            # No name is like what was meant, where that is a number: then what leads are.
            own = [f.name for f in features if f.dtype != "number" and f.group in _OWN]
            near = ", ".join(own if number else nearest_first(one, names)[:5]) or "none at all"
            found = "a number" if number else "no such feature of these leads"
            what = "their own are" if number else "the most alike"
            remedy = f"Take one of their categories or flags; {what}: {near}."
            where = f"segments_by (or model.segments_by in params.yaml): {one!r}"
            faults.append(Fault(where, found, "a category", remedy))
    if faults:
        raise FaultsError("learner settings", faults)
    return tuple(dict.fromkeys(names[one] for one in said))


def segments_told(learner: FittedLearner, features: Sequence[Feature]) -> list[dict[str, Any]]:
    """Tell which segments have how much of their own, as plain data.

    Parameters
    ----------
    learner : FittedLearner
    features : sequence of Feature

    Returns
    -------
    list of dict
        A row for each segment, those with the most leads first: ``column`` (a feature's name),
        ``segment``, ``leads``, ``won``, ``level`` (log-odds), ``own`` (a share), ``slope`` (1 is
        the whole's) and ``slopes`` (by the numbers' names, a standard deviation each). Empty of
        other learners.
    """
    if not isinstance(learner, SegmentedLearner):
        return []
    numbers = [features[one.feature].name for one in learner.parts.numbers]
    told = [
        {
            "column": features[column.feature].name,
            "segment": _segment_name(features[column.feature], one.code),
            "leads": one.leads,
            "won": one.won,
            "level": one.level,
            "own": one.own,
            "slope": 1 + one.slope,
            "slopes": dict(zip(numbers, one.slopes, strict=True)),
        }
        for column in learner.parts.columns
        for one in column.segments
    ]
    return sorted(told, key=lambda row: -row["leads"])


def has_segments(data: LabelledMatrix, columns: Sequence[str]) -> bool:
    """Tell whether at least one of the columns tells two segments apart."""
    places = [place for place, f in enumerate(data.features) if f.name in columns]
    return any(len(segment_codes(data, place)) > 1 for place in places)


def _segment_name(feature: Feature, code: float) -> str:
    if feature.dtype == "flag":
        return "yes" if code else "no"
    return feature.levels[int(code) - 1]
