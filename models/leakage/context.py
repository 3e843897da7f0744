"""What the leakage gate looks at, what a check of it is, and what it finds."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import polars as pl

from leadcast.features.changes.versions import leads_at
from leadcast.features.registry import Feature
from leadcast.features.tables import WITHHELD, Tables
from leadcast.features.values.readings import NEVER_FEATURES
from leadcast.models.data import Floats, Integers, LabelledMatrix, Matrix
from leadcast.models.leakage.exact import Severity
from leadcast.models.leakage.strength import (
    Auc,
    Sample,
    auc_within_blocks,
    boosted,
    column_auc,
    draw_sample,
)

FEWEST_OUTCOMES = 20
"""With fewer leads of either outcome, what a column tells cannot be told from chance."""

AGE = frozenset({"leads.created_at", "as_of"})
"""What a feature is computed from that tells how old the lead is, and nothing else."""

Recompute = Callable[[pl.DataFrame, pl.LazyFrame, pl.DataFrame], Matrix]
"""From leads, events and snapshots to the matrix: `engine.compute` with its plan."""


@dataclass(frozen=True)
class LeakageContext:
    """A source with its snapshots, and the matrix that a learner is about to be given.

    Parameters
    ----------
    tables : Tables
        The canonical tables.
    snapshots : pl.DataFrame
        Every snapshot with its ``part``, as `leadcast.models.splits.split_snapshots` gives them.
    training : LabelledMatrix
        The rows of the training part, in the order of `snapshots`.
    importance : ndarray of float64, shape (n_features,), optional
        Of a fitted model, summing to 1.
    allowed_columns : frozenset of str, optional
        The attributes that the source definition lets the model read; None for all that the
        tables have.
    vouched : frozenset of str
        Columns, features or codes of checks that the user vouches for: what is found of them is
        told as a warning and does not fail the run.
    recompute : callable, optional
        Computes the matrix again; needed to see whether it looks into the future.
    seed : int
        Seeds the sample and the folds.
    edited : mapping, optional
        What `leadcast.features.changes.edited.edited_between` found in an earlier export.
    """

    tables: Tables
    snapshots: pl.DataFrame
    training: LabelledMatrix
    importance: Floats | None = None
    allowed_columns: frozenset[str] | None = None
    vouched: frozenset[str] = frozenset()
    recompute: Recompute | None = field(default=None, repr=False)
    seed: int = 0
    edited: Mapping[str, Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        labels = self.training_snapshots["converted"].cast(pl.Float64).to_numpy()
        if not np.array_equal(labels, self.training.converted):
            raise ValueError(
                f"the {len(self.training)} rows of training are not the {len(labels)} snapshots in "
                "the part 'train', row by row"
            )

    @cached_property
    def training_snapshots(self) -> pl.DataFrame:
        """The snapshots of the training matrix, row by row."""
        return self.snapshots.filter(pl.col("part") == "train")

    @cached_property
    def sample(self) -> Sample:
        """The training rows that statistics are computed on."""
        return draw_sample(self.training, self.seed)

    @cached_property
    def sampled_snapshots(self) -> pl.DataFrame:
        """The snapshots of `sample`, row by row."""
        return self.training_snapshots[self.sample.rows]

    @cached_property
    def sampled_leads(self) -> pl.DataFrame:
        """The leads of `sample` as they stood then, a row for each of its rows."""
        return leads_at(self.tables.leads, self.sampled_snapshots, self.tables.attribute_types)

    @cached_property
    def labelled(self) -> pl.DataFrame:
        """A lead for each lead or account whose outcome is known, in whichever part it is.

        ``lead_id``, ``converted`` and, where the source is dated, ``as_of`` (of its first
        snapshot); of an account, a lead that converted where there is one.
        """
        known = self.snapshots.drop_nulls("converted")
        moment = ["as_of"] if "as_of" in known.columns else []
        leads = known.group_by("group_id", "lead_id").agg(
            pl.col("converted").max().cast(pl.Boolean), pl.col(moment).min()
        )
        first = leads.sort("group_id", ~pl.col("converted"), "lead_id")
        return first.unique("group_id", keep="first", maintain_order=True).drop("group_id")

    @property
    def features(self) -> tuple[Feature, ...]:
        """The columns of the matrix."""
        return self.training.features

    @cached_property
    def aucs(self) -> tuple[Auc, ...]:
        """What each column tells alone."""
        columns = enumerate(self.features)
        return tuple(column_auc(self.sample.values[:, i], f, self.sample) for i, f in columns)

    def strongest(self) -> list[int]:
        """List the columns' numbers, those first that alone tell most."""
        return sorted(range(len(self.features)), key=lambda i: -self.aucs[i].value)

    def suspects(self) -> list[int]:
        """List the columns' numbers as `strongest`, without those that tell the lead's age alone.

        How old a lead is is known whenever it is scored. Where lost leads stay open for ever, age
        tells most of what there is to tell, and is no leak.
        """
        return [i for i in self.strongest() if set(self.features[i].inputs) != AGE]

    @cached_property
    def full_log_odds(self) -> Floats:
        """What all columns tell together, out of fold."""
        return self.log_odds_of(range(len(self.features)))

    @cached_property
    def full_auc(self) -> Auc:
        """How well all columns together rank."""
        return auc_within_blocks(self.full_log_odds, self.sample)

    def log_odds_of(self, columns: Sequence[int]) -> Floats:
        """Fit small boosted trees on some columns; log-odds of `sample`, out of fold."""
        if not columns:
            return self.sample.base_log_odds()
        index: Integers = np.array(columns, dtype=np.int64)
        categories = [i for i, c in enumerate(index) if self.features[c].dtype == "category"]
        return boosted(self.sample.values[:, index], categories, self.sample)

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """The leads' columns that describe them."""
        columns = self.tables.leads.columns
        return tuple(
            name for name in columns if name not in NEVER_FEATURES and not name.startswith(WITHHELD)
        )

    @cached_property
    def attribute_features(self) -> dict[str, tuple[int, ...]]:
        """For each attribute that the matrix reads, the numbers of the columns it makes.

        A column that reads many attributes at once (how much of the profile is filled in) is not
        counted as any one's.
        """
        found: dict[str, tuple[int, ...]] = {}
        for number, feature in enumerate(self.features):
            names = [name.removeprefix("leads.") for name in feature.inputs]
            read = [name for name in names if name in self.attributes]
            if len(read) <= 2:
                found |= {name: (*found.get(name, ()), number) for name in read}
        return found

    def others(self, number: int) -> list[int]:
        """List the columns of other attributes; for one that counts events, all others."""
        inputs = self.features[number].inputs
        if not all(name.startswith("leads.") for name in inputs):
            return [i for i in range(len(self.features)) if i != number]
        return [i for i, other in enumerate(self.features) if other.inputs != inputs]

    def attribute_auc(self, attribute: str) -> Auc:
        """Tell how much the best column made of an attribute tells alone."""
        return max((self.aucs[i] for i in self.attribute_features[attribute]), key=lambda a: a.low)

    def columns_named(self, subject: str) -> list[int]:
        """List the numbers of the columns that a finding's subject names."""
        names = [self.column_of(feature) for feature in self.features]
        if subject in names:
            return [names.index(subject)]
        attributes = self.attribute_features.items()
        return next((list(c) for name, c in attributes if subject == f"column {name!r}"), [])

    def attributes_named(self, subject: str) -> list[str]:
        """List the attributes that a finding's subject is about; none where it is about many."""
        named = [name for name in self.attributes if subject == f"column {name!r}"]
        made_of = (self.features[number].inputs for number in self.columns_named(subject))
        read = {
            name.removeprefix("leads.") for inputs in made_of if len(inputs) <= 2 for name in inputs
        }
        return named or [name for name in self.attributes if name in read]

    def column_of(self, feature: Feature) -> str:
        """Name a feature together with what it is made of, for a person."""
        made_of = [name.removeprefix("leads.") for name in feature.inputs]
        if made_of == [feature.name] or len(made_of) > 3:
            return f"column {feature.name!r}"
        return f"column {feature.name!r} (of {', '.join(made_of)})"

    def too_few_outcomes(self) -> str | None:
        """Say why statistics mean nothing here; None where enough leads have both outcomes."""
        fewest = self.sample.fewest()
        if fewest >= FEWEST_OUTCOMES:
            return None
        return (
            f"the training part has {fewest} leads of the rarer outcome; with fewer than "
            f"{FEWEST_OUTCOMES} nothing can be told from chance"
        )


