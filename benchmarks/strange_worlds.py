"""Leadcast where it has never been: ``python -m benchmarks.strange_worlds``.

Worlds whose true probabilities are known and whose level does what it likes (``strange_kinds``),
each run through the pipeline's own stages. What is told is the expected log loss of the test's
leads over that of their true probabilities, and how far deciles of prediction are from the truth,
for Leadcast, for it without drift, for two base rates and for what a practitioner would take
instead (with the rows and columns that Leadcast gets). Ends by saying in which kinds Leadcast
keeps to its bounds.
"""

import argparse
import subprocess
import tempfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import chdir
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.columns import write_for_peers
from benchmarks.demo_truth import interval_coverage
from benchmarks.fits import LEADCAST, PEERS_PYTHON, THREAD_VARIABLES
from benchmarks.projects import FOLDER, write_params
from benchmarks.results import RESULTS, write_result
from benchmarks.strange_kinds import HORIZON_DAYS, KINDS, LANDMARKS_DAYS, Kind, StrangeWorld, draw
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json, write_json
from leadcast.features.base.ownership import SOURCES
from leadcast.features.definitions.yaml_lines import yaml_text
from leadcast.features.tables import Tables
from leadcast.models.choice.choice import choose
from leadcast.models.data import Floats
from leadcast.models.evaluation.logistic import log_odds_of, sigmoid
from leadcast.pipelines.base.dataset import LEARNING, read_parts
from leadcast.pipelines.base.params import horizon_days, load_params, snapshot_settings
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.lifecycle.trial import STAGES

NAME = "world"
STAGES_RUN = ("snapshots", "features", "train", "calibrate", "evaluate")
PEERS = ("logistic regression", "LightGBM", "CatBoost")
WITHOUT_DRIFT = f"{LEADCAST} without drift"
"""Its learner with a level that stays and rows that all weigh alike."""
NEWEST, ALL = "newest base rate", "base rate of all"
MOST_EXCESS = 0.005
MOST_RELATIVE_EXCESS = 0.02
MOST_CALIBRATION_EXCESS = 0.02
DECILES = 10
NEWEST_SHARE = 0.2


def measure(kind: Kind, leads: int, seed: int, peers: tuple[str, ...]) -> list[dict[str, Any]]:
    """Run one world.

    Parameters
    ----------
    kind : Kind
    leads, seed : int
        Of the world.
    peers : tuple of str
        Names in `benchmarks.peers.PEERS`.

    Returns
    -------
    list of dict
        A row a method: ``method``, ``log_loss`` (expected), ``regret`` (over the truth's),
        ``calibration`` (mean distance from the truth over deciles of prediction), and of Leadcast
        ``covered`` and ``level_held``, as `intervals_hold` gives them.

    Raises
    ------
    LeadcastError
        If a stage refuses the world.
    """
    world = draw(kind, leads, seed)
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        lay_out(project, world)
        with chdir(project):
            for stage in STAGES_RUN:
                STAGES[stage](NAME)
        run = project / RunFolder(NAME).path
        test = pl.read_parquet(run / "test_scores.parquet")
        keys = ["lead_id", "landmark_days"]
        test = test.join(world.truth, on=keys, how="left", nulls_equal=True, maintain_order="left")
        known = pl.read_parquet(run / "snapshots.parquet").filter(pl.col("part").is_in(LEARNING))
        said = {LEADCAST: test["probability"].to_numpy()} | _base_rates(known, test.height)
        held = intervals_hold(test, read_json(project / RunFolder(NAME).calibration))
        with chdir(project):
            said[WITHOUT_DRIFT] = _without_drift()
        if peers:
            write_for_peers(project / "peers", project, NAME)
        said |= {peer: _peer(project / "peers", peer) for peer in peers}
    truth = test["true_probability"].to_numpy()
    least = expected_log_loss(truth, truth)
    return [
        {
            "method": method,
            "log_loss": expected_log_loss(probability, truth),
            "regret": expected_log_loss(probability, truth) - least,
            "calibration": distance_from(truth, probability),
        }
        | (held if method == LEADCAST else dict.fromkeys(held))
        for method, probability in said.items()
    ]


def intervals_hold(test: pl.DataFrame, calibration: dict[str, Any]) -> dict[str, float | None]:
    """Tell whether intervals hold what is true.

    Parameters
    ----------
    test : pl.DataFrame
        ``probability``, ``lower``, ``upper`` and ``true_probability``.
    calibration : dict
        The content of ``calibration.json``.

    Returns
    -------
    dict
        ``covered``: the share of leads whose interval holds the true rate of their hundredth by
        prediction. ``level_held``: 1.0 where all leads moved to the ends of the level's interval
        have the true mean between them, else 0.0; None where that interval was not told.
    """
    covered, _ = interval_coverage(test)
    doubt = calibration["level_doubt"]
    if "low" not in doubt:
        return {"covered": covered, "level_held": None}
    log_odds = log_odds_of(np.clip(test["probability"].to_numpy(), 1e-12, 1 - 1e-12))
    low, high = (float(sigmoid(log_odds + doubt[end]).mean()) for end in ("low", "high"))
    true = float(test["true_probability"].to_numpy().mean())
    return {"covered": covered, "level_held": float(low <= true <= high)}


