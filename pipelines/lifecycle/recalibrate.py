"""``leadcast recalibrate``: the newest conversions move the champion's level, not its trees."""

import tempfile
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import write_json
from leadcast.features.base.ownership import refuse_foreign_folder
from leadcast.features.registry import DAY_US
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.bundle.bundle_files import KIND
from leadcast.models.bundle.bundle_level import offset_of, write_moved
from leadcast.models.choice.backtest import row_log_loss
from leadcast.models.evaluation.logistic import log_odds_of, sigmoid
from leadcast.models.monitoring.evidence import WEEK_DAYS, weekly_dispersion
from leadcast.models.monitoring.level_tracker import (
    LevelRecord,
    LevelWeek,
    TrackedLevel,
    record_of,
    track_level,
)
from leadcast.pipelines.base.params import load_params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.lifecycle.monitored import Monitored, count_conversions, read_monitored
from leadcast.serve.champion.champion_store import (
    PromotionStep,
    champion_bundle,
    champion_judged,
    has_champion,
    promoting,
    put_champion,
    read_promotion,
)

FEWEST_CONVERSIONS = 20
"""Since the model learned; with fewer the level stays where it is."""
LEAST_MOVE = 0.02
"""A smaller change in log-odds is not worth a version of its own."""


@dataclass(frozen=True)
class LevelFound:
    """What the newest conversions say of the level.

    Parameters
    ----------
    before : float
        The offset that the bundle has.
    level : TrackedLevel
    record : LevelRecord
        What the offset was worth so far.
    weeks : list of dict
        The record week by week: ``week``, ``leads``, ``without``, ``moved`` (log loss), ``offset``.
    conversions : float
        How many came since the model learned.
    """

    before: float
    level: TrackedLevel
    record: LevelRecord
    weeks: list[dict[str, Any]]
    conversions: float

    @property
    def after(self) -> float:
        """The offset that the bundle should have."""
        if self.record.harms:
            return 0.0
        if self.conversions < FEWEST_CONVERSIONS:
            return self.before
        return self.level.offset

    def words(self) -> str:
        """Tell it to a person."""
        level, record = self.level, self.record
        lines = [
            f"Level: {self.conversions:.0f} conversions since the model learned ask for an offset "
            f"of {level.offset:+z.3f} in log-odds (standard error {level.standard_error:.3f}, "
            f"supported {level.low:+z.3f} to {level.high:+z.3f}); it has {self.before:+z.3f}."
        ]
        if record.weeks:
            lines.append(
                f"Record of {record.weeks} weeks with mature labels: log loss "
                f"{record.without:.4f} without, {record.moved:.4f} with the offset; gain "
                f"{record.gain:+z.4f} ({record.low:+z.4f} to {record.high:+z.4f})."
            )
        if record.harms:
            lines.append("The scores are better without it, so that it is taken back.")
        elif self.conversions < FEWEST_CONVERSIONS:
            lines.append(f"Fewer than {FEWEST_CONVERSIONS} conversions: it stays where it is.")
        return "\n".join(lines)

    def facts(self) -> dict[str, Any]:
        """Tell it to a program."""
        level = asdict(self.level) | {"path": list(self.level.path)}
        record = {key: _finite(value) for key, value in asdict(self.record).items()}
        return {
            "before": self.before,
            "after": self.after,
            "level": level,
            "record": record,
            "weeks": self.weeks,
            "conversions": self.conversions,
        }


def recalibrate(source: str, bundle: Path | None = None, out: Path | None = None) -> str:
    """Move the level of the model in use, where its owner has switched that on.

    Parameters
    ----------
    source : str
    bundle : Path, optional
        The model; without it the champion's.
    out : Path, optional
        Where to write the moved bundle, in place of making it the champion.

    Returns
    -------
    str
        What was done, for a person.

    Raises
    ------
    LeadcastError
        If there is no champion, or no newer conversion than it has learned from; tells what to do.
    """
    if out is not None:
        refuse_foreign_folder(out, KIND, quick=True, is_named=True)
    promoted = bundle is None and has_champion(source)
    place = bundle or (champion_bundle(source) if promoted else RunFolder(source).bundle)
    found = find_level(read_monitored(source, place, None))
    write_json(RunFolder(source).monitoring_level, found.facts())
    change = found.after - found.before
    if abs(change) < LEAST_MOVE and not (found.record.harms and found.before):
        return f"{found.words()}\nNothing was changed: {change:+z.3f} is too little to move by."
    if out is not None:
        manifest = write_moved(out, load_bundle(place), found.after, _told(found))
        return f"{found.words()}\n{out}: written, bundle {manifest.bundle_id[:12]}"
    if not load_params().level_tracking:
        return (
            f"{found.words()}\nNothing was changed: level_tracking in params.yaml is false; set it "
            "to true if the level may be moved, or write a bundle elsewhere with --out"
        )
    if not promoted:
        raise LeadcastError(
            f"source {source!r}: has no champion whose level could be moved; leadcast promote "
            f"{source}, or name a folder with --out"
        )
    return f"{found.words()}\n{_put(source, found)}"


