"""The audit for people: what was found, how such leads convert, and which fields are used."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from leadcast.models.charts.chart import Column, Table, ends_of, table_of
from leadcast.models.charts.in_out_chart import FieldsChart
from leadcast.models.charts.numbers import ShownEstimate, count, counted, decimal, percent
from leadcast.models.report.blocks import (
    Block,
    Facts,
    Listing,
    Notice,
    Notices,
    Picture,
    Section,
    Words,
)

MOST_SHOWN = 5
"""So many findings stand in the report; all are on the audit's own page."""
FEWEST = 30
"""A field is drawn where of so many leads, with it and without it, the outcome is known."""
CAREFUL = (
    "How leads convert is what was seen, not what a field or an address brings about: forms, "
    "sources and vendors differ in both."
)
_VERDICTS = {
    "more": "more often than the others",
    "less": "less often than the others",
    "as the others": "about as often as the others (the difference may be chance)",
}


def audit_sections(audit: Mapping[str, Any]) -> list[Section]:
    """Make the sections of the audit's page.

    Parameters
    ----------
    audit : mapping
        As `leadcast.models.audit.lead_audit.audit_leads` gives it.

    Returns
    -------
    list of Section
    """
    findings = audit["findings"]
    return [
        Section("findings", "What was found, the worst first", "Findings", _findings(findings)),
        Section(
            "classes", "Addresses and telephone numbers", "Addresses", _classes(audit["classes"])
        ),
        Section("fields", "Field by field", "Fields", _fields(audit)),
        Section("lists", "By what it was judged", "Lists", _lists(audit)),
    ]


def audit_summary(audit: Mapping[str, Any]) -> list[Block]:
    """Make the report's section of the audit.

    Parameters
    ----------
    audit : mapping
        As for `audit_sections`.

    Returns
    -------
    list of Block
        The worst findings, and the fields; empty where nothing was found and no field is there.
    """
    findings = audit["findings"]
    if not findings and not audit["fields"]:
        return []
    words = f"{audit_words(audit)} All of it is on the audit's page (`audit.html`)."
    blocks: list[Block] = [Words([words])]
    blocks += _findings([one for one in findings if one["level"] == "warning"][:MOST_SHOWN])
    return [*blocks, *_fields(audit, with_chart=False)]


def audit_words(audit: Mapping[str, Any]) -> str:
    """Say in a sentence what an audit found."""
    findings = audit["findings"]
    warnings = [one for one in findings if one["level"] == "warning"]
    if not findings:
        return "The audit found nothing odd."
    worst = f", the worst: {findings[0]['title']}" if warnings else ""
    notes = counted(len(findings) - len(warnings), "note")
    return f"The audit found {counted(len(warnings), 'warning')} and {notes}{worst}."


def finding_words(finding: Mapping[str, Any]) -> str:
    """Say how much of a finding there is, and how such leads convert.

    Parameters
    ----------
    finding : mapping
        As `leadcast.models.audit.audit_finding.AuditFinding.to_json` gives it.

    Returns
    -------
    str
    """
    words = f"{finding['count']:,} of {finding['of']:,} ({percent(finding['share'])})"
    words += f": {finding['found']}" if finding["found"] else ""
    if finding["examples"]:
        words += f"; such as {', '.join(finding['examples'])}"
    return f"{words}. {conversion_words(finding['conversion'])}".strip()


def conversion_words(conversion: Mapping[str, Any] | None) -> str:
    """Say how leads convert beside the others; nothing where it is not known."""
    if conversion is None or conversion["verdict"] == "unknown":
        return ""
    one, other = (ShownEstimate.of(conversion, side) for side in ("inside", "outside"))
    return (
        f"They convert {_VERDICTS[conversion['verdict']]}: {one.text(percent)} of "
        f"{count(conversion['known_inside'])}, against {other.text(percent)}."
    )


def _findings(findings: Sequence[Mapping[str, Any]]) -> list[Block]:
    if not findings:
        return []
    return [
        Notices(
            [
                Notice(
                    one["level"],
                    one["title"],
                    finding_words(one),
                    one["advice"] if one["vouched"] is None else f"Vouched for: {one['vouched']}",
                )
                for one in findings
            ]
        )
    ]


_CLASSES = (
    Column("column", "Column"),
    Column("class", "Class"),
    Column("leads", "Leads", count),
    Column("share", "of those that have one", percent),
    Column("value", "Became customers", percent),
    *ends_of(percent),
)


def _classes(classes: Sequence[Mapping[str, Any]]) -> list[Block]:
    if not classes:
        return []
    frame = pl.DataFrame([*classes], infer_schema_length=None)
    return [Listing(table_of(frame, _CLASSES, "Kinds of addresses and numbers")), Words([CAREFUL])]


_FIELDS = (
    Column("column", "Field"),
    Column("filled", "Filled in", percent),
    Column("inside", "Became customers with it", percent),
    *ends_of(percent, "inside_"),
    Column("outside", "without it", percent),
    *ends_of(percent, "outside_"),
    Column("weight", "Share in the score", percent),
    Column("features", "Features", decimal(0)),
    Column("use", "Used"),
    Column("advice", "What follows"),
)


def _fields(audit: Mapping[str, Any], *, with_chart: bool = True) -> list[Block]:
    fields = audit["fields"]
    if not fields:
        return []
    blocks: list[Block] = []
    both = [
        {"name": one["column"]} | one["conversion"]
        for one in fields
        if min(one["conversion"][f"known_{side}"] for side in ("inside", "outside")) >= FEWEST
    ]
    if both and with_chart:
        blocks.append(Picture(FieldsChart(both, "filled in", "empty", _filled_words(both))))
    blocks.append(Listing(_field_table(fields)))
    unused = audit["unused_columns"]
    if unused:
        names = ", ".join(map(str, unused))
        blocks.append(Words([f"Columns of the export that the definition does not map: {names}."]))
    return [*blocks, Words([CAREFUL])]


def _field_table(fields: Sequence[Mapping[str, Any]]) -> Table:
    rows = []
    for one in fields:
        row = {name: one[name] for name in ("column", "filled", "weight", "features", "use")}
        for side in ("inside", "outside"):
            estimate = one["conversion"][side]
            row |= {side: estimate["value"]}
            row |= {f"{side}_{end}": estimate[end] for end in ("low", "high")}
        rows.append(row | {"advice": one["advice"]})
    schema = {column.name: pl.Float64 if column.numeric else pl.String for column in _FIELDS}
    caption = "Each field, what the score uses most first"
    return table_of(pl.DataFrame(rows, schema=schema), _FIELDS, caption)


def _filled_words(rows: Sequence[Mapping[str, Any]]) -> str:
    apart = [one["name"] for one in rows if one["verdict"] in ("more", "less")]
    if not apart:
        return "No field tells by being empty."
    names = ", ".join(map(str, apart[:MOST_SHOWN])) + (", …" if len(apart) > MOST_SHOWN else "")
    verb = "tells" if len(apart) == 1 else "tell"
    return f"{len(apart)} of {len(rows)} fields {verb} by being empty or not: {names}."


def _lists(audit: Mapping[str, Any]) -> list[Block]:
    pairs = [
        (str(one["name"]), f"{one['version'] or 'not installed'}: {one['meaning']}")
        for one in audit["lists"]
    ]
    blocks: list[Block] = [Facts(pairs)]
    if audit["not_checked"]:
        blocks.append(Words([f"Not looked at: {one}." for one in audit["not_checked"]]))
    return blocks
