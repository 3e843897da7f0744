"""Texts that read alike, put into one: of millions of addresses a few thousand are left to read.

Each function is given a column of texts and gives one in which every text may have been
replaced by another that its reading (in `features.contacts`) takes for the same. What is not
plain stays as it is, so that the readings alone decide what an odd address means.
"""

import polars as pl

from features.contacts import DISPOSABLE_PROVIDERS, FREE_PROVIDERS, ROLES, RUNS

_PART = "[A-Za-z0-9_+-]+"
_LABEL = "[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*"
_PLAIN = rf"^{_PART}(?:\.{_PART})*@(?:{_LABEL}\.)+[A-Za-z]{{2,24}}$"
"""Not every valid address, but none that is invalid as long as it is short."""
_SHORT = 60
"""No part of so short an address is too long."""
_NAME = r"^[^@]*"
_TOLD = "|".join(FREE_PROVIDERS | DISPOSABLE_PROVIDERS | {"edu", "ac", "gov", "gob", "gouv"})
_IS_TOLD = rf"(?i)[@.](?:{_TOLD})(?:\.|$)"
"""Whose domain has none of these labels is a business."""

_SIGNS = "[ +()./-]*"
_CALLED = rf"^{_SIGNS}(?:[0-9]{_SIGNS}){{7,15}}$"
_ENDS = [
    *(digit * 7 for digit in "0123456789"),
    *(run[at : at + 7] for run in RUNS for at in range(len(run) - 6)),
]
_NOBODYS = f"(?:{'|'.join(map(_SIGNS.join, _ENDS))}){_SIGNS}$"


def by_domain(addresses: pl.Expr) -> pl.Expr:
    """Give valid addresses of one domain one name, and those of businesses one domain.

    Parameters
    ----------
    addresses : pl.Expr of String

    Returns
    -------
    pl.Expr
        For `features.contacts.email_kind`.
    """
    is_plain = _is_short(addresses) & addresses.str.contains(_PLAIN)
    alike = pl.when(addresses.str.contains(_IS_TOLD)).then(addresses.str.replace(_NAME, "a"))
    return pl.when(is_plain).then(alike.otherwise(pl.lit("a@a.example"))).otherwise(addresses)


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
    name = addresses.str.head(addresses.str.find("@", literal=True))
    count = name.fill_null(addresses).str.count_matches("[0-9]")
    alike = pl.lit("0" * _SHORT + "@").str.tail(count + 1)
    return pl.when(_is_ascii(addresses)).then(alike).otherwise(addresses)


def by_calling(numbers: pl.Expr) -> pl.Expr:
    """Give telephone numbers that could be called one number.

    Parameters
    ----------
    numbers : pl.Expr of String

    Returns
    -------
    pl.Expr
        For `features.contacts.phone_is_valid`.
    """
    is_called = numbers.str.contains(_CALLED) & ~numbers.str.contains(_NOBODYS)
    alike = pl.when(_is_short(numbers) & is_called).then(pl.lit("+1 202 555 0143"))
    return alike.otherwise(numbers)


def _is_short(addresses: pl.Expr) -> pl.Expr:
    return addresses.str.len_bytes() <= _SHORT


def _is_ascii(addresses: pl.Expr) -> pl.Expr:
    """Tell short addresses of printed ASCII without blanks."""
    return _is_short(addresses) & addresses.str.contains(r"^[!-~]+$")
