"""Amounts as people and forms write them: "11-50", "1,000+", "$1M to $10M", "2,5 Mio. €"."""

import math
import re
import unicodedata

import numpy as np
import numpy.typing as npt
import polars as pl

_CODES = """
EUR USD GBP CHF JPY INR CAD AUD SEK NOK DKK PLN CZK HUF RON CNY BRL MXN ZAR SGD
"""
CODES = frozenset(_CODES.split())
"""Codes of currencies (ISO 4217) that are known where they stand in a cell."""
MARKS = {
    **{"€": ("EUR",), "£": ("GBP",), "₹": ("INR",), "¥": ("JPY", "CNY")},
    "$": ("USD", "CAD", "AUD", "MXN", "SGD", "NZD", "HKD"),
}
"""Which currencies a mark may stand for."""

LONGEST = 100
"""Characters that are read."""

_SCALES = {
    **dict.fromkeys(("k", "tsd", "thousand", "mille", "thousands"), 1e3),
    **dict.fromkeys(("m", "mm", "mio", "mn", "mil", "million", "millions", "millionen"), 1e6),
    **dict.fromkeys(("b", "bn", "mrd", "billion", "billions", "milliarden", "md"), 1e9),
}
_NUMBER = re.compile(
    r"(?:(?P<commas>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?)(?![\d,])"
    r"|(?P<points>\d{1,3}(?:\.\d{3})+(?:,\d+)?)(?![\d.])"
    r"|(?P<blanks>\d{1,3}(?:[' ]\d{3})+(?:[.,]\d+)?)(?!\d)"
    r"|(?P<digits>\d+(?:[.,]\d+)?(?:e[+-]?\d{1,2}(?!\d))?))\s*(?P<scale>[a-z]+)?"
)
_DASH = re.compile(r"\s*[–—−]\s*")
# Spreadsheets turn "1-10" into "10-Jan" and "11-50" into "Nov-50".
_MONTHS = {
    name: str(number)
    for number, names in enumerate(
        ("jan", "feb", "mar|mrz", "apr", "may|mai", "jun", "jul", "aug", "sep", "oct|okt", "nov",
         "dec|dez"),
        start=1,
    )
    for name in names.split("|")
}  # fmt: skip
_MONTH_RANGE = re.compile(rf"(\d+)-({'|'.join(_MONTHS)})|({'|'.join(_MONTHS)})-(\d+)")
_WORDS = (
    (re.compile(r"self.?employed|freelanc|sole|solo|just me|individual|myself"), 1.0),
    (re.compile(r"micro|startup|start-up"), 5.0),
    (re.compile(r"small"), 25.0),
    (re.compile(r"medium|mid"), 120.0),
    (re.compile(r"enterprise|very large"), 5_000.0),
    (re.compile(r"large|big"), 1_000.0),
)
_BELOW = re.compile(r"^\s*(<|≤|under|less than|below|up to|fewer than|max|bis|unter|weniger)")


def log_amount(value: float) -> float | None:
    """Put an amount on a logarithmic scale that has a place for nothing."""
    return math.log10(1.0 + value) if math.isfinite(value) and value >= 0 else None


def log_amounts(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Do as `log_amount` to an array.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n,)
        NaN where `log_amount` gives None.
    """
    result = np.full(len(values), np.nan)
    usable = np.isfinite(values) & (values >= 0)
    # By the same logarithm as for one lead: NumPy's own may differ in the last bit.
    result[usable] = list(map(math.log10, (1.0 + values[usable]).tolist()))
    return result


def read_size(text: str) -> float | None:
    """Read a company's size, also from words such as "enterprise".

    Parameters
    ----------
    text : str
        A number of people, a range of it, or a word.

    Returns
    -------
    float or None
        As `read_amount`; for a word a typical number; None where nothing is understood.
    """
    amount = read_amount(text)
    if amount is not None:
        return amount
    plain = _plain(text)
    return next((size for pattern, size in _WORDS if pattern.search(plain)), None)


def read_amount(text: str) -> float | None:
    """Read an amount or a range of amounts.

    Parameters
    ----------
    text : str
        ``"1,200"``, ``"1.200"``, ``"11-50"``, ``"$1M - $10M"``, ``"10k+"``, ``"< 50"``.

    Returns
    -------
    float or None
        The amount; the geometric mean of a range; half of an upper bound; a lower bound as it
        is. None where no number is found.
    """
    plain = _MONTH_RANGE.sub(_month_range, _plain(text))
    found = [_number(match) for match in _NUMBER.finditer(plain)]
    if not found:
        return None
    if len(found) == 1:
        amount, scale = found[0]
        return amount * scale / (2.0 if _BELOW.search(plain) else 1.0)
    (low, low_scale), (high, high_scale) = found[:2]
    # "1-10M" is one million to ten, "500k-1M" is what it says.
    low *= low_scale if low_scale > 1 or low > high else high_scale
    return math.sqrt(max(low, 1.0) * max(high * high_scale, 1.0))


def in_other_currency(
    cells: pl.Series | None, named: pl.Series | None, currency: str
) -> pl.Series | None:
    """Find the amounts that are not in the declared currency.

    Parameters
    ----------
    cells : pl.Series of String or None
        The amounts as the export writes them; a mark or a code in one tells its currency.
    named : pl.Series of String or None
        The column that names the currency of each; what is empty there is in no known currency.
    currency : str
        The declared one: a code of ISO 4217.

    Returns
    -------
    pl.Series of bool or None
        True where it is another, or where `named` names none; None where neither is given.
    """
    found = list[pl.Series]()
    if named is not None:
        code = named.str.strip_chars().str.to_uppercase().fill_null("")
        fitting = [currency, *(mark for mark, codes in MARKS.items() if currency in codes)]
        found.append(~code.is_in(fitting))
    if cells is not None:
        text = cells.fill_null("")
        others = [mark for mark, codes in MARKS.items() if currency not in codes]
        codes = "|".join(sorted(CODES - {currency}))
        found.append(text.str.contains(rf"[{''.join(others)}]|\b(?:{codes})\b"))
    if not found:
        return None
    return found[0] if len(found) == 1 else found[0] | found[1]


def _plain(text: str) -> str:
    short = unicodedata.normalize("NFKC", text[:LONGEST]).casefold()
    return _DASH.sub("-", short)


def _month_range(found: re.Match[str]) -> str:
    high, month_after, month_before, low = found.groups()
    return f"{_MONTHS[month_after]}-{high}" if high else f"{_MONTHS[month_before]}-{low}"


def _number(match: re.Match[str]) -> tuple[float, float]:
    if match["commas"]:
        digits = match["commas"].replace(",", "")
    elif match["points"]:
        digits = match["points"].replace(".", "")
    else:
        digits = re.sub(r"[' ]", "", match["blanks"] or match["digits"])
    scale = _SCALES.get((match["scale"] or "").rstrip("."), 1.0)
    return float(digits.replace(",", ".")), scale
