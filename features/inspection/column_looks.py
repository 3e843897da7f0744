"""What a column looks like: what kind of values, how many, how written, and what means missing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import polars as pl

from leadcast.features.base.addresses import email_domain
from leadcast.features.inspection.found_tables import FoundTable
from leadcast.features.inspection.number_looks import NumberLook, look_at_numbers
from leadcast.features.inspection.time_looks import TimeLook, look_at_times
from leadcast.features.inspection.wording import phrases, plain_words
from leadcast.features.values.columns import clean_text
from leadcast.features.values.contacts import phone_is_valid
from leadcast.features.values.flags import FLAG_WORDS

Kind = Literal["empty", "time", "number", "flag", "email", "phone", "category", "text"]

MISSING_WORDS = frozenset(
    phrases(
        """n/a|#n/a|#na|nan|nil|null|none|-|--|---|?|--none--|-none-|<none>|(none)|[none]|select
        |--select--|-- select --|please select|(not set)|not set|[not provided]|not provided
        |not specified|undefined|k.a.|k. a.|keine angabe|nicht angegeben|bitte wählen|s/d|sin datos
        |sin especificar|no especificado|non renseigné|non renseigne|non specificato|n.d.
        |não informado|nao informado|não especificado|onbekend|n.v.t.|0000-00-00
        |0000-00-00 00:00:00"""
    )
)
"""What forms and databases write for nothing, in lower case."""
FLAGS: Mapping[str, str] = {
    **dict.fromkeys(("ja", "wahr", "si", "sí", "verdadero", "oui", "vrai", "sim", "verdadeiro"),
                    "true"),
    **dict.fromkeys(("vero", "waar", "x", "checked", "on"), "true"),
    **dict.fromkeys(("nein", "falsch", "falso", "non", "faux", "não", "nao", "nee", "onwaar"),
                    "false"),
    **dict.fromkeys(("unchecked", "off"), "false"),
}  # fmt: skip
"""Words for yes and no that must be translated."""
_MOST_DISTINCT = 60
_FEW_WORDS = 3


@dataclass(frozen=True)
class ColumnLook:
    """What a column looks like.

    Parameters
    ----------
    name : str
        As the export calls it.
    kind : str
        What kind of values most of it has.
    rows, given, distinct : int
        How many rows, values, and different values.
    time : TimeLook or None
        How its times are written.
    number : NumberLook or None
        How its numbers are written.
    missing : tuple of str
        What means missing in this column alone.
    flags : mapping of str to str
        Which of its values are yes and no, where these are not the usual words.
    counts : mapping of str to int
        The frequent values, the most frequent first.
    mean_length : float
        Of its values, in letters.
    """

    name: str
    kind: Kind
    rows: int
    given: int
    distinct: int
    time: TimeLook | None = None
    number: NumberLook | None = None
    missing: tuple[str, ...] = ()
    flags: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    mean_length: float = 0.0

    @property
    def words(self) -> str:
        """Give the name in plain words."""
        return plain_words(self.name)

    @property
    def is_unique(self) -> bool:
        """Whether nearly each row has a value of its own."""
        return self.given >= 0.99 * self.rows and self.distinct >= 0.995 * self.given > 1


@dataclass(frozen=True)
class SeenTable:
    """A table and what its columns look like.

    Parameters
    ----------
    found : FoundTable
        The table.
    missing : tuple of str
        What means missing in each column.
    looks : dict of str to ColumnLook
        Each column's.
    """

    found: FoundTable
    missing: tuple[str, ...]
    looks: Mapping[str, ColumnLook]

    @property
    def name(self) -> str:
        """Give the table's name."""
        return self.found.name

    @property
    def title(self) -> str:
        """Give the table's name in plain words, without folder and ending."""
        return plain_words(self.found.title)

    @property
    def rows(self) -> int:
        """Count the rows that were looked at."""
        return self.found.frame.height

    def text(self, column: str) -> pl.Series:
        """Give a column as text; null where missing."""
        return clean_text(self.found.frame[column], (*self.missing, *self.looks[column].missing))


def look_at(found: FoundTable) -> SeenTable:
    """Look at each column of a table.

    Parameters
    ----------
    found : FoundTable
        The table.

    Returns
    -------
    SeenTable
    """
    texts = {name: clean_text(found.frame[name]) for name in found.frame.columns}
    present: dict[str, None] = {}
    for name, series in texts.items():
        if found.frame[name].dtype == pl.String:
            lower = series.drop_nulls().unique()
            odd = lower.filter(lower.str.to_lowercase().is_in(list(MISSING_WORDS)))
            present |= dict.fromkeys(odd.sort())
    missing = tuple(present)
    looks = {name: _look_at_column(found.frame[name], name, missing) for name in texts}
    return SeenTable(found, missing, _agreed(looks))


