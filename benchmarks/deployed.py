"""Is fitting the tested recipe again worth it: ``python -m benchmarks.deployed``.

At several moments of each source, and of worlds whose level does what it likes (``strange_kinds``),
an export is made as a user would make it then: nothing that became known later is in it. The
pipeline's own stages run on it, and both bundles, the deployed one and the judged one, score the
leads that came next. Told is by how much the deployed one's log loss and AUC differ, with 95 %
intervals, paired by row and clustered on leads (or accounts). To reach: no source on which the
judged one is better beyond the interval.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import chdir
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.judgement import log_loss_difference, metrics_of
from benchmarks.projects import FOLDER, source_stages, test_share_of, write_params
from benchmarks.results import RESULTS, write_result
from benchmarks.splits import SOURCES, TEST_SHARE
from benchmarks.strange_kinds import HORIZON_DAYS, KINDS, LANDMARKS_DAYS, StrangeWorld, draw
from benchmarks.strange_worlds import NAME, lay_out, write_tables
from leadcast.features.base.errors import LeadcastError
from leadcast.features.snapshots import SnapshotSettings, make_snapshots
from leadcast.features.tables import TIME, Tables, TimeOrder
from leadcast.models.choice.backtest import NORMAL_95, error_over_origins
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.bootstrap import Estimate
from leadcast.models.evaluation.delong import compare_aucs
from leadcast.pipelines.base.params import load_params, snapshot_settings
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.lifecycle.trial import STAGES
from leadcast.serve.scorer import Scorer

STAGES_RUN = ("snapshots", "features", "train", "calibrate", "evaluate", "deploy", "export")
WORLDS = ("step up", "level wanders", "nothing strange")
WORLD_LEADS = 2_500


@dataclass(frozen=True)
class History:
    """All that is known of a source today.

    Parameters
    ----------
    source : str
        The name that the pipeline knows it by.
    tables : Tables
    settings : SnapshotSettings
    """

    source: str
    tables: Tables
    settings: SnapshotSettings

    def snapshots(self) -> pl.DataFrame:
        """Look at the leads, with what became of them; those that nobody can know left out."""
        return make_snapshots(self.tables, self.settings, load_params().seed).filter("mature")


@dataclass(frozen=True)
class Case:
    """A moment at which an export is made.

    Parameters
    ----------
    history : History
    begin, end : int
        Positions: what is looked at from `begin` to just before `end` came next.
    """

    history: History
    begin: int
    end: int


@dataclass(frozen=True)
class Next:
    """What came after a moment, and what both bundles had said of it.

    Parameters
    ----------
    deployed, judged : ndarray of float64, shape (n_rows,)
        Probabilities.
    converted : ndarray of float64, shape (n_rows,)
    group : ndarray of int64, shape (n_rows,)
    """

    deployed: Floats
    judged: Floats
    converted: Floats
    group: Integers

    def told(self) -> dict[str, Any]:
        """Measure both and compare them, as plain data."""
        rows = (self.deployed, self.judged, self.converted, self.group)
        return {
            "n": len(self.converted),
            "base_rate": float(self.converted.mean()),
            "deployed": metrics_of(self.deployed, self.converted),
            "judged": metrics_of(self.judged, self.converted),
            "log_loss": _plain(log_loss_difference(*rows)),
            "auc": _plain(compare_aucs(*rows).difference),
        }


def known_at(tables: Tables, position: int) -> Tables:
    """Leave out of tables what became known after a moment.

    Parameters
    ----------
    tables : Tables
        Dated or ordered.
    position : int
        Of a snapshot, as `leadcast.features.snapshots.make_snapshots` counts it: of an ordered
        source the first lead that has not come yet.

    Returns
    -------
    Tables
        Leads that had come by then, what they had done, and how they had ended. Of attributes
        today's values: an export does not say what they were.
    """
    if tables.time_order is not TimeOrder.DATED:
        leads = tables.leads.filter(pl.col("position") < position)
        outcomes = tables.outcomes.join(leads, on="lead_id", how="semi", maintain_order="left")
        return replace(tables, leads=leads, outcomes=outcomes)
    moment: Any = pl.Series([position], dtype=pl.Int64).cast(TIME)[0]
    leads = tables.leads.filter(pl.col("created_at") <= moment)
    ended = [
        pl.when(pl.col(name) <= moment).then(pl.col(name)).alias(name)
        for name in ("won_at", "lost_at")
    ]
    outcomes = tables.outcomes.join(leads, on="lead_id", how="semi", maintain_order="left")
    ids = leads.lazy().select("lead_id")
    events = tables.events.filter(pl.col("occurred_at") < moment).join(ids, on="lead_id")
    return replace(
        tables,
        leads=leads,
        events=events,
        outcomes=outcomes.with_columns(ended),
        observed_until=None if tables.observed_until is None else moment,
    )


def moments_of(snapshots: pl.DataFrame, share: float, number: int) -> list[tuple[int, int]]:
    """Choose moments, and until when each has its next leads.

    Parameters
    ----------
    snapshots : pl.DataFrame
        All mature ones, with ``position``.
    share : float
        So many of them come next after a moment.
    number : int
        How many moments.

    Returns
    -------
    list of tuple of int
        Positions, the earliest first; each ends where the next begins, the last past the end.
    """
    ordered = snapshots["position"].sort()
    shares = [1 - share * left for left in range(number, 0, -1)]
    begins = [int(ordered[round(one * len(ordered))]) for one in shares]
    return list(zip(begins, [*begins[1:], int(ordered[-1]) + 1], strict=True))


def scored(case: Case) -> Next:
    """Export at a moment as a user would, and score what came next.

    Parameters
    ----------
    case : Case

    Returns
    -------
    Next

    Raises
    ------
    LeadcastError
        If a stage refuses what was known then.
    """
    history = case.history
    came = pl.col("position").is_between(case.begin, case.end, closed="left")
    later = history.snapshots().filter(came)
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        _lay_out(project, history, known_at(history.tables, case.begin))
        with chdir(project):
            for stage in STAGES_RUN:
                STAGES[stage](history.source)
        run = project / RunFolder(history.source).path
        deployed, judged = (
            _scores(Scorer.load(run / name), history.tables, later) for name in ("bundle", "judged")
        )
    return Next(
        deployed,
        judged,
        later["converted"].cast(pl.Float64).to_numpy(),
        later["group_id"].rank("dense").cast(pl.Int64).to_numpy(),
    )


def _scores(scorer: Scorer, tables: Tables, asked: pl.DataFrame) -> Floats:
    dated = tables.time_order is TimeOrder.DATED
    named = asked.select("lead_id", *(["as_of"] if dated else []))
    rows = named.join(tables.leads, on="lead_id", how="left", maintain_order="left")
    # Values that were not known at the moment are scored as other ones; nobody is warned here.
    scores = scorer.score(rows, tables.events.collect() if dated else None, warnings=[])
    return scores["probability"].to_numpy()


def _lay_out(project: Path, history: History, tables: Tables) -> None:
    if history.source == NAME:
        lay_out(project, StrangeWorld(tables, pl.DataFrame()))
        return
    write_tables(project / RunFolder(history.source).path, tables)
    shutil.copytree("data/sources", project / "data/sources")
    write_params(project, history.settings.model_dump(mode="json"))


def of_sources(sources: Sequence[str], moments: int) -> Iterator[tuple[str, list[Case]]]:
    """Give the moments of sources.

    Parameters
    ----------
    sources : sequence of str
        Names of files in ``data/sources``.
    moments : int
        How many of each.

    Yields
    ------
    tuple of str and list of Case
        A source whose files are not there, or that has no order in time, is told and left out.
    """
    for source in sources:
        try:
            source_stages(source, "ingest")
            share = test_share_of(source)
        except LeadcastError as error:
            print(f"{source} is left out: {error}", flush=True)
            continue
        tables = Tables.read(RunFolder(source).tables)
        if tables.time_order is TimeOrder.UNORDERED:
            print(f"{source} is left out: it does not say which lead came first", flush=True)
            continue
        history = History(source, tables, snapshot_settings(source, load_params()))
        found = moments_of(history.snapshots(), share, moments)
        yield source, [Case(history, *one) for one in found]


def of_kinds(kinds: Sequence[str], worlds: int) -> Iterator[tuple[str, list[Case]]]:
    """Give a moment in each of several worlds of some kinds.

    Parameters
    ----------
    kinds : sequence of str
        Names in `benchmarks.strange_kinds.KINDS`.
    worlds : int
        How many of each: in one alone, where the level goes next is a matter of luck.

    Yields
    ------
    tuple of str and list of Case
    """
    settings = SnapshotSettings(landmarks_days=LANDMARKS_DAYS, horizon_days=HORIZON_DAYS)
    for kind in kinds:
        drawn = [draw(KINDS[kind], WORLD_LEADS, seed).tables for seed in range(worlds)]
        histories = [History(NAME, tables, settings) for tables in drawn]
        yield (
            kind,
            [Case(one, *moments_of(one.snapshots(), TEST_SHARE, 1)[0]) for one in histories],
        )


def measure(name: str, cases: Sequence[Case]) -> dict[str, Any] | None:
    """Measure a source, or a kind of world, at several moments.

    Parameters
    ----------
    name : str
    cases : sequence of Case

    Returns
    -------
    dict or None
        ``name``, ``moments`` (a `Next.told` each) and ``mean`` (see `mean_of`); None where no
        moment could be measured.
    """
    found: list[dict[str, Any]] = []
    for case in cases:
        try:
            found.append(scored(case).told())
        except LeadcastError as error:
            print(f"REFUSED: {name}: {error}", flush=True)
            continue
        print(f"{name}: {_words(found[-1])}", flush=True)
    return {"name": name, "moments": found, "mean": mean_of(found)} if found else None


def mean_of(moments: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Average what was told of moments, each counting the same.

    Parameters
    ----------
    moments : sequence of dict
        As `Next.told` gives them.

    Returns
    -------
    dict
        Both models' log loss and AUC, and the differences (``log_loss``, ``auc``). Their intervals
        are those of the rows, or of how much the moments differ where that is more: what a level
        does next hits all leads of a moment alike.
    """
    told: dict[str, Any] = {
        model: {
            metric: float(np.mean([one[model][metric] for one in moments]))
            for metric in ("log_loss", "auc")
        }
        for model in ("deployed", "judged")
    }
    for metric in ("log_loss", "auc"):
        # Where all leads of a moment ended alike there is no AUC.
        known = [one[metric] for one in moments if one[metric]["low"] is not None]
        values = np.array([one["value"] for one in known], np.float64)
        reaches = [(one["high"] - one["low"]) / 2 for one in known]
        within = float(np.sqrt(np.square(reaches).sum())) / max(len(known), 1)
        reach = max(within, NORMAL_95 * error_over_origins(values))
        mean = float(values.mean()) if known else None
        low, high = (None, None) if mean is None else (mean - reach, mean + reach)
        told[metric] = {"value": mean, "low": low, "high": high}
    return told


