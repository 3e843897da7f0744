"""Findings about addresses, telephone numbers and names; each distinct value is read once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.addresses import domain_of
from leadcast.features.hygiene.email_look import email_class
from leadcast.features.hygiene.list_versions import OF_ADDRESSES, OF_NUMBERS, list_versions
from leadcast.features.hygiene.name_look import (
    FEWEST_ALIKE,
    REASONS,
    fields_are_alike,
    name_doubt,
    names_are_same,
)
from leadcast.features.hygiene.phone_look import phone_in_country, phone_kind
from leadcast.features.snapshots import MOST_LEADS_OF_A_PERSON
from leadcast.features.tables import TimeOrder
from leadcast.features.values.contacts import email_is_shared, email_kind
from leadcast.features.values.distinct import distinct
from leadcast.features.values.readings import is_person_name
from leadcast.models.audit.audit_finding import AuditFinding, frequent, masked, masked_address
from leadcast.models.audit.lead_outcomes import LeadOutcomes
from leadcast.models.data import Flags

PUBLIC = ("disposable", "relay")
"""Classes of addresses whose domains tell of nobody."""
_BY_CLASS = {
    "invalid": "email_invalid",
    "reserved": "email_reserved",
    "disposable": "email_disposable",
    "relay": "email_relay",
}


@dataclass(frozen=True)
class ContactAudit:
    """What is found about addresses, numbers and names.

    Parameters
    ----------
    findings : list of AuditFinding
    classes : list of dict
        A row for each class of address and kind of number: ``column``, ``class``, ``leads``,
        ``share``, and how they convert (``value``, ``low``, ``high``).
    not_checked : list of str
        What could not be looked at, and why.
    """

    findings: list[AuditFinding]
    classes: list[dict[str, Any]]
    not_checked: list[str]


def audit_contacts(
    outcomes: LeadOutcomes,
    types: Mapping[str, str],
    columns: Mapping[str, str],
    time_order: TimeOrder,
) -> ContactAudit:
    """Look at addresses, numbers and names.

    Parameters
    ----------
    outcomes : LeadOutcomes
    types : mapping of str to str
        Each attribute's type.
    columns : mapping of str to str
        The export's column of each attribute.
    time_order : TimeOrder
        Whether it is known which lead came before which.

    Returns
    -------
    ContactAudit
    """
    found = ContactAudit([], [], [])
    leads = outcomes.leads
    texts = [name for name in types if leads.schema.get(name) == pl.String]
    lacking = [name for name, version in list_versions().items() if version is None]
    for name in texts:
        column = columns.get(name, name)
        if _is_called(name, "email", "e_mail"):
            _add(found, lacking, OF_ADDRESSES, column, _addresses, outcomes, name, column)
            if time_order is not TimeOrder.UNORDERED:
                found.classes.extend(_domains_seen(outcomes, name, column))
        elif _is_called(name, "phone", "mobile", "telephone"):
            _add(found, lacking, OF_NUMBERS, column, _numbers, outcomes, name, column)
        elif is_person_name(name):
            found.findings.extend(_names(outcomes, name, column))
    found.findings.extend(_alike(outcomes, types, columns, texts))
    return found


def _add(
    found: ContactAudit,
    lacking: Sequence[str],
    needed: Sequence[str],
    column: str,
    look: Callable[[LeadOutcomes, str, str], tuple[list[AuditFinding], list[dict[str, Any]]]],
    outcomes: LeadOutcomes,
    name: str,
    told: str,
) -> None:
    absent = [one for one in needed if one in lacking]
    if absent:
        found.not_checked.append(f"{column}: {', '.join(absent)} is not installed")
        return
    findings, classes = look(outcomes, name, told)
    found.findings.extend(findings)
    found.classes.extend(classes)


def _is_called(name: str, *words: str) -> bool:
    return name in words or any(name.endswith((f"_{one}", f"{one}_address")) for one in words)


Found = tuple[list[AuditFinding], list[dict[str, Any]]]


def _addresses(outcomes: LeadOutcomes, name: str, column: str) -> Found:
    series = outcomes.leads[name]
    given, codes = distinct(series)
    kinds = [None if _blank(one) else email_class(str(one), email_kind(str(one))) for one in given]
    of_lead = pl.Series(kinds, dtype=pl.String)[codes]
    filled = of_lead.is_not_null().to_numpy()
    findings = []
    for kind, code in _BY_CLASS.items():
        mine = (of_lead == kind).fill_null(value=False).to_numpy()
        shown = [masked_address(one, kind in PUBLIC) for one in series.filter(mine)]
        findings += _told(outcomes, code, column, mine, filled, shown)
    shared = [bool(not _blank(one) and email_is_shared(str(one))) for one in given]
    role = np.array(shared, dtype=bool)[codes]
    findings += _told(outcomes, "email_role", column, role, filled, [])
    findings += _repeated(outcomes, "email_repeated", column, series, filled)
    return findings, _classes(outcomes, column, of_lead, filled)


def _numbers(outcomes: LeadOutcomes, name: str, column: str) -> Found:
    leads = outcomes.leads
    has_country = leads.schema.get("country") == pl.String
    pairs = leads.select(
        number=name, country="country" if has_country else pl.lit(None, dtype=pl.String)
    )
    each = pairs.unique(maintain_order=True)
    kinds, inside = [], []
    for number, country in each.iter_rows():
        is_blank = _blank(number)
        kinds.append(None if is_blank else phone_kind(number, country))
        inside.append(None if is_blank or not country else phone_in_country(number, country))
    looked = each.with_columns(
        kind=pl.Series(kinds, dtype=pl.String), inside=pl.Series(inside, dtype=pl.Float64)
    )
    found = pairs.join(
        looked, on=["number", "country"], how="left", nulls_equal=True, maintain_order="left"
    )
    of_lead, filled = found["kind"], found["kind"].is_not_null().to_numpy()
    findings = []
    for kind, code in (("invalid", "phone_invalid"), ("unclear", "phone_unclear")):
        mine = (of_lead == kind).fill_null(value=False).to_numpy()
        shown = [masked(one) for one in pairs["number"].filter(mine)]
        findings += _told(outcomes, code, column, mine, filled, shown)
    elsewhere = (found["inside"] == 0.0).fill_null(value=False).to_numpy()
    comparable = found["inside"].is_not_null().to_numpy()
    findings += _told(outcomes, "phone_elsewhere", column, elsewhere, comparable, [])
    findings += _repeated(outcomes, "phone_repeated", column, pairs["number"], filled)
    return findings, _classes(outcomes, column, of_lead, filled)


def _names(outcomes: LeadOutcomes, name: str, column: str) -> Iterator[AuditFinding]:
    series = outcomes.leads[name]
    given, codes = distinct(series)
    reasons = [None if _blank(one) else name_doubt(str(one)) for one in given]
    of_lead = pl.Series(reasons, dtype=pl.String)[codes]
    mine = of_lead.is_not_null().to_numpy()
    filled = np.array([not _blank(one) for one in given], dtype=bool)[codes]
    counts = of_lead.drop_nulls().value_counts(name="count").sort("count", descending=True)
    words = ", ".join(f"{REASONS[reason]} {count:,}" for reason, count in counts.iter_rows())
    shown = [masked(one) for one in series.filter(mine)]
    yield from _told(outcomes, "name_doubtful", column, mine, filled, shown, words)


def _alike(
    outcomes: LeadOutcomes,
    types: Mapping[str, str],
    columns: Mapping[str, str],
    texts: Sequence[str],
) -> Iterator[AuditFinding]:
    leads = outcomes.leads
    if {"first_name", "last_name"} <= {*texts}:
        pairs = leads.select("first_name", "last_name").iter_rows()
        same = [bool(a and b and names_are_same(a, b)) for a, b in pairs]
        both = leads["first_name"].is_not_null() & leads["last_name"].is_not_null()
        column = columns.get("last_name", "last_name")
        yield from _told(outcomes, "names_are_same", column, np.array(same), both.to_numpy(), [])
    typed = [name for name in texts if types[name] == "text"]
    if len(typed) >= FEWEST_ALIKE:
        rows = leads.select(typed).iter_rows()
        alike = [fields_are_alike(*(None if _blank(one) else one for one in row)) for row in rows]
        mine = np.array([one == 1.0 for one in alike])
        told = np.array([one is not None for one in alike])
        fields = ", ".join(columns.get(name, name) for name in typed)
        yield from _told(outcomes, "fields_alike", fields, mine, told, [])


def _domains_seen(outcomes: LeadOutcomes, name: str, column: str) -> list[dict[str, Any]]:
    """Part companies' addresses by whether an earlier lead of another group had the domain."""
    leads = outcomes.leads
    order = leads["created_at"] if leads["created_at"].count() else leads["position"]
    rows = leads.select(email=name, order=order, group=pl.Series(outcomes.group)).with_row_index(
        "row"
    )
    given, codes = distinct(rows["email"])
    is_own = [bool(not _blank(one) and email_kind(str(one)) == "business") for one in given]
    domains = [domain_of(str(one)) if own else None for one, own in zip(given, is_own, strict=True)]
    rows = rows.with_columns(domain=pl.Series(domains, dtype=pl.String)[codes]).drop_nulls("domain")
    rows = rows.sort("order", "row")
    first = pl.col("group").first().over("domain")
    seen = rows.with_columns(seen=pl.col("group") != first)
    filled = np.zeros(leads.height, dtype=bool)
    filled[seen["row"].to_numpy()] = True
    before = np.zeros(leads.height, dtype=bool)
    before[seen.filter("seen")["row"].to_numpy()] = True
    told = {"company's, seen before": before, "company's, for the first time": filled & ~before}
    return [_row(outcomes, column, label, mine, filled) for label, mine in told.items()]


