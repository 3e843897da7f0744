"""What monitoring reads: the model in use, what it said, and what has come of it."""

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.definitions.load import find_definition
from leadcast.features.engine.engine import compute
from leadcast.features.registry import DAY_US
from leadcast.features.snapshots import (
    has_dated_outcome,
    make_snapshots,
    microseconds,
    microseconds_of,
)
from leadcast.features.tables import CHANGES, TIME, Tables
from leadcast.models.bundle.bundle import Bundle, load_bundle
from leadcast.models.data import Floats, Matrix
from leadcast.models.monitoring.conversions import (
    NEVER,
    DayCounts,
    Delays,
    Statements,
    count_by_day,
    until_next,
    weekday_factors,
)
from leadcast.models.monitoring.revisions import Revisions
from leadcast.pipelines.base.params import load_params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.serve.champion.champion_store import champion_bundle, champion_judged, has_champion

SEGMENT_ATTRIBUTES = ("source", "vendor", "campaign")
"""Where leads come from: by these, where a source has them, segments are watched as well."""
MOST_VALUES = 12
"""Of an attribute, the most frequent ones."""
NONE = "(none)"
"""What stands for a missing value."""
FEWEST_MATURE = 30
"""Conversions that are known from before the watch; with fewer no delay can be learned."""


@dataclass(frozen=True)
class WatchedModel:
    """The model that is watched.

    Parameters
    ----------
    folder : Path
        Its bundle's.
    bundle : Bundle
    watch_from : datetime
        Nothing that became known later was learned from.
    words : str
        Which it is, and why.
    """

    folder: Path
    bundle: Bundle
    watch_from: datetime
    words: str

    @property
    def horizon_days(self) -> int:
        """How far its scores look ahead."""
        return round(self.bundle.manifest.origin.snapshots.horizon_days)


