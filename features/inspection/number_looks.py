"""How a column's numbers are written, and whether they can be read in two ways."""

import re
from dataclasses import dataclass

import polars as pl

from leadcast.features.values.columns import clean_text
from leadcast.features.values.formats import NumberFormat
from leadcast.features.values.numbers import parse_numbers

_FITS = 0.95
_MOST_VALUES = 20_000
_MARKS = ("€", "$", "£", "¥", "₹", "%", "EUR", "USD", "GBP", "CHF", "R$", "kr", "zł")
_WRITTEN = tuple(
    NumberFormat.model_validate({"decimal": decimal, "thousands": thousands})
    for decimal, thousands in (
        (".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (".", " "), (".", "'"),
    )
)  # fmt: skip


@dataclass(frozen=True)
class NumberLook:
    """How numbers are written.

    Parameters
    ----------
    written : NumberFormat
        As a definition's ``numbers``; the default where they are plain, or numbers already.
    other : NumberFormat or None
        One that fits as well and means other numbers.
    share : float
        Of the values, how many are read so.
    is_telling : bool
        Whether its values leave no doubt what their points and commas mean.
    placeholder : str
        A number that probably means missing (``"999"``); empty where there is none.
    """

    written: NumberFormat
    other: NumberFormat | None
    share: float
    is_telling: bool = False
    placeholder: str = ""


def look_at_numbers(series: pl.Series) -> NumberLook | None:
    """Find how a column writes numbers; None where it does not.

    Parameters
    ----------
    series : pl.Series
        The values, without what means missing.

    Returns
    -------
    NumberLook or None
    """
    if series.dtype.is_numeric():
        plain = NumberFormat()
        marker = _placeholder(parse_numbers(series, plain).values)
        return NumberLook(plain, None, 1.0, placeholder=marker)
    text = clean_text(series).drop_nulls()
    if not len(text):
        return None
    values = text.head(_MOST_VALUES)
    if values.str.contains(r"^[+-]?0[0-9]").any() or not values.str.contains("[0-9]").all():
        return None
    marks = tuple(one for one in _MARKS if values.str.contains(one, literal=True).any())
    rated = [
        (parse_numbers(values, one.model_copy(update={"strip": marks})).values, one)
        for one in _WRITTEN
    ]
    shares = [(read.count() / len(values), one, read) for read, one in rated]
    best = max(share for share, _, _ in shares)
    if best < _FITS:
        return None
    fitting = [(one, read) for share, one, read in shares if share == best]
    written, read = fitting[0]
    others = [one for one, numbers in fitting[1:] if not numbers.equals(read)]
    if others and others[0].thousands == ",":
        # "1,234": groups of three digits alone are rather thousands than decimals.
        written, others = others[0], [written]
    whole = parse_numbers(text, written.model_copy(update={"strip": marks})).values
    return NumberLook(
        written.model_copy(update={"strip": marks}),
        others[0] if others else None,
        whole.count() / len(text),
        not others and bool(values.str.contains("[0-9][.,][0-9]").any()),
        _placeholder(whole),
    )


def _placeholder(numbers: pl.Series) -> str:
    """Find a number that stands for missing: 999 where all others are below 30, -1 among counts."""
    known = numbers.drop_nulls()
    if len(known) < 20:
        return ""
    low, high = known.min(), known.max()
    assert isinstance(low, float)
    assert isinstance(high, float)
    others = known.filter(known != high)
    if re.fullmatch(r"9{2,}", f"{high:.0f}") and len(others):
        most = others.max()
        if isinstance(most, float) and high > 3 * abs(most) and (known == high).sum() > 5:
            return f"{high:.0f}"
    rest = known.filter(known != low)
    if low in (-1.0, -99.0, -999.0, -9999.0) and len(rest) and rest.min() >= 0:  # type: ignore[operator]
        return f"{low:.0f}"
    return ""
