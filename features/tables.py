"""The canonical tables: leads, events and outcomes, and until when outcomes are known."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

import polars as pl

from leadcast.features.base.files import read_json, write_json

TIME = pl.Datetime("us", "UTC")
"""The dtype of every time in the canonical tables: microseconds, UTC."""


SALES = "sales_"
"""So begin the columns of the leads' table that sales needs and no model sees."""
WITHHELD = "withheld_"
"""So begin those that are denied: they are looked at, and no model sees them."""


CHANGES = "attribute_changes"
"""The column of leads that holds the changes of their attributes."""
ACCOUNT_HISTORY = "account_history"
"""The column of leads that holds what their accounts' other leads did."""


class TimeOrder(StrEnum):
    """What a source knows of time."""

    DATED = "dated"
    """Leads have `created_at`: snapshots, horizons and purged splits are possible."""
    ORDERED = "ordered"
    """No dates, but an order (a running number, the order of the rows)."""
    UNORDERED = "unordered"
    """Neither; splits are random and the report says so."""


@dataclass(frozen=True)
class Tables:
    """The canonical tables of one source.

    Parameters
    ----------
    leads : pl.DataFrame
        ``lead_id`` (String, unique), ``created_at`` (`TIME`, null throughout unless the source is
        dated), ``position`` (Int64, unique: the row's place in time's order where the source is
        not dated, else the row's place in the export), ``rules_score`` (Float64, optional: the
        existing rules-based score, never a feature), ``sales_owner``, ``sales_territory``
        (String), ``sales_consent`` and ``sales_do_not_contact`` (Boolean; each optional and never
        a feature), ``withheld_...`` (denied columns and those of groups, of any of the following
        dtypes; never a feature), ``attribute_changes`` (a list of
        `leadcast.features.changes.attribute_changes.CHANGE`, optional: by it attributes are taken
        as they stood at a moment), ``account_history`` (a list of
        `leadcast.features.accounts.account_history.ENTRY`, optional: what other leads of the
        account did) and attributes: Float64 for numbers, String for categories and
        texts, Boolean for flags, `TIME` for times; as they stand at the end of the export.
    events : pl.LazyFrame
        ``lead_id``, ``occurred_at`` (`TIME`), ``event_type`` (String), ``value`` (Float64, null
        where there is none). In no particular order. May be empty.
    outcomes : pl.DataFrame
        ``lead_id`` (unique, a row for each lead), ``won_at`` and ``lost_at`` (`TIME`, null while
        open), ``converted`` (Boolean: null where `won_at` tells it, filled where the source has
        an undated outcome only), ``amount`` (Float64, null where unknown).
    observed_until : datetime or None
        Until when the export knows outcomes; None where nothing is dated.
    time_order : TimeOrder
        What the source knows of time.
    attribute_types : dict of str to str
        Each attribute's type as the source definition has it: ``"number"``, ``"category"``,
        ``"text"``, ``"flag"`` or ``"time"``.
    outcomes_from : datetime or None
        From when on outcomes were recorded, where that is later than the first leads: of leads
        that were created before nobody knows how they ended. None: ever since the first lead.
    delayed_entry : bool
        Whether leads from before count from `outcomes_from` on, as what they are then: still open.
    time_zone : str or None
        The zone in whose hours and weekdays leads live; None: UTC.
    hygiene_features : bool
        Whether addresses, numbers and names are judged by lists as well, for features.
    nonhuman : dict or None
        By which rules the events that are not people's have been left out, as
        `leadcast.features.nonhuman.people_rules.PeopleRules.to_json` gives them; None: all are
        there.
    matches : pl.DataFrame or None
        Which account each lead belongs to, and by what it was matched
        (`leadcast.features.accounts.matching.MATCHES`); None where the source does not ask for it.
    persons : pl.DataFrame or None
        Which leads are one person (`leadcast.features.identity.persons.PERSONS`); None where the
        source does not ask for it.
    pool_history : {"from_known", "from_start"} or None
        From when on the records of a person share events and wins, where they do: the events of
        the others then stand among a lead's own.
    """

    leads: pl.DataFrame
    events: pl.LazyFrame
    outcomes: pl.DataFrame
    observed_until: datetime | None
    time_order: TimeOrder
    attribute_types: dict[str, str]
    outcomes_from: datetime | None = None
    delayed_entry: bool = False
    time_zone: str | None = None
    hygiene_features: bool = False
    nonhuman: dict[str, Any] | None = None
    persons: pl.DataFrame | None = None
    pool_history: Literal["from_known", "from_start"] | None = None
    matches: pl.DataFrame | None = None

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the tables that the ingest stage wrote; events stay lazy.

        Parameters
        ----------
        folder : Path
            A folder with ``leads.parquet``, ``events/*.parquet``, ``outcomes.parquet`` and
            ``tables.json``, and perhaps ``persons.parquet`` and
            ``account_leads.parquet``.

        Returns
        -------
        Tables

        Raises
        ------
        LeadcastError
            If ``tables.json`` is missing or damaged.
        """
        about = read_json(folder / "tables.json")
        until, begin = about["observed_until"], about.get("outcomes_from")
        persons, matches = folder / "persons.parquet", folder / "account_leads.parquet"
        return cls(
            leads=pl.read_parquet(folder / "leads.parquet"),
            events=pl.scan_parquet(folder / "events" / "*.parquet"),
            outcomes=pl.read_parquet(folder / "outcomes.parquet"),
            observed_until=None if until is None else datetime.fromisoformat(until),
            time_order=TimeOrder(about["time_order"]),
            attribute_types=about["attribute_types"],
            outcomes_from=None if begin is None else datetime.fromisoformat(begin),
            delayed_entry=about.get("delayed_entry", False),
            time_zone=about.get("time_zone"),
            hygiene_features=about.get("hygiene_features", False),
            nonhuman=about.get("nonhuman"),
            persons=pl.read_parquet(persons) if persons.exists() else None,
            pool_history=about.get("pool_history"),
            matches=pl.read_parquet(matches) if matches.exists() else None,
        )

    def write_about(self, folder: Path) -> None:
        """Write ``tables.json``: what the tables' own files do not say.

        Parameters
        ----------
        folder : Path
            The folder of the tables.
        """
        until, begin = self.observed_until, self.outcomes_from
        about: dict[str, object] = {
            "observed_until": None if until is None else until.isoformat(),
            "time_order": str(self.time_order),
            "attribute_types": self.attribute_types,
        }
        if begin is not None:
            about |= {"outcomes_from": begin.isoformat(), "delayed_entry": self.delayed_entry}
        if self.time_zone is not None:
            about["time_zone"] = self.time_zone
        if self.pool_history is not None:
            about["pool_history"] = self.pool_history
        if self.hygiene_features:
            about["hygiene_features"] = True
        if self.nonhuman is not None:
            about["nonhuman"] = self.nonhuman
        write_json(folder / "tables.json", about)


def moment_words(moment: datetime) -> str:
    """Write a moment in UTC: as a day where it is its beginning.

    Examples
    --------
    >>> from datetime import UTC
    >>> moment_words(datetime(2024, 8, 1, tzinfo=UTC))
    '2024-08-01'
    >>> moment_words(datetime(2024, 7, 31, 22, tzinfo=UTC))
    '2024-07-31 22:00 UTC'
    """
    is_day = moment.time() == datetime.min.time()
    return f"{moment:%Y-%m-%d}" if is_day else f"{moment:%Y-%m-%d %H:%M} UTC"


def empty_events() -> pl.LazyFrame:
    """Make an event table without rows, for sources that have none.

    Returns
    -------
    pl.LazyFrame
        With the columns and dtypes of `Tables.events`.
    """
    schema = pl.Schema(
        {
            "lead_id": pl.String(),
            "occurred_at": TIME,
            "event_type": pl.String(),
            "value": pl.Float64(),
        }
    )
    return pl.LazyFrame(schema=schema)
