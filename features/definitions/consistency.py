"""What a source definition must agree on with itself, before any data is read."""

import zoneinfo
from collections.abc import Iterator
from functools import cache

from leadcast.features.base.errors import Fault, canonical_name, did_you_mean
from leadcast.features.definitions.definition import (
    DatedOutcomes,
    EventOutcomes,
    SourceDefinition,
    StatusOutcomes,
)
from leadcast.features.definitions.doubt_kinds import AUDIT_CODES, DOUBTS
from leadcast.features.definitions.mapped import (
    ACCOUNTS,
    EVENTS,
    LEADS,
    mapped_columns,
    outcome_tables,
)
from leadcast.features.definitions.row_consistency import Where, row_faults
from leadcast.features.definitions.table_schema import ROLE_TYPES, Attribute
from leadcast.features.definitions.vendor_consistency import vendor_faults
from leadcast.features.definitions.yaml_lines import Key
from leadcast.features.values.amounts import MARKS
from leadcast.features.values.readings import NEVER_FEATURES, RESERVED, is_attribute_name
from leadcast.features.values.times import COUNTED, format_fault, parse_moment


def consistency_faults(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    """Find what contradicts itself in a definition."""
    yield from _forbidden_but_mapped(definition, where)
    yield from _denied(definition, where)
    yield from _telling_attributes(definition, where)
    yield from _attribute_names(definition.tables.leads.attributes, LEADS, where)
    if definition.tables.accounts is not None:
        yield from _attribute_names(definition.tables.accounts.attributes, ACCOUNTS, where)
    yield from _time_zones(definition, where)
    yield from _time_formats(definition, where)
    yield from _dates_or_order(definition, where)
    yield from _observed_until(definition, where)
    yield from _outcomes_from(definition, where)
    yield from _identifiers(definition, where)
    yield from _outcome_values(definition, where)
    yield from row_faults(definition, where)
    yield from _vouched_codes(definition, where)
    yield from vendor_faults(definition, where)
    yield from _nonhuman_needs_dates(definition, where)
    yield from _served(definition, where)
    yield from _one_currency(definition, where)
    yield from _known_amount(definition, where)


def _served(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    """Find what says for which leads the model is, and is no attribute of theirs."""
    attributes = definition.tables.leads.attributes
    for name in definition.serves:
        if name not in attributes:
            yield Fault(
                where=where(("serves", name)),
                found=f"{name!r}, which is no attribute of the leads",
                expected="an attribute of `tables.leads.attributes`",
                remedy=f"{did_you_mean(name, attributes)} Map the column that tells them apart.",
            )


def _forbidden_but_mapped(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    for key, column in mapped_columns(definition):
        reason = definition.forbidden.get(column)
        if reason is not None:
            yield Fault(
                where=where(key),
                found=f"the column {column!r}, which is forbidden ({reason})",
                expected="no forbidden column",
                remedy="Remove it here, or remove it from `forbidden` if the reason is wrong.",
            )


def _denied(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    """Find denied columns that are used all the same, forbidden as well, or permitted."""
    withheld = definition.withheld()
    for key, column in mapped_columns(definition):
        # An attribute that is never a feature, as `cost`, may be a denied column.
        if column in withheld and key[-1] not in NEVER_FEATURES:
            yield Fault(
                where=where(key),
                found=f"the column {column!r}, which is denied ({withheld[column]})",
                expected="no column of `denied` or `groups`: no score may use one",
                remedy="Remove it here; Leadcast keeps it beside the leads by itself.",
            )
    both = [("forbidden", definition.forbidden), ("permitted", definition.permitted)]
    for name, column in ((name, column) for name, said in both for column in said):
        if column in withheld:
            yield Fault(
                where=where((name, column)),
                found=f"the column {column!r}, which `denied` or `groups` names too",
                expected="one of these",
                remedy="A denied column is read and never used, a forbidden one is not even read, "
                "and what is denied by its meaning is never permitted. Decide for one.",
            )
    names: dict[str, str] = {}
    for column in withheld:
        first = names.setdefault(canonical_name(column), column)
        if first != column:
            yield Fault(
                where=where(("denied" if column in definition.denied else "groups",)),
                found=f"{column!r}, which is called {canonical_name(column)!r} as {first!r} is",
                expected="names that differ in their letters and digits",
                remedy="Rename one of the columns in the export.",
            )


def _telling_attributes(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    leads = definition.tables.leads
    telling = dict.fromkeys(leads.rules_score, "the existing score, which is only compared with")
    for outcomes in definition.tables.outcomes:
        if not isinstance(outcomes, EventOutcomes) and outcomes.read is None:
            columns = outcomes.columns.model_dump(exclude_none=True).values()
            telling |= dict.fromkeys(columns, "the outcome itself")
    for name, attribute in leads.attributes.items():
        if attribute.column in telling:
            yield Fault(
                where=where((*LEADS, "attributes", name)),
                found=f"the column {attribute.column!r}, which is {telling[attribute.column]}",
                expected="what was known of the lead before",
                remedy="Remove it from the attributes.",
            )


def _attribute_names(attributes: dict[str, Attribute], table: Key, where: Where) -> Iterator[Fault]:
    for name, attribute in attributes.items():
        key = (*table, "attributes", name)
        if name in RESERVED:
            yield Fault(
                where=where(key),
                found=f"the attribute name {name!r}",
                expected="a name that the canonical tables do not use themselves",
                remedy="Map it where it belongs (columns, rules_score, outcomes) or rename it.",
            )
        elif not is_attribute_name(name):
            yield Fault(
                where=where(key),
                found=f"the attribute name {name!r}",
                expected="lower-case letters, digits and underscores",
                remedy=f"Call it {canonical_name(name)!r}; the export's own name stands on the "
                "right.",
            )
        yield from _role_type(name, attribute.type, where(key))


def _role_type(name: str, declared: str | None, where: str) -> Iterator[Fault]:
    types = ROLE_TYPES.get(name)
    if declared is not None and types is not None and declared not in types:
        yield Fault(
            where=where,
            found=f"{name} as a {declared}",
            expected=f"{name} as a {' or a '.join(types)}",
            remedy="Correct the type, or give the attribute another name if it means something "
            "else.",
        )


@cache
def _zone_names() -> frozenset[str]:
    # Looking for them takes longer than reading a definition.
    return frozenset(zoneinfo.available_timezones())


def _time_zones(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    tables = definition.tables
    zones: list[tuple[Key, str | None]] = [
        (("time_zone",), definition.time_zone),
        (("local_time_zone",), definition.local_time_zone),
        ((*LEADS, "time_zone"), tables.leads.time_zone),
    ]
    zones += [(("tables", "events", "time_zone"), table.time_zone) for table in tables.events]
    for key, outcomes in outcome_tables(definition):
        if not isinstance(outcomes, EventOutcomes):
            zones.append(((*key, "time_zone"), outcomes.time_zone))
    names = _zone_names()
    for key, zone in zones:
        if zone is not None and zone not in names:
            yield Fault(
                where=where(key),
                found=f"the time zone {zone!r}",
                expected="a name of the IANA database, such as Europe/Berlin or UTC",
                remedy=did_you_mean(zone, sorted(names)),
            )


def _time_formats(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    tables = definition.tables
    found: list[tuple[Key, tuple[str, ...]]] = [((*LEADS, "time_format"), tables.leads.time_format)]
    found += [((*EVENTS, "time_format"), table.time_format) for table in tables.events]
    for key, outcomes in outcome_tables(definition):
        if not isinstance(outcomes, EventOutcomes):
            found.append(((*key, "time_format"), outcomes.time_format))
    for key, formats in found:
        for one in formats:
            words = format_fault(one)
            if words is None and len(formats) > 1 and one in COUNTED:
                words = "counts from a moment, beside another format"
            if words is not None:
                yield Fault(
                    where=where(key),
                    found=f"the time format {one!r}, which {words}",
                    expected="a strptime format such as %d.%m.%Y %H:%M, or one of "
                    f"{', '.join(COUNTED)} alone",
                    remedy="Correct it, or leave time_format out for ISO 8601.",
                )


def _dates_or_order(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    tables = definition.tables
    if definition.is_dated and tables.leads.order_by is not None:
        yield Fault(
            where=where((*LEADS, "order_by")),
            found="order_by beside columns.created_at",
            expected="one of the two",
            remedy="Remove order_by: the creation time orders the leads.",
        )
    if definition.is_dated:
        return
    needing: list[tuple[Key, str]] = []
    if tables.events:
        needing.append((("tables", "events"), "events"))
    for key, outcomes in outcome_tables(definition):
        if _has_dates(outcomes):
            needing.append(((*key, "columns"), "dated outcomes"))
    for key, what in needing:
        yield Fault(
            where=where(key),
            found=f"{what} of leads without a creation time",
            expected="tables.leads.columns.created_at",
            remedy="Map the column with the lead's creation time, or leave these out (a status "
            "without closed_at is an outcome without a date).",
        )


def _has_dates(outcomes: DatedOutcomes | StatusOutcomes | EventOutcomes) -> bool:
    if isinstance(outcomes, StatusOutcomes):
        return outcomes.columns.closed_at is not None
    return isinstance(outcomes, DatedOutcomes)


def _observed_until(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    until = definition.observed_until
    if until is None and definition.is_dated:
        yield Fault(
            where=where(()),
            found="no observed_until",
            expected="until when the export knows outcomes",
            remedy="Write the time of the export, or `observed_until: latest` for the latest "
            "time in the data.",
        )
    if until is not None and not definition.is_dated:
        yield Fault(
            where=where(("observed_until",)),
            found=f"observed_until {until!r} for leads without a creation time",
            expected="neither or both",
            remedy="Remove it, or map tables.leads.columns.created_at.",
        )
    if until not in (None, "latest"):
        yield from _moment(definition, where, "observed_until", until, "`latest`")


def _outcomes_from(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    begin = definition.outcomes_from
    if begin is not None and not definition.is_dated:
        yield Fault(
            where=where(("outcomes_from",)),
            found=f"outcomes_from {begin!r} for leads without a creation time",
            expected="neither or both",
            remedy="Remove it, or map tables.leads.columns.created_at.",
        )
    dated = (
        isinstance(one, EventOutcomes) or _has_dates(one) for one in definition.tables.outcomes
    )
    if begin == "first" and not any(dated):
        yield Fault(
            where=where(("outcomes_from",)),
            found="`first`, and outcomes without a date",
            expected="a time",
            remedy="Write from when on outcomes were recorded, such as 2023-12-01.",
        )
    if begin not in (None, "first", "always"):
        yield from _moment(definition, where, "outcomes_from", begin, "`first` or `always`")


def _moment(
    definition: SourceDefinition, where: Where, key: str, text: str, words: str
) -> Iterator[Fault]:
    try:
        parse_moment(text, definition.time_zone)
    except ValueError as error:
        or_zone = "" if definition.time_zone else " Or set time_zone."
        yield Fault(
            where=where((key,)),
            found=repr(text),
            expected=f"a time such as 2024-03-31T18:00:00+02:00, or {words}",
            remedy=f"{error}.{or_zone}",
        )


def _identifiers(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    tables = definition.tables
    numbered = tables.leads.columns.lead_id == "row"
    others = bool(tables.events)
    for key, outcomes in outcome_tables(definition):
        if isinstance(outcomes, EventOutcomes):
            if not tables.events:
                yield Fault(
                    where=where(key),
                    found="outcomes that are events, but no table of events",
                    expected="tables.events",
                    remedy="Add the table, or describe the outcomes by dates or a status.",
                )
            continue
        others |= outcomes.read is not None
        if (outcomes.read is None) != (outcomes.columns.lead_id is None):
            yield Fault(
                where=where((*key, "columns")),
                found="outcomes in the leads' table with a lead_id of their own"
                if outcomes.read is None
                else "a table of outcomes without columns.lead_id",
                expected="`read` and `columns.lead_id` together, or neither",
                remedy="Add what is missing; without both, the leads' table holds the outcome.",
            )
    if numbered and others:
        yield Fault(
            where=where((*LEADS, "columns", "lead_id")),
            found="numbered rows for ids, beside other tables",
            expected="a column with the lead's identifier",
            remedy="Map it: the other tables must name the lead that they speak of.",
        )


def _outcome_values(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    for key, outcomes in outcome_tables(definition):
        if isinstance(outcomes, EventOutcomes):
            meanings = {"won_events": outcomes.won_events, "lost_events": outcomes.lost_events}
        elif isinstance(outcomes, StatusOutcomes):
            meanings = {"won": outcomes.won, "lost": outcomes.lost, "open": outcomes.open}
        else:
            continue
        first: dict[str, str] = {}
        for meaning, values in meanings.items():
            for value in values:
                if value in first:
                    yield Fault(
                        where=where((*key, meaning)),
                        found=f"{value!r}, which stands under {first[value]} already",
                        expected="one meaning for each value",
                        remedy="Remove it from one of the two.",
                    )
                first.setdefault(value, meaning)


def _nonhuman_needs_dates(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    if definition.nonhuman is not None and not definition.is_dated:
        yield Fault(
            where=where(("nonhuman",)),
            found="a source whose leads have no creation time",
            expected="`tables.leads.columns.created_at`: without it no event is looked at",
            remedy="Map the creation time, or take the section out.",
        )


def _one_currency(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    """Find a currency that is declared twice, or read without one being declared."""
    declared, written = definition.amounts.currency, definition.comparison.currency
    if declared and written and declared not in MARKS.get(written, (written,)):
        yield Fault(
            where=where(("comparison", "currency")),
            found=f"{written!r}, where amounts.currency is {declared!r}",
            expected="one currency for amounts, costs of calls and values of customers",
            remedy="Leave comparison.currency out, and write its costs in that of the amounts.",
        )
    for key, outcomes in outcome_tables(definition):
        if isinstance(outcomes, EventOutcomes) or outcomes.columns.currency is None:
            continue
        if outcomes.columns.amount is None or declared is None:
            lacking = "amount" if outcomes.columns.amount is None else "amounts.currency"
            yield Fault(
                where=where((*key, "columns", "currency")),
                found=f"a column of currencies without {lacking}",
                expected="amounts, and the one currency that they are in",
                remedy="Declare it as `amounts: {currency: EUR}`, map the amounts beside it, or "
                "remove it here.",
            )


def _known_amount(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    name = definition.amounts.known_in_advance
    attributes = definition.tables.leads.attributes
    numbers = [key for key, one in attributes.items() if one.type == "number"]
    if name is not None and name not in numbers:
        yield Fault(
            where=where(("amounts", "known_in_advance")),
            found=f"{name!r}, which is no number among the attributes of the leads",
            expected=f"an attribute of the type number: {', '.join(numbers) or 'there is none'}",
            remedy=did_you_mean(name, numbers),
        )


def _vouched_codes(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    known = (*DOUBTS, *AUDIT_CODES)
    for key in definition.vouched:
        code, _, _ = key.partition(":")
        if code not in known or key.endswith(":"):
            yield Fault(
                where=where(("vouched", key)),
                found=f"{key!r}, which is the code of no doubt",
                expected="a doubt's code, or code:column for one column",
                remedy="Leave out the colon, or name the column after it."
                if code in known
                else did_you_mean(f"{code}", known),
            )
