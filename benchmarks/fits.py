"""Fitting Leadcast and its peers on a split, each result kept so that a stopped run goes on."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.columns import write_for_peers
from benchmarks.peers import SEARCHING
from benchmarks.projects import digest_of, project_of, run_stage_in, write_params
from benchmarks.splits import Split
from leadcast.features.base.errors import LeadcastError
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.evaluation.metrics import log_loss
from leadcast.models.evaluation.tally import tally
from leadcast.models.splits import PARTS
from leadcast.pipelines.base.params import load_params

PEERS_PYTHON = Path(".venv-peers/bin/python")
LEADCAST = "Leadcast"
AT_NEWEST_LEVEL = ", newest level"
"""Behind the name of a peer whose level was moved to that of the newest rows."""
LEADCAST_CODE = (
    *sorted(Path("models").glob("*.py")),
    *(
        Path("models") / name
        for name in ("choice", "learners", "trees", "calibration", "evaluation")
    ),
    *(Path(name) for name in ("pipelines/train.py", "pipelines/calibrate.py")),
)
LEAST = 1e-9
"""How far off 0 and 1 a probability is taken to be when its level is moved."""
MOST_SECONDS = 600
"""A peer that has not ended by then is left out of the split."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PEER_CODE = tuple(
    Path(name)
    for name in ("benchmarks/peers.py", "benchmarks/peer_search.py", "requirements/peers.txt")
)
"""What decides what a peer says of the same rows: nothing of Leadcast."""


@dataclass(frozen=True)
class Prepared:
    """A split, ready to be learned from.

    Parameters
    ----------
    split : Split
    project : Path
        Where Leadcast's stages run.
    folder : Path
        What the peers read.
    rows : str
        A digest of everything that the peers read.
    n_train : int
        Rows to learn from.
    converted : ndarray of float64, shape (n_test,)
        What happened to the test's rows.
    group : ndarray of int64, shape (n_test,)
        A code for each lead or account.
    """

    split: Split
    project: Path
    folder: Path
    rows: str
    n_train: int
    converted: Floats
    group: Integers


@dataclass(frozen=True)
class Fitted:
    """What one method said of the test's rows.

    Parameters
    ----------
    probability : ndarray of float64, shape (n_test,)
    seconds : float
        Fitting and predicting.
    run_losses : tuple of float
        The log loss of each of its runs, of which this is the one in the middle.
    shift : float or None
        How far the level is from that of the newest rows learned from, in log-odds, as a fit that
        had not seen them tells it; None where nobody asked, or where it would double a search.
    """

    probability: Floats
    seconds: float
    run_losses: tuple[float, ...] = ()
    shift: float | None = None

    def at_newest_level(self) -> "Fitted | None":
        """Give the same with its level moved; None where it is not known by how much."""
        if self.shift is None:
            return None
        said = np.clip(self.probability, LEAST, 1 - LEAST)
        moved = sigmoid(np.log(said / (1 - said)) + self.shift)
        return replace(self, probability=moved, run_losses=(), shift=None)


def prepare(split: Split) -> Prepared:
    """Make a split's rows and columns, for Leadcast and for the peers.

    Parameters
    ----------
    split : Split

    Returns
    -------
    Prepared

    Raises
    ------
    LeadcastError
        If the split cannot be made, or a part of it holds one outcome only.
    """
    project = project_of(split)
    folder = project / "peers"
    write_for_peers(folder, project, split.source)
    used = pl.read_parquet(project / "data/runs" / split.source / "snapshots.parquet").filter(
        pl.col("part").is_in(PARTS)
    )
    test = used.filter(part="test")
    _refuse_one_outcome(split, used)
    files = [folder / name for name in ("train.parquet", "test.parquet", "columns.json")]
    return Prepared(
        split=split,
        project=project,
        folder=folder,
        rows=digest_of(files),
        n_train=used.height - test.height,
        converted=test["converted"].cast(pl.Float64).to_numpy(),
        group=test["group_id"].rank("dense").cast(pl.Int64).to_numpy(),
    )


