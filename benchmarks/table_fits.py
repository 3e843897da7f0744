"""What Leadcast and its peers say of a table's last rows, learned from the rows before them."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.capacity_tables import Table
from benchmarks.fits import PEERS_PYTHON
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.features.engine.engine import compute
from leadcast.features.engine.fitting import fit_plan
from leadcast.features.snapshots import SnapshotSettings, make_snapshots
from leadcast.features.tables import TIME, Tables, TimeOrder, empty_events
from leadcast.models.choice.choice import choose
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.pipelines.base.params import load_params


def leadcast_says(table: Table, seed: int = 0) -> Floats:
    """Let Leadcast learn a table, with its own features and learner.

    Parameters
    ----------
    table : Table
    seed : int
        Of whatever is random in the learner.

    Returns
    -------
    ndarray of float64, shape (table.tested,)
        Probabilities of the test rows.

    Raises
    ------
    LeadcastError
        If there is nothing to learn.
    """
    params = load_params()
    tables, looks = _as_leads(table), SnapshotSettings()
    snapshots = make_snapshots(tables, looks, seed)
    n_train = snapshots.height - table.tested
    plan = fit_plan(tables, snapshots.head(n_train), params.features, None, looks)
    values = compute(plan, tables.leads, tables.events, snapshots)
    place = np.arange(n_train, dtype=np.int64)
    data = LabelledMatrix(
        values[:n_train], plan.features, table.converted[:n_train], place, place, horizon=0
    )
    settings = params.model.model_copy(update={"seed": seed, "num_threads": 1})
    return sigmoid(choose(data, settings).learner.log_odds(values[n_train:]))


def peers_say(jobs: Sequence[tuple[Table, str]]) -> list[tuple[Floats, float]]:
    """Let peers learn tables, in an environment of their own and one process for all.

    Parameters
    ----------
    jobs : sequence of (Table, str)
        Tables, each with a name in `benchmarks.peers.PEERS`.

    Returns
    -------
    list of (ndarray of float64, float)
        For each job the probabilities of the table's last rows, and the seconds that it took.

    Raises
    ------
    LeadcastError
        If a peer fails.
    """
    if not jobs:
        return []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        # It would take longer to start a process than to fit a small table.
        command = [str(PEERS_PYTHON.absolute()), "-m", "benchmarks.peers", "--threads", "1"]
        folders = {id(table): work / str(place) for place, (table, _) in enumerate(jobs)}
        for table, _ in jobs:
            if not folders[id(table)].exists():
                _write_for_peers(table, folders[id(table)])
        outs = [folders[id(table)] / peer.replace(" ", "_") for table, peer in jobs]
        for (table, peer), out in zip(jobs, outs, strict=True):
            command += ["--job", str(folders[id(table)]), peer, str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LeadcastError(f"a peer failed: {done.stderr.strip().splitlines()[-1]}")
        return [
            (
                np.load(out.with_suffix(".npy")),
                float(read_json(out.with_suffix(".json"))["seconds"]),
            )
            for out in outs
        ]


def _as_leads(table: Table) -> Tables:
    n = len(table.converted)
    leads = table.columns.with_columns(
        lead_id=pl.int_range(n, dtype=pl.Int64).cast(pl.String),
        created_at=pl.lit(None, TIME),
        position=pl.int_range(n, dtype=pl.Int64),
    )
    outcomes = leads.select(
        "lead_id",
        won_at=pl.lit(None, TIME),
        lost_at=pl.lit(None, TIME),
        converted=pl.Series(table.converted == 1.0),
        amount=pl.lit(None, pl.Float64),
    )
    types = {
        name: "category" if dtype == pl.String else "number"
        for name, dtype in table.columns.schema.items()
    }
    return Tables(leads, empty_events(), outcomes, None, TimeOrder.ORDERED, types)


def _write_for_peers(table: Table, folder: Path) -> None:
    folder.mkdir()
    frame = table.columns.with_columns(converted=pl.Series(table.converted))
    frame.head(frame.height - table.tested).write_parquet(folder / "train.parquet")
    frame.tail(table.tested).write_parquet(folder / "test.parquet")
    kinds = {
        name: "category" if dtype == pl.String else "number"
        for name, dtype in table.columns.schema.items()
    }
    (folder / "columns.json").write_text(json.dumps(kinds), encoding="utf-8")
