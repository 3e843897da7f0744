"""Who is to be forgotten: the leads that are one person, and how it is written in files."""

import html
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import polars as pl

from leadcast.features.base.addresses import plain_address
from leadcast.features.profile.personal import is_personal
from leadcast.features.snapshots import MOST_LEADS_OF_A_PERSON, person_keys

ID_COLUMNS = ("lead_id", "group_id", "person_id")
"""Columns in which even a short id is taken for the person's; a definition names others."""
LISTS_OF_IDS = ("lead_ids",)
"""Columns of lists in which even a short id is taken for the person's."""
_DIGITS = 9
"""So many digits at the end of a telephone number are the same in every spelling."""
_FEWEST_DIGITS = 7
_BETWEEN = b" \t\r\n()./-"
_SHORTEST = 6
"""A shorter text is found by chance."""


@dataclass(frozen=True)
class Person:
    """What tells who somebody is.

    Parameters
    ----------
    lead_ids : tuple of str
        Of all leads that are this person.
    emails : tuple of str
        Lower case.
    phones : tuple of str
        Digits; numbers that nobody else has.
    texts : tuple of str
        Values of columns that tell who somebody is (names, addresses) and that nobody else has.
    id_columns : tuple of str
        Columns that hold ids of leads.
    """

    lead_ids: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    id_columns: tuple[str, ...] = ID_COLUMNS

    @classmethod
    def find(cls, leads: pl.DataFrame, lead_ids: Iterable[str], emails: Iterable[str]) -> Self:
        """Find the leads that are a person, by what was asked.

        Leads with the same e-mail address are the same person, unless more than
        `MOST_LEADS_OF_A_PERSON` have it: that is an office's.

        Parameters
        ----------
        leads : pl.DataFrame
            The canonical leads.
        lead_ids, emails : iterable of str
            What was asked.

        Returns
        -------
        Person
            With what was asked, whether or not it was found.
        """
        asked_ids, asked = {*lead_ids}, {plain_address(one) for one in emails}
        keys = leads.select("lead_id", **person_keys(leads)).drop("account_id")
        own = keys.filter(pl.col("lead_id").is_in(list(asked_ids)))
        many = pl.len().over("email") > MOST_LEADS_OF_A_PERSON
        offices = {*keys.drop_nulls("email").filter(many)["email"]} - asked
        addresses = asked | ({*own["email"].drop_nulls()} - offices)
        mine = keys["lead_id"].is_in(list(asked_ids))
        mine |= keys["email"].is_in(list(addresses)).fill_null(value=False)
        theirs, others = keys.filter(mine), keys.filter(~mine)
        phones = {*theirs["phone"].drop_nulls()} - {*others["phone"].drop_nulls()}
        return cls(
            tuple(sorted(asked_ids | {*theirs["lead_id"]})),
            tuple(sorted(addresses)),
            tuple(sorted(one for one in phones if len(one) >= _FEWEST_DIGITS)),
            _own_texts(leads, mine),
        )

    @cached_property
    def pattern(self) -> re.Pattern[bytes] | None:
        """How the person is written in a file of bytes; None where nothing can be searched for."""
        parts = [
            *(_email_pattern(one) for one in self.emails),
            *(_phone_pattern(one) for one in self.phones),
            *(_word_pattern(one) for one in (*self.distinctive_ids, *self.texts)),
        ]
        if not parts:
            return None
        return re.compile("|".join(dict.fromkeys(parts)).encode(), re.IGNORECASE)

    @property
    def distinctive_ids(self) -> tuple[str, ...]:
        """The lead ids that no other text is by chance."""
        return tuple(one for one in self.lead_ids if _is_distinctive(one))

    @property
    def short_ids(self) -> tuple[str, ...]:
        """The others, which are looked for in columns of ids alone."""
        return tuple(one for one in self.lead_ids if not _is_distinctive(one))

    def in_text(self, text: bytes) -> bool:
        """Tell whether the person stands in a text."""
        if self.pattern is None or not self._may_stand(text):
            return False
        return self.pattern.search(text) is not None

    def _may_stand(self, text: bytes) -> bool:
        """Look for a part of each way of writing, which is a hundred times as quick."""
        anchors, digits = self._anchors
        low = text.lower()
        if any(one in low for one in anchors):
            return True
        return bool(digits) and any(one in text.translate(None, _BETWEEN) for one in digits)

    @cached_property
    def _anchors(self) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        names = [one.rpartition("@")[0] for one in self.emails]
        words = [*names, *self.distinctive_ids, *self.texts]
        runs = [max(re.findall(r"[ -~]+", one.lower()) or [""], key=len) for one in words]
        ends = tuple(one[-_DIGITS:].encode() for one in self.phones)
        return tuple(_plain_run(one).encode() for one in runs), ends

    def rows(self, frame: pl.DataFrame) -> pl.Series:
        """Tell which rows of a table are, or name, the person.

        Parameters
        ----------
        frame : pl.DataFrame

        Returns
        -------
        pl.Series of Boolean
        """
        found = pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)
        for name, dtype in frame.schema.items():
            if name in self.id_columns:
                found |= frame[name].cast(pl.String).is_in(self.lead_ids).fill_null(value=False)
            if name in LISTS_OF_IDS and dtype == pl.List(pl.String):
                listed = pl.col(name).list.set_intersection(list(self.lead_ids)).list.len() > 0
                found |= frame.select(listed.fill_null(value=False)).to_series()
            if dtype == pl.String and self.pattern is not None:
                found |= self._texts_of(frame[name])
            elif dtype.is_nested():
                found |= self._nested(frame[name])
        return found

    def _texts_of(self, values: pl.Series) -> pl.Series:
        # A value that stands there often is searched once.
        known = values.drop_nulls().unique()
        hits = [one for one in known.to_list() if self.in_text(one.encode())]
        return values.is_in(hits).fill_null(value=False)

    def _nested(self, values: pl.Series) -> pl.Series:
        texts = [json.dumps(one, default=str, ensure_ascii=False) for one in values.to_list()]
        return pl.Series([self.in_text(one.encode()) for one in texts], dtype=pl.Boolean)


