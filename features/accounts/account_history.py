"""What a lead's colleagues did: the other leads of its account, their events and how they ended.

A lead carries the history of its account itself, in the column `ACCOUNT_HISTORY`: so it goes
wherever the lead goes, into a partition of a cluster, a piece of a batch or a request. An entry
says when something became known, what it was, and of which colleague.

Of a large account a lead carries the `MOST_LEADS` colleagues who came last before it and the
`MOST_LEADS` who came first from then on, and of each `MOST_EVENTS` events in the same way. So what
comes later never pushes out what was known before.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.accounts.roles import NO_ROLE, ROLES, buying_role
from leadcast.features.base.compiled import compiled
from leadcast.features.tables import ACCOUNT_HISTORY, TIME

MOST_LEADS = 50
"""So many colleagues on either side of a lead's creation."""
MOST_EVENTS = 200
"""So many events of each colleague on either side of the lead's creation."""
EVENT, WON, LOST, UNTOLD = "event", "won", "lost", "untold"
WHAT = (*ROLES, NO_ROLE, EVENT, WON, LOST, UNTOLD)
"""What an entry may be: that a colleague came (its role), did something, was won or lost; or that
nobody told how colleagues ended."""
ENTRY = pl.Struct({"at": TIME, "what": pl.String, "who": pl.Int64})
"""One entry: when it became known, what it was (`WHAT`), and of which colleague (a number)."""
HISTORY_LIST = pl.List(ENTRY)
"""The type of the column `ACCOUNT_HISTORY`: null where nobody knows the lead's account, empty where
it is known to be the account's only lead."""
_ORDER = ("row", "at", "what", "who")
Integers = npt.NDArray[np.int64]


@compiled
def _pairs(
    accounts: Integers, created_us: Integers, most: int, rows: Integers, others: Integers
) -> int:
    """Pair each lead with its colleagues; arrays are sorted by account and creation.

    With empty arrays `rows` and `others` the pairs are only counted.
    """
    n, found = len(accounts), 0
    first, same = 0, 0
    for row in range(n):
        if row == 0 or accounts[row] != accounts[row - 1]:
            first, same = row, row
        elif created_us[row] != created_us[row - 1]:
            same = row
        later = 0
        for other in range(max(first, same - most), n):
            if accounts[other] != accounts[row] or later >= most:
                break
            if other == row:
                continue
            later += other >= same
            if len(rows):
                rows[found], others[found] = row, other
            found += 1
    return found


def colleagues(known: pl.DataFrame, most: int = MOST_LEADS) -> pl.DataFrame:
    """Pair each lead with its colleagues.

    Parameters
    ----------
    known : pl.DataFrame
        ``account_id`` and ``created_at``, sorted by ``account_id``, ``created_at`` and ``lead_id``.
    most : int
        So many colleagues on either side of the lead's creation.

    Returns
    -------
    pl.DataFrame
        ``row`` and ``other`` (Int64): rows of `known`.
    """
    accounts = known["account_id"].rle_id().cast(pl.Int64).to_numpy()
    created = known["created_at"].cast(TIME).to_physical().to_numpy()
    none = np.empty(0, np.int64)
    n = _pairs(accounts, created, most, none, none)
    rows, others = np.empty(n, np.int64), np.empty(n, np.int64)
    if n:
        _pairs(accounts, created, most, rows, others)
    return pl.DataFrame({"row": rows, "other": others})


