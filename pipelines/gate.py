"""The leakage gate: the run stops where a column or an event tells the outcome."""

from functools import partial

import polars as pl

from leadcast.features.base.files import write_json
from leadcast.features.engine.engine import compute
from leadcast.features.tables import Tables
from leadcast.models.leakage import (
    LeakageContext,
    could_not_look,
    examine,
    headline,
    next_worst,
)
from leadcast.pipelines.dataset import read_parts, read_plan
from leadcast.pipelines.params import horizon_days, load_params, snapshot_settings
from leadcast.pipelines.paths import RunFolder
from leadcast.pipelines.stage import run_stage


def pass_gate(source: str) -> str:
    """Look for leakage before anything is trained.

    What was found is written before the run is stopped, so that it can be read.
    """
    run, params = RunFolder(source), load_params()
    tables = Tables.read(run.tables)
    horizon = horizon_days(tables, snapshot_settings(source, params))
    context = LeakageContext(
        tables=tables,
        snapshots=pl.read_parquet(run.snapshots),
        training=read_parts(run, ["train"], horizon),
        allowed_columns=frozenset(tables.attribute_types),
        vouched=frozenset(params.leakage.vouched),
        recompute=partial(compute, read_plan(run)),
        seed=params.seed,
    )
    report = examine(context)
    checks = report.frame()
    write_json(run.leakage, checks.to_dicts())
    if params.leakage.stop:
        report.refuse(f"leakage gate of source {source!r}")
    idle = [
        name
        for name in params.leakage.vouched
        if not any(finding.vouched_by(name) for finding in report.findings)
    ]
    words = f"; leakage.vouched names what nothing was found of: {', '.join(idle)}" if idle else ""
    return "\n".join([headline(checks) + words, *next_worst(checks), *could_not_look(checks)])


if __name__ == "__main__":
    run_stage("gate", pass_gate)
