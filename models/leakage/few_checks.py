"""Checks for exports in which few leads have one of the outcomes, where statistics say nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from leadcast.features.changes.versions import leads_at
from leadcast.features.registry import Feature
from leadcast.features.tables import TimeOrder
from leadcast.models.data import Matrix
from leadcast.models.leakage.context import FEWEST_OUTCOMES, VOUCH, Check, Finding, LeakageContext
from leadcast.models.leakage.exact import (
    FEW,
    FEWEST,
    Flags,
    Severity,
    Split,
    best_split,
    splits_by_part,
)
from leadcast.models.leakage.strength import rank_correlation

_MOST_OTHERS = 20_000
_CLOCK = 0.8
"""A number whose ranks follow time's order so closely tells when a lead came, not how it ended."""


@dataclass(frozen=True)
class _Looked:
    """What was looked at, how it splits the leads, and at which age of theirs."""

    subject: str
    split: Split
    age: str = ""


class FewToldApart(Check):
    """A column, or a kind of event, that tells a handful of leads apart beyond chance."""

    code = "L017"
    title = "a column that tells the few leads of one outcome apart"
    remedy = VOUCH

    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why it cannot be told; see `Check.not_applicable`."""
        # Counting them in all parts takes seconds where leads are millions.
        enough = context.sample.fewest() >= FEW
        rare = FEW if enough else _fewest(context)
        if rare >= FEW and context.too_few_outcomes() is None:
            return f"each outcome has {FEW} leads or more, so that the other checks can tell"
        if rare < FEWEST:
            return f"{rare} leads with one of the outcomes are too few, even for an exact test"
        return None if context.features else "the matrix has no column"

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Split the leads by each column, and count how chance would; see `Check.look`."""
        looked = look_exactly(context)
        strongest: dict[str, _Looked] = {}
        for each in sorted(looked, key=lambda each: each.split.log_chance):
            if each.split.is_telling:
                strongest.setdefault(each.subject, each)
        for each in strongest.values():
            severity = each.split.sureness(len(looked))
            if severity is not None:
                yield self._found(context, each, severity, len(looked))

    def _found(
        self, context: LeakageContext, each: _Looked, severity: Severity, looked: int
    ) -> Finding:
        log10 = min(0.0, (each.split.log_chance + np.log(looked)) / np.log(10))
        chance = f"once in 10^{-log10:.0f}" if log10 <= -3 else f"in {10**log10:.1%} of the cases"
        found = f"{each.split.words(_rare_words(context))}{each.age}; by chance {chance} at most"
        doubt = "" if severity == "error" else ", so that an honest column is not excluded"
        return self.finding(each.subject, found + doubt, severity, each.split.auc)


