"""What the records of one person share: events, earlier leads, and how they ended.

What another record knew counts from the moment at which the two could be known to be one. A record
that comes later is known to belong to an earlier one when it comes, so that it has all that the
earlier one had, at its own times. What becomes known later (a merge of the CRM, visits from before
the other record's creation) is dated at the moment at which it became known: a feature as of a
moment before that does not see it, and no feature sees the future.
"""

from typing import Literal

import polars as pl

from leadcast.features.tables import TIME

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
