"""Texts that read alike, put into one group: of millions of addresses a few hundred are left.

Each function groups a column's texts so that all of a group read (by `values.contacts`) as its
first does. What is not plain is alike only to itself, so that the readings alone decide what an
odd address or number means.

Loops over the bytes of plain e-mail addresses and telephone numbers, for `values.alike`.

A text is known by a number and by two spans of its bytes; texts with the same of all three form a
group. What is not plain has the number `ODD` and is known by all of its bytes.
"""

from collections.abc import Callable, Iterable
from functools import cache
from string import ascii_letters, digits

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.compiled import compiled
from leadcast.features.values.contacts import DISPOSABLE_PROVIDERS, FREE_PROVIDERS, NOBODYS, ROLES
from leadcast.features.values.distinct import Codes, Distinct, distinct, taken

Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]

SHORT = 60
"""No part of so short an address is too long, nor is so short a telephone number."""

ODD, _PLAIN, _TOLD, _CALLED = -1, 0, 1, 2
_AT, _DOT, _DASH, _ZERO = (ord(sign) for sign in "@.-0")
_DIGIT, _LETTER = 1, 2


def _table(*classes: str) -> Bytes:
    """Give each byte the number of the class that it is in, 0 for none."""
    table = np.zeros(256, dtype=np.uint8)
    for number, signs in enumerate(classes, start=1):
        table[[*signs.encode()]] = number
    return table


_IN_NAME = _table(digits, ascii_letters, "_+-")
_IN_NUMBER = _table(digits, " +()./-")
_TAIL = 7
"""Digits at the end of a telephone number that tell whether it is anybody's; it has no fewer."""
_FOLD = 0x20
"""Tells small letters from capitals."""
_FNV_START, _FNV_PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)
"""Of Fowler, Noll and Vo's hash, FNV-1a with 64 bits."""


@compiled
def about_addresses(
    texts: Bytes, bounds: Integers, told: Hashes, roles: Hashes
) -> tuple[Integers, Integers]:
    """Tell by what e-mail addresses are known."""
    number = np.empty(len(bounds) - 1, np.int64)
    spans = np.zeros((len(bounds) - 1, 4), np.int64)
    for row in range(len(number)):
        start, stop = bounds[row], bounds[row + 1]
        at = start + _name_length(texts[start : min(stop, start + SHORT)])
        kind = ODD
        if at > start and stop - start <= SHORT:
            kind = _domain_kind(texts[at + 1 : stop], told)
        if kind == ODD:
            number[row], spans[row, 0], spans[row, 1] = ODD, start, stop
            continue
        number[row] = _count_digits(texts[start:at])
        if kind == _TOLD:
            spans[row, 0], spans[row, 1] = at + 1, stop
        stem = at
        while stem > start and _IN_NAME[texts[stem - 1]] == _DIGIT:
            stem -= 1
        if _is_among(_hash_folded(texts[start:stem]), roles):
            spans[row, 2], spans[row, 3] = start, stem
    return number, spans


@compiled
def about_numbers(texts: Bytes, bounds: Integers, nobodys: Integers) -> tuple[Integers, Integers]:
    """Tell by what telephone numbers are known."""
    number = np.empty(len(bounds) - 1, np.int64)
    spans = np.zeros((len(bounds) - 1, 4), np.int64)
    for row in range(len(number)):
        start, stop = bounds[row], bounds[row + 1]
        number[row] = _CALLED
        if stop - start > SHORT or not _could_be_called(texts[start:stop], nobodys):
            number[row], spans[row, 0], spans[row, 1] = ODD, start, stop
    return number, spans


@compiled
def grouped(texts: Bytes, number: Integers, spans: Integers) -> tuple[Codes, Codes]:
    """Group texts by what they are known by, in the order in which groups come first."""
    size = 4
    while size < 2 * len(number):
        size *= 2
    slots = np.full(size, -1, dtype=np.int32)
    first, codes = np.empty(len(number), np.int32), np.empty(len(number), np.int32)
    n = 0
    for row in range(len(number)):
        key = _FNV_START ^ np.uint64(number[row])
        for place in range(0, 4, 2):
            for at in range(spans[row, place], spans[row, place + 1]):
                key = (key ^ np.uint64(texts[at])) * _FNV_PRIME
        slot = (key ^ (key >> np.uint64(32))) & np.uint64(size - 1)
        while slots[slot] >= 0 and not _is_same(texts, number, spans, first[slots[slot]], row):
            slot = (slot + np.uint64(1)) & np.uint64(size - 1)
        if slots[slot] < 0:
            slots[slot], first[n] = n, row
            n += 1
        codes[row] = slots[slot]
    return first[:n], codes


