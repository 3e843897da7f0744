"""The audit as a whole, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.hygiene.email_look import RELAYS
from leadcast.features.hygiene.list_versions import LIBRARIES, list_versions
from leadcast.features.tables import Tables
from leadcast.features.values.contacts import FREE_PROVIDERS
from leadcast.models.audit.audit_finding import worst_first
from leadcast.models.audit.column_findings import audit_columns, spans_of
from leadcast.models.audit.contact_findings import audit_contacts
from leadcast.models.audit.field_use import field_uses
from leadcast.models.audit.lead_outcomes import LeadOutcomes
from leadcast.models.audit.time_findings import audit_times, doubts_of_time


@dataclass(frozen=True)
class AuditInputs:
    """What an audit looks at.

    Parameters
    ----------
    source, title : str
        The source's name, and what it is called.
    tables : Tables
    snapshots : pl.DataFrame
        As `leadcast.features.snapshots.make_snapshots` gives them.
    columns : mapping of str to str
        The export's column of each attribute.
    vouched : mapping of str to str
        What is right all the same, each with the reason: by ``code`` or ``code:column``.
    horizon_days : float or None
        Within how many days a lead becomes a customer; None where nothing is dated.
    plan : FeaturePlan or None
        Of the model; None before there is one.
    importance : sequence of float or None
        The weight of each of its features.
    quality : mapping
        As the ingest stage writes ``quality.json``.
    """

    source: str
    title: str
    tables: Tables
    snapshots: pl.DataFrame
    columns: Mapping[str, str] = field(default_factory=dict)
    vouched: Mapping[str, str] = field(default_factory=dict)
    horizon_days: float | None = None
    plan: FeaturePlan | None = None
    importance: Sequence[float] | None = None
    quality: Mapping[str, Any] = field(default_factory=dict)


def audit_leads(inputs: AuditInputs) -> dict[str, Any]:
    """Audit a source.

    Parameters
    ----------
    inputs : AuditInputs

    Returns
    -------
    dict
        Of JSON values, and none of them a lead's: ``source``, ``title``, ``leads``, ``known`` (of
        so many it is known what became of them), ``converted`` (their rate), ``horizon_days``,
        ``findings`` (the worst first), ``classes`` of addresses and numbers, ``fields``,
        ``unused_columns``, ``not_checked`` and ``lists`` (what was judged by which version).
    """
    tables, columns = inputs.tables, inputs.columns
    outcomes = LeadOutcomes.of(tables.leads, inputs.snapshots)
    types = {name: kind for name, kind in tables.attribute_types.items() if name in tables.leads}
    contacts = audit_contacts(outcomes, types, columns, tables.time_order)
    findings = [*contacts.findings]
    findings += audit_times(
        outcomes, tables.outcomes, tables.events, types, columns, tables.observed_until
    )
    findings += doubts_of_time(inputs.quality.get("doubts", ()), tables.leads.height)
    spans = spans_of(tables.leads, tables.time_order, tables.time_zone or "UTC")
    not_checked = [*contacts.not_checked]
    if spans is None:
        not_checked.append("columns through time: nothing says which lead came first")
    else:
        findings += audit_columns(outcomes, types, columns, spans)
    uses = field_uses(outcomes, types, columns, inputs.plan, inputs.importance)
    everybody = pl.repeat(value=True, n=tables.leads.height, eager=True).to_numpy()
    return {
        "source": inputs.source,
        "title": inputs.title,
        "leads": tables.leads.height,
        "known": int(outcomes.known.sum()),
        "converted": outcomes.rate(everybody).to_json(),
        "horizon_days": inputs.horizon_days,
        "findings": [one.to_json() for one in worst_first(findings, inputs.vouched)],
        "classes": contacts.classes,
        "fields": [one.to_json() for one in uses],
        "unused_columns": [*inputs.quality.get("unused_columns", ())],
        "not_checked": not_checked,
        "lists": _lists(),
    }


def _lists() -> list[dict[str, Any]]:
    own = "of this version of Leadcast"
    return [
        *(
            {"name": name, "version": version, "meaning": LIBRARIES[name]}
            for name, version in list_versions().items()
        ),
        {"name": "providers", "version": own, "meaning": f"{len(FREE_PROVIDERS)} names under which "
         "anybody gets an address"},
        {"name": "relays", "version": own, "meaning": f"{len(RELAYS)} domains that hand mail on"},
    ]  # fmt: skip