def fit_peer(prepared: Prepared, peer: str, seconds: int, threads: int, runs: int = 1) -> Fitted:
    """Fit a peer in the peers' environment, or take what it said before.

    Parameters
    ----------
    prepared : Prepared
    peer : str
        A name in `benchmarks.peers.PEERS`.
    seconds : int
        For those that search.
    threads : int
        How many the peer may use.
    runs : int
        How often those that search are run; an odd number.

    Returns
    -------
    Fitted
        The run in the middle by log loss.

    Raises
    ------
    LeadcastError
        If the peer fails, with the last line that it said, or does not end within `MOST_SECONDS`.
    """
    numbers = range(runs if peer in SEARCHING else 1)
    fitted = [_fit_once(prepared, peer, seconds, threads, number) for number in numbers]
    return middle_run(fitted, prepared.converted)


def middle_run(fitted: Sequence[Fitted], converted: Floats) -> Fitted:
    """Take the run in the middle by log loss: neither a lucky one nor an unlucky one.

    Parameters
    ----------
    fitted : sequence of Fitted
        The runs of a method; of an even number, the better of the two in the middle is taken.
    converted : ndarray of float64, shape (n_test,)

    Returns
    -------
    Fitted
        With the losses of all runs, in the order of the runs.
    """
    losses = [float(log_loss(tally(one.probability, converted))) for one in fitted]
    middle = sorted(range(len(fitted)), key=losses.__getitem__)[(len(fitted) - 1) // 2]
    return replace(fitted[middle], run_losses=tuple(losses))


def _fit_once(prepared: Prepared, peer: str, seconds: int, threads: int, number: int) -> Fitted:
    budget = seconds if peer in SEARCHING else 0
    again = [number] if number else []
    out = _result(prepared, peer, digest_of(PEER_CODE, prepared.rows, budget, *again))
    late = out.with_suffix(".late")
    if not (late.exists() or out.with_suffix(".json").exists()):
        command = [str(PEERS_PYTHON.absolute()), "-m", "benchmarks.peers"]
        command += ["--job", str(prepared.folder), peer, str(out)]
        command += ["--seconds", str(seconds), "--threads", str(threads), "--level"]
        # Numerical libraries take every core otherwise, and spin where something else runs.
        environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads))
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, env=environment, timeout=MOST_SECONDS
            )
        except subprocess.TimeoutExpired:
            late.touch()
        else:
            if done.returncode:
                raise LeadcastError(f"{peer} failed: {done.stderr.strip().splitlines()[-1]}")
    if late.exists():
        raise LeadcastError(f"did not end within {MOST_SECONDS} s")
    return _read(out)


def fit_leadcast(prepared: Prepared, threads: int) -> Fitted:
    """Run Leadcast's own stages (train, calibrate, evaluate), or take what they said before.

    Parameters
    ----------
    prepared : Prepared
    threads : int
        How many the learner may use.

    Returns
    -------
    Fitted
        Its seconds are those of the stages train and calibrate.

    Raises
    ------
    LeadcastError
        If a stage fails.
    """
    source, project = prepared.split.source, prepared.project
    params = load_params()
    learner = params.model.model_copy(update={"num_threads": 1})
    key = digest_of(LEADCAST_CODE, prepared.rows, learner, params.seed)
    out = _result(prepared, LEADCAST, key)
    if not out.with_suffix(".json").exists():
        write_params(project, load_params(project / "params.yaml").snapshots.model_dump(), threads)
        seconds = sum(run_stage_in(project, stage, source) for stage in ("train", "calibrate"))
        run_stage_in(project, "evaluate", source)
        scores = pl.read_parquet(project / "data/runs" / source / "test_scores.parquet")
        np.save(out.with_suffix(".npy"), scores["probability"].to_numpy())
        out.with_suffix(".json").write_text(json.dumps({"seconds": seconds}), encoding="utf-8")
    return _read(out)


def _refuse_one_outcome(split: Split, used: pl.DataFrame) -> None:
    for name, part in (
        ("learn from", used.filter(part="train")),
        ("test", used.filter(part="test")),
    ):
        won = int(part["converted"].sum())
        if won in (0, part.height):
            raise LeadcastError(
                f"of {part.height} snapshots of {split.source} to {name}, {won} converted, but a "
                "method can be fitted and judged only where some did and some did not: take a "
                "longer history or another horizon"
            )


def _result(prepared: Prepared, method: str, digest: str) -> Path:
    folder = prepared.project / "results"
    folder.mkdir(exist_ok=True)
    return folder / f"{method.replace(' ', '_')}-{digest}"


def _read(out: Path) -> Fitted:
    about = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    said = np.load(out.with_suffix(".npy"))
    return Fitted(said, float(about["seconds"]), shift=about.get("shift"))
