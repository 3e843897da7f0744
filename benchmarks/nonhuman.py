"""What telling machines from people gains: ``python -m benchmarks.nonhuman [--worlds N]``.

Worlds of the demo with e-mail gateways, privacy proxies, colleagues and test leads, whose truth is
known. Of the events: precision and recall. Of the model: its expected log loss on the test, by the
true probabilities, in three worlds that differ in their events alone: without machines, with them,
and with them and the detection; the paired interval resamples leads. ``--leads`` and ``--kind``
choose other worlds: ``demo`` as shipped, ``other`` with other shares and slower gateways.
"""

import argparse
import tempfile
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.demo_truth import with_truth
from benchmarks.results import write_result
from leadcast.demo.machines.written import machines_of
from leadcast.demo.simulate import simulate
from leadcast.features.base.ownership import PARAMS, SOURCES
from leadcast.features.definitions.definition import SimulatedMachines
from leadcast.features.definitions.load import find_definition
from leadcast.features.definitions.yaml_lines import plain_yaml, yaml_text
from leadcast.features.engine.engine import compute
from leadcast.features.engine.fitting import fit_plan
from leadcast.features.ingest.nonhuman_events import EventJudge
from leadcast.features.nonhuman.people_events import people_only
from leadcast.features.nonhuman.signs import SIGNS
from leadcast.features.snapshots import SnapshotSettings
from leadcast.features.tables import Tables
from leadcast.models.choice.fresh import Recipe
from leadcast.models.choice.setups import setups_of
from leadcast.models.evaluation.logistic import shift_to, sigmoid
from leadcast.pipelines.base.dataset import LEARNING, coded, labelled, used_snapshots
from leadcast.pipelines.base.params import load_params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.lifecycle.trial import STAGES

KINDS = {
    "demo": SimulatedMachines(),
    "other": SimulatedMachines(
        gateways=0.15, privacy_proxies=0.5, colleagues=0.05, test_leads=0.01, delay_seconds=45.0
    ),
}
NAMES = ("ingest", "snapshots", "features", "train", "calibrate", "evaluate")
ARMS = ("without machines", "undetected", "detected")
SOURCE = "demo_gateways"
FIRST_SEED = 201
REPLICATES = 2_000
_CANONICAL = {
    **{"Lead ID": "lead_id", "Time": "occurred_at", "Type": "event_type"},
    **{"User Agent": "user_agent", "IP Address": "ip_address", "Filtered": "filtered"},
}


def found_events(world: Path, *, with_signs: bool) -> pl.DataFrame:
    """Judge the events of a world beside their truth.

    Parameters
    ----------
    world : Path
        As `leadcast.demo.simulate.simulate` wrote it, with machines.
    with_signs : bool
        Whether the export has user agents, addresses and the mail tool's mark.

    Returns
    -------
    pl.DataFrame
        ``event_type``, ``actor``, ``nonhuman`` and ``said``, the probability.
    """
    truth = pl.read_parquet(world / "event_truth" / "*.parquet")
    events = pl.read_parquet(world / "events" / "*.parquet").rename(_CANONICAL)
    events = events.join(truth, left_on="Event ID", right_on="event_id", maintain_order="left")
    leads = pl.read_parquet(world / "leads.parquet").select(
        pl.col("Lead ID").alias("lead_id"), pl.col("Email").alias("email")
    )
    judge = EventJudge.of(find_definition(SOURCE))
    assert judge is not None, "the source's definition asks for it"
    judge.add(events if with_signs else events.drop(SIGNS))
    said = pl.Series(judge.judged(leads).verdicts.probability)
    return events.select("event_type", "actor", "nonhuman", said=said)


def quality_of(found: pl.DataFrame, threshold: float = 0.9) -> dict[str, Any]:
    """Measure precision and recall on events, and recall by actor."""
    gone = pl.col("said") >= threshold
    right = found.filter(gone)["nonhuman"].mean()
    recall = found.filter("nonhuman").select(gone.mean()).item()
    by_actor = found.filter("nonhuman").group_by("actor").agg(gone.mean().alias("found"))
    return {
        "events": found.height,
        "nonhuman": int(found["nonhuman"].sum()),
        "precision": right,
        "recall": recall,
        "recall_by_actor": dict(by_actor.sort("actor").iter_rows()),
    }


