"""What the records of one person share: events, earlier leads, and how they ended.

What another record knew counts from the moment at which the two could be known to be one. A record
that comes later is known to belong to an earlier one when it comes, so that it has all that the
earlier one had, at its own times. What becomes known later (a merge of the CRM, visits from before
the other record's creation) is dated at the moment at which it became known: a feature as of a
moment before that does not see it, and no feature sees the future.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import polars as pl

from leadcast.features.identity.persons import LINKED, resolve
from leadcast.features.tables import TIME, empty_events

Pool = Literal["from_known", "from_start"]
LEAD, WIN, LOSS = "lead_of_same_person", "win_of_same_person", "loss_of_same_person"
"""The kinds of events that tell of a person's other records: that there was one ("seen before",
"days since the last lead"), and that an earlier one was won or lost before this one came."""


def _links(leads: pl.DataFrame, linked: pl.DataFrame, pool: Pool) -> pl.DataFrame:
    """Give each two records the moment before which they share nothing; null: there is none."""
    created = leads.select("lead_id", pl.col("created_at").cast(TIME))
    other = created.rename({"lead_id": "other_id", "created_at": "other_created_at"})
    late = pl.col("known_at") > pl.col("created_at")
    since = pl.when(late).then("known_at") if pool == "from_known" else pl.lit(None, TIME)
    return linked.join(created, on="lead_id").join(other, on="other_id").with_columns(since=since)


def pooled_events(
    leads: pl.DataFrame,
    events: pl.LazyFrame,
    outcomes: pl.DataFrame,
    linked: pl.DataFrame,
    pool: Pool,
) -> pl.LazyFrame:
    """List what leads share of their persons' other records; their own events are not repeated.

    Parameters
    ----------
    leads : pl.DataFrame
        ``lead_id`` and ``created_at``.
    events : pl.LazyFrame
        As `leadcast.features.tables.Tables.events`; each record's own.
    outcomes : pl.DataFrame
        ``lead_id``, ``won_at`` and ``lost_at``; each record's own.
    linked : pl.DataFrame
        Who is one person with whom, and since when it could be known
        (`leadcast.features.identity.persons.LINKED`).
    pool : {"from_known", "from_start"}
        From when on records share: see the module; or as if it had been known from the start.

    Returns
    -------
    pl.LazyFrame
        Events as `leadcast.features.tables.Tables.events`: those of the other records, and
        `LEAD`, `WIN` and `LOSS`.
    """
    links = _links(leads, linked, pool)
    theirs = events.select(
        pl.col("lead_id").cast(pl.String), pl.col("occurred_at").cast(TIME), "event_type",
        pl.col("value").cast(pl.Float64),
    ).rename({"lead_id": "other_id"})  # fmt: skip
    ended = links.join(
        outcomes.select(other_id="lead_id", won_at="won_at", lost_at="lost_at"),
        on="other_id",
        how="left",
    )
    known = [
        _told(ended, "other_created_at", LEAD),
        *(
            _told(ended.filter(pl.col(end) <= pl.col("created_at")), end, kind)
            for end, kind in (("won_at", WIN), ("lost_at", LOSS))
        ),
    ]
    copies = theirs.join(links.lazy().select("lead_id", "other_id", "since"), on="other_id")
    shared = pl.concat([copies.select(*_EVENT, "since"), *(one.lazy() for one in known)])
    moment = pl.max_horizontal("occurred_at", "since")
    return shared.with_columns(occurred_at=moment).select(_EVENT)


_EVENT = ("lead_id", "occurred_at", "event_type", "value")


def _told(ended: pl.DataFrame, time: str, kind: str) -> pl.DataFrame:
    return ended.drop_nulls(time).select(
        "lead_id",
        pl.col(time).cast(TIME).alias("occurred_at"),
        event_type=pl.lit(kind),
        value=pl.lit(None, pl.Float64),
        since="since",
    )


def pooled_outcomes(
    leads: pl.DataFrame, outcomes: pl.DataFrame, linked: pl.DataFrame, pool: Pool
) -> pl.DataFrame:
    """Let a win on one record be a win on the others, where it came after these.

    Parameters
    ----------
    leads, outcomes, linked, pool
        As in `pooled_events`.

    Returns
    -------
    pl.DataFrame
        `outcomes` with the earliest win of the person since the lead's creation as ``won_at`` (not
        before the two could be known to be one). A loss of its own stays: nobody scored the lead
        after it. An amount stays with the record that has it, so that none counts twice.
    """
    links = _links(leads, linked, pool)
    theirs = outcomes.select(other_id="lead_id", other_won_at="won_at").drop_nulls()
    wins = (
        links.join(theirs, on="other_id")
        .filter(pl.col("other_won_at") > pl.col("created_at"))
        .group_by("lead_id")
        .agg(twin_won_at=pl.max_horizontal("other_won_at", "since").min())
    )
    joined = outcomes.join(wins, on="lead_id", how="left", maintain_order="left")
    return joined.with_columns(won_at=pl.min_horizontal("won_at", "twin_won_at")).drop(
        "twin_won_at"
    )


def shared_by_new_leads(leads: pl.DataFrame, events: pl.LazyFrame, pool: Pool) -> pl.LazyFrame:
    """List what new leads share with each other, of whom nobody knows how they end.

    Parameters
    ----------
    leads : pl.DataFrame
        As `leadcast.features.tables.Tables.leads`; by their addresses and numbers alone they are
        found to be one person. A lead may have several rows.
    events, pool
        As in `pooled_events`.

    Returns
    -------
    pl.LazyFrame
        As `pooled_events` gives them.
    """
    once = leads.unique("lead_id", keep="first", maintain_order=True)
    ends = once.select("lead_id", won_at=pl.lit(None, TIME), lost_at=pl.lit(None, TIME))
    return pooled_events(once, events, ends, resolve(once, "exact").linked, pool)


Event = tuple[datetime, str, float | None]
"""An event of one lead: when, what kind, which value."""


def pooled_of_one(
    created_at: datetime, records: Sequence[Mapping[str, Any]], pool: Pool
) -> list[Event]:
    """List what one lead shares of its person's other records, without any table.

    Parameters
    ----------
    created_at : datetime
        When the lead came to be, with a time zone.
    records : sequence of mapping
        The other records: ``created_at``; ``events``, each with ``occurred_at``, ``event_type`` and
        perhaps ``value``; ``won_at`` and ``lost_at``, where it ended; ``known_at``, when it became
        known that the two are one person, left out where that was when the later of them came.
    pool : {"from_known", "from_start"}
        As in `pooled_events`, of which this is one case.

    Returns
    -------
    list of (datetime, str, float or None)
        In the order of time.
    """
    names = [f"record {number}" for number in range(len(records))]
    rows = list(zip(names, records, strict=True))
    ended = [(name, one.get("won_at"), one.get("lost_at")) for name, one in rows]
    known = [
        ("lead", name, one.get("known_at") or max(created_at, one["created_at"]))
        for name, one in rows
    ]
    told = [
        (name, event["occurred_at"], event["event_type"], event.get("value"))
        for name, one in rows
        for event in one.get("events", ())
    ]
    born = [("lead", created_at), *((name, one["created_at"]) for name, one in rows)]
    leads = pl.DataFrame(born, schema={"lead_id": pl.String(), "created_at": TIME}, orient="row")
    schema = {"lead_id": pl.String(), "won_at": TIME, "lost_at": TIME}
    outcomes = pl.DataFrame(ended, schema=schema, orient="row")
    linked = pl.DataFrame(known, schema=LINKED, orient="row")
    events = pl.LazyFrame(told, schema=empty_events().collect_schema(), orient="row")
    shared = pooled_events(leads, events, outcomes, linked, pool).collect()
    return shared.sort("occurred_at", "event_type", "value").drop("lead_id").rows()