def expected_log_loss(probability: Floats, truth: Floats) -> float:
    """Average the log loss over what could have happened.

    Parameters
    ----------
    probability, truth : ndarray of float64, shape (n,)

    Returns
    -------
    float
    """
    kept = np.clip(probability, 1e-12, 1 - 1e-12)
    return float(-(truth * np.log(kept) + (1 - truth) * np.log1p(-kept)).mean())


def distance_from(truth: Floats, probability: Floats) -> float:
    """Tell how far the deciles of prediction are from their true rates, on average.

    Parameters
    ----------
    truth, probability : ndarray of float64, shape (n,)

    Returns
    -------
    float
    """
    parts = np.array_split(np.argsort(probability, kind="stable"), DECILES)
    error = [len(one) * abs(float((probability[one] - truth[one]).mean())) for one in parts]
    return float(np.sum(error)) / len(truth)


def verdict(rows: pl.DataFrame) -> pl.DataFrame:
    """Compare Leadcast with the best of the others, kind by kind.

    Parameters
    ----------
    rows : pl.DataFrame
        With ``kind``, ``leads``, ``seed``, ``method``, ``log_loss``, ``regret``, ``calibration``.

    Returns
    -------
    pl.DataFrame
        ``kind``, ``leads``, ``regret``, ``best_other``, ``its_regret``, ``excess`` (of the mean
        log loss), ``calibration``, ``of_newest_rate`` and ``reached``.
    """
    means = (
        rows.group_by("kind", "leads", "method", maintain_order=True)
        .agg(pl.col("log_loss", "regret", "calibration").mean())
        .with_columns(is_ours=pl.col("method") == LEADCAST)
    )
    found = []
    for (kind, leads), part in means.group_by("kind", "leads", maintain_order=True):
        ours = part.row(by_predicate=pl.col("is_ours"), named=True)
        best = part.filter(~pl.col("is_ours")).sort("log_loss").row(0, named=True)
        newest = part.row(by_predicate=pl.col("method") == NEWEST, named=True)
        excess = ours["log_loss"] - best["log_loss"]
        allowed = max(MOST_EXCESS, MOST_RELATIVE_EXCESS * best["log_loss"])
        off = ours["calibration"] - newest["calibration"]
        found.append(
            {
                "kind": kind,
                "leads": leads,
                "regret": ours["regret"],
                "best_other": best["method"],
                "its_regret": best["regret"],
                "excess": excess,
                "calibration": ours["calibration"],
                "of_newest_rate": newest["calibration"],
                "reached": excess <= allowed and off <= MOST_CALIBRATION_EXCESS,
            }
        )
    return pl.DataFrame(found)


def words_of_intervals(rows: pl.DataFrame) -> str:
    """Say how often intervals held what is true, over all worlds.

    Parameters
    ----------
    rows : pl.DataFrame
        With ``method``, ``covered`` and ``level_held``.

    Returns
    -------
    str
    """
    own = rows.filter(pl.col("method") == LEADCAST)
    covered = own["covered"].to_numpy()
    level = own["level_held"].drop_nulls().to_numpy()
    told = f"the level's in {level.mean():.1%} of {len(level)}" if len(level) else "none of a level"
    return f"90 % intervals: leads' hold {covered.mean():.1%} over {len(covered)} worlds, {told}"