def losses_of(world: Path, project: Path) -> pl.DataFrame:
    """Train in three worlds, and give what each model loses on the same test snapshots.

    Parameters
    ----------
    world : Path
        As in `found_events`.
    project : Path
        A folder to work in.

    Returns
    -------
    pl.DataFrame
        ``lead_id`` and, for each of `ARMS`, the expected log loss of the snapshot.
    """
    definition = plain_yaml((SOURCES / f"{SOURCE}.yaml").read_text(encoding="utf-8"))
    definition.pop("simulation")
    (project / SOURCES).mkdir(parents=True)
    (project / PARAMS.name).write_text(PARAMS.read_text(encoding="utf-8"), encoding="utf-8")
    clean = project / "clean"
    _without_machines(world, clean)
    rows = None
    for name, arm in zip(("clean", "undetected", "detected"), ARMS, strict=True):
        own = definition | {"name": name, "root": str(clean if name == "clean" else world)}
        own["comparison"] = {k: v for k, v in own["comparison"].items() if k != "rules"}
        if name != "detected":
            own.pop("nonhuman")
        (project / SOURCES / f"{name}.yaml").write_text(yaml_text(own), encoding="utf-8")
        with chdir(project):
            for stage in NAMES:
                print(f"  {name}, {stage}: {STAGES[stage](name).splitlines()[0][:150]}", flush=True)
            scores = pl.read_parquet(RunFolder(name).test_scores)
        horizon = float(definition["snapshots"]["horizon_days"])
        joined = with_truth(scores, pl.read_parquet(world / "truth.parquet"), horizon)
        truth, said = pl.col("true_probability"), pl.col("probability")
        loss = -(truth * said.log() + (1 - truth) * (1 - said).log())
        mine = joined.select("lead_id", "as_of", loss.alias(arm))
        rows = mine if rows is None else rows.join(mine, on=["lead_id", "as_of"])
    assert rows is not None, "there are arms"
    return rows


_REGRESSION = [{"half_life": None, "curves": [[40.0, 1.0]], "trees": []}]


def quick_losses_of(world: Path, run: RunFolder) -> pl.DataFrame:
    """Fit one regression to the same snapshots in three worlds; see `losses_of`.

    Parameters
    ----------
    world : Path
        As in `found_events`.
    run : RunFolder
        With its tables and snapshots: leads, outcomes and split are the same in all three.

    Returns
    -------
    pl.DataFrame
        As `losses_of` gives it, each arm at the true level: what is compared is how leads are set
        apart.
    """
    tables, snapshots = Tables.read(run.tables), coded(used_snapshots(run))
    truth = pl.read_parquet(world / "event_truth" / "*.parquet")
    raw = pl.read_parquet(world / "events" / "*.parquet").rename(_CANONICAL | {"Value": "value"})
    machines = truth.filter("nonhuman").select("event_id")
    clean = raw.join(machines, left_on="Event ID", right_on="event_id", how="anti")
    arms = (clean.lazy(), raw.lazy(), _detected(tables.leads, raw))
    part, params = snapshots["part"], load_params()
    learning, is_test = part.is_in(list(LEARNING)), (part == "test").to_numpy()
    settings = params.model.model_copy(update={"fresh_snapshots": False, "num_threads": 1})
    recipe = Recipe("logistic", setups_of(_REGRESSION), settings, {})
    looks = SnapshotSettings(**find_definition(SOURCE).snapshots.model_dump(exclude_none=True))
    test = snapshots.filter(is_test).select("lead_id", "as_of", "converted")
    truths = pl.read_parquet(world / "truth.parquet")
    rows = with_truth(test, truths, looks.horizon_days)
    true = rows["true_probability"].to_numpy()
    for arm, events in zip(ARMS, arms, strict=True):
        own = replace(tables, events=events, nonhuman=None)
        begin = snapshots.filter(is_test)["as_of"].min()
        plan = fit_plan(own, snapshots.filter(learning), params.features, begin, looks)  # type: ignore[arg-type]
        values = compute(plan, own.leads, own.events, snapshots)
        data = labelled(values, plan.features, snapshots, looks.horizon_days)
        log_odds = recipe.fitted(data.rows(learning.to_numpy())).log_odds(values[is_test])
        said = sigmoid(log_odds + shift_to(log_odds, float(true.mean())))
        loss = -(true * np.log(said) + (1 - true) * np.log1p(-said))
        rows = rows.with_columns(pl.Series(arm, loss))
    return rows


def _detected(leads: pl.DataFrame, raw: pl.DataFrame) -> pl.LazyFrame:
    """Take out what the detection finds, with the habits of domains as they were known."""
    judge = EventJudge.of(find_definition(SOURCE))
    assert judge is not None, "the source's definition asks for it"
    judge.add(raw)
    return people_only(judge.judged(leads).rules, leads, raw.lazy())


