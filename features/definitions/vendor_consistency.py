"""What the terms of vendors need of the rest of a source definition."""

from collections.abc import Iterator

from leadcast.features.base.errors import Fault, did_you_mean
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.row_consistency import Where
from leadcast.features.definitions.vendor_terms import VendorTerms
from leadcast.features.definitions.yaml_lines import Key

_CONTACTS = ("email", "phone")


def vendor_faults(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    """Find what is missing for the terms of vendors, or contradicts itself.

    Parameters
    ----------
    definition : SourceDefinition
    where : callable
        From a key to its place in the file.

    Yields
    ------
    Fault
    """
    if not definition.vendors:
        return
    attributes = definition.lead_attributes()
    if "vendor" not in attributes:
        yield _lacking(where(("vendors",)), "vendors", "vendor", "tables.leads.attributes.vendor")
    if not definition.is_dated:
        yield Fault(
            where=where(("vendors",)),
            found="terms of vendors for leads without a creation time",
            expected="tables.leads.columns.created_at",
            remedy="Map it: the days within which a lead is sent back begin then.",
        )
    for name, terms in definition.vendors.items():
        yield from _of_contacts(name, terms, set(attributes), where)
        yield from _of_area(name, terms, set(attributes), where)
        yield from _of_events(name, terms, definition, where)


def _of_contacts(
    name: str, terms: VendorTerms, attributes: set[str], where: Where
) -> Iterator[Fault]:
    for reason in ("invalid_contact", "duplicate", "resold"):
        if reason in terms.reasons and not attributes & set(_CONTACTS):
            key: Key = ("vendors", name, "reasons")
            yield _lacking(where(key), reason, "email or phone", "tables.leads.attributes")


def _of_area(name: str, terms: VendorTerms, attributes: set[str], where: Where) -> Iterator[Fault]:
    key = ("vendors", name, "area")
    if "out_of_area" in terms.reasons and not terms.area:
        yield Fault(
            where=where(("vendors", name, "reasons")),
            found="out_of_area, and no area",
            expected="area, with an attribute and the values that were ordered",
            remedy="Write area: {country: [DE, AT]}, or remove the reason.",
        )
    if terms.area:
        yield from _without_reason(name, terms, "out_of_area", "area", "an area", where)
    for attribute in terms.area:
        if attribute not in attributes:
            yield Fault(
                where=where((*key, attribute)),
                found=f"{attribute!r}, which is no attribute of the leads",
                expected="an attribute's canonical name",
                remedy=did_you_mean(attribute, sorted(attributes)),
            )


def _of_events(
    name: str, terms: VendorTerms, definition: SourceDefinition, where: Where
) -> Iterator[Fault]:
    asked = "disconnected" in terms.reasons
    if asked and not terms.disconnected_events:
        yield Fault(
            where=where(("vendors", name, "reasons")),
            found="disconnected, and no disconnected_events",
            expected="the kinds of events that say that nobody is there",
            remedy="Write disconnected_events: [KIND], or remove the reason.",
        )
    if terms.disconnected_events:
        kinds = "disconnected_events"
        yield from _without_reason(name, terms, "disconnected", kinds, kinds, where)
    if asked and not definition.tables.events:
        yield _lacking(
            where(("vendors", name, "reasons")), "disconnected", "events", "tables.events"
        )


def _without_reason(
    name: str, terms: VendorTerms, reason: str, key: str, found: str, where: Where
) -> Iterator[Fault]:
    """Tell a key that serves a reason which the vendor does not accept."""
    if reason not in terms.reasons:
        yield Fault(
            where=where(("vendors", name, key)),
            found=f"{found}, and {reason} is no reason of this vendor's",
            expected="both or neither",
            remedy=f"Add {reason} to reasons, or remove {key}.",
        )


def _lacking(where: str, found: str, what: str, key: str) -> Fault:
    return Fault(
        where=where,
        found=f"{found}, and no {what}",
        expected=key,
        remedy=f"Map {what} there, or remove what needs it.",
    )