def with_account_history(
    leads: pl.DataFrame,
    events: pl.LazyFrame,
    outcomes: pl.DataFrame | None,
    matches: pl.DataFrame,
) -> pl.DataFrame:
    """Let each lead carry the history of its account.

    Parameters
    ----------
    leads : pl.DataFrame
        ``lead_id``, ``created_at`` and, where there is one, ``job_title``. A lead may have several
        rows.
    events : pl.LazyFrame
        As `leadcast.features.tables.Tables.events`.
    outcomes : pl.DataFrame or None
        ``lead_id``, ``won_at`` and ``lost_at``; None where nobody knows.
    matches : pl.DataFrame
        `leadcast.features.accounts.matching.MATCHES`.

    Returns
    -------
    pl.DataFrame
        The leads with the column `ACCOUNT_HISTORY`, of the type `HISTORY_LIST`.
    """
    title = "job_title" if leads.schema.get("job_title") == pl.String else pl.lit(None, pl.String)
    account = matches.select("lead_id", "account_id").unique("lead_id")
    known = (
        leads.select(
            pl.col("lead_id").cast(pl.String), pl.col("created_at").cast(TIME), title=title
        )
        .unique("lead_id", keep="first", maintain_order=True)
        .join(account, on="lead_id")
        .drop_nulls(["account_id", "created_at"])
        .sort("account_id", "created_at", "lead_id")
        .with_row_index("other")
        .with_columns(pl.col("other").cast(pl.Int64))
    )
    pairs = colleagues(known)
    about = known.select("other", "lead_id", born="created_at", title="title")
    created = known.select(row="other", since="created_at")
    paired = pairs.join(about, on="other").join(created, on="row")
    entries = [_arrivals(paired), _events(paired, events, about)]
    entries.append(_untold(known) if outcomes is None else _ends(paired, outcomes))
    each = (
        pl.concat(entries)
        .rename({"other": "who"})
        .sort(*_ORDER)
        .group_by("row", maintain_order=True)
        .agg(pl.struct("at", "what", "who").alias(ACCOUNT_HISTORY))
    )
    told = (
        known.select("lead_id", row="other")
        .join(each, on="row", how="left")
        .select("lead_id", pl.col(ACCOUNT_HISTORY).fill_null(pl.lit([], HISTORY_LIST)))
        .cast({ACCOUNT_HISTORY: HISTORY_LIST})
    )
    without = leads.drop(ACCOUNT_HISTORY, strict=False)
    ids = without.select(pl.col("lead_id").cast(pl.String))
    column = ids.join(told, on="lead_id", how="left", maintain_order="left")[ACCOUNT_HISTORY]
    return without.with_columns(column)


_COLUMNS = ("row", "other", "at", "what")


def _arrivals(paired: pl.DataFrame) -> pl.DataFrame:
    role = pl.col("title").map_elements(buying_role, pl.String, skip_nulls=False)
    titles = paired.select("title").unique().with_columns(what=role)
    rows = paired.with_columns(at="born").join(titles, on="title", how="left", nulls_equal=True)
    return rows.select(_COLUMNS)


def _untold(known: pl.DataFrame) -> pl.DataFrame:
    never = pl.lit(0, pl.Int64).cast(TIME)
    rows = known.select(row="other", other=pl.lit(-1, pl.Int64), at=never, what=pl.lit(UNTOLD))
    return rows.select(_COLUMNS)


def _ends(paired: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    ends = outcomes.select("lead_id", "won_at", "lost_at")
    rows = paired.join(ends, on="lead_id")
    told = [
        rows.drop_nulls(end).select(
            "row", "other", at=pl.max_horizontal(pl.col(end).cast(TIME), "born"), what=pl.lit(what)
        )
        for end, what in (("won_at", WON), ("lost_at", LOST))
    ]
    return pl.concat(told).select(_COLUMNS)


def _events(paired: pl.DataFrame, events: pl.LazyFrame, about: pl.DataFrame) -> pl.DataFrame:
    """Take colleagues' events; one from before its lead was known became known with the lead."""
    mine = about.lazy().select("lead_id", "other", "born")
    times = pl.max_horizontal(pl.col("occurred_at").cast(TIME), "born")
    own = (
        events.select(pl.col("lead_id").cast(pl.String), "occurred_at")
        .join(mine, on="lead_id")
        .select("other", at=times)
    )
    rows = paired.lazy().select("row", "other", "since").join(own, on="other")
    is_before = pl.col("at") < pl.col("since")
    # The nearest to the lead's creation, on either side of it.
    distance = (
        pl.when(is_before)
        .then(pl.col("since") - pl.col("at"))
        .otherwise(pl.col("at") - pl.col("since"))
    )
    place = distance.rank("ordinal").over("row", "other", is_before)
    kept = rows.filter(place <= MOST_EVENTS)
    return kept.select("row", "other", "at", what=pl.lit(EVENT)).collect().select(_COLUMNS)


def account_history(leads: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    """Write what one lead's colleagues are known to have done as the entries that it carries.

    Parameters
    ----------
    leads : sequence of mapping
        The other leads of the account: ``created_at``; perhaps ``job_title``, ``won_at``,
        ``lost_at`` and ``events``, each with ``occurred_at``. Times have a zone.

    Returns
    -------
    list of dict
        `ENTRY`, in the order of time.
    """
    entries: list[tuple[datetime, str, int]] = []
    for who, lead in enumerate(leads):
        born: datetime = lead["created_at"]
        entries.append((born, buying_role(lead.get("job_title")), who))
        entries += [(max(one["occurred_at"], born), EVENT, who) for one in lead.get("events", ())]
        ends = ((WON, lead.get("won_at")), (LOST, lead.get("lost_at")))
        entries += [(max(at, born), what, who) for what, at in ends if at is not None]
    return [{"at": at, "what": what, "who": who} for at, what, who in sorted(entries)]