def _quickly(world: Path, project: Path) -> pl.DataFrame:
    """Read and split the leads of a world, and measure it by one regression."""
    definition = plain_yaml((SOURCES / f"{SOURCE}.yaml").read_text(encoding="utf-8"))
    definition.pop("simulation")
    definition["root"] = str(world)
    (project / SOURCES).mkdir(parents=True)
    (project / SOURCES / f"{SOURCE}.yaml").write_text(yaml_text(definition), encoding="utf-8")
    (project / PARAMS.name).write_text(PARAMS.read_text(encoding="utf-8"), encoding="utf-8")
    with chdir(project):
        for stage in NAMES[:2]:
            STAGES[stage](SOURCE)
        return quick_losses_of(world, RunFolder(SOURCE))


def _without_machines(world: Path, out: Path) -> None:
    (out / "events").mkdir(parents=True)
    for name in ("leads.parquet", "outcomes.parquet"):
        (out / name).symlink_to((world / name).resolve())
    for file in sorted((world / "events").glob("*.parquet")):
        truth = pl.read_parquet(world / "event_truth" / file.name).filter(~pl.col("nonhuman"))
        events = pl.read_parquet(file).join(
            truth, left_on="Event ID", right_on="event_id", how="semi"
        )
        events.write_parquet(out / "events" / file.name)


def recovered(rows: pl.DataFrame, seed: int = 0) -> dict[str, Any]:
    """Tell how much of what machines cost the detection wins back, with intervals.

    Parameters
    ----------
    rows : pl.DataFrame
        As `losses_of` gives it, of one world or of several (`lead_id` then names the world, too).
    seed : int
        Of the resampling of leads.

    Returns
    -------
    dict
        Mean losses by arm; ``cost`` (undetected less without machines), ``gain`` (undetected less
        detected) and ``share`` (gain by cost), each with the ends of its 95 % interval.
    """
    summed = rows.group_by("lead_id").agg(pl.len(), *(pl.col(arm).sum() for arm in ARMS))
    counts = summed["len"].to_numpy()
    sums = summed.select(ARMS).to_numpy()
    rng, drawn = np.random.default_rng(seed), []
    for _ in range(REPLICATES):
        weight = rng.poisson(1.0, len(counts))
        means = weight @ sums / (weight @ counts)
        drawn.append((means[1] - means[0], means[1] - means[2]))
    cost, gain = np.array(drawn).T
    means = sums.sum(axis=0) / counts.sum()
    return {
        "snapshots": int(counts.sum()),
        "log_loss": dict(zip(ARMS, means.tolist(), strict=True)),
        "cost": [means[1] - means[0], *np.quantile(cost, (0.025, 0.975)).tolist()],
        "gain": [means[1] - means[2], *np.quantile(gain, (0.025, 0.975)).tolist()],
        "share": [
            (means[1] - means[2]) / (means[1] - means[0]),
            *np.quantile(gain / cost, (0.025, 0.975)).tolist(),
        ],
    }


def main() -> None:
    """Measure some worlds, print and write down what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=3, help="How many of each kind.")
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--kind", choices=[*KINDS, "all"], default="all")
    parser.add_argument("--quick", action="store_true", help="Fit one regression.")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--name", default="nonhuman", help="Of the results' file.")
    parser.add_argument("--events-only", action="store_true", help="Train nothing.")
    asked = parser.parse_args()
    result: dict[str, Any] = {"leads": asked.leads, "quick": asked.quick}
    for kind in KINDS if asked.kind == "all" else (asked.kind,):
        events: list[dict[str, Any]] = []
        losses = []
        for seed in range(asked.first_seed, asked.first_seed + asked.worlds):
            with tempfile.TemporaryDirectory() as folder:
                world = Path(folder) / "world"
                simulate(asked.leads, seed, world, change=machines_of(KINDS[kind]), marks={})
                signs, none = (found_events(world, with_signs=it) for it in (True, False))
                events.append({"with_signs": quality_of(signs), "without": quality_of(none)})
                print(kind, seed, events[-1], flush=True)
                if not asked.events_only:
                    measure = _quickly if asked.quick else losses_of
                    rows = measure(world, Path(folder) / "project")
                    losses.append(
                        rows.with_columns(
                            pl.format("{} {}", pl.lit(seed), "lead_id").alias("lead_id")
                        )
                    )
                    print(kind, seed, recovered(losses[-1]), flush=True)
        result[kind] = {"machines": KINDS[kind].model_dump(), "events": events}
        if losses:
            result[kind]["each"] = [recovered(rows) for rows in losses]
            result[kind]["all"] = recovered(pl.concat(losses))
            print(kind, result[kind]["all"], flush=True)
    write_result(asked.name, result)


if __name__ == "__main__":
    main()
