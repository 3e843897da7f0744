"""What it changes that events of machines are left out: the points, and the model's quality."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.files import read_json
from leadcast.features.definitions.load import find_definition
from leadcast.features.engine.engine import compute
from leadcast.features.engine.fitting import fit_plan
from leadcast.features.ingest.nonhuman_events import NONHUMAN_FILE
from leadcast.features.tables import Tables
from leadcast.models.choice.backtest import NORMAL_95
from leadcast.models.choice.fresh import Recipe
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.logistic import shift_to, sigmoid
from leadcast.models.evaluation.metrics import auc, log_loss
from leadcast.models.evaluation.tally import tally
from leadcast.models.rules import evaluate, load_rules
from leadcast.pipelines.base.dataset import LEARNING, coded, labelled, read_plan, used_snapshots
from leadcast.pipelines.base.params import horizon_days, load_params, snapshot_settings
from leadcast.pipelines.base.paths import RunFolder

_EVENT = ("lead_id", "occurred_at", "event_type", "value")


def nonhuman_change(source: str) -> dict[str, Any] | None:
    """Compare a run with what it would have been had events of machines counted.

    Parameters
    ----------
    source : str

    Returns
    -------
    dict or None
        ``found`` (as `leadcast.features.nonhuman.telling.describe_nonhuman` gives it); where such
        events were left out ``points`` (for each threshold of the points table how many snapshots
        of the test reach it with and without them, and how many reach it no more) and ``model``
        (of the tested recipe, fitted with and without them, at the level that came: ``auc`` and
        ``log_loss`` on the test, and the ``gain`` in log loss with its 95 % interval).
        None where the definition does not ask.
    """
    run = RunFolder(source)
    found: Mapping[str, Any] | None = read_json(run.tables / "quality.json").get("nonhuman")
    if found is None:
        return None
    tables = Tables.read(run.tables)
    if tables.nonhuman is None or not found["nonhuman"]:
        return {"found": found, "points": [], "model": None}
    with_all = with_machines_of(run, tables)
    return {
        "found": found,
        "points": _points(source, run, tables, with_all),
        "model": _model(source, run, tables, with_all),
    }


def with_machines_of(run: RunFolder, tables: Tables) -> Tables:
    """Put the events of machines back into a run's tables."""
    gone = pl.scan_parquet(run.tables / NONHUMAN_FILE).select(_EVENT)
    events = pl.concat([tables.events.select(_EVENT), gone])
    return replace(tables, events=events, nonhuman=None)


def _points(source: str, run: RunFolder, without: Tables, with_all: Tables) -> list[dict[str, Any]]:
    asked = load_params().comparison.over(find_definition(source).comparison)
    if asked.rules is None:
        return []
    table = load_rules(asked.rules)
    rows = used_snapshots(run).filter(part="test").select("lead_id", "as_of")
    after, before = (evaluate(table, one.leads, one.events, rows) for one in (without, with_all))
    return [
        {
            "threshold": name,
            "snapshots": rows.height,
            "with_machines": int(flags.sum()),
            "without": int(after.reached[name].sum()),
            "no_more": int((flags & ~after.reached[name]).sum()),
        }
        for name, flags in before.reached.items()
    ]


def _model(source: str, run: RunFolder, without: Tables, with_all: Tables) -> dict[str, Any]:
    params = load_params()
    settings = snapshot_settings(source, params, without)
    snapshots = coded(used_snapshots(run))
    learning = snapshots["part"].is_in(list(LEARNING))
    is_test = (snapshots["part"] == "test").to_numpy()
    known_until: Any = snapshots.filter(part="test").select(pl.min("as_of")).item()
    recipe = Recipe.from_json(read_json(run.backtest)["setup"], params.model.num_threads)
    own = read_plan(run)
    machines = fit_plan(
        with_all, snapshots.filter(learning), params.features, known_until, settings
    )
    told: dict[str, Any] = {}
    losses: dict[str, Floats] = {}
    for name, tables, plan in (("without", without, own), ("with_machines", with_all, machines)):
        values = compute(plan, tables.leads, tables.events, snapshots)
        rows = labelled(values, plan.features, snapshots, horizon_days(tables, settings))
        learner = recipe.on(plan.features).fitted(rows.rows(learning.to_numpy()))
        test = rows.rows(is_test)
        # Each at the level that came: what is compared is how they set leads apart.
        log_odds = learner.log_odds(test.values)
        probability = sigmoid(log_odds + shift_to(log_odds, float(np.mean(test.converted))))
        counts = tally(probability, test.converted)
        told[name] = {"auc": float(auc(counts)), "log_loss": float(log_loss(counts))}
        losses[name] = -np.log(np.where(test.converted == 1, probability, 1 - probability))
    gain = _mean_and_error(losses["with_machines"] - losses["without"], test.group)
    return told | {"snapshots": int(is_test.sum()), "gain": gain}


def _mean_and_error(differences: Floats, group: Integers) -> list[float]:
    """Give the mean, and its 95 % interval with the rows of a group taken together."""
    mean = float(differences.mean())
    sums = np.bincount(np.unique(group, return_inverse=True)[1], differences - mean)
    error = float(np.sqrt(np.sum(sums**2))) / len(differences)
    return [mean, mean - NORMAL_95 * error, mean + NORMAL_95 * error]
