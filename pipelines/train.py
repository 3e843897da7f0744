"""Candidates, backtest, choice: the learner is chosen and fitted inside the training part."""

import math
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import working_folder, write_json, written_whole
from leadcast.features.base.ownership import PARAMS
from leadcast.features.tables import Tables
from leadcast.models.choice.choice import Choice, choose
from leadcast.models.choice.pool import Pool
from leadcast.models.choice.segment_form import segments_told
from leadcast.models.data import LabelledMatrix
from leadcast.models.settings import LearnerSettings
from leadcast.pipelines.base.dataset import (
    LEARNING,
    fresh_is_told,
    labels_for_cluster,
    read_parts,
    read_pool,
    used_snapshots,
)
from leadcast.pipelines.base.params import (
    horizon_days,
    learner_settings,
    load_params,
    snapshot_settings,
)
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.seller_facts import junk_words
from leadcast.pipelines.base.stage import run_stage, share_bar
from leadcast.serve.today.selection import WEIGHT, as_evidence


def train(source: str) -> str:
    """Let the candidates compete, and fit the champion on all that was known when the test began.

    The candidates compete by rolling origins, so that each prediction is for snapshots later than
    those that its model was trained on; these predictions are kept for the calibration.
    """
    run = RunFolder(source)
    data, settings, pool = _read(source, run)
    with share_bar() as tell:
        choice = choose(as_evidence(data), settings, tell, pool)
    told = "; ".join(_notes(_write(run, choice, data)))
    return "\n  ".join([told, *segment_lines(choice, data)])


def train_on_cluster(source: str, scheduler: str | None) -> str:
    """Let the candidates compete on a sample here, and grow the champion's trees on all rows."""
    from leadcast.serve.cluster.connection import connected
    from leadcast.serve.cluster.training import SAMPLE_ROWS, ClusterRows, grow_on_cluster, in_words

    run = RunFolder(source)
    with connected(scheduler) as client, working_folder(run.path, "train") as work:
        data, settings, _ = _read(source, run, most=SAMPLE_ROWS)
        labels = work / "labels.parquet"
        used = used_snapshots(run)
        labels_for_cluster(used, used["part"].is_in(list(LEARNING))).write_parquet(labels)
        rows = ClusterRows(run.matrix.resolve(), labels.resolve())
        with share_bar() as tell:
            grow = partial(grow_on_cluster, client, rows, tell=tell)
            choice = choose(data, settings, tell, grow=grow)
        if any(member["trees"] for member in choice.setup["members"]):
            told = in_words(len(data), len(rows.learned().numbers), settings)
            choice = replace(choice, notes=(*choice.notes, told))
    return "; ".join(_write(run, choice, data).notes)


def _read(
    source: str, run: RunFolder, most: int | None = None
) -> tuple[LabelledMatrix, LearnerSettings, Pool | None]:
    params, tables = load_params(), Tables.read(run.tables)
    snapshots = snapshot_settings(source, params)
    settings = learner_settings(source, params)
    if params.selection.weigh_calls and most is not None:
        raise LeadcastError(
            f"{PARAMS}: selection.weigh_calls is true, but a cluster knows no weights; set it to "
            "false, or train without --engine dask"
        )
    if settings.fresh_snapshots and most is not None:
        raise LeadcastError(
            f"{PARAMS}: model.fresh_snapshots is {settings.fresh_snapshots}, but on a cluster "
            "only snapshots with a known outcome are learned from; set it to false, or train "
            "without --engine dask"
        )
    if most is None and fresh_is_told(tables, params):
        data, pool = read_pool(run, tables, snapshots)
        return data, settings, pool
    return read_parts(run, LEARNING, horizon_days(tables, snapshots), most), settings, None


def _write(run: RunFolder, choice: Choice, data: LabelledMatrix) -> Choice:
    told = junk_words(pl.read_parquet(run.snapshots))
    choice = replace(choice, notes=(*choice.notes, *told))
    with written_whole(run.learner, "learner") as temporary:
        temporary.mkdir()
        choice.learner.save(temporary)
    write_json(run.backtest, backtest_content(choice, data))
    with written_whole(run.out_of_time) as temporary:
        out_of_time(choice, data).write_parquet(temporary)
    return choice


SHOWN = 12
"""So many segments are listed."""


def segment_lines(choice: Choice, data: LabelledMatrix) -> list[str]:
    """Tell of each segment how much of its own it has, those with the most leads first.

    Parameters
    ----------
    choice : Choice
    data : LabelledMatrix
        The rows that it was made on.

    Returns
    -------
    list of str
    """
    rows = segments_told(choice.learner, data.features)
    lines = [
        f"{row['column']} {row['segment']}: {row['leads']:,} leads, {row['won']:,} won, odds × "
        f"{math.exp(row['level']):.2f}, {row['own']:.0%} its own"
        + "".join(f", {name} {slope:+z.2f}" for name, slope in row["slopes"].items())
        for row in rows[:SHOWN]
    ]
    more = len(rows) - SHOWN
    return [*lines, *([f"and {more} more, in the report"] if more > 0 else [])]


def _notes(choice: Choice) -> list[str]:
    return [*choice.notes, *([] if choice.fresh is None else [choice.fresh.words])]


def out_of_time(choice: Choice, data: LabelledMatrix) -> pl.DataFrame:
    """Give what the chosen learner predicted for snapshots later than its training.

    ``early`` is by how much early conversions had moved the level by then.
    """
    index, log_odds = choice.out_of_time.index, choice.out_of_time.log_odds
    origin, early = choice.out_of_time.origin, choice.out_of_time.early
    if not len(index):
        index = np.arange(len(data))
        log_odds, origin = choice.learner.log_odds(data.values), np.full(len(data), -1)
        early = np.zeros(len(data))
    weight = {} if data.weight is None else {WEIGHT: data.weight[index]}
    return pl.DataFrame(
        {
            "row": index,
            "log_odds": log_odds,
            "early": early,
            "converted": data.converted[index],
            "group": data.group[index],
            "origin": origin,
            "position": data.position[index],
            "log_odds_now": choice.learner.log_odds(data.values[index]),
            **weight,
        }
    )


def _segments(choice: Choice, data: LabelledMatrix) -> dict[str, Any] | None:
    if choice.segments is None:
        return None
    return choice.segments.to_json() | {"told": segments_told(choice.learner, data.features)}


def backtest_content(choice: Choice, data: LabelledMatrix) -> dict[str, Any]:
    """Give the choice, made on these rows, as plain data."""
    return {
        "chosen": choice.learner.kind,
        "results": [result.to_json() for result in choice.backtest],
        "notes": _notes(choice),
        "warnings": list(choice.warnings),
        "setup": choice.setup,
        "importance": choice.learner.importance().tolist(),
        "fresh": None if choice.fresh is None else choice.fresh.to_json(),
        "segments": _segments(choice, data),
        "early": None if choice.early is None else choice.early.to_json(),
    }


if __name__ == "__main__":
    run_stage("train", train, train_on_cluster)
