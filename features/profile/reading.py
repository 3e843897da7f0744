"""A source that was read to its end, as a profile sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import polars as pl

from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.profile.collector import Collector
from leadcast.features.readers.issues import described
from leadcast.features.readers.ledger import Ledger
from leadcast.features.readers.origins import RawRows

DAY_SECONDS = 86_400.0


@dataclass(frozen=True)
class SourceReading:
    """What there is to tell of a source.

    Parameters
    ----------
    definition : SourceDefinition
        What was read.
    collector : Collector
        What was seen while it passed by.
    ledger : Ledger
        The counts of rows, and what was wrong with them.
    leads : pl.DataFrame
        Canonical.
    raw : RawRows
        The raw row of each lead.
    attribute_types : mapping of str to str
        Each attribute's type.
    outcomes : pl.DataFrame
        Canonical, a row for each lead in the same order.
    observed_until : datetime or None
        Until when outcomes are known.
    outcomes_from : datetime or None
        From when on they were recorded; None: ever since the first lead.
    """

    definition: SourceDefinition
    collector: Collector
    ledger: Ledger
    leads: pl.DataFrame
    raw: RawRows
    attribute_types: Mapping[str, str]
    outcomes: pl.DataFrame
    observed_until: datetime | None
    outcomes_from: datetime | None = None

    @property
    def zone(self) -> str:
        """The zone in which people look at its times."""
        return self.collector.zone

    @cached_property
    def is_won(self) -> pl.Series:
        """Which leads became customers."""
        ends = self.outcomes
        return ends["won_at"].is_not_null() | ends["converted"].fill_null(value=False)

    @cached_property
    def is_lost(self) -> pl.Series:
        """Which leads were lost, and not won."""
        ends = self.outcomes
        lost = ends["lost_at"].is_not_null() | ~ends["converted"].fill_null(value=True)
        return lost & ~self.is_won

    @cached_property
    def is_open(self) -> pl.Series:
        """Which leads have not ended."""
        return ~(self.is_won | self.is_lost)

    @cached_property
    def created(self) -> pl.Series:
        """When each lead was created; null throughout where the source has no dates."""
        return self.leads["created_at"]

    @cached_property
    def ended(self) -> pl.Series:
        """When each lead ended, by its win if it has one; null while open or without a date."""
        ends = self.outcomes
        return pl.select(pl.coalesce(ends["won_at"], ends["lost_at"])).to_series()

    @cached_property
    def days_to_end(self) -> pl.Series:
        """How long each lead took to end, in days."""
        return (self.ended - self.created).dt.total_seconds() / DAY_SECONDS

    @property
    def is_dated(self) -> bool:
        """Whether leads have a creation time."""
        return bool(self.created.count())

    def column_of(self, attribute: str) -> str:
        """Name the export's column that became an attribute."""
        about = self.definition.lead_attributes().get(attribute)
        return attribute if about is None else about.column

    def examples(self, mask: pl.Series, values: pl.Series | None = None, most: int = 3) -> str:
        """Say where the first leads of a mask stand, with what stood there, if that may be told."""
        places = mask.fill_null(value=False).arg_true()
        few = places.head(most)
        rows = RawRows(
            self.raw.frame[few], self.raw.number[few], self.raw.origin[few], self.raw.origins
        )
        told = described(rows, None if values is None else values[few])
        return ", ".join(told) + (", …" if len(places) > most else "")
