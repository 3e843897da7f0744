"""The whole batch, Parquet to Parquet, against prediction alone and against reading alone."""

import time
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.speed_serving import moment_after, repeated
from benchmarks.speed_trees import TRAINED_ROWS, train_booster
from benchmarks.timing import Job, in_turns, ratio_of
from leadcast.models.data import Matrix
from leadcast.models.learners.drifting_level import Level
from leadcast.models.learners.learner_store import Additive
from leadcast.models.learners.shapes import trees_of
from leadcast.serve.asked import asked_of
from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.scorer import Scorer

EVERY = (1, 2)
"""Of the demo's events all are read, some 52 a lead, or each second one."""


def measure_batch(run: Path, folder: Path, n_leads: int, rounds: int) -> dict[str, Any]:
    """Compare the whole batch, Parquet to Parquet, with prediction on a prepared matrix.

    Parameters
    ----------
    run, folder, n_leads
        As in `repeated`.
    rounds : int

    Returns
    -------
    dict
        For each number of events a lead, what `_measured` gives for the run's own model, and for
        one with 500 trees of 63 leaves in its place.
    """
    leads, all_events = repeated(run, folder, n_leads)
    scorer, moment = Scorer.load(run / "bundle"), moment_after(run)
    told: dict[str, Any] = {"n_leads": n_leads}
    for every in EVERY:
        events = folder / f"events_{every}.parquet"
        pl.scan_parquet(all_events).gather_every(every).sink_parquet(events)
        asked = asked_of(scorer.bundle, pl.read_parquet(leads), pl.scan_parquet(events), moment, [])
        values = scorer.features(asked, [])
        n_events = int(pl.scan_parquet(events).select(pl.len()).collect().item())
        told[f"{n_events / n_leads:.0f} events a lead"] = {
            name: _measured(each, leads, events, moment, values, rounds)
            for name, each in (
                ("own model", scorer),
                ("500 trees", with_large_model(scorer, values)),
            )
        }
    return told


def _measured(
    scorer: Scorer, leads: Path, events: Path, moment: datetime, values: Matrix, rounds: int
) -> dict[str, Any]:
    """Time a batch.

    Returns
    -------
    dict
        ``whole_against_prediction``, a ratio by the clock, where prediction has one thread as in
        the batch, and ``processor_against_prediction``, one of the processor's time;
        ``reading_against_prediction``: what Polars takes to read both tables and do nothing, the
        floor of any batch.
    """
    learner, settings = scorer.bundle.learner, BatchSettings(moment)
    jobs: dict[str, Job] = {
        "batch": partial(
            score_files, scorer, leads, events, leads.with_name("out.parquet"), settings
        ),
        "predict": partial(learner.log_odds, values),
        "read": lambda: (pl.read_parquet(leads), pl.read_parquet(events)),
    }
    seconds = in_turns(jobs, rounds)
    processor = in_turns(jobs, rounds, time.process_time)
    best = min(seconds["batch"])
    return {
        "whole_against_prediction": round(ratio_of(seconds, "batch", "predict"), 2),
        "processor_against_prediction": round(ratio_of(processor, "batch", "predict"), 2),
        "reading_against_prediction": round(ratio_of(seconds, "read", "predict"), 2),
        "batch_seconds": round(best, 2),
        "batch_processor_seconds": round(min(processor["batch"]), 2),
        "leads_per_second": round(len(values) / best),
    }


def with_large_model(scorer: Scorer, values: Matrix) -> Scorer:
    """Put a model of 500 trees of 63 leaves into the place of a scorer's own.

    Parameters
    ----------
    scorer : Scorer
    values : ndarray of float32, shape (n_rows, n_features)
        Rows, of which some are learned from; outcomes are drawn by the scorer's own model.

    Returns
    -------
    Scorer
    """
    plan, some = scorer.bundle.plan, values[:TRAINED_ROWS]
    codes = [place for place, one in enumerate(plan.features) if one.dtype == "category"]
    booster = train_booster(some, scorer.bundle.learner.log_odds(some), codes)
    shape = trees_of((booster.model_to_string(),), np.arange(values.shape[1]), 0.0)
    shares = np.zeros(values.shape[1])
    level = Level((), np.zeros(1), np.zeros(0), np.zeros((1, 1)), 0.0)
    learner = Additive("lightgbm", level, (shape,), (1.0,), shares)
    return Scorer(replace(scorer.bundle, learner=learner))
