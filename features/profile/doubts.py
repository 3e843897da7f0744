"""A doubt: what is odd about a source, how much of it there is, and what to do."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from leadcast.features.base.errors import Fault
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.doubt_kinds import AUDIT_CODES, DOUBTS


@dataclass(frozen=True)
class Doubt:
    """One thing that is odd about a source.

    Parameters
    ----------
    code : str
        Which kind; a key of `leadcast.features.definitions.doubt_kinds.DOUBTS`.
    where : str
        The table, and the column where it is one.
    found : str
        What was found, with a count and an example.
    count : int
        How many rows are concerned.
    remedy : str
        What to do about it; empty: what its kind says.
    subject : str
        The column, for a doubt that several columns may raise; else empty.
    severity : {"warning", "error"}
        An error where a run would certainly be wrong.
    vouched : str or None
        Why the definition says that it is right; None where it does not.
    """

    code: str
    where: str
    found: str
    count: int = 0
    remedy: str = ""
    subject: str = ""
    severity: Literal["warning", "error"] = "warning"
    vouched: str | None = None

    @property
    def key(self) -> str:
        """What vouches for this doubt alone."""
        return f"{self.code}:{self.subject}" if self.subject else self.code

    def as_fault(self) -> Fault:
        """Tell it as faults are told."""
        return Fault(
            self.where,
            self.found,
            DOUBTS[self.code].expected,
            self.advice,
            self.severity,
            self.count,
        )

    @property
    def advice(self) -> str:
        """The remedy, and how to vouch for what is right."""
        remedy = self.remedy or DOUBTS[self.code].remedy
        return f"{remedy} If it is right: `{vouching(self.key)}`."

    def as_plain(self) -> dict[str, Any]:
        """Describe it as plain data."""
        return {
            "code": self.code,
            "subject": self.subject or None,
            "severity": self.severity,
            "where": self.where,
            "found": self.found,
            "expected": DOUBTS[self.code].expected,
            "remedy": self.advice,
            "count": self.count,
            "vouched": self.vouched,
        }


def vouching(key: str) -> str:
    """Write the line of a definition that vouches for a doubt."""
    return f"vouched: {{{_quoted(key)}: the reason}}"


def yaml_line(content: object) -> str:
    """Write plain data as YAML that can be pasted, on one line and without the outer braces."""
    if isinstance(content, dict):
        return ", ".join(f"{_quoted(key)}: {_flow(value)}" for key, value in content.items())
    return _flow(content)


def _flow(content: object) -> str:
    if isinstance(content, dict):
        return f"{{{yaml_line(content)}}}"
    if isinstance(content, list):
        return f"[{', '.join(map(_flow, content))}]"
    return _quoted(str(content))


def _quoted(text: str) -> str:
    is_plain = re.fullmatch(r"[A-Za-z_]\w*", text)
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def settled_doubts(definition: SourceDefinition, doubts: Sequence[Doubt]) -> list[Doubt]:
    """Mark the doubts that the definition vouches for, and put the worst first.

    Parameters
    ----------
    definition : SourceDefinition
    doubts : sequence of Doubt

    Returns
    -------
    list of Doubt
        Errors, then warnings, each in the order of `DOUBTS`, then what is vouched for.
    """
    told = [replace(doubt, vouched=_reason(definition, doubt)) for doubt in doubts]
    order = list(DOUBTS)

    def place(doubt: Doubt) -> tuple[bool, bool, int, int]:
        is_warning = doubt.severity == "warning"
        return doubt.vouched is not None, is_warning, order.index(doubt.code), -doubt.count

    return sorted(told, key=place)


def _reason(definition: SourceDefinition, doubt: Doubt) -> str | None:
    vouched = definition.vouched
    return vouched.get(doubt.key, vouched.get(doubt.code))


def certain(doubts: Sequence[Doubt]) -> list[Fault]:
    """Give the doubts with which a run would be wrong, but for the vouched ones, as faults."""
    return [one.as_fault() for one in doubts if one.severity == "error" and one.vouched is None]


def doubts_words(doubts: Sequence[Doubt]) -> list[str]:
    """Say in a few words what is the worst of what is doubted; nothing where nothing is."""
    told = [doubt for doubt in doubts if doubt.vouched is None]
    if not told:
        return []
    counted = "1 doubt" if len(told) == 1 else f"{len(told)} doubts, the worst"
    return [f"{counted}: {told[0].where}: {told[0].found} [{told[0].code}]"]


def idle_vouches(definition: SourceDefinition, doubts: Sequence[Doubt]) -> list[str]:
    """Name what the definition vouches for and nobody doubts."""
    raised = {key for doubt in doubts for key in (doubt.key, doubt.code)}
    # What is vouched for before an audit is no doubt of a profile.
    return [
        key
        for key in definition.vouched
        if key not in raised and key.partition(":")[0] not in AUDIT_CODES
    ]
