"""The gate before a promotion: challenger against champion, on snapshots that neither has seen."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.base.files import read_json
from leadcast.features.definitions.load import find_definition
from leadcast.features.tables import ACCOUNT_HISTORY, CHANGES, Tables
from leadcast.models.bundle.bundle_files import BundleOrigin, read_manifest
from leadcast.models.bundle.bundle_reference import GRADES
from leadcast.models.charts.numbers import shared_count
from leadcast.models.comparison.challenge import Challenged, Condition, Gap
from leadcast.models.data import Floats
from leadcast.pipelines.base.dataset import (
    coded,
    learning_snapshots,
    read_reference,
    used_snapshots,
)
from leadcast.pipelines.base.params import (
    ComparisonParams,
    Params,
    PromotionParams,
    load_params,
)
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.stage import TellShare, share_bar
from leadcast.pipelines.base.summary import read_leakage
from leadcast.pipelines.evaluate import known_accounts, read_segments
from leadcast.serve.champion.champion_store import (
    champion_bundle,
    champion_judged,
    has_champion,
    read_promotion,
)
from leadcast.serve.scorer import Scorer

NOBODY = "no model at all"
TIMED = 30
"""So many times one lead is scored to measure how long it takes."""
MOST_OPEN = 20_000
"""So many open leads, the newest, are scored with both models before a promotion."""
_USES = ("nothing", "ranking", "probability")


@dataclass(frozen=True)
class GateFindings:
    """What the gate found.

    Parameters
    ----------
    against : str
        Whom the challenger was compared with.
    decided_on : str
        On which snapshots, and why these.
    conditions : tuple of Condition
    preview : dict
        What the promotion would change, as JSON.
    """

    against: str
    decided_on: str
    conditions: tuple[Condition, ...]
    preview: dict[str, Any]

    @property
    def passed(self) -> bool:
        """Whether every condition holds."""
        return not self.failed

    @property
    def failed(self) -> tuple[Condition, ...]:
        """The conditions that do not hold."""
        return tuple(one for one in self.conditions if not one.passed)

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "against": self.against,
            "decided_on": self.decided_on,
            "passed": self.passed,
            "conditions": [one.to_json() for one in self.conditions],
            "preview": self.preview,
        }

    def words(self) -> str:
        """Tell it for a person, the failed conditions first."""
        told = sorted(self.conditions, key=lambda one: one.passed)
        marks = (f"  {'ok  ' if one.passed else 'FAIL'} {one.name}: {one.words}" for one in told)
        head = f"The new model (challenger) against {self.against}, {self.decided_on}"
        return "\n".join([head, *marks, *_preview_words(self.preview)])


@dataclass(frozen=True)
class _Pair:
    challenged: Challenged
    against: str
    decided_on: str
    champion_grades: list[str] | None = None


def examine_challenger(source: str) -> GateFindings:
    """Hold a run's model against the champion; nothing is changed.

    Parameters
    ----------
    source : str
        Whose run is finished.

    Returns
    -------
    GateFindings

    Raises
    ------
    LeadcastError
        If a file of the run or the champion is missing or damaged.
    """
    with share_bar() as tell:
        return _examined(source, tell)


def _examined(source: str, tell: TellShare) -> GateFindings:
    run, params = RunFolder(source), load_params()
    tables = Tables.read(run.tables)
    test = coded(used_snapshots(run)).filter(part="test")
    probability = pl.read_parquet(run.test_scores)["probability"].to_numpy()
    tell("scoring what neither has seen", 0.05)
    pair = _pair(run, tables, test, probability, params.promotion.fewest_converted)
    tell("comparing both models", 0.4)
    team = params.comparison.over(find_definition(source).comparison)
    conditions = (
        *_compared(pair.challenged, team, params.promotion),
        *_of_segments(source, run, pair.challenged, params),
        *_calibrated(read_json(run.metrics)["test"], params.promotion),
        _verdict(run, source),
        _leakage(run),
        *_budgets(run, tables, params.promotion),
    )
    tell("scoring the open leads with both", 0.7)
    preview = _preview(source, run, tables, team) | {"grades": _grades(run, pair)}
    return GateFindings(pair.against, pair.decided_on, conditions, preview)


def _pair(
    run: RunFolder, tables: Tables, test: pl.DataFrame, probability: Floats, fewest: int
) -> _Pair:
    """Find the snapshots that neither model has seen, and score them with the champion."""
    told = ""
    if has_champion(run.source):
        name = f"champion {read_promotion(run.source).version}"
        for folder, which in (
            (champion_bundle(run.source), "deployed"),
            (champion_judged(run.source), "tested"),
        ):
            unseen = _unseen_by(folder, run, test)
            rows = test.filter(unseen)
            if not _is_enough(rows, fewest):
                continue
            scores = score_rows_with(folder, tables, rows)
            both = Challenged(
                rows, probability[unseen.to_numpy()], scores["probability"].to_numpy()
            )
            on = f"on {rows.height:,} snapshots that neither has seen (the champion's {which} model"
            grades = scores["grade"].to_list()
            return _Pair(both, name, f"{on}, the challenger's tested one){_span(rows)}", grades)
        told = (
            f"; of these too few are left that {name} has not seen (it takes {fewest:,} snapshots "
            "of customers and as many of others), so that it is not compared with it, but with one "
            "rate for all leads"
        )
    known = learning_snapshots(run)
    rate = (int(known["converted"].sum()) + 0.5) / (known.height + 1)
    both = Challenged(test, probability, np.full(test.height, rate))
    on = f"on the {test.height:,} snapshots of its test, which it has not seen"
    return _Pair(both, NOBODY, f"{on}{_span(test)}{told}")


def _unseen_by(folder: Path, run: RunFolder, test: pl.DataFrame) -> pl.Series:
    origin = read_manifest(folder).origin
    until = None if origin.seen is None else origin.seen.known_until
    if until is not None and test["as_of"].null_count() == 0:
        return test["as_of"] >= until
    # Without dates only one and the same test is known to be unseen by both.
    ours = read_manifest(run.judged).origin
    same = _learned(origin) == _learned(ours) and origin.role == "judged"
    return pl.repeat(same, test.height, eager=True)


def _learned(origin: BundleOrigin) -> tuple[str, int | None]:
    return origin.fingerprint, None if origin.seen is None else origin.seen.snapshots


def _is_enough(rows: pl.DataFrame, fewest: int) -> bool:
    won = int(rows["converted"].sum())
    return min(won, rows.height - won) >= fewest


def _span(rows: pl.DataFrame) -> str:
    first, last = rows["as_of"].min(), rows["as_of"].max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return ""
    return f" from {first:%Y-%m-%d} to {last:%Y-%m-%d}"


def score_rows_with(folder: Path, tables: Tables, rows: pl.DataFrame) -> pl.DataFrame:
    """Score snapshots with a bundle, from the canonical tables.

    Parameters
    ----------
    folder : Path
        The bundle.
    tables : Tables
    rows : pl.DataFrame
        ``lead_id`` and ``as_of``.

    Returns
    -------
    pl.DataFrame
        As `leadcast.serve.scorer.Scorer.score` gives it, in the rows' order.
    """
    scorer, ignored = Scorer.load(folder), list[Fault]()
    keys = ["lead_id", "as_of"] if scorer.is_dated else ["lead_id"]
    asked = rows.select(keys).join(tables.leads, on="lead_id", how="left", maintain_order="left")
    return scorer.score(asked, tables.events, warnings=ignored)


def _compared(
    both: Challenged, team: ComparisonParams, bounds: PromotionParams
) -> Iterator[Condition]:
    lost, most = both.log_loss(), bounds.log_loss_margin
    about = "how near the probabilities are to what came"
    yield _not_worse("log loss", lost, most, "{:.4f}", " a snapshot", about)
    gap, champion, own = both.reached(team.calls_per_week, team.call_landmark_days)
    by_own, by_other = shared_count(own), shared_count(champion)
    reached = f"{by_own} with the calls that there are, by the other {by_other}"
    unit = " of the customers"
    yield _not_worse("customers reached", gap, bounds.reached_margin, "{:.1%}", unit, reached)


def _not_worse(name: str, lost: Gap, most: float, form: str, unit: str, about: str) -> Condition:
    passed = lost.high <= most
    missed = "" if passed else f"; missed by {form.format(lost.high - most)}"
    if not passed and lost.low <= 0:
        missed += ", as there are too few leads to tell"
    allowed = f"at worst it may lose {form.format(most)}"
    return Condition(name, bool(passed), f"{about}: {lost.words(form, unit)}; {allowed}{missed}")


def _of_segments(
    source: str, run: RunFolder, both: Challenged, params: Params
) -> Iterator[Condition]:
    ids, bounds = both.rows["lead_id"], params.promotion
    segments = read_segments(source, both.rows, params.evaluation) | known_accounts(run, ids)
    found = [*both.by_segment(segments, bounds.segment_leads)]
    bad = [one for one in found if one[3].low > 0 and one[3].value > bounds.segment_margin]
    for name, value, leads, gap in bad:
        words = (
            f"{leads:,} leads: log loss {gap.words()}, beyond chance; it may lose "
            f"{bounds.segment_margin:.4f}; missed by {gap.value - bounds.segment_margin:.4f}"
        )
        yield Condition(f"segment {name} = {value}", False, words)
    if not bad:
        worst = max(found, key=lambda one: one[3].value, default=None)
        told = (
            "no segment is large enough to tell"
            if worst is None
            else (
                f"none of {len(found)} loses more than {bounds.segment_margin:.4f} of log loss "
                f"beyond chance; least good: {worst[0]} = {worst[1]}, {worst[3].words()}"
            )
        )
        yield Condition("segments", True, told)


def _calibrated(test: Mapping[str, Any], bounds: PromotionParams) -> Iterator[Condition]:
    said, came = test["mean_probability"]["value"], test["base_rate"]
    name = "level"
    if said is None or not came["value"]:
        yield Condition(name, False, "nobody of the test converted, so that it cannot be told")
    else:
        low, high = bounds.level
        # The interval's end that is kinder: what chance may explain is no refusal.
        rates = [came[key] if came[key] else came["value"] for key in ("low", "value", "high")]
        ratios = sorted(said / rate for rate in rates)
        passed = ratios[0] <= high and ratios[-1] >= low
        far = max(ratios[0] - high, low - ratios[-1])
        missed = "" if passed else f"; missed by {far:.2f}"
        yield Condition(
            name,
            passed,
            f"it expected {said:.1%} to become customers, {came['value']:.1%} did: "
            f"{said / came['value']:.2f} for each that came; allowed is {low:g} to {high:g}, give "
            f"or take chance{missed}",
        )
    yield _slope(test["calibration_slope"], bounds.slope)


def _slope(found: Mapping[str, float | None], bounds: tuple[float, float]) -> Condition:
    value, low, high = (found[key] for key in ("value", "low", "high"))
    if value is None:
        return Condition("calibration slope", True, "not defined: the scores do not differ")
    low, high = (value if low is None else low), (value if high is None else high)
    passed = low <= bounds[1] and high >= bounds[0]
    missed = "" if passed else f"; missed by {max(low - bounds[1], bounds[0] - high):.2f}"
    words = (
        f"{value:.2f} (95 %: {low:.2f} to {high:.2f}); 1 is right, below it high scores are too "
        f"high and low ones too low; allowed is {bounds[0]:g} to {bounds[1]:g}, give or take chance"
    )
    return Condition("calibration slope", passed, f"{words}{missed}")


def _verdict(run: RunFolder, source: str) -> Condition:
    own = read_json(run.metrics)["verdict"]
    before = read_manifest(champion_bundle(source)).origin.verdict if has_champion(source) else None
    least = "ranking" if before is None else before.use
    passed = _USES.index(own["use"]) >= _USES.index(least)
    asked = (
        f"A first model must be good for {least!r} at least; this one is for {own['use']!r}"
        if before is None
        else f"The champion's scores may be used for {before.use!r}, these for {own['use']!r}"
    )
    words = f"{own['words']} {asked}"
    return Condition("verdict", passed, words)


def _leakage(run: RunFolder) -> Condition:
    errors = read_leakage(run).filter(pl.col("status") == "error")
    if errors.is_empty():
        return Condition("leakage", True, "nothing found that is not vouched for")
    subjects = ", ".join(errors["subject"].cast(pl.String).drop_nulls().to_list())
    words = f"{errors.height} that may tell the outcome ({subjects}); see report.html of the run"
    return Condition("leakage", False, words)


def _budgets(run: RunFolder, tables: Tables, bounds: PromotionParams) -> Iterator[Condition]:
    taken, size = latency_ms(run.bundle, tables), size_mib(run.bundle)
    for name, found, most, unit in (
        ("latency", taken, bounds.latency_ms, "ms of processor time to score one lead"),
        ("size", size, bounds.size_mib, "MiB of files"),
    ):
        missed = "" if found <= most else f"; missed by {found - most:.2f}"
        words = f"{found:.2f} {unit}; allowed is up to {most:g}{missed}"
        yield Condition(name, found <= most, words)


def size_mib(folder: Path) -> float:
    """Measure a bundle's files, in MiB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def latency_ms(folder: Path, tables: Tables) -> float:
    """Measure how long one lead takes, as the median of `TIMED` times, in milliseconds.

    Of processor time: what else a machine does at night is no reason against a model.
    """
    scorer = Scorer.load(folder)
    kinds = scorer.bundle.manifest.origin.attribute_types
    lead = tables.leads.head(1)
    events = tables.events.filter(pl.col("lead_id") == lead["lead_id"][0]).collect()
    own = ("lead_id", "created_at", ACCOUNT_HISTORY, CHANGES, *kinds)
    named = [name for name in own if name in lead.columns]
    values = lead.select(named).row(0, named=True)
    plain = [*events.select("occurred_at", "event_type", "value").iter_rows()]
    moment, taken = tables.observed_until if scorer.is_dated else None, list[float]()
    for _ in range(TIMED + 1):
        started = time.thread_time()
        scorer.score_one(values, plain, moment, [], are_people=True)
        taken.append(time.thread_time() - started)
    # The first one reads and compiles.
    return float(np.median(taken[1:])) * 1000


