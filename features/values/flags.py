"""Flags: yes or no, in the usual words, as truth values, or as 1 and 0 of any type."""

from collections.abc import Sequence

import polars as pl

from leadcast.features.values.columns import Parsed, clean_text

_YES = ("true", "t", "yes", "y", "1")
_NO = ("false", "f", "no", "n", "0")
FLAG_WORDS = frozenset(_YES + _NO)
NOT_A_FLAG = "is neither yes nor no"


def parse_flags(series: pl.Series, missing: Sequence[str] = ()) -> Parsed:
    """Read yes or no, in any of the usual words.

    Parameters
    ----------
    series : pl.Series
        Booleans, numbers or text: true, t, yes, y, 1 and their opposites, in any case.
    missing : sequence of str
        Values that mean missing.

    Returns
    -------
    Parsed
        Boolean.
    """
    text = clean_text(series, missing)
    word = text.str.to_lowercase()
    yes, no = word.is_in(list(_YES)), word.is_in(list(_NO))
    values = pl.select(pl.when(yes).then(pl.lit(True)).when(no).then(pl.lit(False))).to_series()
    return Parsed.checked(values.alias(series.name), text.is_not_null(), NOT_A_FLAG)
