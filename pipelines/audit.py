"""The audit of the leads' fields: junk, drift and what is used, with how such leads convert."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from leadcast.features.base.files import read_json, write_json, written_whole
from leadcast.features.definitions.load import find_definition
from leadcast.features.tables import Tables
from leadcast.models.audit.lead_audit import AuditInputs, audit_leads
from leadcast.models.charts.numbers import counted, percent
from leadcast.models.report.audit_blocks import audit_sections, audit_words, finding_words
from leadcast.models.report.blocks import Banner
from leadcast.models.report.page import Page, render_page
from leadcast.pipelines.base.dataset import read_plan
from leadcast.pipelines.base.params import horizon_days, load_params, snapshot_settings
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.stage import run_stage


def audit(source: str) -> str:
    """Audit a run's leads, and write what was found."""
    found = _audited(source)
    worst = [one for one in found["findings"] if one["level"] == "warning"][:1]
    return "\n".join([audit_words(found), *(finding_words(one) for one in worst)])


def tell_audit(source: str) -> str:
    """Audit a source that has been run, and tell everything that was found, the worst first.

    Parameters
    ----------
    source : str
        Its name.

    Returns
    -------
    str

    Raises
    ------
    LeadcastError
        If it has not been run.
    """
    run, found = RunFolder(source), _audited(source)
    lines = [f"{source}: {audit_words(found)}", *_lines(found)]
    return "\n".join([*lines, f"written: {run.audit}, {run.audit_page}"])


def _audited(source: str) -> dict[str, Any]:
    run = RunFolder(source)
    for path in (run.tables, run.snapshots):
        run.require(path)
    tables = Tables.read(run.tables)
    settings = snapshot_settings(source, load_params(), tables)
    has_model = run.plan.exists() and run.backtest.exists()
    definition = find_definition(source)
    found = audit_leads(
        AuditInputs(
            source=source,
            title=definition.title,
            columns={name: one.column for name, one in definition.lead_attributes().items()},
            vouched=definition.vouched,
            tables=tables,
            snapshots=pl.read_parquet(run.snapshots),
            horizon_days=horizon_days(tables, settings),
            plan=read_plan(run) if has_model else None,
            importance=read_json(run.backtest)["importance"] if has_model else None,
            quality=read_json(run.tables / "quality.json"),
        )
    )
    write_json(run.audit, found)
    with written_whole(run.audit_page) as temporary:
        temporary.write_text(audit_page(found), encoding="utf-8")
    return found


def audit_page(found: Mapping[str, Any]) -> str:
    """Make the page.

    Parameters
    ----------
    found : mapping
        As `leadcast.models.audit.lead_audit.audit_leads` gives it.

    Returns
    -------
    str
        HTML that needs nothing but itself.
    """
    warnings = [one for one in found["findings"] if one["level"] == "warning"]
    banner = Banner(
        f"{counted(len(warnings), 'warning')}." if warnings else "No warning.",
        f" The worst: {warnings[0]['title']}, in {percent(warnings[0]['share'])}."
        if warnings
        else "",
        bool(warnings),
    )
    horizon = found["horizon_days"]
    until = "" if horizon is None else f" within {horizon:g} days"
    return render_page(
        Page(
            eyebrow="Leadcast audit",
            title=found["title"],
            promise="What is wrong with the leads' fields, and does it matter?",
            sentences=[
                f"{counted(found['leads'], 'lead')}; of {found['known']:,} it is known whether "
                f"they became customers{until}: {percent(found['converted']['value'])} did.",
                "No value of a lead is shown: letters stand as a, digits as 9.",
            ],
            banner=banner,
            sections=audit_sections(found),
        )
    )


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    for one in found["findings"]:
        if one["vouched"] is not None:
            yield f"  vouched  {one['title']}: {one['vouched']}"
            continue
        yield f"  {one['level']:<8} {one['title']}"
        yield f"           {finding_words(one)}"
        yield f"           {one['advice']}"
    asked = [one["column"] for one in found["fields"] if one["advice"].startswith("ask")]
    idle = [one["column"] for one in found["fields"] if one["use"] == "never"]
    if asked:
        yield f"  ask for on the form: {', '.join(asked)}"
    if idle:
        yield f"  never used by the score: {', '.join(idle)}"
    for one in found["not_checked"]:
        yield f"  not looked at: {one}"


if __name__ == "__main__":
    run_stage("audit", audit)
