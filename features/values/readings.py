"""Readings: what can be read off one attribute of a lead, each a function of Python values.

A reading knows nothing of tables. In a batch it is applied to a column's distinct values, for one
lead to its one value; so both give the same numbers.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from leadcast.features.hygiene.email_look import email_class
from leadcast.features.hygiene.name_look import (
    FEWEST_ALIKE,
    fields_are_alike,
    name_is_doubtful,
    names_are_same,
)
from leadcast.features.hygiene.phone_look import phone_in_country, phone_kind
from leadcast.features.registry import DType, Group
from leadcast.features.values.alike import alike_addresses, alike_numbers
from leadcast.features.values.amounts import log_amount, read_amount, read_size
from leadcast.features.values.contacts import (
    email_digits,
    email_is_shared,
    email_kind,
    email_matches_company,
    phone_is_valid,
)
from leadcast.features.values.distinct import Distinct, distinct
from leadcast.features.values.titles import job_function, seniority

Value = str | float | bool | int
"""What an attribute may hold, times (microseconds) apart."""
Accepts = Literal["number", "flag", "time", "text", "text or number", "anything"]
"""What kinds of columns a reading can read."""

_LONGEST_TEXT = 10_000
_PERSON_NAME = re.compile(
    r"(?:(?:first|last|middle|given|family|full|contact|person|lead)_)?name|surname"
)
_COMPANY_NAMES = ("company", "company_name", "company_website", "website", "organisation")


@dataclass(frozen=True)
class Reading:
    """One thing that can be read off an attribute."""

    suffix: str
    """What is added to the attribute's name (``"_seniority"``)."""
    dtype: DType
    """What it gives."""
    accepts: Accepts
    """What the attribute's column may hold."""
    words: str
    """Words for a person, with ``{}`` for the attribute's."""
    read: Callable[..., str | float | None] | None = None
    """From the attribute's value to a number, or to a category's value; None (missing) where it
    says nothing. None where the engine reads the value as it is (numbers, flags, times). A value
    that is missing makes the reading missing, but for readings of ``"anything"``, which get None
    for it."""
    alike: Callable[[pl.Series], Distinct] = distinct
    """Finds values of a column of which each has to be read once."""
    needs: int | None = None
    """So many of the first attributes must be there; of the others None is read where they are
    missing. None: all must be there."""


def _same(value: str) -> str:
    return value


def _count_words(value: str) -> float | None:
    return float(len(value[:_LONGEST_TEXT].split())) or None


def _size(value: str | float) -> float | None:
    return _log_of(read_size(value) if isinstance(value, str) else value)


def _amount(value: str | float) -> float | None:
    return _log_of(read_amount(value) if isinstance(value, str) else value)


def _email_class(address: str) -> str:
    return email_class(address, email_kind(address))


def _share_filled(*values: Value | None) -> float:
    return sum(value is not None for value in values) / len(values)


def _log_of(amount: float | None) -> float | None:
    return None if amount is None else log_amount(amount)


READINGS: Mapping[str, Reading] = {
    "number": Reading("", "number", "number", "{}"),
    "flag": Reading("", "flag", "flag", "{}"),
    "filled_share": Reading(
        "", "number", "anything", "share of the lead's profile that is filled in", _share_filled
    ),
    "days_before": Reading("_days_before", "number", "time", "days since {}"),
    "category": Reading("", "category", "text", "{}", _same),
    "text_value": Reading("_value", "category", "text", "{}, where it is a frequent one", _same),
    "text_words": Reading("_words", "number", "text", "number of words in {}", _count_words),
    "size": Reading(
        "_log", "number", "text or number", "{} (people, on a logarithmic scale)", _size
    ),
    "amount": Reading("_log", "number", "text or number", "{} (on a logarithmic scale)", _amount),
    "seniority": Reading("_seniority", "category", "text", "seniority by the {}", seniority),
    "job_function": Reading("_function", "category", "text", "function by the {}", job_function),
    "email_kind": Reading(
        "_kind", "category", "text", "kind of {} address", email_kind, alike_addresses
    ),
    "email_is_shared": Reading(
        "_is_shared", "flag", "text", "{} address is shared (info@, sales@)", email_is_shared,
        alike_addresses,
    ),
    "email_digits": Reading(
        "_digits", "number", "text", "digits in the {} address's name", email_digits,
        alike_addresses,
    ),
    "email_matches": Reading(
        "_matches_company", "flag", "text", "{} address is of the named company",
        email_matches_company,
    ),
    "phone_is_valid": Reading(
        "_is_valid", "flag", "text", "{} number could be called", phone_is_valid, alike_numbers,
    ),
    "email_class": Reading(
        "_class", "category", "text", "class of {} address, by lists of domains", _email_class
    ),
    "phone_kind": Reading(
        "_kind", "category", "text", "kind of {} number, by the numbering plans", phone_kind,
        needs=1,
    ),
    "phone_in_country": Reading(
        "_in_country", "flag", "text", "{} number is of the lead's country", phone_in_country
    ),
    "name_is_doubtful": Reading(
        "_is_doubtful", "flag", "text", "{} is probably no name", name_is_doubtful
    ),
    "names_are_same": Reading(
        "_is_last_name", "flag", "text", "{} is the last name too", names_are_same
    ),
    "fields_alike": Reading(
        "", "flag", "anything", "all that was typed is the same", fields_are_alike
    ),
}  # fmt: skip
"""Every reading by its name, which is what a plan keeps."""

