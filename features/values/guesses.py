"""What values that could not be read, or matched, probably are: told beside a fault, never used.

Each function gets the first distinct values at fault and gives a sentence, with the key to set
where there is one, or nothing.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache

import polars as pl

from leadcast.features.base.letters import plainest
from leadcast.features.values.formats import NumberFormat
from leadcast.features.values.identifiers import first_fifteen
from leadcast.features.values.numbers import parse_numbers
from leadcast.features.values.times import TimeRules, parse_times

_DATES = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d"),
    "%m.%d.%Y",
    *("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%b %d, %Y"),
    *("%B %d, %Y", "%d %B %Y", "%d. %B %Y", "%Y%m%d"),
)
_SHORT = re.compile(r"%[dm]([./-])%[dm]\1")
_TWO_ORDERS = (
    "Where some files write the day first and others the month, export all in one notation, best "
    "YYYY-MM-DD: up to the 12th no format tells them apart."
)
_CLOCKS = (
    *("", " %H:%M", " %H:%M:%S", " %H:%M:%S%.f", " %I:%M %p", " %I:%M:%S %p", ", %H:%M"),
    *(", %H:%M:%S", ", %I:%M %p", "T%H:%M:%S"),
)
_FORMATS = (
    *("%Y-%m-%d %I:%M %p", "%Y-%m-%d %I:%M:%S %p", "%Y%m%dT%H%M%S", "%Y%m%d%H%M%S"),
    *(f"{date}{clock}" for date in _DATES for clock in _CLOCKS),
    *("%a, %d %b %Y %H:%M:%S %z", "%a %b %d %Y %H:%M:%S GMT%z", "%d/%b/%Y:%H:%M:%S %z"),
)
_SHAPES = {
    **dict.fromkeys(("%d", "%m", "%H", "%I"), r"\d{1,2}"),
    **dict.fromkeys(("%y", "%M", "%S"), r"\d{2}"),
    **dict.fromkeys(("%b", "%B", "%a"), r"[A-Za-z]{3,}"),
    **{"%Y": r"\d{4}", "%.f": r"\.\d+", "%p": "[AaPp][Mm]", "%z": r"[+-]\d{2}:?\d{2}"},
}
_MARK = re.compile(r"%\.?[A-Za-z]|[^%]+")


@cache
def _shape(written: str) -> re.Pattern[str]:
    """Make a pattern of what may be written in a time format: sooner tried than the format."""
    marks = _MARK.findall(written)
    return re.compile("".join(_SHAPES.get(mark) or re.escape(mark) for mark in marks))


_SINCE = {
    "excel": (20_000, 80_000),
    "julian_day": (2_440_000, 2_500_000),
    "epoch_s": (3e8, 5e9),
    "epoch_ms": (3e11, 5e12),
    "epoch_us": (3e14, 5e15),
    "epoch_ns": (3e17, 5e18),
}
"""Which numbers are times from 1980 to 2120."""
_NOTHING = re.compile(
    r"(?i)n/?a|n\.a\.|#n/?a|#(ref|value|name|null|num|div/0)!?\??|#+|nan|null|none|nil|-+|–|—|\?+"
    r"|\.|unknown|unbekannt|keine angabe|k\.? ?a\.?|0000-00-00( 00:00:00)?|\(blank\)|\(none\)"
    r"|not set|undefined|\\n|-?infinity"
)
_NUMBER_FORMATS = tuple(
    NumberFormat(decimal=decimal, thousands=thousands)
    for decimal, thousands in (
        *((".", ""), (",", ""), (".", ","), (",", "."), (".", "'"), (".", " ")),
        *((",", " "), (",", "'")),
    )
)
_YES = frozenset(
    (
        *("ja", "j", "oui", "o", "vrai", "si", "sí", "s", "да", "sim", "verdadero", "verdadeiro"),
        *("vero", "wahr", "waar", "tak", "igen", "x", "✓", "✔", "on", "active", "checked"),
    )
)
_NO = frozenset(
    (
        *("nein", "nee", "non", "faux", "нет", "não", "falso", "falsch", "onwaar", "nie", "nem"),
        *("off", "inactive", "unchecked"),
    )
)


def missing_words(values: Sequence[str]) -> tuple[str, list[str]]:
    """Tell which values mean that nothing is known, and give the others."""
    nothing = [value for value in values if _NOTHING.fullmatch(value.strip())]
    rest = [value for value in values if value not in nothing]
    told = f"Set `missing: {yaml_list(nothing)}` if these mean missing." if nothing else ""
    return told, rest


def yaml_list(values: Iterable[str]) -> str:
    """Write texts as YAML has them, on one line."""
    return f"[{', '.join(map(yaml_text, values))}]"


def yaml_text(value: str) -> str:
    """Write a text as YAML has it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def time_words(values: Sequence[str], zone: str | None = "UTC") -> str:
    """Tell in which format unreadable times are written."""
    nothing, rest = missing_words(values)
    return " ".join(filter(None, (nothing, _time_format(rest, zone) if rest else "")))


