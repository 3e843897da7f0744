"""What an audit finds: its kinds, each with what it means and what to do, and one finding."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import polars as pl

from leadcast.models.audit.lead_outcomes import Contrast

Level = Literal["warning", "note"]


@dataclass(frozen=True)
class FindingKind:
    """A kind of finding."""

    title: str
    """What it is called, with ``{}`` for the column."""
    level: Level
    """A warning asks for something to be done; a note is to be known."""
    advice: str
    """What to do."""


KINDS: Mapping[str, FindingKind] = {
    "email_invalid": FindingKind(
        "{}: no valid e-mail address", "warning",
        "Check addresses on the form as they are typed; these leads cannot be written to.",
    ),
    "email_reserved": FindingKind(
        "{}: an address that nobody can have (example.com, .test)", "warning",
        "Leave such leads out, or find the form that lets them through.",
    ),
    "email_disposable": FindingKind(
        "{}: a disposable address", "note",
        "Do not reject a lead for this alone: see below how they convert. Ask for another address "
        "where mail must arrive later.",
    ),
    "email_relay": FindingKind(
        "{}: an address behind a relay (Apple, Firefox, DuckDuckGo)", "note",
        "Treat it as a private address that works; it says nothing against the lead.",
    ),
    "email_role": FindingKind(
        "{}: the address of a role (info@, sales@)", "note",
        "Ask for the person's own address if you want to speak to one.",
    ),
    "email_repeated": FindingKind(
        "{}: one address on many leads", "warning",
        "It is a placeholder, a test or a reseller's; empty it or leave such leads out.",
    ),
    "phone_invalid": FindingKind(
        "{}: a telephone number that no country has", "warning",
        "Check numbers on the form by the country that is chosen; these leads cannot be called.",
    ),
    "phone_unclear": FindingKind(
        "{}: a number without its country's code, and no country on the lead", "note",
        "Ask for the country, or store numbers with their code (+49 …).",
    ),
    "phone_elsewhere": FindingKind(
        "{}: a number of another country than the lead's", "note",
        "Nothing is wrong with it as such; see whether the country is guessed or typed.",
    ),
    "phone_repeated": FindingKind(
        "{}: one number on many leads", "warning",
        "It is a switchboard or a placeholder; empty it where it is the latter.",
    ),
    "name_doubtful": FindingKind(
        "{}: a name that is probably none", "warning",
        "Look at where these leads come from before you leave them out: a bot, a test, or a form "
        "that asks too much.",
    ),
    "names_are_same": FindingKind(
        "{}: the first name is the last name too", "note",
        "See whether one form field fills both; a few people are really called so.",
    ),
    "fields_alike": FindingKind(
        "all that was typed is the same", "warning",
        "Leave such leads out; look at which form or vendor they come from.",
    ),
    "dates_out_of_order": FindingKind(
        "{}: dates in the wrong order", "warning",
        "See whether one of the two has another time zone, day and month exchanged, or is filled "
        "in later.",
    ),
    "dates_in_future": FindingKind(
        "{}: a date after the end of the export", "note",
        "If it is planned and not past, it must not be learned from; otherwise the year is wrong.",
    ),
    "events_in_bulk": FindingKind(
        "{}: edited in bulk", "warning",
        "Many leads have it in the same second: an import or a clean-up, and not what leads did. "
        "Leave these events out (`tables.events.where`).",
    ),
    "changes_in_bulk": FindingKind(
        "{}: edited in bulk", "warning",
        "Many leads had it changed in the same second: an import or a clean-up. If that was done "
        "for leads that had ended, it tells how they ended; take these changes out of the history "
        "(`tables.attribute_changes.where`).",
    ),
    "profile_doubt": FindingKind(
        "{}: as `leadcast check` doubts it", "warning", "See `leadcast check`."
    ),
    "column_goes_missing": FindingKind(
        "{}: no longer filled in as before", "warning",
        "Ask what changed at that time: a form, a field's name, an integration. The model takes "
        "the gap for news.",
    ),
    "column_drifts": FindingKind(
        "{}: other values than before", "note",
        "Find out whether the market changed or the way it is recorded.",
    ),
    "column_turns": FindingKind(
        "{}: its values convert the other way round than before", "warning",
        "Find out what changed at that time. A score that has learned the old way promises too "
        "much to the wrong leads; a column that only tells the time should be left out.",
    ),
    "column_changes_meaning": FindingKind(
        "{}: does not mean what it meant", "warning",
        "Map the values from before and after to the same words or unit, or leave the column out "
        "until it is long enough in its new form.",
    ),
}  # fmt: skip
"""Every kind by its code."""
_LOUD_SHARE = 0.01
"""A warning that concerns a smaller share of the leads is only a note."""


@dataclass(frozen=True)
class AuditFinding:
    """One thing that an audit found.

    Parameters
    ----------
    code : str
        A key of `KINDS`.
    column : str
        The export's column, or what else it is about.
    count, of : int
        So many leads (or events), of so many that could have had it.
    found : str
        What was found, in words that tell nobody's data.
    examples : tuple of str
        Masked: letters and digits as their shape, but for names of public domains.
    contrast : Contrast or None
        How these leads convert beside the others that have a value there.
    vouched : str or None
        Why the definition says that it is right.
    advice, about : str
        What to do, and what it is called; empty: as the kind says.
    """

    code: str
    column: str
    count: int
    of: int
    found: str = ""
    examples: tuple[str, ...] = ()
    contrast: Contrast | None = None
    vouched: str | None = None
    advice: str = ""
    about: str = ""

    @property
    def share(self) -> float:
        """The share of those that could have had it."""
        return self.count / self.of if self.of else 0.0

    @property
    def level(self) -> Level:
        """How loudly it is told."""
        if self.vouched is not None or self.share < _LOUD_SHARE:
            return "note"
        return KINDS[self.code].level

    @property
    def title(self) -> str:
        """What it is called."""
        return self.about or KINDS[self.code].title.format(self.column)

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "code": self.code,
            "column": self.column,
            "level": self.level,
            "title": self.title,
            "count": self.count,
            "of": self.of,
            "share": self.share,
            "found": self.found,
            "examples": [*self.examples],
            "conversion": None if self.contrast is None else self.contrast.to_json(),
            "advice": self.advice or KINDS[self.code].advice,
            "vouched": self.vouched,
        }


def worst_first(findings: Iterable[AuditFinding], vouched: Mapping[str, str]) -> list[AuditFinding]:
    """Put findings in order, and mark those that the definition vouches for.

    Parameters
    ----------
    findings : iterable of AuditFinding
    vouched : mapping of str to str
        The reasons, by ``code`` or ``code:column``.

    Returns
    -------
    list of AuditFinding
        Warnings before notes, what is vouched for last, and within each the largest share first.
    """
    told = [
        replace(
            one,
            vouched=one.vouched or vouched.get(f"{one.code}:{one.column}", vouched.get(one.code)),
        )
        for one in findings
    ]
    return sorted(
        told,
        key=lambda one: (
            one.vouched is not None, one.level != "warning", -one.share, one.code, one.column
        ),
    )  # fmt: skip


_SHAPES = ((re.compile(r"[^\W\d_]"), "a"), (re.compile(r"\d"), "9"))
MOST_SHOWN = 12
EXAMPLES = 3


def masked(text: str) -> str:
    """Keep a text's shape alone: letters become ``a``, digits ``9``.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        At most `MOST_SHOWN` characters.

    Examples
    --------
    >>> masked("Jane Doe 3")
    'aaaa aaa 9'
    """
    for letters, sign in _SHAPES:
        text = letters.sub(sign, text)
    text = " ".join(text.split())
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"


def masked_address(address: str, public: bool) -> str:
    """Mask an e-mail address; its domain is told where it is a public one.

    Parameters
    ----------
    address : str
    public : bool
        Whether the domain is a provider's, which anybody may have.

    Returns
    -------
    str
    """
    local, at, domain = address.strip().rpartition("@")
    # What stands below a provider's domain may be somebody's name.
    provider = ".".join(domain.lower().split(".")[-2:])
    return f"{masked(local)}{at}{provider if public else masked(domain)}"


def frequent(texts: Sequence[str]) -> tuple[str, ...]:
    """Give the most frequent of some masked texts, with how often each is there."""
    counts = pl.Series("text", texts, dtype=pl.String).value_counts(name="count")
    counts = counts.sort("count", "text", descending=[True, False]).head(EXAMPLES)
    return tuple(f"{text} ({count:,})" for text, count in counts.iter_rows())