def _own_texts(leads: pl.DataFrame, mine: pl.Series) -> tuple[str, ...]:
    found: set[str] = set()
    for name, dtype in leads.schema.items():
        if dtype != pl.String or name in ("email", "phone", "lead_id") or not is_personal(name):
            continue
        values = leads[name].str.strip_chars().str.to_lowercase()
        others = {*values.filter(~mine).drop_nulls()}
        found |= {one for one in values.filter(mine).drop_nulls() if one not in others}
    return tuple(sorted(one for one in found if len(one) >= _SHORTEST))


def _is_distinctive(lead_id: str) -> bool:
    mixed = any(one.isdigit() for one in lead_id) and any(one.isalpha() for one in lead_id)
    return len(lead_id) >= (_SHORTEST if mixed else 10)


def _email_pattern(address: str) -> str:
    name, _, domain = address.rpartition("@")
    at = r"(?:@|%40|&#64;|&#x40;|\\u0040)"
    return rf"(?<![\w.+-]){_escaped(name)}{at}{_escaped(domain)}(?![\w-]|\.\w)"


def _phone_pattern(digits: str) -> str:
    last = digits[-_DIGITS:]
    between = r"[\s()./-]{0,3}"
    # A number with a fraction is no telephone number.
    start = r"(?<!\d)(?<!\d\.)(?!\d+\.\d{7,}(?!\d))"
    return rf"{start}\+?(?:\d{between}){{0,5}}{between.join(last)}(?!\d)"


def _word_pattern(text: str) -> str:
    return rf"(?<![\w]){_escaped(text)}(?![\w])"


def _plain_run(text: str) -> str:
    """Give the longest part of a text that HTML and JSON write as it is."""
    return max(re.split(r"[\"&'<>\\\\]", text), key=len)


def _escaped(text: str) -> str:
    """Escape a text for a pattern, in each way in which files write what is not ASCII."""
    ways = [text, json.dumps(text)[1:-1], html.escape(text), text.encode().decode("latin-1")]
    distinct: Sequence[str] = list(dict.fromkeys(ways if not text.isascii() else ways[:1]))
    escaped = [re.escape(one) for one in distinct]
    return escaped[0] if len(escaped) == 1 else f"(?:{'|'.join(escaped)})"