def _classes(
    outcomes: LeadOutcomes, column: str, of_lead: pl.Series, filled: Flags
) -> list[dict[str, Any]]:
    counts = of_lead.drop_nulls().value_counts(name="count").sort("count", descending=True)
    return [
        _row(outcomes, column, kind, (of_lead == kind).fill_null(value=False).to_numpy(), filled)
        for kind in counts[counts.columns[0]]
    ]


def _row(
    outcomes: LeadOutcomes, column: str, label: str, mine: Flags, filled: Flags
) -> dict[str, Any]:
    leads = int(mine.sum())
    share = leads / max(int(filled.sum()), 1)
    about = {"column": column, "class": label, "leads": leads, "share": share}
    return about | outcomes.rate(mine).to_json()


def _repeated(
    outcomes: LeadOutcomes, code: str, column: str, series: pl.Series, filled: Flags
) -> list[AuditFinding]:
    plain = series.str.strip_chars().str.to_lowercase().to_frame("value")
    many = (pl.len().over("value") > MOST_LEADS_OF_A_PERSON) & pl.col("value").is_not_null()
    mine = plain.select(many=many)["many"].fill_null(value=False).to_numpy() & filled
    values = plain["value"].filter(pl.Series(mine)).n_unique() if mine.any() else 0
    words = f"{values:,} of them, each on more than {MOST_LEADS_OF_A_PERSON} leads"
    return _told(outcomes, code, column, mine, filled, [], words)


def _told(
    outcomes: LeadOutcomes,
    code: str,
    column: str,
    mine: Flags,
    among: Flags,
    shown: Sequence[str],
    words: str = "",
) -> list[AuditFinding]:
    count = int(mine.sum())
    if not count:
        return []
    contrast = outcomes.contrast(mine, among)
    of = int(among.sum())
    return [AuditFinding(code, column, count, of, words, frequent(shown), contrast)]


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