def main() -> None:
    """Measure every kind, print the verdict and write it down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--leads", nargs="+", type=int, default=[300, 3_000, 20_000])
    parser.add_argument("--seeds", type=int, default=10, help="Worlds of each kind and size.")
    parser.add_argument("--no-peers", action="store_true", help="Base rates alone to compare with.")
    parser.add_argument("--jobs", type=int, default=1, help="Worlds at a time, a process each.")
    options = parser.parse_args()
    if not options.no_peers and not PEERS_PYTHON.exists():
        parser.error(f"{PEERS_PYTHON} is not there: make .venv-peers/ready, or --no-peers")
    peers = () if options.no_peers else PEERS
    jobs = [
        (name, leads, seed, peers)
        for name in options.kinds
        for leads in options.leads
        for seed in range(options.seeds)
    ]
    rows: list[dict[str, Any]] = []
    refused: list[str] = []
    # A process each: the stages run in a folder of their own. Spawned, since threads do not fork.
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        for found, words in pool.map(_measured, jobs):
            rows += found
            refused += [words] if not found else []
            print(words, flush=True)
    if not rows:
        raise SystemExit("no world could be measured")
    frame = pl.DataFrame(rows)
    table = verdict(frame)
    with pl.Config(float_precision=4, tbl_rows=-1, tbl_width_chars=160, fmt_str_lengths=30):
        print(table)
    print(f"{table['reached'].sum()} of {table.height} kinds and sizes keep to the bounds")
    print(words_of_intervals(frame))
    whole = len(options.kinds) == len(KINDS) and not options.no_peers and options.seeds >= 10
    write_result(
        "strange_worlds",
        {"seeds": options.seeds, "verdict": table.to_dicts(), "refused": refused, "worlds": rows},
        RESULTS if whole else FOLDER,
    )


def _measured(job: tuple[str, int, int, tuple[str, ...]]) -> tuple[list[dict[str, Any]], str]:
    name, leads, seed, peers = job
    which, about = f"{name}, {leads} leads, seed {seed}", {"kind": name, "leads": leads}
    try:
        found = measure(KINDS[name], leads, seed, peers)
    except LeadcastError as error:
        return [], f"REFUSED: {which}: {error}"
    return [about | {"seed": seed} | one for one in found], f"{which}: done"


def _without_drift() -> Floats:
    run, params = RunFolder(NAME), load_params()
    horizon = horizon_days(Tables.read(run.tables), snapshot_settings(NAME, params))
    learned, tested = (read_parts(run, parts, horizon) for parts in (LEARNING, ["test"]))
    settings = params.model.model_copy(update={"periods": 1, "half_lives": (None,)})
    learner = choose(learned, settings.model_copy(update={"seed": params.seed})).learner
    return sigmoid(learner.log_odds(tested.values))


def lay_out(project: Path, world: StrangeWorld) -> None:
    """Write a world's tables, definition and parameters, as the stages after ingest find them.

    Parameters
    ----------
    project : Path
        An empty folder.
    world : StrangeWorld
    """
    sources = project / SOURCES
    sources.mkdir(parents=True)
    is_dated = world.tables.observed_until is not None
    columns = {"lead_id": "lead_id"} | ({"created_at": "created_at"} if is_dated else {})
    outcomes = {"won_at": "won_at", "lost_at": "lost_at"}
    form: dict[str, Any] = {"form": "dates", "columns": outcomes}
    if not is_dated:
        form = {"form": "status", "columns": {"status": "converted"}, "won": ["true"]}
    leads: dict[str, Any] = {"read": {"files": "leads.csv"}, "columns": columns}
    definition = {
        "name": NAME,
        "title": "a strange world",
        "where_to_get": "benchmarks.strange_kinds draws it",
        "root": "data",
        "tables": {
            "leads": leads | ({} if is_dated else {"order_by": "row"}),
            "outcomes": form,
        },
    } | ({"observed_until": world.tables.observed_until} if is_dated else {})
    (sources / f"{NAME}.yaml").write_text(yaml_text(_as_text(definition)), encoding="utf-8")
    write_params(
        project,
        {"landmarks_days": list(LANDMARKS_DAYS), "horizon_days": HORIZON_DAYS},
    )
    write_tables(project / RunFolder(NAME).path, world.tables)


def write_tables(run: Path, tables: Tables) -> None:
    """Write tables as the stages after ingest find them.

    Parameters
    ----------
    run : Path
        The folder of a run that there is not yet.
    tables : Tables
    """
    folder = run / "tables"
    (folder / "events").mkdir(parents=True)
    tables.leads.write_parquet(folder / "leads.parquet")
    tables.events.collect().write_parquet(folder / "events" / "part-0.parquet")
    tables.outcomes.write_parquet(folder / "outcomes.parquet")
    tables.write_about(folder)
    # What ingest tells of the rows that it read; here none were left out.
    write_json(folder / "quality.json", {"account": []})
    write_json(run / "fingerprint.json", {"sha256": "0" * 64})


def _as_text(definition: dict[str, Any]) -> dict[str, Any]:
    until = definition.get("observed_until")
    return definition if until is None else definition | {"observed_until": until.isoformat()}


def _base_rates(known: pl.DataFrame, n_test: int) -> dict[str, Floats]:
    newest = known.sort("position").tail(max(1, round(NEWEST_SHARE * known.height)))
    return {
        name: np.full(n_test, (float(part["converted"].sum()) + 0.5) / (part.height + 1))
        for name, part in ((NEWEST, newest), (ALL, known))
    }


def _peer(folder: Path, peer: str) -> Floats:
    out = folder / peer.replace(" ", "_")
    command = [str(PEERS_PYTHON.absolute()), "-m", "benchmarks.peers"]
    command += ["--job", str(folder), peer, str(out), "--seconds", "0", "--threads", "1"]
    environment = dict.fromkeys(THREAD_VARIABLES, "1")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise LeadcastError(f"{peer} failed: {done.stderr.strip().splitlines()[-1]}")
    return np.asarray(np.load(out.with_suffix(".npy")), np.float64)


if __name__ == "__main__":
    main()
