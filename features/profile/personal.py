"""Which columns tell who somebody is: their values are counted, and never shown."""

import re

import polars as pl

from leadcast.features.base.errors import canonical_name

_TELLING = """
email mail emails phone phones mobile fax telephone tel birthday birthdate birth dob ssn iban
passport street address addresses surname firstname lastname fullname ip
"""
_WORDS = frozenset(_TELLING.split())
_NAMES = re.compile(
    r"^(?:(?:first|last|middle|family|given|full|lead|contact|person|customer|user|owner)_)?name$"
)
_ADDRESS = r"[^\s@]@[^\s@]+\.[a-zA-Z]"
_TOLD = 0.2


def is_personal(name: str) -> bool:
    """Tell by its name whether a column tells who somebody is.

    Parameters
    ----------
    name : str
        An attribute's name, or a column's.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_personal("E-Mail"), is_personal("First Name"), is_personal("Campaign Name")
    (True, True, False)
    """
    plain = canonical_name(name)
    # "E-Mail" has two words, of which the second tells it.
    return bool(_NAMES.match(plain)) or not _WORDS.isdisjoint(plain.split("_"))


def looks_personal(given: pl.Series, distinct: int) -> bool:
    """Tell by its values whether a column holds e-mail addresses, or has one value a lead."""
    few = given.head(10_000)
    addresses = int(few.str.contains(_ADDRESS).sum())
    return addresses > _TOLD * len(few) or distinct > len(given) / 2 + 10