def table_of(results: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Lay out the results, a row a source.

    Parameters
    ----------
    results : sequence of dict
        As `measure` gives them.

    Returns
    -------
    pl.DataFrame
    """
    return pl.DataFrame(
        [
            {
                "source": one["name"],
                "moments": len(one["moments"]),
                "n": sum(moment["n"] for moment in one["moments"]),
                "log loss, judged": one["mean"]["judged"]["log_loss"],
                "deployed": one["mean"]["deployed"]["log_loss"],
                "difference": _interval(one["mean"]["log_loss"]),
                "AUC, judged": one["mean"]["judged"]["auc"],
                "AUC, deployed": one["mean"]["deployed"]["auc"],
                "its difference": _interval(one["mean"]["auc"]),
            }
            for one in results
        ]
    )


def main() -> None:
    """Measure every source, print the table and write it down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sources", nargs="*", default=list(SOURCES), metavar="SOURCE")
    parser.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(WORLDS))
    parser.add_argument("--moments", type=int, default=2, help="of each source")
    parser.add_argument("--worlds", type=int, default=4, help="of each kind, a moment in each")
    parser.add_argument("--out", type=Path, help="a folder for the figures")
    options = parser.parse_args()
    results = [
        found
        for name, cases in chain(
            of_sources(options.sources, options.moments), of_kinds(options.kinds, options.worlds)
        )
        if (found := measure(name, cases)) is not None
    ]
    if not results:
        raise SystemExit("nothing could be measured")
    with pl.Config(float_precision=4, tbl_rows=-1, tbl_cols=-1, tbl_width_chars=200):
        print(table_of(results))
    whole = set(options.sources) >= set(SOURCES) and set(options.kinds) >= set(WORLDS)
    folder = options.out or (RESULTS if whole else FOLDER)
    write_result(
        "deployed",
        {"moments": options.moments, "worlds": options.worlds, "sources": results},
        folder,
    )


def _words(told: dict[str, Any]) -> str:
    losses = [told[name]["log_loss"] for name in ("deployed", "judged")]
    return (
        f"{told['n']:,} snapshots came next, log loss {losses[0]:.4f} deployed, {losses[1]:.4f} "
        f"judged, difference {_interval(told['log_loss'])}"
    )


def _interval(told: dict[str, float | None]) -> str:
    value, low, high = (told[name] for name in ("value", "low", "high"))
    if value is None:
        return "undefined"
    ends = "" if low is None or high is None else f" ({low:+.4f} to {high:+.4f})"
    return f"{value:+.4f}{ends}"


def _plain(estimate: Estimate) -> dict[str, float | None]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


if __name__ == "__main__":
    main()
