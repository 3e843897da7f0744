"""What leads' contacts and persons tell, each behind one function so that it can be exchanged."""

from collections.abc import Callable

import polars as pl

from leadcast.features.hygiene.email_look import email_class
from leadcast.features.snapshots import person_ids, person_keys
from leadcast.features.values.contacts import email_kind, phone_is_valid

EMAIL_INVALID = "no address can be written so"
EMAIL_DISPOSABLE = "an address made to be thrown away"
PHONE_INVALID = "nobody can have this number"
_WRONG_EMAIL = {"invalid": EMAIL_INVALID, "disposable": EMAIL_DISPOSABLE}


def contact_faults(leads: pl.DataFrame) -> pl.DataFrame:
    """Tell what is wrong with the addresses and numbers that leads gave.

    Parameters
    ----------
    leads : pl.DataFrame
        With ``lead_id``, and ``email`` and ``phone`` where there are any.

    Returns
    -------
    pl.DataFrame
        A row a lead, in the same order: ``lead_id``; ``has_email`` and ``has_phone`` (Boolean);
        ``email_fault`` and ``phone_fault`` (String, null where nothing is wrong or nothing was
        given). That an address is well formed does not show that anybody reads it. Numbers are
        judged by what they look like alone: that a country's plan has no such number is no
        evidence for whoever has to pay.
    """
    return leads.select(
        "lead_id",
        has_email=_given(leads, "email"),
        has_phone=_given(leads, "phone"),
        email_fault=_each(leads, "email", _email_fault),
        phone_fault=_each(
            leads, "phone", lambda text: None if phone_is_valid(text) else PHONE_INVALID
        ),
    )


def persons(leads: pl.DataFrame) -> pl.Series:
    """Give each lead the name of its person.

    Parameters
    ----------
    leads : pl.DataFrame
        As `leadcast.features.snapshots.person_ids` takes them.

    Returns
    -------
    pl.Series of String
    """
    return person_ids(leads)


def earlier_leads(leads: pl.DataFrame, among: pl.Series | None = None) -> pl.DataFrame:
    """Find for each lead the last one before it that is the same person's.

    Parameters
    ----------
    leads : pl.DataFrame
        With ``lead_id``, ``created_at``, and ``email``, ``phone`` and ``vendor`` where there are
        any.
    among : pl.Series of Boolean, optional
        Which leads count as earlier ones; all, if not given.

    Returns
    -------
    pl.DataFrame
        ``lead_id``, ``earlier_id``, ``earlier_at`` and ``earlier_vendor`` (null where no vendor
        brought it), ``same`` ("e-mail address", "telephone number", both, or "person" where others
        link them); a row for each lead that has one.
    """
    keys = person_keys(leads)
    vendor = pl.col("vendor") if "vendor" in leads.columns else pl.lit(None, pl.String)
    known = leads.select(
        *("lead_id", "created_at"),
        person=persons(leads),
        counts=pl.lit(value=True) if among is None else among,
        vendor=vendor,
        email=keys["email"],
        phone=keys["phone"],
    )
    shared = known.filter(pl.len().over("person") > 1).sort("created_at", "lead_id")
    counted = pl.when("counts").then(pl.col("lead_id"))
    last = counted.forward_fill().shift(1).over("person").alias("earlier_id")
    found = shared.with_columns(last).drop_nulls("earlier_id")
    earlier = known.select(
        pl.col("created_at", "vendor", "email", "phone").name.prefix("earlier_"),
        earlier_id="lead_id",
    )
    found = found.join(earlier, on="earlier_id", how="left", maintain_order="left")
    mail, telephone = (pl.col(name) == pl.col(f"earlier_{name}") for name in ("email", "phone"))
    same = (
        pl.when(mail & telephone)
        .then(pl.lit("e-mail address and telephone number"))
        .when(mail)
        .then(pl.lit("e-mail address"))
        .when(telephone)
        .then(pl.lit("telephone number"))
        .otherwise(pl.lit("person, as other leads show"))
    )
    return found.select(
        *("lead_id", "earlier_id", "earlier_vendor"), earlier_at="earlier_created_at", same=same
    )


def _email_fault(text: str) -> str | None:
    return _WRONG_EMAIL.get(email_class(text, email_kind(text)))


def _given(leads: pl.DataFrame, name: str) -> pl.Series:
    if leads.schema.get(name) != pl.String:
        return pl.repeat(value=False, n=leads.height, eager=True)
    return leads[name].is_not_null()


def _each(leads: pl.DataFrame, name: str, fault: Callable[[str], str | None]) -> pl.Series:
    if leads.schema.get(name) != pl.String:
        return pl.Series([None] * leads.height, dtype=pl.String)
    distinct = leads[name].drop_nulls().unique()
    faults = pl.Series([fault(text) for text in distinct], dtype=pl.String)
    return leads[name].replace_strict(distinct, faults, default=None, return_dtype=pl.String)