def _look_at_column(series: pl.Series, name: str, missing: tuple[str, ...]) -> ColumnLook:
    text = clean_text(series, missing).alias(name)
    given, distinct = text.count(), text.drop_nulls().n_unique()
    rows = len(series)
    if not given:
        return ColumnLook(name, "empty", rows, 0, 0)
    known = text.drop_nulls()
    counts = known.value_counts(sort=True, name="count").head(_MOST_DISTINCT)
    told = dict(counts.sort(["count", name], descending=[True, False]).iter_rows())
    length = float(known.str.len_chars().mean())  # type: ignore[arg-type]
    look = ColumnLook(name, "category", rows, given, distinct, counts=told, mean_length=length)
    flags = _flags(series, told)
    if flags is not None:
        return replace(look, kind="flag", flags=flags)
    own, read = _without_words(series, text, told)
    typed = series if series.dtype != pl.String else read
    time = look_at_times(typed, plain_words(name))
    if time is not None:
        return replace(look, kind="time", time=time, missing=own)
    number = look_at_numbers(typed)
    if number is not None:
        marker = (number.placeholder,) if number.placeholder else ()
        return replace(look, kind="number", number=number, missing=(*own, *marker))
    return replace(look, kind=_kind_of_text(known, distinct, length))


def _agreed(looks: Mapping[str, ColumnLook]) -> dict[str, ColumnLook]:
    """Read numbers that fit two ways as the other columns of the table are written."""
    telling = [one.number.written for one in looks.values() if one.number and one.number.is_telling]
    agreed = {}
    for name, look in looks.items():
        number = look.number
        other = None if number is None else number.other
        if number is not None and other is not None:
            if any(one.decimal == number.written.decimal for one in telling):
                number = replace(number, other=None)
            elif any(one.decimal == other.decimal for one in telling):
                number = replace(number, written=other, other=None)
        agreed[name] = replace(look, number=number)
    return agreed


def _flags(series: pl.Series, counts: Mapping[str, int]) -> dict[str, str] | None:
    """Tell whether a column is yes or no; which words must be translated."""
    if series.dtype == pl.Boolean:
        return {}
    if len(counts) > 4 or series.dtype.is_numeric():
        return None
    words = {value.lower() for value in counts}
    if words <= FLAG_WORDS and words - {"0", "1"}:
        return {}
    if words <= FLAG_WORDS | FLAGS.keys() and len({FLAGS.get(word, "") for word in words}) > 1:
        return {value: FLAGS[value.lower()] for value in counts if value.lower() in FLAGS}
    return None


def _without_words(
    series: pl.Series, text: pl.Series, counts: Mapping[str, int]
) -> tuple[tuple[str, ...], pl.Series]:
    """Take away the few words that stand among numbers or times."""
    if series.dtype != pl.String or len(counts) <= _FEW_WORDS:
        return (), text
    plain = ~text.str.contains("[0-9]")
    odd = text.filter(plain.fill_null(value=False)).unique().sort().to_list()
    if not odd or len(odd) > _FEW_WORDS or plain.sum() > 0.9 * text.count():
        return (), text
    return tuple(odd), pl.select(pl.when(~plain).then(text)).to_series().alias(series.name)


def _kind_of_text(known: pl.Series, distinct: int, length: float) -> Kind:
    some = known.head(500)
    if some.str.contains("@").mean() > 0.8 and _share(some, email_domain) > 0.5:  # type: ignore[operator]
        return "email"
    dialled = some.str.contains(r"^[+(0-9][0-9 ()./+-]{5,24}$").mean()
    if dialled > 0.8 and distinct > 0.5 * len(known) and _share(some, phone_is_valid) > 0.5:  # type: ignore[operator]
        return "phone"
    varied = distinct > max(50, 0.5 * len(known))
    return "text" if varied or length > 60 else "category"


def _share(values: pl.Series, reads: object) -> float:
    assert callable(reads)
    return sum(bool(reads(value)) for value in values) / max(len(values), 1)


def is_name_of_id(words: str) -> bool:
    """Tell whether a column's name is that of an identifier.

    Parameters
    ----------
    words : str
        The name in plain words.

    Returns
    -------
    bool
    """
    return bool(
        re.search(r"(?:^| )(?:ids?|key|uuid|guid|number|nr|no|num|code|nummer|numero|kennung)$"
                  r"|^key |(?:^| )(?:ids?|uuid|guid) |^(?:\w+)?id$"
                  r"|\w(?:nr|nummer|number|uuid|guid)$", words)
    )  # fmt: skip