def hash_table(words: Iterable[str]) -> Hashes:
    """Put words' hashes into a table, each at its place or the next free one."""
    hashes = [int(_hash_folded(np.frombuffer(word.encode(), np.uint8))) for word in words]
    table = np.zeros(4 << len(hashes).bit_length(), dtype=np.uint64)
    for key in hashes:
        slot = key % len(table)
        while table[slot]:
            slot = (slot + 1) % len(table)
        table[slot] = key
    return table


@compiled
def _hash_folded(text: Bytes) -> np.uint64:
    """Hash a text of ASCII, capitals as small letters."""
    key = _FNV_START
    for byte in text:
        key = (key ^ np.uint64(byte | _FOLD if _IN_NAME[byte] == _LETTER else byte)) * _FNV_PRIME
    return key


@compiled
def _is_same(texts: Bytes, number: Integers, spans: Integers, one: int, other: int) -> bool:
    if number[one] != number[other]:
        return False
    for place in range(0, 4, 2):
        length = spans[one, place + 1] - spans[one, place]
        if spans[other, place + 1] - spans[other, place] != length:
            return False
        for at in range(length):
            if texts[spans[one, place] + at] != texts[spans[other, place] + at]:
                return False
    return True


@compiled
def _name_length(text: Bytes) -> int:
    """Count the bytes before the ``@``; -1 where they are no words of plain signs with dots."""
    before = _DOT
    for at in range(len(text)):
        byte = text[at]
        if byte in (_AT, _DOT):
            if before == _DOT:
                return -1
            if byte == _AT:
                return at
        elif not _IN_NAME[byte]:
            return -1
        before = byte
    return -1


@compiled
def _domain_kind(text: Bytes, told: Hashes) -> int:
    """Tell whether a domain is plain, and whether it has a label that is `told`."""
    kind, label, is_word = _PLAIN, 0, True
    for at in range(len(text) + 1):
        if at < len(text) and text[at] != _DOT:
            byte = text[at]
            is_letter = _IN_NAME[byte] == _LETTER
            if not (is_letter or _IN_NAME[byte] == _DIGIT or byte == _DASH):
                return ODD
            is_word &= is_letter
            continue
        if at == label or text[label] == _DASH or text[at - 1] == _DASH:
            return ODD
        if at == len(text) and (label == 0 or not is_word or not 2 <= at - label <= 24):
            return ODD
        if _is_among(_hash_folded(text[label:at]), told):
            kind = _TOLD
        label, is_word = at + 1, True
    return kind


@compiled
def _could_be_called(text: Bytes, nobodys: Integers) -> bool:
    n_digits, tail, power = 0, 0, 1
    for byte in text[::-1]:
        if _IN_NUMBER[byte] == _DIGIT:
            if n_digits < _TAIL:
                tail += power * (byte - _ZERO)
                power *= 10
            n_digits += 1
        elif not _IN_NUMBER[byte]:
            return False
    return _TAIL <= n_digits <= 15 and not np.any(nobodys == tail)


@compiled
def _count_digits(text: Bytes) -> int:
    count = 0
    for byte in text:
        count += _IN_NAME[byte] == _DIGIT
    return count


@compiled
def _is_among(key: np.uint64, keys: Hashes) -> bool:
    """Search a table by `hash_table`."""
    slot = key & np.uint64(len(keys) - 1)
    while keys[slot] != 0:
        if keys[slot] == key:
            return True
        slot = (slot + np.uint64(1)) & np.uint64(len(keys) - 1)
    return False


FEW = 1_000
"""So few texts are sooner read than grouped."""

_ALIKE_TOLD = FREE_PROVIDERS | DISPOSABLE_PROVIDERS | {"edu", "ac", "gov", "gob", "gouv"}
"""A valid domain that has none of these labels is a business's."""
_hashes = cache(hash_table)


def alike_addresses(addresses: pl.Series) -> Distinct:
    """Group e-mail addresses of the same kind, shared or not, with as many digits."""
    return _alike(addresses, _about_addresses)


def alike_numbers(numbers: pl.Series) -> Distinct:
    """Group telephone numbers that could be called."""
    return _alike(numbers, _about_numbers)


def _about_addresses(texts: Bytes, bounds: Integers) -> tuple[Integers, Integers]:
    return about_addresses(texts, bounds, _hashes(_ALIKE_TOLD), _hashes(ROLES))


def _about_numbers(texts: Bytes, bounds: Integers) -> tuple[Integers, Integers]:
    nobodys = np.array([*map(int, NOBODYS)], dtype=np.int64)
    return about_numbers(texts, bounds, nobodys)


def _alike(
    column: pl.Series, about: Callable[[Bytes, Integers], tuple[Integers, Integers]]
) -> Distinct:
    if len(column) < FEW:
        return distinct(column)
    texts = column.cast(pl.String)
    content, bounds = _bytes(texts)
    first, codes = grouped(content, *about(content, bounds))
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