def _time_format(values: Sequence[str], zone: str | None) -> str:
    since = [name for name in _SINCE if all(_is_since(value, name) for value in values)]
    if since:
        return f"They look like numbers that count: `time_format: {since[0]}`."
    fits = {}
    shaped = (one for one in _FORMATS if any(map(_shape(one).fullmatch, values)))
    for written in shaped:
        read = parse_times(pl.Series(values), TimeRules(zone or "UTC", (written,)))
        if read.values.count():
            fits[written] = read.values
    if not fits:
        return ""
    most = max(found.count() for found in fits.values())
    best = [written for written, found in fits.items() if found.count() == most]
    other = next((one for one in best[1:] if not fits[one].equals(fits[best[0]])), None)
    how_many = "All" if most == len(values) else f"{most} of the {len(values)}"
    if other is not None:
        return (
            f"{how_many} that were looked at fit both `time_format: {yaml_text(best[0])}` and "
            f"{yaml_text(other)}, with other times: set the one that the export means."
        )
    told = f"{how_many} that were looked at fit `time_format: {yaml_text(best[0])}`."
    return f"{told} {_TWO_ORDERS}" if _SHORT.match(best[0]) else told


def two_way_words(_: Sequence[str]) -> str:
    """Tell what to do where days and months may have been exchanged."""
    return _TWO_ORDERS


def early_words(values: Sequence[str]) -> str:
    """Tell what times before 1980 are."""
    since = [name for name in _SINCE if all(_is_since(value, name) for value in values)]
    if since:
        return f"They look like numbers that count: `time_format: {since[0]}`."
    return f"Set `missing: {yaml_list(values[:5])}` if this is how an empty date is written."


def _is_since(value: str, unit: str) -> bool:
    low, high = _SINCE[unit]
    try:
        return low <= float(value) <= high
    except ValueError:
        return False


def number_words(values: Sequence[str]) -> str:
    """Tell how unreadable numbers are written."""
    nothing, rest = missing_words(values)
    return " ".join(filter(None, (nothing, _number_format(rest) if rest else "")))


def _number_format(values: Sequence[str]) -> str:
    marks = Counter(mark for value in values for mark in re.findall(r"[^\d\s.,'’+()−-]+", value))
    if any(re.search(r"\d\s*(?:k|m|mio\.?|mrd\.?|bn?|tsd\.?)$", one, re.I) for one in values):
        return (
            "Amounts with k or M are read in the attributes company_size and revenue alone "
            "(`type: category`); write them out elsewhere."
        )
    strip = list(marks) if len(marks) <= 5 else []
    for one in _NUMBER_FORMATS:
        written = one.model_copy(update={"strip": tuple(strip)})
        if parse_numbers(pl.Series(values), written).problem.null_count() == len(values):
            keys = [f'decimal: "{one.decimal}"']
            keys += [f'thousands: "{one.thousands}"'] if one.thousands else []
            keys += [f"strip: {yaml_list(strip)}"] if strip else []
            return f"They fit `numbers: {{{', '.join(keys)}}}`."
    return ""


def flag_words(values: Sequence[str]) -> str:
    """Tell how to say which words are yes and which no."""
    pairs = [(value, _flag_word(value)) for value in values[:6]]
    told = ", ".join(f'{yaml_text(value)}: "{word}"' for value, word in pairs)
    unsure = any(word == "true or false" for _, word in pairs)
    return f"Set `values: {{{told}}}`{', each with what it means' if unsure else ''}."


def _flag_word(value: str) -> str:
    word = value.casefold()
    if word in _YES or word in _NO:
        return "true" if word in _YES else "false"
    try:
        return "true or false" if float(value) not in (0, 1) else str(bool(float(value))).lower()
    except ValueError:
        return "true or false"


def near_words(values: Sequence[str], known: Mapping[str, str]) -> str:
    """Tell which of a definition's words values differ from in case, blanks or letters alone.

    Parameters
    ----------
    values : sequence of str
        What the table has.
    known : mapping of str to str
        The definition's words, each with its key.

    Returns
    -------
    str
    """
    plain = {plainest(word).casefold(): word for word in known}
    pairs = [(value, plain.get(plainest(value).casefold())) for value in values]
    near: dict[str, list[str]] = {}
    for value, word in pairs:
        if word is not None:
            near.setdefault(known[word], []).append(value)
    told = [
        f"Add {yaml_list(found)} to `{key}`: only case, blanks or look-alike letters tell them "
        "from words that stand there."
        for key, found in near.items()
    ]
    rest = [value for value, word in pairs if word is None]
    if rest and not told:
        keys = " or ".join(f"`{key}`" for key in dict.fromkeys(known.values()))
        told.append(f"To paste under {keys}: {yaml_list(rest)}.")
    return " ".join(told)


