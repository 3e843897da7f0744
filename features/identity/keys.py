"""What of each lead tells who it is, in one spelling: the columns that leads are compared by."""

from collections.abc import Callable

import polars as pl

from leadcast.features.base.addresses import one_spelling
from leadcast.features.identity.names import (
    company_name,
    folded,
    given_and_family,
    sound,
    street_name,
)
from leadcast.features.identity.normalise import (
    country_code,
    is_role_address,
    normal_phone,
)
from leadcast.features.values.contacts import FREE_PROVIDERS

PERSON = "person_"
"""So begin the columns of the leads' table that tell who a lead is and that no model sees."""
FIELDS = ("name", "first_name", "last_name", "company", "address", "postal_code", "city")
"""What they may be, after `PERSON`."""
_PROVIDER = r"([^.@]+)\.(?:(?:co|com|org|net|ac|gov|edu)\.)?[^.@]+$"

KEYS = (
    *("email", "local", "domain", "phone", "first", "last", "first_sound", "last_sound"),
    *("company", "street", "postal"),
)
"""The columns of `identity_keys`, but for ``lead_id`` and ``known_us``."""


def identity_keys(leads: pl.DataFrame, default_country: str | None = None) -> pl.DataFrame:
    """Bring what tells who a lead is into one spelling.

    Parameters
    ----------
    leads : pl.DataFrame
        ``lead_id`` and, where there are any, ``created_at``, ``email``, ``phone``, ``country``,
        ``company`` and the columns that begin with `PERSON` (String each). A field that stands in
        both is taken from the latter.
    default_country : str or None
        Two letters: the country of telephone numbers of leads that name none.

    Returns
    -------
    pl.DataFrame
        A row a lead, in their order: ``lead_id``; ``known_us`` (Int64: creation, in microseconds
        since 1970; 0 where unknown) and `KEYS`, all String and null where there is nothing.
        ``email`` has no addresses of roles (info@); ``local`` is the part before the @, ``domain``
        that of a company and not of a free provider.
    """
    country = country_code(_column(leads, "country"))
    country = country.fill_null(pl.lit(default_country, pl.String))
    table = leads.select(
        pl.col("lead_id").cast(pl.String),
        known_us=pl.col("created_at").to_physical().fill_null(0)
        if "created_at" in leads.columns
        else pl.lit(0, pl.Int64),
        email=one_spelling(_column(leads, "email")),
        phone=normal_phone(_column(leads, "phone"), country),
        name=_column(leads, "name"),
        given=_column(leads, "first_name"),
        family=_column(leads, "last_name"),
        company=_column(leads, "company"),
        postal=_column(leads, "postal_code").str.to_lowercase().str.replace_all(r"[^a-z0-9]", ""),
        street=_column(leads, "address"),
        city=_column(leads, "city"),
    )
    names = _split_names(table["name"])
    first = pl.coalesce(_read("given", _first_word), names[0])
    last = pl.coalesce(_read("family", folded), names[1])
    domain = pl.col("email").str.extract("@(.+)$", 1)
    is_free = domain.str.extract(_PROVIDER, 1).is_in(sorted(FREE_PROVIDERS))
    read = table.select(
        "lead_id", "known_us", "phone",
        email=pl.when(~is_role_address(pl.col("email"))).then("email"),
        domain=pl.when(~is_free.fill_null(value=False)).then(domain),
        first=_filled(first), last=_filled(last),
        company=_filled(_read("company", company_name)),
        street=_filled(_read("street", street_name)),
        # Where there is no postal code, the town says less, and still something.
        postal=_filled(pl.coalesce(_filled(pl.col("postal")), _read("city", folded))),
    )  # fmt: skip
    return read.with_columns(
        local=pl.col("email").str.extract("^([^@]+)@", 1),
        first_sound=_read("first", sound),
        last_sound=_read("last", sound),
    ).select("lead_id", "known_us", *KEYS)


def _column(leads: pl.DataFrame, name: str) -> pl.Expr:
    found = [one for one in (f"{PERSON}{name}", name) if leads.schema.get(one) == pl.String]
    return pl.coalesce(found) if found else pl.lit(None, pl.String)


def _filled(texts: pl.Expr) -> pl.Expr:
    return pl.when(texts.str.len_chars() > 0).then(texts)


def _read(name: str, reading: Callable[[str], str]) -> pl.Expr:
    """Apply a reading to each distinct value once."""

    def read(column: pl.Series) -> pl.Series:
        distinct = column.drop_nulls().unique()
        if distinct.is_empty():
            return column
        said = [reading(text) for text in distinct]
        return column.replace_strict(distinct, said, default=None, return_dtype=pl.String)

    return pl.col(name).map_batches(read, return_dtype=pl.String)


def _first_word(name: str) -> str:
    return given_and_family(name + " x")[0]


def _split_names(names: pl.Series) -> tuple[pl.Series, pl.Series]:
    distinct = names.drop_nulls().unique()
    both = [given_and_family(text) for text in distinct]
    return tuple(  # type: ignore[return-value]
        names.replace_strict(
            distinct, [one[place] for one in both], default=None, return_dtype=pl.String
        )
        if len(distinct)
        else names
        for place in (0, 1)
    )