def _preview(source: str, run: RunFolder, tables: Tables, team: ComparisonParams) -> dict[str, Any]:
    """Tell what would change for the leads that are open now."""
    if not has_champion(source):
        return {}
    leads = _open_leads(tables)
    if leads.is_empty():
        return {}
    own, before = (
        score_rows_with(folder, tables, leads) for folder in (run.bundle, champion_bundle(source))
    )
    moves = pl.DataFrame({"before": before["grade"], "after": own["grade"]})
    counted = moves.group_by("before", "after").len().sort("before", "after")
    steps = [GRADES.index(row[0]) - GRADES.index(row[1]) for row in moves.iter_rows()]
    calls = team.calls_per_week or max(1.0, leads.height / 5)
    number = min(round(calls), leads.height)
    lists = [
        {*frame.sort("probability", "lead_id", descending=True)["lead_id"].head(number).to_list()}
        for frame in (own, before)
    ]
    moved = (own["probability"] - before["probability"]).abs()
    return {
        "open_leads": leads.height,
        "moves": [{"from": one, "to": two, "leads": n} for one, two, n in counted.iter_rows()],
        "up": sum(step > 0 for step in steps),
        "down": sum(step < 0 for step in steps),
        "by_two_or_more": sum(abs(step) > 1 for step in steps),
        "median_change": float(np.median(moved.to_numpy())),
        "calls": number,
        "calls_of_both": len(lists[0] & lists[1]),
    }


