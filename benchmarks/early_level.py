"""What early conversions do to the level of strange worlds: ``python -m benchmarks.early_level``.

Worlds whose true probabilities are known (``strange_kinds``, those with dates), a logistic
regression or base rate learned by the pipeline's own stages, and its level with and without early
conversions. What is told is by how much the expected log loss of the test's leads is above that of
the same leads moved to their true level.
"""

import argparse
import tempfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import chdir
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.results import folder_of, write_result
from benchmarks.strange_kinds import KINDS, draw
from benchmarks.strange_worlds import NAME, expected_log_loss, lay_out
from leadcast.features.tables import Tables
from leadcast.models.choice.choice import choose
from leadcast.models.data import Floats
from leadcast.models.evaluation.logistic import shift_to, sigmoid
from leadcast.pipelines.base.dataset import read_parts, read_pool
from leadcast.pipelines.base.params import horizon_days, load_params, snapshot_settings
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.lifecycle.trial import STAGES

DATED = tuple(name for name, kind in KINDS.items() if kind.is_dated)
SEEDS, LEADS = 6, 3_000
RIGHT = 0.2
"""In log-odds: a level that is off by no more was right as it was."""
FIRST_SEED = 20
"""The filter was made on worlds of the seeds below."""


def measure(name: str, leads: int, seed: int) -> dict[str, Any]:
    """Run one world.

    Parameters
    ----------
    name : str
        A kind of world with dates.
    leads, seed : int

    Returns
    -------
    dict
        ``kind``, ``leads``, ``seed``, ``wanted`` (the shift of all log-odds to the true level),
        ``shift`` (that of early conversions), and ``without`` and ``moved``: the expected log loss
        above that at the true level, without it and with it.
    """
    world = draw(KINDS[name], leads, seed)
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        lay_out(project, world)
        with chdir(project):
            STAGES["snapshots"](NAME)
            STAGES["features"](NAME)
            test, log_odds, shift = _told()
    keys = ["lead_id", "landmark_days"]
    truth = test.join(world.truth, on=keys, how="left", maintain_order="left")
    true = truth["true_probability"].to_numpy()
    wanted = shift_to(log_odds, float(true.mean()))
    best = expected_log_loss(sigmoid(log_odds + wanted), true)
    return {
        "kind": name,
        "leads": leads,
        "seed": seed,
        "wanted": wanted,
        "shift": shift,
        "without": expected_log_loss(sigmoid(log_odds), true) - best,
        "moved": expected_log_loss(sigmoid(log_odds + shift), true) - best,
    }


def _told() -> tuple[pl.DataFrame, Floats, float]:
    """Learn in the project's folder: the test's snapshots, their log-odds and the shift."""
    run, params = RunFolder(NAME), load_params()
    tables, settings = Tables.read(run.tables), snapshot_settings(NAME, params)
    data, pool = read_pool(run, tables, settings)
    quick = params.model.model_copy(update={"candidates": ("prior", "logistic")})
    choice = choose(data, quick, pool=pool)
    test = read_parts(run, ["test"], horizon_days(tables, settings))
    snapshots = pl.read_parquet(run.snapshots).filter(part="test")
    shift = 0.0 if choice.early is None else choice.early.shift
    return snapshots, choice.learner.log_odds(test.values), shift


def table_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Average over the worlds of each kind and size, the last row over all kinds alike.

    Parameters
    ----------
    rows : pl.DataFrame
        As `measure` gives them.

    Returns
    -------
    pl.DataFrame
        ``kind``, ``leads``, ``worlds``, ``wanted`` and ``shift`` (their mean sizes), ``without``,
        ``moved``.
    """
    each = rows.group_by("kind", "leads", maintain_order=True).agg(
        worlds=pl.len().cast(pl.Int64),
        wanted=pl.col("wanted").abs().mean(),
        shift=pl.col("shift").abs().mean(),
        without=pl.col("without").mean(),
        moved=pl.col("moved").mean(),
    )
    whole = each.group_by("leads", maintain_order=True).agg(
        pl.lit("all kinds").alias("kind"),
        pl.col("worlds").sum(),
        pl.col("wanted", "shift", "without", "moved").mean(),
    )
    return pl.concat([each, whole.select(each.columns)])


def words_of(rows: pl.DataFrame) -> str:
    """Say what it cost where the level was right, and what it gained where it was not.

    Parameters
    ----------
    rows : pl.DataFrame
        As `measure` gives them.

    Returns
    -------
    str
    """
    told = []
    for what, is_right in (("right within", True), ("off by more than", False)):
        part = rows.filter((pl.col("wanted").abs() <= RIGHT) == is_right)
        without, moved = (float(np.mean(part[name].to_numpy())) for name in ("without", "moved"))
        told.append(
            f"{part.height} worlds whose level was {what} {RIGHT}: {without:.4f} without, "
            f"{moved:.4f} with early conversions"
        )
    return "\n".join(told)


def main() -> None:
    """Measure every kind, print the table and write it down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kinds", nargs="+", choices=DATED, default=list(DATED))
    parser.add_argument("--leads", nargs="+", type=int, default=[LEADS])
    parser.add_argument("--seeds", type=int, default=SEEDS, help="worlds of each kind and size")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    jobs = [
        (kind, leads, seed) for leads in options.leads for kind in options.kinds for seed in seeds
    ]
    # A process of its own: the stages run in another folder. Spawned, since threads do not fork.
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        rows = []
        for row in pool.map(measure, *zip(*jobs, strict=True)):
            rows.append(row)
            print(f"{row['kind']}, {row['leads']} leads, seed {row['seed']}: done", flush=True)
    table = table_of(pl.DataFrame(rows))
    with pl.Config(float_precision=4, tbl_rows=-1, tbl_width_chars=160, fmt_str_lengths=40):
        print(table)
    print(words_of(pl.DataFrame(rows)))
    result = {"table": table.to_dicts(), "worlds": rows}
    write_result("early_level", result, folder_of(parser, options))


if __name__ == "__main__":
    main()