@dataclass(frozen=True)
class Monitored:
    """What is watched of a source.

    Parameters
    ----------
    source : str
    model : WatchedModel
    tables : Tables
    said : pl.DataFrame
        A row a score, by lead and moment: ``lead_id``, ``lead`` (a code), ``as_of``, ``at`` (in
        microseconds), ``landmark_days``, ``probability``, ``grade``, ``kind`` (of its delay),
        ``won`` (in microseconds, `NEVER` where not), ``lost``, ``converted`` (null while not
        mature), ``first`` (whether it is the lead's first), and the segments' attributes.
    values : ndarray of float32, shape (n_rows, n_features), or None
        The features of these rows; None where the scores come from a history.
    attributes : tuple of str
        The attributes that make segments.
    known_until : datetime
        Until when outcomes are known.
    scores_from : str
        Where the scores come from, in words.
    calls_per_week : float or None
        What sales can call.
    """

    source: str
    model: WatchedModel
    tables: Tables
    said: pl.DataFrame
    values: Matrix | None
    attributes: tuple[str, ...]
    known_until: datetime
    scores_from: str
    calls_per_week: float | None

    @property
    def known_until_us(self) -> int:
        """Until when outcomes are known, in microseconds since 1970."""
        return microseconds_of(self.known_until)

    @property
    def watch_from_us(self) -> int:
        """From when on the model is watched, likewise."""
        return microseconds_of(self.model.watch_from)

    @property
    def first_day(self) -> int:
        """The first whole day that is watched, in days since 1970."""
        return -(-self.watch_from_us // DAY_US)

    def statements(self) -> Statements:
        """Give what was said as the counting of conversions takes it."""
        part = {name: self.said[name].to_numpy() for name in ("at", "probability", "kind", "won")}
        horizon = self.model.horizon_days
        due = self.said.select(self._due().fill_null(NEVER)).to_series().to_numpy()
        whose, lost = (self.said[name].to_numpy() for name in ("lead", "lost"))
        until = until_next(whose, part["at"], horizon, due, lost)
        return Statements(
            part["at"], until, part["probability"], part["kind"], part["won"], horizon
        )

    def revisions(self) -> tuple[Revisions, pl.DataFrame]:
        """Give each score that another has followed, or the lead's end, with its row in `said`."""
        follows = pl.col("lead").shift(-1) == pl.col("lead")
        rows = (
            self.said.with_columns(
                second=pl.when(follows).then(pl.col("probability").shift(-1)),
                due=self._due(),
            )
            .drop_nulls("due")
            .filter(pl.col("due") <= self.known_until_us)
            .with_columns(
                became=pl.when(pl.col("won") <= pl.col("due"))
                .then(1.0)
                .when(pl.col("lost") <= pl.col("due"))
                .then(0.0)
                .otherwise("second")
            )
            .drop_nulls("became")
        )
        columns = ("due", "probability", "became", "kind")
        return Revisions(*(rows[name].to_numpy() for name in columns)), rows

    def _due(self) -> pl.Expr:
        """Tell when the next look at a lead is due; null after the last landmark."""
        landmarks = self.model.bundle.manifest.origin.snapshots.landmarks_days
        gaps = {first: microseconds(second - first) for first, second in pairwise(landmarks)}
        gap = pl.col("landmark_days").replace_strict(gaps, default=None, return_dtype=pl.Int64)
        return pl.col("at") + gap


@dataclass(frozen=True)
class CountedConversions:
    """Conversions by day beside what was expected, with what was learned before the watch.

    Parameters
    ----------
    delays : Delays
    counts : DayCounts
        From the first statement's day on.
    weekdays : ndarray of float64, shape (7,)
        How conversions are spread over the week, as `DayCounts.with_weekdays` takes it.
    """

    delays: Delays
    counts: DayCounts
    weekdays: Floats


def count_conversions(monitored: Monitored, statements: Statements) -> CountedConversions:
    """Count the conversions of all leads, by delays and weekdays of the time before the watch.

    Parameters
    ----------
    monitored : Monitored
    statements : Statements
        What was said; of `monitored`, perhaps with other probabilities.

    Returns
    -------
    CountedConversions
    """
    delays = Delays.learned(statements, monitored.watch_from_us)
    begin = int(statements.at.min()) // DAY_US
    # Before a horizon has passed not all leads are on watch, but those that are, rightly so.
    counts = count_by_day(statements, delays, begin, monitored.known_until_us)
    weekdays = weekday_factors(counts.between(begin, monitored.first_day))
    return CountedConversions(delays, counts, weekdays)


def read_monitored(source: str, bundle: Path | None, history: Path | None) -> Monitored:
    """Read what is to be watched.

    Parameters
    ----------
    source : str
    bundle : Path or None
        The model to watch; None for the one in use.
    history : Path or None
        What ``leadcast score --history`` has filled; None: leads are scored as of then.

    Raises
    ------
    LeadcastError
        If the source has no dates, was not run, or has nothing to watch; tells what to do.
    """
    run, definition = RunFolder(source), find_definition(source)
    run.require(run.tables)
    tables = Tables.read(run.tables)
    if not has_dated_outcome(tables) or tables.observed_until is None:
        raise LeadcastError(
            f"source {source!r}: cannot be monitored, since its leads or outcomes have no dates; "
            "map created_at and the outcomes' dates in its definition, if the export has them"
        )
    model = _model(run, bundle, tables.observed_until)
    looks = make_snapshots(tables, model.bundle.manifest.origin.snapshots, 0)
    if history is None:
        said, values = _scored_again(model.bundle, tables, looks)
        stood = (
            "by their history" if CHANGES in tables.leads.columns else "as the export has them now"
        )
        scores_from = (
            "The scores are those that the model gives as of then, from what was known then "
            f"(attributes of leads {stood}); there is no history of what it said."
        )
    else:
        said, values = _from_history(history, looks), None
        scores_from = f"The scores are those that were given then, from {history}."
    attributes = _attributes(tables, definition.segments)
    params = load_params().comparison.over(definition.comparison)
    return Monitored(
        source=source,
        model=model,
        tables=tables,
        said=_with_leads(said, tables, attributes, model),
        values=values,
        attributes=attributes,
        known_until=tables.observed_until,
        scores_from=scores_from,
        calls_per_week=params.calls_per_week,
    )


def _model(run: RunFolder, named: Path | None, known_until: datetime) -> WatchedModel:
    promoted = has_champion(run.source)
    if named is None:
        place = champion_bundle(run.source) if promoted else run.bundle
        run.require(place)
        model = _watched(place, "the champion" if promoted else "the run's deployed model")
        if (known_until - model.watch_from).days >= 1:
            return model
        tested = champion_judged(run.source) if promoted else run.judged
        run.require(tested)
        return _watched(
            tested,
            "the tested model, over the time that it had not seen (the one in use has learned "
            "from all of this export; what comes after it is watched with the next export)",
        )
    model = _watched(named, f"{named}")
    if (known_until - model.watch_from).days < 1:
        raise LeadcastError(
            f"{named}: has learned from all that the export knows (until {known_until:%Y-%m-%d}), "
            "so that there is nothing to watch yet; bring a newer export"
        )
    return model


def _watched(folder: Path, words: str) -> WatchedModel:
    bundle = load_bundle(folder)
    seen = bundle.manifest.origin.seen
    if seen is None or seen.known_until is None:
        raise LeadcastError(
            f"{folder}: does not say what it has learned from; export it again with this version"
        )
    return WatchedModel(folder, bundle, seen.known_until, words)


def _scored_again(
    bundle: Bundle, tables: Tables, looks: pl.DataFrame
) -> tuple[pl.DataFrame, Matrix]:
    # By lead and moment, as the features are wanted beside them.
    looks = looks.sort("lead_id", "position")
    values = compute(bundle.plan, tables.leads, tables.events, looks)
    probability = bundle.calibrator.probability(bundle.learner.log_odds(values))
    columns = ("lead_id", "as_of", "landmark_days", "converted")
    grade = pl.Series("grade", bundle.reference.grade(probability))
    return looks.select(columns).with_columns(grade, probability=probability), values


def _from_history(history: Path, looks: pl.DataFrame) -> pl.DataFrame:
    """Take each lead's first score at or after each landmark's age, by any model."""
    files = sorted(history.glob("*.parquet"))
    if not files:
        raise LeadcastError(
            f"{history}: no score history is here; score with --history {history} first"
        )
    given = pl.scan_parquet(files).select("lead_id", "as_of", "probability", "grade").collect()
    found = (
        looks.rename({"as_of": "look"})
        .sort("look")
        .join_asof(
            given.sort("as_of"),
            left_on="look",
            right_on="as_of",
            by="lead_id",
            strategy="forward",
            coalesce=False,
            check_sortedness=False,
        )
        .drop_nulls("as_of")
        .unique(["lead_id", "as_of"], keep="last")
        .sort("lead_id", "as_of")
    )
    if found.is_empty():
        raise LeadcastError(
            f"{history}: holds no score of a lead of this export; name the source's own history"
        )
    return found.select("lead_id", "as_of", "landmark_days", "grade", "probability", "converted")


def _with_leads(
    said: pl.DataFrame, tables: Tables, attributes: tuple[str, ...], model: WatchedModel
) -> pl.DataFrame:
    until = pl.lit(tables.observed_until, dtype=TIME)

    def moment(name: str) -> pl.Expr:
        known = pl.col(name).is_not_null() & (pl.col(name) <= until)
        return pl.when(known).then(pl.col(name).dt.epoch("us")).otherwise(NEVER)

    leads = tables.leads.select("lead_id", *(pl.col(a).fill_null(NONE) for a in attributes))
    outcomes = tables.outcomes.select("lead_id", won=moment("won_at"), lost=moment("lost_at"))
    rows = said.join(leads, on="lead_id", how="left", maintain_order="left")
    rows = rows.join(outcomes, on="lead_id", how="left", maintain_order="left").with_columns(
        pl.col("won", "lost").fill_null(NEVER),
        lead=pl.col("lead_id").rank("dense").cast(pl.Int64),
        at=pl.col("as_of").dt.epoch("us"),
        first=pl.col("lead_id") != pl.col("lead_id").shift(1).fill_null(""),
    )
    return rows.with_columns(kind=_kinds(rows, model))


def _kinds(rows: pl.DataFrame, model: WatchedModel) -> pl.Series:
    """Tell apart what may convert at another pace: landmarks, and high scores from low ones."""
    landmarks = model.bundle.manifest.origin.snapshots.landmarks_days
    at, probability = rows["landmark_days"].to_numpy(), rows["probability"].to_numpy()
    mature = rows["at"].to_numpy() + model.horizon_days * DAY_US <= microseconds_of(
        model.watch_from
    )
    kind = np.zeros(rows.height, np.int64)
    for place, landmark in enumerate(landmarks):
        here = at == landmark
        some = here & mature if (here & mature).any() else here
        # Half of the conversions to come on either side, as far as the scores say.
        middle = _weighted_median(probability[some]) if some.any() else 0.5
        kind[here] = 2 * place + (probability[here] > middle)
    return pl.Series(kind)


def _weighted_median(probability: Floats) -> float:
    order = np.sort(probability)
    reached = np.cumsum(order)
    return float(order[np.searchsorted(reached, reached[-1] / 2)])


def _attributes(tables: Tables, named: tuple[str, ...]) -> tuple[str, ...]:
    wanted = dict.fromkeys((*SEGMENT_ATTRIBUTES, *named))
    schema = tables.leads.schema
    return tuple(name for name in wanted if schema.get(name) == pl.String)
