"""The hand-off: whom sales calls this week, whom it does not, and why; a share to explore.

A list of the likeliest alone never learns how the others would have ended. Of its places some are
therefore given to leads from below the line, drawn by a hash of lead and week: nobody chooses,
another run draws the same, and each lead's probability of being called (its propensity) is known
and kept, so that what comes of it can be weighted by it (Horvitz and Thompson 1952).
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.registry import humanise
from leadcast.models.data import Floats, Integers
from leadcast.serve.today.handoff_settings import HandoffRules, HandoffSettings

Flags = npt.NDArray[np.bool_]

CALL, NURTURE, NONE = "call", "nurture", "none"
"""What becomes of a lead: called, written to, or left alone."""


def week_of(as_of: datetime) -> str:
    """Name a moment's week, as ISO 8601 does.

    Examples
    --------
    >>> from datetime import UTC
    >>> week_of(datetime(2026, 1, 1, tzinfo=UTC))
    '2026-W01'
    """
    year, week, _ = as_of.isocalendar()
    return f"{year}-W{week:02}"


def draw(lead_ids: Sequence[str], week: str) -> Floats:
    """Draw a number between 0 and 1 for each lead, the same whenever it is drawn for this week.

    Parameters
    ----------
    lead_ids : sequence of str
    week : str
        As `week_of` names it.

    Returns
    -------
    ndarray of float64, shape (n_leads,)
    """
    drawn = [
        int.from_bytes(hashlib.blake2b(f"{week}\n{one}".encode(), digest_size=8).digest())
        for one in lead_ids
    ]
    return np.array(drawn, dtype=np.float64) / 2.0**64


@dataclass(frozen=True)
class Handoff:
    """What becomes of each lead of a list."""

    frame: pl.DataFrame
    """In the list's order: ``lead_id``, ``owner``, ``hand_off`` (`CALL`, `NURTURE`, `NONE`),
    ``hand_off_why``, ``call_rank`` (from 1; null where not called), ``explored``, ``propensity``
    (the probability with which the lead was on the call list), ``week``."""
    calls: int
    """So many places there were."""
    line: float | None
    """What the last lead above the line has of what the list is ordered by; None where none is."""


def hand_off(
    leads: pl.DataFrame,
    as_of: datetime,
    calls: float,
    settings: HandoffSettings,
    rules: HandoffRules,
) -> Handoff:
    """Share leads out: to the call list, to nurture, or to nobody.

    Parameters
    ----------
    leads : pl.DataFrame
        A row for each lead: ``lead_id``, ``probability``, ``expected_value``, ``grade``, the
        required attributes, and ``owner``, ``territory``, ``consent`` and ``do_not_contact`` where
        the source has them; perhaps ``feedback``, what sales said of it last, and ``person_id``:
        of the leads of one person the first in the list's order may be called, of like ones the
        newest (by ``created_at``), and the others are left alone.
    as_of : datetime
        Its week is the list's.
    calls : float
        How many leads can be called, all owners together; of no use where each has a number.
    settings : HandoffSettings
    rules : HandoffRules

    Returns
    -------
    Handoff
    """
    week, owner = week_of(as_of), _owners(leads, rules)
    refusal = _refusals(leads, owner, settings, rules)
    key = leads[settings.rank_by].fill_null(0).to_numpy()
    _refuse_twins(leads, key, refusal)
    order = np.lexsort((leads["lead_id"].to_numpy(), -key))
    drawn = draw(leads["lead_id"].to_list(), week)
    graded = leads["grade"].is_in(settings.grades).to_numpy()
    fine = np.array([one is None for one in refusal], dtype=bool)
    rank, explored = np.zeros(leads.height, np.int64), np.zeros(leads.height, bool)
    propensity, places = np.zeros(leads.height), 0
    for rows, wanted in _groups(owner, calls, settings, leads.height):
        mine = [row for row in order if rows[row] and fine[row]]
        top, tried, share = _chosen(mine, graded, drawn, int(wanted), settings.exploration_share)
        places += int(wanted)
        propensity[mine] = share
        propensity[top], explored[tried] = 1.0, True
        rank[[*top, *tried]] = 1
    called = order[rank[order] > 0]
    rank[called] = np.arange(1, len(called) + 1)
    certain = called[~explored[called]]
    line = float(key[certain].min()) if len(certain) else None
    frame = leads.select("lead_id").with_columns(
        owner=owner,
        hand_off=pl.Series(_destinies(rank, refusal), dtype=pl.String),
        hand_off_why=pl.Series(_whys(rank, explored, refusal, graded), dtype=pl.String),
        call_rank=pl.when(pl.Series(rank) > 0).then(pl.Series(rank)),
        explored=pl.Series(explored),
        propensity=pl.Series(propensity),
        week=pl.lit(week),
    )
    return Handoff(frame, places, line)


def places_to_explore(share: float, calls: int) -> int:
    """Give how many places of a call list go to leads from below the line.

    Parameters
    ----------
    share : float
    calls : int
        The places.

    Returns
    -------
    int
    """
    return math.floor(share * calls + 0.5)


def _chosen(
    mine: list[int],
    graded: Flags,
    drawn: Floats,
    calls: int,
    share: float,
) -> tuple[list[int], list[int], float]:
    """Give the rows above the line, those to explore, and the propensity of all others.

    Of the ``m`` leads below the line the ``k`` with the smallest draws are tried, so that each has
    the propensity ``k / m``. Places that no grade fills are not given to exploration.
    """
    n_tried = places_to_explore(share, calls)
    top = [row for row in mine if graded[row]][: calls - n_tried]
    above = {*top}
    below = [row for row in mine if row not in above]
    tried = sorted(below, key=lambda row: (drawn[row], row))[:n_tried]
    return top, tried, len(tried) / len(below) if below else 0.0


def _groups(
    owner: pl.Series, calls: float, settings: HandoffSettings, n: int
) -> list[tuple[Flags, float]]:
    if settings.calls_per_owner is None:
        return [(np.ones(n, bool), calls)]
    names = owner.drop_nulls().unique().sort()
    each = settings.calls_per_owner
    return [((owner == name).fill_null(value=False).to_numpy(), each) for name in names]


def _owners(leads: pl.DataFrame, rules: HandoffRules) -> pl.Series:
    """Give each lead its owner: its own, or that of its territory."""
    own = _column(leads, "owner")
    territory = _column(leads, "territory")
    of_territory = {one: name for name, theirs in rules.owners.items() for one in theirs}
    by_place = [of_territory.get(one) for one in territory.to_list()]
    return own.fill_null(pl.Series(by_place, dtype=pl.String)).alias("owner")


def _column(leads: pl.DataFrame, name: str) -> pl.Series:
    if name not in leads.columns:
        return pl.Series(name, [None] * leads.height, dtype=pl.String)
    return leads[name].cast(pl.String)


def _refusals(
    leads: pl.DataFrame, owner: pl.Series, settings: HandoffSettings, rules: HandoffRules
) -> list[str | None]:
    """Say why a lead must not or cannot be called; None where it can."""
    said: list[str | None] = [None] * leads.height

    def refuse(where: pl.Series, words: str) -> None:
        for row in np.flatnonzero(where.fill_null(value=False).to_numpy()).tolist():
            said[row] = said[row] or words

    if "state" in leads.columns:
        refuse(leads["state"] != "open", "closed")
    if "do_not_contact" in leads.columns:
        refuse(leads["do_not_contact"], DO_NOT_CONTACT)
    if "consent" in leads.columns:
        refuse(~leads["consent"].fill_null(value=False), NO_CONSENT)
    if "feedback" in leads.columns:
        refuse(leads["feedback"] == "disqualified", "disqualified by sales")
        refuse(leads["feedback"] == "won", TOLD_WON)
    for name in rules.required:
        missing = leads[name].is_null()
        if leads.schema[name] == pl.String:
            missing = missing | (leads[name].str.strip_chars() == "")
        refuse(missing, f"no {humanise(name)}")
    if settings.calls_per_owner is not None:
        refuse(owner.is_null(), "no owner, and nobody's territory")
    return said


def _refuse_twins(leads: pl.DataFrame, key: Floats, refusal: list[str | None]) -> None:
    """Let one record of each person be called: nobody is to be called twice for two records."""
    if "person_id" not in leads.columns:
        return
    person = leads["person_id"].fill_null(leads["lead_id"]).to_list()
    ids = leads["lead_id"].to_list()
    age = -leads["created_at"].dt.epoch("us").to_numpy()
    chosen = dict[str, str]()
    for row in np.lexsort((leads["lead_id"].to_numpy(), age, -key)).tolist():
        if refusal[row] is None and person[row] in chosen:
            refusal[row] = f"{SAME_PERSON} as {chosen[person[row]]}"
        elif refusal[row] is None:
            chosen[person[row]] = ids[row]


DO_NOT_CONTACT, NO_CONSENT = "not to be contacted", "no consent"
TOLD_WON = "won by sales' own word"
_LEFT_ALONE = ("closed", DO_NOT_CONTACT, NO_CONSENT, "disqualified by sales", TOLD_WON)
SAME_PERSON = "same person"


def _destinies(rank: Integers, refusal: list[str | None]) -> list[str]:
    return [
        CALL if one > 0 else NONE if _left_alone(why) else NURTURE
        for one, why in zip(rank.tolist(), refusal, strict=True)
    ]


def _left_alone(why: str | None) -> bool:
    return why is not None and (why in _LEFT_ALONE or why.startswith(SAME_PERSON))


def _whys(
    rank: Integers,
    explored: Flags,
    refusal: list[str | None],
    graded: Flags,
) -> list[str]:
    told = []
    for row, why in enumerate(refusal):
        if rank[row] > 0:
            told.append("to explore" if explored[row] else "above the line")
        else:
            below = "below the line" if graded[row] else "of a grade that is not called"
            told.append(why or below)
    return told