class TooFewOutcomes(Check):
    """So few leads with one of the outcomes that the gate's statistics say nothing."""

    code = "L018"
    title = "too few outcomes for the gate to look"
    remedy = (
        "Look at the columns by hand: which are filled in, or changed, once it is known how a lead "
        "ends? Forbid those. A longer history or a longer horizon brings more outcomes."
    )
    severity: Severity = "warning"  # type: ignore[misc]
    needs_outcomes = False

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Count the leads of the rarer outcome; see `Check.look`."""
        training = context.sample.fewest()
        if training >= FEWEST_OUTCOMES:
            return
        known = _fewest(context)
        words = _rare_words(context)
        leads = f"{known} {words} lead{'' if known == 1 else 's'} with a known outcome"
        subject = "the leakage gate"
        if known >= FEWEST:
            found = (
                f"{leads}, {training} of them among the training leads looked at: no statistics "
                f"below {FEWEST_OUTCOMES}, only what separates them nearly perfectly can be seen"
            )
            yield self.finding(subject, found)
            return
        looked = look_exactly(context)
        perfect = list(dict.fromkeys(each.subject for each in looked if each.split.is_perfect))
        told = ", ".join(perfect[:10]) + (f" and {len(perfect) - 10} more" * (len(perfect) > 10))
        found = f"it could not look: {leads}; what separates them perfectly: {told or 'nothing'}"
        yield self.finding(subject, found)


def look_exactly(context: LeakageContext) -> list[_Looked]:
    """Split the leads by each attribute, each column of events and each kind of event.

    Parameters
    ----------
    context : LeakageContext

    Returns
    -------
    list of _Looked
        One for each of them that varies.
    """
    return [*_attributes(context), *_columns(context), *_kinds(context)]


def _fewest(context: LeakageContext) -> int:
    won = int(context.labelled["converted"].sum())
    return min(won, context.labelled.height - won)


def _rare_is(context: LeakageContext) -> bool:
    won = int(context.labelled["converted"].sum())
    return 2 * won <= context.labelled.height


def _rare_words(context: LeakageContext) -> str:
    return "converted" if _rare_is(context) else "not converted"


def _sampled(leads: pl.DataFrame, context: LeakageContext) -> pl.DataFrame:
    """Keep all leads of the rarer outcome, and enough of the others."""
    rare = pl.col("converted") == _rare_is(context)
    others = leads.filter(~rare)
    if others.height > _MOST_OTHERS:
        others = others.sample(_MOST_OTHERS, seed=context.seed)
    return pl.concat([leads.filter(rare), others])


def _one_of_each(looks: pl.DataFrame, context: LeakageContext) -> pl.DataFrame:
    """Keep a lead of each account, one that converted where there is one; then sample."""
    leads = looks.sort("group_id", ~pl.col("converted"), "lead_id")
    return _sampled(leads.unique("group_id", keep="first", maintain_order=True), context)


def _rare(leads: pl.DataFrame, context: LeakageContext) -> Flags:
    return (leads["converted"] == _rare_is(context)).to_numpy()


def _attributes(context: LeakageContext) -> Iterator[_Looked]:
    labelled, tables = _sampled(context.labelled, context), context.tables
    described = leads_at(tables.leads, labelled, tables.attribute_types)
    leads = described.with_columns(labelled["converted"])
    rare = _rare(leads, context)
    order = "created_at" if context.tables.time_order is TimeOrder.DATED else "position"
    for attribute in _read(context):
        values = leads[attribute]
        if values.dtype.is_temporal():
            # A moment is told from the lead's creation on: the moment itself is a clock.
            values = (values - leads["created_at"]).dt.total_seconds().cast(pl.Float64) / 86_400
        elif values.dtype.is_numeric() and _is_clock(values, leads[order]):
            continue
        split = best_split(values, rare)
        if split is not None:
            yield _Looked(f"column {attribute!r}", split)


def _read(context: LeakageContext) -> list[str]:
    """List the attributes that the matrix reads, alone or among many."""
    names = {name.removeprefix("leads.") for feature in context.features for name in feature.inputs}
    return [name for name in context.attributes if name in names]


def _is_clock(values: pl.Series, order: pl.Series) -> bool:
    both = pl.DataFrame({"value": values.cast(pl.Float64), "order": order.to_physical()})
    both = both.fill_nan(None).drop_nulls()
    return both.height >= 3 and abs(rank_correlation(both["value"], both["order"])) >= _CLOCK


def _columns(context: LeakageContext) -> Iterator[_Looked]:
    """Look at columns of events and of whole profiles, one age of the leads at a time."""
    numbers = [i for i, feature in enumerate(context.features) if _is_of_many(feature.inputs)]
    if not numbers:
        return
    snapshots = context.training_snapshots.with_row_index("row")
    snapshots = snapshots.with_columns(pl.col("converted").cast(pl.Boolean))
    for age, looks in _by_age(snapshots):
        leads = _one_of_each(looks, context)
        rare = _rare(leads, context)
        if not 0 < rare.sum() < len(rare):
            continue
        rows = leads["row"].to_numpy()
        for number in numbers:
            values = context.training.values[rows, number]
            split = best_split(_as_read(values, context.features[number]), rare)
            if split is not None:
                yield _Looked(context.column_of(context.features[number]), split, age)


def _as_read(values: Matrix, feature: Feature) -> pl.Series:
    column = pl.Series(values).fill_nan(None)
    if feature.dtype != "category":
        return column
    names = {float(code): level for code, level in enumerate(("any other", *feature.levels))}
    return column.replace_strict(names, return_dtype=pl.String)


def _is_of_many(inputs: tuple[str, ...]) -> bool:
    return any(name.startswith("events.") for name in inputs) or len(inputs) > 2


def _by_age(snapshots: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    for (days,), looks in snapshots.group_by("landmark_days", maintain_order=True):
        yield (
            (
                ""
                if days is None
                else f", at the age of {'1 day' if days == 1 else f'{days:g} days'}"
            ),
            looks,
        )


def _kinds(context: LeakageContext) -> Iterator[_Looked]:
    """Look at which kinds of events leads had had before they were looked at."""
    if context.tables.time_order is not TimeOrder.DATED:
        return
    known = context.snapshots.drop_nulls("converted").with_columns(
        pl.col("converted").cast(pl.Boolean)
    )
    for age, looks in _by_age(known):
        leads = _one_of_each(looks, context)
        rare = _rare(leads, context)
        had = (
            leads.lazy()
            .select("lead_id", "as_of", rare=pl.Series(rare))
            .join(context.tables.events, on="lead_id")
            .filter(pl.col("occurred_at") < pl.col("as_of"))
            .group_by("event_type")
            .agg(all=pl.col("lead_id").n_unique(), rare=pl.col("lead_id").filter("rare").n_unique())
            .sort("event_type")
            .collect()
        )
        for split, kind in splits_by_part(had, rare, "had it before they were looked at"):
            yield _Looked(f"event type {kind!r}", split, age)