def find_level(monitored: Monitored) -> LevelFound:
    """Find where the level stands by all conversions since the model learned.

    Parameters
    ----------
    monitored : Monitored
        With scores that the model gives as of then.

    Returns
    -------
    LevelFound
    """
    before = offset_of(monitored.model.bundle)
    trained = sigmoid(log_odds_of(monitored.said["probability"].to_numpy()) - before)
    said = monitored.said.with_columns(probability=trained)
    weeks, dispersion, starts = _weeks(monitored, said)
    level = track_level(weeks, dispersion)
    rows = _mature(monitored, said, starts)
    path = np.array(level.path)
    converted, place = rows["converted"].cast(pl.Float64).to_numpy(), rows["place"].to_numpy()
    odds = log_odds_of(rows["probability"].to_numpy())
    loss = {
        name: np.bincount(place, row_log_loss(odds + offset, converted), len(starts)).astype(float)
        for name, offset in (("without", np.zeros(len(odds))), ("moved", path[place]))
    }
    leads = np.bincount(place, minlength=len(starts)).astype(np.float64)
    told = leads > 0
    record = record_of(loss["without"][told], loss["moved"][told], leads[told])
    each = [
        {
            "week": f"{datetime.fromtimestamp(starts[week] * 86400, UTC):%Y-%m-%d}",
            "leads": int(leads[week]),
            "without": float(loss["without"][week] / leads[week]),
            "moved": float(loss["moved"][week] / leads[week]),
            "offset": float(path[week]),
        }
        for week in np.flatnonzero(told)
    ]
    return LevelFound(before, level, record, each, sum(week.observed for week in weeks))


def _weeks(monitored: Monitored, said: pl.DataFrame) -> tuple[list[LevelWeek], float, list[int]]:
    statements = replace(monitored, said=said).statements()
    counted, first = count_conversions(monitored, statements), monitored.first_day
    counts = counted.counts
    quiet = counts.between(counts.first_day, first)
    dispersion = weekly_dispersion(quiet.observed, quiet.expected)
    end = counts.first_day + len(counts.expected)
    now = counts.with_weekdays(counted.weekdays).between(first, end)
    chance = statements.probability
    sensitivity = float((chance * (1 - chance)).sum() / chance.sum())
    starts = list(range(first, first + len(now.expected) - WEEK_DAYS + 1, WEEK_DAYS))
    weeks = []
    for start in starts:
        part = slice(start - first, start - first + WEEK_DAYS)
        sums = float(now.observed[part].sum()), float(now.expected[part].sum())
        weeks.append(LevelWeek(*sums, sensitivity))
    return weeks, dispersion, starts


def _mature(monitored: Monitored, said: pl.DataFrame, starts: list[int]) -> pl.DataFrame:
    """Take the scores since the model learned whose labels are known, with their week's place."""
    first = starts[0] * DAY_US if starts else monitored.known_until_us
    rows = said.filter(pl.col("at") >= first).drop_nulls("converted")
    week = (pl.col("at") - first) // (WEEK_DAYS * DAY_US)
    return rows.with_columns(place=week).filter(pl.col("place") < len(starts))


def _put(source: str, found: LevelFound) -> str:
    with promoting(source):
        now = read_promotion(source)
        bundle = load_bundle(champion_bundle(source))
        if offset_of(bundle) != found.before:
            raise LeadcastError(
                f"source {source!r}: its champion was changed meanwhile; recalibrate again"
            )
        with tempfile.TemporaryDirectory(prefix="leadcast-") as folder:
            moved = Path(folder) / "bundle"
            manifest = write_moved(moved, bundle, found.after, _told(found))
            step = PromotionStep(
                version=max(one.version for one in now.steps) + 1,
                kind="recalibrated",
                at=datetime.now(UTC),
                by="leadcast recalibrate",
                why=f"level moved from {found.before:+z.3f} to {found.after:+z.3f}",
                bundle_id=manifest.bundle_id,
            )
            ids = {
                "bundle_id": manifest.bundle_id,
                "trained_bundle_id": now.lineage.as_trained,
            }
            lineage = now.lineage.model_copy(update=ids)
            changes = {"version": step.version, "lineage": lineage, "steps": (*now.steps, step)}
            put_champion(now.model_copy(update=changes), moved, champion_judged(source))
    return (
        f"{source}: version {step.version} is the champion, its level moved by "
        f"{found.after - found.before:+z.3f}; back with: leadcast rollback {source}"
    )


def _told(found: LevelFound) -> dict[str, Any]:
    level = found.level
    return {
        "standard_error": level.standard_error,
        "low": level.low,
        "high": level.high,
        "weeks": len(level.path) - 1,
        "conversions": found.conversions,
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
