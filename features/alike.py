"""Texts that read alike, put into one: of millions of addresses a few thousand are left to read.

Each function is given a column of addresses and gives one in which every address may have been
replaced by another that its reading (in `features.contacts`) takes for the same. What is not
plain stays as it is, so that the readings alone decide what an odd address means.
"""

import polars as pl

from features.contacts import ROLES

_PART = "[A-Za-z0-9_+-]+"
_LABEL = "[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*"
_PLAIN = rf"^{_PART}(?:\.{_PART})*@(?:{_LABEL}\.)+[A-Za-z]{{2,24}}$"
"""Not every valid address, but none that is invalid as long as it is short."""
_SHORT = 60
"""No part of so short an address is too long."""
_NAME = r"^[^@]*"


def by_domain(addresses: pl.Expr) -> pl.Expr:
    """Give valid addresses of one domain one name.

    Parameters
    ----------
    addresses : pl.Expr of String

    Returns
    -------
    pl.Expr
        For `features.contacts.email_kind`.
    """
    is_plain = _is_short(addresses) & addresses.str.contains(_PLAIN)
    return pl.when(is_plain).then(addresses.str.replace(_NAME, "a")).otherwise(addresses)


def by_role(addresses: pl.Expr) -> pl.Expr:
    """Tell only whether the name is that of a role.

    Parameters
    ----------
    addresses : pl.Expr of String

    Returns
    -------
    pl.Expr
        For `features.contacts.email_is_shared`.
    """
    is_role = addresses.str.contains(rf"^(?i:{ROLES})(?:@|$)")
    alike = pl.when(is_role).then(pl.lit("info@")).otherwise(pl.lit("a@"))
    return pl.when(_is_ascii(addresses)).then(alike).otherwise(addresses)


def by_digits(addresses: pl.Expr) -> pl.Expr:
    """Keep as many digits as the name has.

    Parameters
    ----------
    addresses : pl.Expr of String

    Returns
    -------
    pl.Expr
        For `features.contacts.email_digits`.
    """
    count = addresses.str.extract(_NAME, 0).str.count_matches("[0-9]")
    alike = pl.lit("0" * _SHORT + "@").str.tail(count + 1)
    return pl.when(_is_ascii(addresses)).then(alike).otherwise(addresses)


def _is_short(addresses: pl.Expr) -> pl.Expr:
    return addresses.str.len_bytes() <= _SHORT


def _is_ascii(addresses: pl.Expr) -> pl.Expr:
    """Tell short addresses of printed ASCII without blanks."""
    return _is_short(addresses) & addresses.str.contains(r"^[!-~]+$")
