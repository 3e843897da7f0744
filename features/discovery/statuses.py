"""What the words of a status column mean: won, lost or open, in the languages that are known."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from leadcast.features.discovery.vocabulary import (
    FLAG_NAMES,
    LOST_WORDS,
    OPEN_WORDS,
    OTHER_STATUSES,
    STATUS_NAMES,
    WON_WORDS,
)
from leadcast.features.inspection.column_looks import FLAGS, ColumnLook, SeenTable
from leadcast.features.inspection.wording import compact, has_phrase, phrases
from leadcast.features.values.flags import parse_flags

_STRONG = ("won", "gewonnen", "ganado", "ganada", "gagne", "gagnee", "ganho", "ganha", "vinto",
           "vinta", "closed converted")  # fmt: skip
_CODES = {"0": "open", "1": "won", "2": "lost"}
"""Of Dynamics' statecode, for an opportunity; a lead's 1 is qualified, which is open."""
_MOST_WORDS = 60
_MARKS = ("✓", "✔", "☑")
_MOST_MARKS = 3
"""A mark is written in so many ways at most, as "x" and "X"."""


@dataclass(frozen=True)
class Status:
    """A column that tells how a lead ended.

    Parameters
    ----------
    column : str
        The column.
    won, lost, open, unknown : tuple of str
        Its values by what they mean.
    score : float
        How much speaks for it.
    """

    column: str
    won: tuple[str, ...]
    lost: tuple[str, ...]
    open: tuple[str, ...]
    unknown: tuple[str, ...]
    score: float


def meaning_of(value: str) -> str:
    """Tell what a status means.

    Parameters
    ----------
    value : str
        As the export has it.

    Returns
    -------
    {"won", "lost", "open", ""}
        Empty: no known word.
    """
    own = compact(value)
    if own in _LOST or any(has_phrase(value, phrase) for phrase in _LOST.values()):
        return "lost"
    if own in _WON or any(has_phrase(value, phrase) for phrase in _STRONG):
        return "won"
    parts = [compact(part) for part in re.split(r"[-/:|]", value) if part.strip()]
    return "open" if own in _OPEN or (parts and all(one in _OPEN for one in parts)) else ""


def _by_letters(words: tuple[str, ...]) -> dict[str, str]:
    return {compact(word): word for word in words}


_WON, _LOST, _OPEN = map(_by_letters, (WON_WORDS, LOST_WORDS, OPEN_WORDS))


_PLACES = ("state", "estado", "etat", "stato", "staat")
"""What parts of a country are called, and how leads stand."""
_BESIDE_PLACES = {
    compact(name)
    for name in phrases(
        """city|town|zip|zip code|postal code|postcode|county|street|address|ciudad|cidade|cep
        |codigo postal|ville|code postal|citta|cap|provincia|stad|postcode"""
    )
}
_CODE_OF_PLACE = re.compile(r"[A-Z]{2,3}")


def is_place(seen: SeenTable, look: ColumnLook) -> bool:
    """Tell whether a column that may say how leads stand says where they are.

    Parameters
    ----------
    seen : SeenTable
        The table.
    look : ColumnLook
        The column.

    Returns
    -------
    bool
    """
    if not _says(look.words, _PLACES):
        return False
    if look.kind not in ("category", "text") or any(map(meaning_of, look.counts)):
        return False
    is_coded = all(_CODE_OF_PLACE.fullmatch(value) for value in look.counts)
    return is_coded or any(compact(name) in _BESIDE_PLACES for name in seen.looks)


def best_status(seen: SeenTable, preferred: str | None = None) -> Status | None:
    """Find the column that tells how leads ended.

    Parameters
    ----------
    seen : SeenTable
        The table.
    preferred : str or None
        The column that a CRM's own names point to.

    Returns
    -------
    Status or None
        None where no column has words for won, or for lost.
    """
    rated = [one for look in seen.looks.values() if (one := rate(look, preferred)) is not None]
    best = max(rated, key=lambda one: one.score, default=None)
    return best if best is not None and best.score >= 4 else None


def doubtful_status(seen: SeenTable) -> Status | None:
    """Find the column that is called like a status, and whose words do not tell who was won.

    Parameters
    ----------
    seen : SeenTable
        The table.

    Returns
    -------
    Status or None
        Its words, those for won among the unknown ones; None where no column is called so.
    """
    likely = [
        (_named(look.words, STATUS_NAMES), sum(map(bool, map(meaning_of, look.counts))), look)
        for look in seen.looks.values()
        if look.kind in ("category", "text")
        and 2 <= look.distinct <= _MOST_WORDS // 2
        and not is_place(seen, look)
        and not _says(look.words, OTHER_STATUSES)
    ]
    # A longer name that holds the word, as "marital status", is one only if it has known words.
    likely = [one for one in likely if one[0] >= 3 or (one[0] > 0 and one[1] > 0)]
    best = max(likely, key=lambda one: (one[1] > 0, *one[:2]), default=None)
    if best is None:
        return None
    look = best[2]
    return _sorted(look, {value: meaning_of(value) for value in look.counts}, 0.0)


def rate(look: ColumnLook, preferred: str | None = None) -> Status | None:
    """Read a column as a status, and say how much speaks for it."""
    bonus = 3.0 if look.name == preferred else 0.0
    if _is_mark(look):
        asked = _named(look.words, FLAG_NAMES)
        return Status(look.name, tuple(look.counts), (), (), (), asked + bonus + 1.5)
    if look.distinct > _MOST_WORDS or look.distinct < 2 or look.is_unique:
        return None
    named = _named(look.words, STATUS_NAMES)
    if look.kind == "flag" or (look.kind == "number" and look.distinct == 2):
        asked = _named(look.words, FLAG_NAMES)
        yes_no = _yes_no(look)
        if yes_no is None or not asked:
            return None
        return Status(look.name, *yes_no, (), (), asked + bonus + 1.5)
    coded = look.kind == "number" and compact(look.name) in ("statecode", "status", "state")
    if coded and set(look.counts) <= set(_CODES):
        return _sorted(look, {value: _CODES[value] for value in look.counts}, 6 + bonus)
    if look.kind not in ("category", "text"):
        return None
    meanings = {value: meaning_of(value) for value in look.counts}
    has = set(meanings.values())
    known = sum(count for value, count in look.counts.items() if meanings[value])
    if not has & {"won", "lost"} or known < 0.2 * look.given:
        return None
    score = named + bonus + 3.0 * ("won" in has) + 1.0 * ("lost" in has)
    return _sorted(look, meanings, score + known / look.given)


def _is_mark(look: ColumnLook) -> bool:
    """Tell whether a column is a mark such as "x", or blank: yes, and nothing where it is not."""
    marks = {one.lower() for one in look.counts}
    means_yes = all(one in _MARKS or parse_flags_one(FLAGS.get(one, one)) for one in marks)
    is_some = 0 < look.given < look.rows and look.distinct <= _MOST_MARKS
    return is_some and means_yes and _named(look.words, FLAG_NAMES) > 0


def _named(words: str, names: tuple[str, ...]) -> float:
    letters = words.replace(" ", "")
    if any(compact(name) == letters for name in names):
        return 3.0
    return 1.5 if _says(words, [name for name in names if len(name) > 3]) else 0.0


def _says(words: str, names: Iterable[str]) -> bool:
    """Tell whether plain words hold one of some names, whole."""
    return any(f" {name} " in f" {words} " for name in names)


def _yes_no(look: ColumnLook) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    won: list[str] = []
    lost: list[str] = []
    for value in look.counts:
        word = look.flags.get(value, value)
        told = parse_flags_one(word)
        if told is None:
            return None
        (won if told else lost).append(value)
    return (tuple(won), tuple(lost)) if won else None


def parse_flags_one(word: str) -> bool | None:
    """Read one yes or no."""
    value = parse_flags(pl.Series([word], dtype=pl.String)).values[0]
    return None if value is None else bool(value)


def _sorted(look: ColumnLook, meanings: Mapping[str, str], score: float) -> Status:
    parts = {
        meaning: tuple(value for value in look.counts if meanings[value] == meaning)
        for meaning in ("won", "lost", "open", "")
    }
    return Status(look.name, parts["won"], parts["lost"], parts["open"], parts[""], score)
