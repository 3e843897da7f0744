"""What if: one lead, scored as it stands and with something changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from leadcast.features.base.errors import Fault, FaultsError, did_you_mean
from leadcast.features.changes.lead_state import lead_at
from leadcast.features.registry import humanise
from leadcast.features.tables import ACCOUNT_HISTORY, CHANGES
from leadcast.features.values.times import parse_moment
from leadcast.serve.asked import Event
from leadcast.serve.scorer import Scorer
from leadcast.serve.scores import Score

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")
_NOTHING = ("", "null", "none", "unknown")


@dataclass(frozen=True)
class LeadTrial:
    """What is tried with a lead."""

    attributes: Mapping[str, Any]
    """The attributes that are changed, with their new values."""
    events: tuple[Event, ...]
    """What it is said to have done as well."""

    @classmethod
    def parse(
        cls, scorer: Scorer, sets: Sequence[str], events: Sequence[str], as_of: datetime
    ) -> "LeadTrial":
        """Read what a user wrote.

        Parameters
        ----------
        scorer : Scorer
            Knows the attributes and the kinds of events.
        sets : sequence of str
            ``"industry=software"``; nothing after the sign, or ``unknown``, empties the attribute.
        events : sequence of str
            ``"demo_requested"`` (just now) or ``"demo_requested@2026-01-05T09:30:00Z"``.
        as_of : datetime
            The moment of the score.

        Returns
        -------
        LeadTrial

        Raises
        ------
        FaultsError
            If an attribute or a kind is unknown, a value is of the wrong type, or an event would
            not be known at the moment; all at once.
        """
        faults: list[Fault] = []
        attributes = dict(_attribute(scorer, one, faults) for one in sets)
        added = tuple(_event(scorer, one, as_of, faults) for one in events)
        if not sets and not events:
            faults.append(
                Fault("what if", "nothing to try", "a change", "Give --set FIELD=VALUE or --event.")
            )
        if faults:
            raise FaultsError("what if", faults)
        return cls(attributes, added)


def _attribute(scorer: Scorer, text: str, faults: list[Fault]) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    types = scorer.bundle.manifest.origin.attribute_types
    where = f"--set {text}"
    if not sign:
        faults.append(Fault(where, "no =", "FIELD=VALUE", "Write --set industry=software."))
    elif name not in types:
        hint = did_you_mean(name, sorted(types))
        faults.append(Fault(where, f"no attribute {name!r}", ", ".join(sorted(types)), hint))
    else:
        return name, _value(types[name], value, where, faults)
    return name, None


def _value(kind: str, text: str, where: str, faults: list[Fault]) -> Any:  # noqa: ANN401
    if text.strip().lower() in _NOTHING:
        return None
    try:
        if kind == "number":
            return float(text)
        if kind == "time":
            return parse_moment(text)
    except ValueError:
        faults.append(Fault(where, f"{text!r}", f"a {kind}", "Write 1234.5, or a time with zone."))
        return None
    if kind == "flag":
        if text.lower() in (*_TRUE, *_FALSE):
            return text.lower() in _TRUE
        faults.append(Fault(where, f"{text!r}", "true or false", "Write one of them."))
        return None
    return text


def _event(scorer: Scorer, text: str, as_of: datetime, faults: list[Fault]) -> Event:
    kind, sign, when = text.partition("@")
    known, where = scorer.bundle.plan.kinds, f"--event {text}"
    at = as_of - timedelta(microseconds=1)
    if kind not in known:
        expected = f"a kind that was seen in training: {', '.join(known) or 'there is none'}"
        faults.append(Fault(where, f"the kind {kind!r}", expected, did_you_mean(kind, known)))
    if sign:
        try:
            at = parse_moment(when)
        except ValueError as error:
            faults.append(Fault(where, f"{when!r}", "a time with its zone", f"{error}"))
        if at >= as_of:
            expected = f"a time before {as_of.isoformat()}, the moment of the score"
            faults.append(Fault(where, f"{when!r}", expected, "Give an earlier time."))
    return at, kind, None


@dataclass(frozen=True)
class WhatIf:
    """A lead's score as it stands and as it would stand, both with reasons."""

    before: Score
    after: Score
    tried: tuple[str, ...]
    """What was changed, in words."""


def what_if(
    scorer: Scorer, lead: pl.DataFrame, events: pl.DataFrame, as_of: datetime, trial: LeadTrial
) -> WhatIf:
    """Score a lead as it stands, and with something changed.

    Parameters
    ----------
    scorer : Scorer
    lead : pl.DataFrame
        Its row of the table of leads.
    events : pl.DataFrame
        What it did.
    as_of : datetime
    trial : LeadTrial

    Returns
    -------
    WhatIf
    """
    row = lead.row(0, named=True)
    known = scorer.bundle.manifest.origin.attribute_types
    own = (*known, "lead_id", "created_at", ACCOUNT_HISTORY, CHANGES)
    plain = {name: row[name] for name in own if name in row}
    stood = lead_at(plain, (as_of - _EPOCH) // _MICROSECOND, known)
    done = list(events.select("occurred_at", "event_type", "value").iter_rows())
    unread: list[Fault] = []
    before = scorer.score_one(plain, done, as_of, unread, with_reasons=True, are_people=True)
    changed, more = _changed(plain, trial.attributes, as_of), [*done, *trial.events]
    after = scorer.score_one(changed, more, as_of, unread, with_reasons=True, are_people=True)
    tried = [
        f"{humanise(name)}: {stood.get(name)} → {value}" for name, value in trial.attributes.items()
    ]
    tried += [f"{humanise(kind)} at {at:%Y-%m-%d %H:%M} UTC" for at, kind, _ in trial.events]
    return WhatIf(before, after, tuple(tried))


def _changed(
    plain: Mapping[str, Any], attributes: Mapping[str, Any], as_of: datetime
) -> dict[str, Any]:
    """Change attributes; where a lead carries its history, as an edit of just now."""
    changed = {**plain, **attributes}
    if CHANGES in plain:
        edits = [
            {"changed_at": as_of - _MICROSECOND, "attribute": name}
            | {"old_value": plain.get(name), "new_value": value}
            for name, value in attributes.items()
        ]
        changed[CHANGES] = [*(plain[CHANGES] or ()), *edits]
    return changed