def _open_leads(tables: Tables) -> pl.DataFrame:
    is_open = pl.col("won_at").is_null() & pl.col("lost_at").is_null()
    ids = tables.outcomes.filter(is_open & pl.col("converted").is_null()).select("lead_id")
    found = tables.leads.join(ids, on="lead_id", how="semi")
    if tables.observed_until is not None:
        found = found.filter(pl.col("created_at") <= tables.observed_until)
    newest = found.sort("created_at", "position").tail(MOST_OPEN)
    return newest.select("lead_id", as_of=pl.lit(tables.observed_until))


def _grades(run: RunFolder, pair: _Pair) -> list[dict[str, Any]]:
    """Count what came of the leads of each grade, by the models that were tested."""
    both = pair.challenged
    own = read_reference(run).grade(both.challenger).tolist()
    rows = pl.DataFrame({"grade": own, "converted": both.converted})
    found = []
    for who, grades in (("challenger", own), ("champion", pair.champion_grades)):
        if grades is None:
            continue
        counted = (
            rows.with_columns(grade=pl.Series(grades, dtype=pl.String))
            .group_by("grade")
            .agg(snapshots=pl.len(), conversion=pl.col("converted").mean())
        )
        found += [{"of": who, **row} for row in counted.sort("grade").to_dicts()]
    return found


def _preview_words(preview: Mapping[str, Any]) -> Iterator[str]:
    if preview.get("open_leads"):
        n, up, down = preview["open_leads"], preview["up"], preview["down"]
        yield (
            f"  Of {n:,} open leads {up + down:,} change grade ({(up + down) / n:.0%}): {up:,} up, "
            f"{down:,} down, {preview['by_two_or_more']:,} by two or more; half of the "
            f"probabilities move by less than {100 * preview['median_change']:.2f} points"
        )
        yield (
            f"  {preview['calls_of_both']:,} of {preview['calls']:,} calls are on both call lists "
            f"({preview['calls_of_both'] / max(preview['calls'], 1):.0%})"
        )
    for who in ("champion", "challenger"):
        own = [row for row in preview.get("grades", []) if row["of"] == who]
        if own:
            told = ", ".join(f"{row['grade']} {row['conversion']:.1%}" for row in own)
            yield f"  Converted by the {who}'s grades: {told}"
