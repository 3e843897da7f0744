"""Rules and events for the tests of what tells machines from people, and a slow, plain oracle."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st

from leadcast.features.nonhuman import evidence, people_rules, signs
from leadcast.features.nonhuman.people_rules import CLICK, DELIVERY, OPEN, VISIT, PeopleRules

START = datetime(2025, 3, 3, 9, tzinfo=UTC)
ROLES = {"sent": DELIVERY, "opened": OPEN, "clicked": CLICK, "viewed": VISIT}
KINDS = (*ROLES, "call")
EMAIL = "anna@guarded.example"
_KNOWN = Path(people_rules.__file__).with_name("known_machines.json")


def rules(**changes: object) -> PeopleRules:
    """The known machines, and the kinds of `KINDS`."""
    known = json.loads(_KNOWN.read_text(encoding="utf-8"))
    named = {"deliveries": ["sent"], "opens": ["opened"], "clicks": ["clicked"]}
    return PeopleRules(**(known | named | {"visits": ["viewed"]} | changes))


def at(seconds: float) -> datetime:
    return START + timedelta(microseconds=round(seconds * 1_000_000))


AGENTS = (
    None,
    "Mozilla/5.0 (Windows NT 10.0) Firefox/133.0",
    "python-requests/2.31",
    "Mozilla/5.0",
)


@st.composite
def some_events(draw: st.DrawFn) -> list[tuple[datetime, str, None, dict[str, Any]]]:
    """Events of one lead, many of them within seconds of each other, in any order."""
    gaps = st.sampled_from([0.0, 0.4, 1.0, 2.0, 2.000001, 5.0, 10.0, 30.0, 61.0, 700.0, 90_000.0])
    moment, found = 0.0, []
    for _ in range(draw(st.integers(0, 25))):
        moment += draw(gaps)
        told = {"user_agent": draw(st.sampled_from(AGENTS))} if draw(st.booleans()) else {}
        found.append((at(moment), draw(st.sampled_from(KINDS)), None, told))
    return draw(st.permutations(found))


class SlowJudge:
    """Judges each event of a lead by looking at all others, as docs/nonhuman.md has it in words."""

    def __init__(
        self, own: PeopleRules, events: Sequence[tuple[Any, ...]], since: datetime | None = None
    ) -> None:
        self.rules, self.events, self.since = own, events, since

    def moments(self, *roles: int) -> list[datetime]:
        return sorted(one[0] for one in self.events if ROLES.get(one[1]) in roles)

    def waited(self, moment: datetime) -> float:
        """Seconds since the last delivery; infinite where none came."""
        mails = self.moments(DELIVERY)
        if any(moment < mail <= moment + timedelta(seconds=2) for mail in mails):
            return 0.0
        before = [mail for mail in mails if mail <= moment]
        return (moment - max(before)).total_seconds() if before else float("inf")

    def is_usual(self, moment: datetime) -> bool:
        mails = self.moments(DELIVERY)
        past = [mail for mail in mails if mail <= moment][:-1]
        quick = 0
        for mail, end in zip(past, mails[1:], strict=False):
            minute = mail + timedelta(seconds=60)
            quick += any(
                mail <= when <= minute and when < end for when in self.moments(OPEN, CLICK)
            )
        return len(past) >= 3 and quick >= 0.8 * len(past)

    def of_mail(self, moment: datetime, role: int) -> int:
        """The signs of an open or a click, but for what it says of itself."""
        near = [abs((when - moment).total_seconds()) <= 2 for when in self.moments(CLICK)]
        links, wait = sum(near), self.waited(moment)
        before = [mail for mail in self.moments(DELIVERY) if mail <= moment]
        unopened = before and not any(max(before) <= when <= moment for when in self.moments(OPEN))
        is_guarded = self.since is not None and self.since <= moment
        holds = {
            evidence.MANY_LINKS: links >= 3,
            evidence.LINKS: links == 2,
            evidence.AT_ONCE: wait <= 5,
            evidence.SOON: 5 < wait <= 60,
            evidence.LATE: 600 < wait < float("inf"),
            evidence.HABIT: wait <= 60 and self.is_usual(moment),
            evidence.GATEWAY: is_guarded and (wait <= 600 or links >= 2),
            evidence.UNOPENED: role == CLICK and unopened,
        }
        return sum(bit for bit, is_so in holds.items() if is_so)

    def summed(self, event: tuple[Any, ...], more: int = 0) -> float:
        role = ROLES.get(event[1], 0)
        found = more | signs.bits_of_one(self.rules, event[3].get("user_agent"), None, None)
        found |= self.of_mail(event[0], role) if role in (OPEN, CLICK) else 0
        bits = (bit for bit in range(evidence.N_BITS) if found >> bit & 1)
        return float(evidence.PRIOR[role] + sum(evidence.WEIGHTS[role, bit] for bit in bits))

    def log_odds(self) -> list[float]:
        said = [self.summed(one) for one in self.events]
        last = {True: datetime.min.replace(tzinfo=UTC), False: datetime.min.replace(tzinfo=UTC)}
        clicks_first = sorted(
            enumerate(self.events), key=lambda it: (it[1][0], it[1][1] != "clicked")
        )
        for number, event in clicks_first:
            if event[1] == "clicked":
                last[said[number] > 0] = event[0]
            follows = last[False] < last[True] and event[0] - last[True] <= timedelta(seconds=10)
            if event[1] == "viewed" and follows:
                said[number] = self.summed(event, evidence.FOLLOWS)
        return said