LOGARITHMIC = ("size", "amount")
"""Readings by `leadcast.features.values.amounts.log_amount`."""

_BY_ROLE: Mapping[str, tuple[str, ...]] = {
    "job_title": ("seniority", "job_function"),
    "company_size": ("size",),
    "revenue": ("amount",),
    "email": ("email_kind", "email_is_shared", "email_digits"),
    "phone": ("phone_is_valid",),
    "industry": ("category",),
    "country": ("category",),
    "source": ("category",),
    "vendor": ("category",),
    "campaign": ("category",),
}
_ACCEPTED: Mapping[str, tuple[Accepts, ...]] = {
    "number": ("number", "text or number"),
    "flag": ("flag",),
    "time": ("time",),
}
_BY_TYPE: Mapping[str, tuple[str, ...]] = {
    "number": ("number",),
    "flag": ("flag",),
    "time": ("days_before",),
    "category": ("category",),
    "text": ("text_value", "text_words"),
}
NEVER_FEATURES = frozenset(
    {
        *("lead_id", "created_at", "position", "rules_score", "account_id", "cost"),
        *("worked", "random_slice", "attribute_changes", "account_history"),
        *("form_seconds", "form_pasted", "form_device", "form_address"),
    }
)
"""Columns of the leads that are no attributes, or must not be learned from."""
RESERVED = frozenset(
    (
        *("lead_id", "as_of", "created_at", "updated_at", "position", "rules_score", "won_at"),
        *("lost_at", "converted", "amount", "landmark_days", "group_id", "mature", "probability"),
        *("events", "row_in_leads", "attribute_changes", "account_history"),
    )
)
"""Names that no attribute may have: the canonical tables, requests and batches use them."""
_ATTRIBUTE_NAME = re.compile(r"[a-z][a-z0-9_]*")
SOURCE_ROLES = ("source", "vendor", "campaign")
"""Attributes that say where a lead came from."""


def readings_of(
    attribute_types: Mapping[str, str], *, hygiene: bool = False
) -> list[tuple[str, tuple[str, ...]]]:
    """List what is read off a source's attributes.

    Parameters
    ----------
    attribute_types : mapping of str to str
        Each attribute's type, as `leadcast.features.tables.Tables` has it.
    hygiene : bool
        Whether addresses, numbers and names are also judged by `leadcast.features.hygiene`.

    Returns
    -------
    list of (str, tuple of str)
        The name of each reading with the attributes that it reads, in the attributes' order.
    """
    found: list[tuple[str, tuple[str, ...]]] = []
    for attribute, kind in attribute_types.items():
        if attribute not in NEVER_FEATURES:
            found += [(name, (attribute,)) for name in _readings(attribute, kind)]
    company = next((name for name in _COMPANY_NAMES if _is_text(attribute_types, name)), None)
    if company is not None and _is_text(attribute_types, "email"):
        found.append(("email_matches", ("email", company)))
    if hygiene:
        found += _hygiene_readings(attribute_types)
    profile = tuple(
        name
        for name, kind in attribute_types.items()
        if kind != "time" and name not in NEVER_FEATURES
    )
    return [*found, ("filled_share", profile)] if profile else found


def _hygiene_readings(
    attribute_types: Mapping[str, str],
) -> Iterator[tuple[str, tuple[str, ...]]]:
    texts = [name for name in attribute_types if _is_text(attribute_types, name)]
    if "email" in texts:
        yield "email_class", ("email",)
    if "phone" in texts:
        with_country = ("phone", "country") if "country" in texts else ("phone",)
        yield "phone_kind", with_country
        if "country" in texts:
            yield "phone_in_country", with_country
    yield from (("name_is_doubtful", (name,)) for name in texts if is_person_name(name))
    if {"first_name", "last_name"} <= {*texts}:
        yield "names_are_same", ("first_name", "last_name")
    typed = tuple(name for name, kind in attribute_types.items() if kind == "text")
    if len(typed) >= FEWEST_ALIKE:
        yield "fields_alike", typed


def is_person_name(attribute: str) -> bool:
    """Tell whether an attribute is a person's name, by what it is called.

    Parameters
    ----------
    attribute : str

    Returns
    -------
    bool
    """
    return _PERSON_NAME.fullmatch(attribute) is not None


def is_attribute_name(name: str) -> bool:
    """Tell whether an attribute may be called so.

    Parameters
    ----------
    name : str

    Returns
    -------
    bool
    """
    return name not in RESERVED and _ATTRIBUTE_NAME.fullmatch(name) is not None


def fits(reading: str, kind: str) -> bool:
    """Tell whether a reading can read attributes of a type.

    Parameters
    ----------
    reading : str
        A key of `READINGS`.
    kind : str
        An attribute's type, as in `readings_of`.

    Returns
    -------
    bool
    """
    accepts = READINGS[reading].accepts
    return accepts == "anything" or accepts in _ACCEPTED.get(kind, ("text", "text or number"))


def group_of(attribute: str) -> Group:
    """Tell which group an attribute's features belong to: ``"source"`` or ``"fit"``."""
    return "source" if attribute in SOURCE_ROLES else "fit"


def _readings(attribute: str, kind: str) -> tuple[str, ...]:
    by_role = _BY_ROLE.get(attribute, ())
    fitting = tuple(name for name in by_role if fits(name, kind))
    return fitting or _BY_TYPE[kind]


def _is_text(attribute_types: Mapping[str, str], attribute: str) -> bool:
    return attribute_types.get(attribute) in ("category", "text")