_Form = Callable[[pl.Expr], pl.Expr]
_UUID = r"^[{(]?([0-9A-Fa-f]{8})-?([0-9A-Fa-f]{4})-?([0-9A-Fa-f]{4})-?([0-9A-Fa-f]{4})-?"
# Its ids may differ in case alone, so this is asked before case is left aside.
_SALESFORCE = "as Salesforce writes the same id with 15 or 18 letters"
_FORMS: Mapping[str, _Form] = {
    _SALESFORCE: lambda one: one.map_batches(first_fifteen, return_dtype=pl.String),
    "leaving upper and lower case aside": lambda one: one.str.to_lowercase(),
    "after removing leading zeros": lambda one: one.str.replace(r"^0+([0-9])", "${1}"),
    "after removing .0": lambda one: one.str.replace(r"^([0-9]+)[.,]0+$", "${1}"),
    "after removing quotation marks": lambda one: one.str.strip_chars("=\"'`´’“”"),
    "after removing marks between thousands": lambda one: one.str.replace(
        r"^([0-9]{1,3})[.,' ]([0-9]{3})(?:[.,' ]([0-9]{3}))?$", "${1}${2}${3}"
    ),
    "by their first 15 letters (Salesforce writes the same id with 15 or 18)": lambda one: (
        pl.when(one.str.contains(r"^[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?$"))
        .then(one.str.slice(0, 15))
        .otherwise(one)
    ),
    "as UUIDs without braces, dashes and case": lambda one: (
        one.str.replace(_UUID + r"([0-9A-Fa-f]{12})[)}]?$", "${1}${2}${3}${4}${5}")
        .str.to_lowercase()
    ),
    "after removing what stands before their digits": lambda one: one.str.replace(
        r"^[A-Za-z]+[-_ #:/]*([0-9]+)$", "${1}"
    ),
    "with look-alike letters and marks read as one": lambda one: one.map_elements(
        plainest, return_dtype=pl.String
    ),
    "by their first digits (a spreadsheet has rounded long numbers)": lambda one: (
        pl.when(one.str.contains(r"^[0-9]{12,}$|^[0-9][.,]?[0-9]*E\+?[0-9]+$"))
        .then(one.str.replace_all(r"[.,]|E.*$", "").str.slice(0, 3))
        .otherwise(one)
    ),
}  # fmt: skip
"""How identifiers of two tables may be written otherwise, the likeliest first."""
_ALIKE = "Export both tables with the ids written alike."
_REMEDIES = {_SALESFORCE: "Set `ids: salesforce` at the top of the definition."}
_MOST_KNOWN = 1_000_000
_LISTED = (";", ",", "|")
"""What parts several identifiers in one cell."""


def kin_words(
    values: Sequence[str], known: pl.Series, column: str, table: str = "the leads' table"
) -> str:
    """Tell by which change of writing ids that no lead has would match leads' ids.

    Parameters
    ----------
    values : sequence of str
        Ids that no lead has.
    known : pl.Series of String
        The leads' ids.
    column : str
        Where the others stand.
    table : str
        Where these stand.

    Returns
    -------
    str
    """
    ids = pl.DataFrame({"theirs": known.head(_MOST_KNOWN)})
    orphans = pl.DataFrame({"own": pl.Series(values, dtype=pl.String)})
    for words, form in _FORMS.items():
        theirs = ids.with_columns(form=form(pl.col("theirs"))).unique("form", keep="first")
        met = orphans.with_columns(form=form(pl.col("own"))).join(
            theirs, on="form", maintain_order="left"
        )
        if met.height:
            own, lead = met["own"][0], met["theirs"][0]
            return (
                f"{met.height} of the {len(values)} ids that were looked at match {words}: "
                f"{own!r} here is {lead!r} in {table}. {_REMEDIES.get(words, _ALIKE)}"
            )
    values_ = pl.Series(values, dtype=pl.String)
    listed, mark = listed_ids(values_, known.head(_MOST_KNOWN))
    if not mark:
        return ""
    return (
        f"{listed.sum()} of the {len(values)} ids that were looked at are several in one cell, "
        f"parted by {mark!r}, such as {values_.filter(listed)[0]!r}, and some of these are in "
        f"{table}. Set `split_cells: {{{yaml_text(column)}: {yaml_text(mark)}}}` for the table "
        "that has this column."
    )


def listed_ids(values: pl.Series, known: pl.Series) -> tuple[pl.Series, str]:
    """Find values that are several identifiers, of which at least one is known.

    Parameters
    ----------
    values : pl.Series of String
        Values that are no known identifiers as they stand.
    known : pl.Series of String
        Known identifiers.

    Returns
    -------
    pl.Series of bool
        Which values are, as many as there are values.
    str
        What parts them; empty where none is.
    """
    for mark in _LISTED:
        several = values.filter(values.str.contains(mark, literal=True).fill_null(value=False))
        if not len(several):
            continue
        parts = (
            several.unique().to_frame("value").with_columns(part=pl.col("value").str.split(mark))
        )
        parts = parts.explode("part").with_columns(part=pl.col("part").str.strip_chars())
        met = parts.filter(pl.col("part").is_in(known.implode()))["value"]
        if len(met):
            return values.is_in(met.implode()).fill_null(value=False), mark
    return pl.repeat(False, len(values), dtype=pl.Boolean, eager=True), ""
