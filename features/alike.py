"""Texts that read alike, put into one group: of millions of addresses a few hundred are left.

Each function groups a column's texts so that all of a group read (by `features.contacts`) as its
first does. What is not plain is alike only to itself, so that the readings alone decide what an
odd address or number means.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import polars as pl

from features import plain_texts
from features.contacts import DISPOSABLE_PROVIDERS, FREE_PROVIDERS, NOBODYS, ROLES
from features.distinct import Distinct, distinct, taken
from features.plain_texts import Bytes, Integers

FEW = 1_000
"""So few texts are sooner read than grouped."""

_TOLD = FREE_PROVIDERS | DISPOSABLE_PROVIDERS | {"edu", "ac", "gov", "gob", "gouv"}
"""A valid domain that has none of these labels is a business's."""
_hashes = cache(plain_texts.hash_table)


def alike_addresses(addresses: pl.Series) -> Distinct:
    """Group e-mail addresses of the same kind, shared or not, with as many digits.

    Parameters
    ----------
    addresses : pl.Series
        Texts, or categories.

    Returns
    -------
    Distinct
        For `features.contacts.email_kind`, `email_is_shared` and `email_digits`.
    """
    return _alike(addresses, _about_addresses)


def alike_numbers(numbers: pl.Series) -> Distinct:
    """Group telephone numbers that could be called.

    Parameters
    ----------
    numbers : pl.Series
        Likewise.

    Returns
    -------
    Distinct
        For `features.contacts.phone_is_valid`.
    """
    return _alike(numbers, _about_numbers)


def _about_addresses(texts: Bytes, bounds: Integers) -> tuple[Integers, Integers]:
    return plain_texts.about_addresses(texts, bounds, _hashes(_TOLD), _hashes(ROLES))


def _about_numbers(texts: Bytes, bounds: Integers) -> tuple[Integers, Integers]:
    nobodys = np.array([*map(int, NOBODYS)], dtype=np.int64)
    return plain_texts.about_numbers(texts, bounds, nobodys)


def _alike(
    column: pl.Series, about: Callable[[Bytes, Integers], tuple[Integers, Integers]]
) -> Distinct:
    if len(column) < FEW:
        return distinct(column)
    texts = column.cast(pl.String)
    content, bounds = _bytes(texts)
    first, codes = plain_texts.grouped(content, *about(content, bounds))
    # A missing text has no bytes, like an empty one, with which it must not be taken for one.
    values = [*taken(texts, first).fill_null(""), None]
    if texts.null_count():
        codes[texts.is_null().to_numpy()] = len(first)
    return Distinct(values, codes)


def _bytes(texts: pl.Series) -> tuple[Bytes, Integers]:
    """Give all texts' bytes, and where each of them begins; the next begins where it ends."""
    # Where a text is missing, any bytes may stand, such as those of another row.
    array = texts.fill_null("").to_arrow(compat_level=pl.CompatLevel.oldest())
    _, bounds, content = array.buffers()
    places = np.frombuffer(bounds, np.int64)[array.offset : array.offset + len(array) + 1]
    return np.frombuffer(content or b"", np.uint8), places
