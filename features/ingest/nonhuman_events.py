"""The events of an export, judged: those that are not people's are taken out, and told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.ingest.event_rows import COLUMNS
from leadcast.features.nonhuman.evidence import CODES
from leadcast.features.nonhuman.gateway_domains import find_gateways
from leadcast.features.nonhuman.judging import Places, ReducedEvents, Verdicts, judge, reduced
from leadcast.features.nonhuman.people_events import NONHUMAN, emails_of, settled
from leadcast.features.nonhuman.people_rules import PeopleRules
from leadcast.features.nonhuman.telling import describe_nonhuman
from leadcast.features.values.distinct import Lookup

NONHUMAN_FILE = "nonhuman_events.parquet"
"""In the folder of the tables: the events that count as no person's, and why."""


@dataclass
class EventJudge:
    """Judges the events of one reading of a source, when all of them have been read.

    Parameters
    ----------
    rules : PeopleRules
    drops : bool
        Whether such events are left out.
    """

    rules: PeopleRules
    drops: bool
    _ids: list[pl.Series] = field(default_factory=list)
    _parts: list[ReducedEvents] = field(default_factory=list)

    @classmethod
    def of(cls, definition: SourceDefinition) -> "EventJudge | None":
        """Make one where the definition asks for it; else None."""
        rules = PeopleRules.of(definition)
        if rules is None or definition.nonhuman is None:
            return None
        return cls(rules, definition.nonhuman.events == "drop")

    def add(self, part: pl.DataFrame) -> None:
        """Take a part of the events, with what tells machines from people."""
        self._ids.append(part["lead_id"])
        self._parts.append(reduced(self.rules, part))

    def judged(self, leads: pl.DataFrame) -> "JudgedEvents":
        """Judge all that was taken, with the habits of domains as they were known at each moment.

        Parameters
        ----------
        leads : pl.DataFrame
            As `leadcast.features.tables.Tables.leads`; every event's lead is among them.

        Returns
        -------
        JudgedEvents
        """
        lookup, emails = Lookup(leads["lead_id"]), emails_of(leads)
        nothing = np.zeros(0, np.int32)
        places = np.concatenate([nothing, *(_places(lookup, ids) for ids in self._ids)])
        events = ReducedEvents(
            *(
                np.concatenate([np.zeros(0, dtype), *columns])
                for dtype, columns in zip(
                    (np.int64, np.int8, np.uint16),
                    zip(*self._parts, strict=True) if self._parts else ((), (), ()),
                    strict=True,
                )
            )
        )
        alone = judge(self.rules, events, places, emails)
        gateways = find_gateways(self.rules, events, alone, places, emails)
        rules = self.rules.model_copy(update={"gateways": gateways})
        verdicts = judge(rules, events, places, emails) if gateways else alone
        return JudgedEvents(rules, self.drops, events, verdicts, places, emails)


def _places(lookup: Lookup, ids: pl.Series) -> Places:
    return lookup.places(ids).cast(pl.Int32).to_numpy()


@dataclass(frozen=True)
class JudgedEvents:
    """The events of a source with their verdicts, in the order in which they were read."""

    rules: PeopleRules
    """With the gateways that were found."""
    drops: bool
    events: ReducedEvents
    verdicts: Verdicts
    leads: Places
    emails: Sequence[str | None]

    def as_plain(self) -> dict[str, Any]:
        """Describe what was found; see `leadcast.features.nonhuman.telling`."""
        about = (self.rules, self.events, self.verdicts, self.leads, self.emails)
        return describe_nonhuman(*about, dropped=self.drops)

    def rewrite(self, folder: Path, out: Path) -> None:
        """Leave out of written events those that are no people's, and write these beside.

        Parameters
        ----------
        folder : Path
            Parquet files of the events, in their order, with what tells machines from people;
            each is replaced. An event that has to be settled first counts from then on, unless
            none is left out.
        out : Path
            The file of those that count as no person's.
        """
        threshold, first, gone = self.rules.threshold, 0, list[pl.DataFrame]()
        for path in sorted(folder.glob("*.parquet")):
            part = pl.read_parquet(path, memory_map=False)
            its = slice(first, first + part.height)
            first = its.stop
            probability = pl.Series(NONHUMAN, self.verdicts.probability[its], dtype=pl.Float64)
            is_gone = probability >= threshold
            part = part.with_columns(probability)
            signs = pl.Series("signs", [*_names(self.verdicts.signs[its][is_gone.to_numpy()])])
            gone.append(part.filter(is_gone).with_columns(signs.cast(pl.String)))
            kept = part.select(*COLUMNS, NONHUMAN)
            if self.drops:
                kept = kept.filter(~is_gone).with_columns(settled(self.rules))
            kept.write_parquet(path)
        pl.concat(gone).write_parquet(out)


def _names(signs: np.ndarray[Any, np.dtype[np.uint16]]) -> Iterator[str]:
    known: dict[int, str] = {}
    for one in signs.tolist():
        if one not in known:
            known[one] = ", ".join(code for bit, code in enumerate(CODES) if one >> bit & 1)
        yield known[one]
