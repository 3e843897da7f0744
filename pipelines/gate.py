"""The gate: the run stops where a column tells the outcome, or what no score may read."""

from functools import partial

import polars as pl

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.base.files import read_json, write_json
from leadcast.features.base.ownership import PARAMS
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.load import find_definition
from leadcast.features.definitions.yaml_lines import yaml_text
from leadcast.features.engine.engine import compute
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.ingest.leads import withheld_name
from leadcast.features.tables import Tables
from leadcast.models.leakage import (
    LeakageContext,
    LeakageReport,
    could_not_look,
    examine,
    found_of,
    headline,
    next_worst,
)
from leadcast.models.steering import SteeringContext, refuse, steer, strongest
from leadcast.pipelines.base.dataset import read_parts, read_plan
from leadcast.pipelines.base.params import horizon_days, load_params, snapshot_settings
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.stage import run_stage


def pass_gate(source: str) -> str:
    """Look for leakage, and for what no score may read, before anything is trained.

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
        edited=read_json(run.edited) if run.edited.is_file() else None,
    )
    report = examine(context)
    checks = report.frame()
    write_json(run.leakage, checks.to_dicts())
    steered = _steer(source, context, read_plan(run))
    if params.leakage.stop:
        _refuse(report, context, source)
    idle = [
        name
        for name in params.leakage.vouched
        if not any(finding.vouched_by(name) for finding in report.findings)
    ]
    words = f"; leakage.vouched names what nothing was found of: {', '.join(idle)}" if idle else ""
    told = [headline(checks) + words, *next_worst(checks), *could_not_look(checks)]
    return "\n".join([*told, *steered])


def _steer(source: str, context: LeakageContext, plan: FeaturePlan) -> list[str]:
    """Enforce the deny-list; what was found is written before the run is stopped."""
    steering = steering_context(context, plan, find_definition(source))
    report = steer(steering)
    found = report.frame()
    write_json(
        RunFolder(source).steering,
        {
            "carried": steering.carried,
            "permitted": dict(steering.permitted),
            "checks": found.drop("auc", "weight").to_dicts(),
            "strongest": strongest(steering),
        },
    )
    # Not `leakage.stop`: what may not be read may not be read in a trial either.
    refuse(report, f"deny-list of source {source!r}")
    if found_of(found).is_empty():
        return []
    idle = [
        name
        for name in steering.permitted
        if not any(one.vouched and f"'{name}'" in one.subject for one in report.findings)
    ]
    words = f"; `permitted` names what nothing was found of: {', '.join(idle)}" if idle else ""
    return [f"steering: {headline(found)}{words}"]


def steering_context(
    context: LeakageContext, plan: FeaturePlan, definition: SourceDefinition
) -> SteeringContext:
    """Put what the leakage gate looks at together with what the definition denies.

    Parameters
    ----------
    context : LeakageContext
    plan : FeaturePlan
        It knows the kinds of events that have features of their own.
    definition : SourceDefinition

    Returns
    -------
    SteeringContext
    """
    values = (table.columns.value for table in definition.tables.events)
    return SteeringContext.of(
        context,
        columns={name: one.column for name, one in definition.lead_attributes().items()},
        kinds=plan.kinds,
        value_columns=tuple(column for column in values if column is not None),
        denied={withheld_name(column): one for column, one in definition.withheld().items()},
        permitted=definition.permitted,
    )


def _refuse(report: LeakageReport, context: LeakageContext, source: str) -> None:
    try:
        report.refuse(f"leakage gate of source {source!r}")
    except FaultsError as error:
        advice = to_paste(report, context, find_definition(source))
        raise LeadcastError("\n".join([str(error), *advice])) from None


def to_paste(
    report: LeakageReport, context: LeakageContext, definition: SourceDefinition
) -> list[str]:
    """Write the keys that forbid the columns of a report's errors, and those that vouch for them.

    Parameters
    ----------
    report : LeakageReport
    context : LeakageContext
        What was looked at.
    definition : SourceDefinition
        It knows what the export calls the attributes.

    Returns
    -------
    list of str
        Lines; none where no error is about an attribute.
    """
    found = [name for error in report.errors for name in context.attributes_named(error.subject)]
    names = list(dict.fromkeys(found))
    if not names:
        return []
    if not definition.file.suffix:
        return [
            f"To forbid them: LeadData(..., forbidden={names!r})",
            "To vouch for those that are known in time: "
            f"fit(..., params={ {'leakage': {'vouched': names}}!r})",
        ]
    mapped = definition.tables.leads.attributes
    columns = [mapped[name].column if name in mapped else name for name in names]
    forbidden = dict.fromkeys(columns, "known only after the moment of scoring")
    keys = ", ".join(f"tables.leads.attributes.{name}" for name in names if name in mapped)
    removed = f"remove {keys} and add" if keys else "add"
    return [
        f"To forbid them, {removed} in data/sources/{definition.name}.yaml:",
        *yaml_text({"forbidden": forbidden}).splitlines(),
        f"To vouch for those that are known in time, add in {PARAMS}:",
        *yaml_text({"leakage": {"vouched": names}}).splitlines(),
    ]


if __name__ == "__main__":
    run_stage("gate", pass_gate)