VOUCH = (
    "If it is filled in or changed after the moment of scoring, forbid it in the source "
    "definition with the reason; if it is truly known by then, vouch for it (leakage.vouched)."
)
"""What to do about a column that may be honest."""


@dataclass(frozen=True)
class Finding:
    """One sign that the model would know what cannot be known when leads are scored.

    Parameters
    ----------
    code : str
        The check's code (``"L001"``).
    title : str
        What the check looks for.
    severity : {"error", "warning"}
        An error fails the run.
    subject : str
        The column, the event type or the part concerned.
    found : str
        What was found, with its numbers.
    remedy : str
        What to do about it.
    auc : float or None
        How well what was found ranks leads alone; None where that is not known.
    weight : str
        How bad it is, beyond what was found; empty where that is not known.
    vouched : bool
        Whether the user vouches for it.
    """

    code: str
    title: str
    severity: Severity
    subject: str
    found: str
    remedy: str
    auc: float | None = None
    weight: str = ""
    vouched: bool = False

    def vouched_by(self, name: str) -> bool:
        """Tell whether who vouches for a column, a feature or a check vouches for the finding."""
        return name == self.code or f"'{name}'" in self.subject


class Check(ABC):
    """One methodological check: a code, what it looks for, and what to do about what it finds."""

    code: ClassVar[str]
    """Stable: what users vouch by, and what reports refer to."""
    title: ClassVar[str]
    """What it looks for."""
    remedy: ClassVar[str]
    """What to do about what it finds."""
    severity: ClassVar[Severity] = "error"
    """What a finding is unless the check says otherwise; an error fails the run."""

    needs_attributes: ClassVar[bool] = False
    needs_outcomes: ClassVar[bool] = True
    """Whether it can say nothing where the matrix reads no attribute, or too few leads ended."""

    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why the check cannot say anything here; None where it applies."""
        if self.needs_attributes and not context.attribute_features:
            return "the matrix reads no attribute"
        return context.too_few_outcomes() if self.needs_outcomes else None

    @abstractmethod
    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Look for leaks; the check applies to the context."""

    def finding(
        self, subject: str, found: str, severity: Severity | None = None, auc: float | None = None
    ) -> Finding:
        """Make a finding of this check, of its own severity by default."""
        return Finding(
            self.code, self.title, severity or self.severity, subject, found, self.remedy, auc
        )
