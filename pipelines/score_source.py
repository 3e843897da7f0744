"""New leads as a source's export has them, to what a batch scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from leadcast.features.base.errors import Fault
from leadcast.features.base.files import written_out
from leadcast.features.base.ownership import refuse_foreign_file, refuse_inputs
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.load import find_definition
from leadcast.features.definitions.table_schema import SqlReader
from leadcast.features.ingest.new_leads import Place as ExportPlace
from leadcast.features.ingest.new_leads import read_new_leads
from leadcast.serve.batch import inputs as batch_inputs
from leadcast.serve.batch.deliver import Outputs
from leadcast.serve.batch.inputs import BatchInputs
from leadcast.serve.batch.mapped import read_mapped_in_pieces
from leadcast.serve.batch.places import Place
from leadcast.serve.scorer import Scorer


@dataclass(frozen=True)
class Export:
    """An export of new leads: where it is, and how it is mapped."""

    definition: SourceDefinition
    leads: Place
    events: Place | None
    aside: Path
    """The file of the rows that cannot be used as they are."""
    chunk_leads: int
    """About how many leads may be in memory at a time."""
    force: bool = False
    """Whether it may take the place of a file that Leadcast did not write."""

    @classmethod
    def of(cls, source: str, places: Sequence[Place], outputs: Outputs, chunk_leads: int) -> Self:
        """Find what a source's name and the places of leads and perhaps events mean."""
        definition, (leads, *events) = find_definition(source), places
        aside = outputs.place.with_name(f"{outputs.place.stem}.set_aside.parquet")
        refuse_inputs([aside], [file for one in places for file in one.files])
        refuse_foreign_file(aside, force=outputs.force, quick=True)
        first_events = events[0] if events else None
        return cls(definition, leads, first_events, aside, chunk_leads, outputs.force)

    @property
    def places(self) -> list[Place]:
        """Leads, and events where there are any."""
        return [self.leads] if self.events is None else [self.leads, self.events]

    def stamps(self) -> list[object]:
        """Tell this export apart from others, as JSON values."""
        return [*(place.stamps() for place in self.places), self.definition.model_dump(mode="json")]

    def read(self, scorer: Scorer, folder: Path) -> BatchInputs:
        """Read it: what is small whole, everything else in pieces by lead."""
        types = scorer.bundle.manifest.origin.attribute_types
        leads = _as_given(self.leads)
        events = () if self.events is None else _as_given(self.events)
        n_bytes = sum(place.n_bytes for place in self.places)
        if all(place.files for place in self.places) and n_bytes <= batch_inputs.WHOLE_BYTES:
            new = read_new_leads(self.definition, leads, events, attribute_types=types)
            if new.set_aside.height:
                with written_out(self.aside, force=self.force) as temporary:
                    new.set_aside.write_parquet(temporary)
            warnings = self._with_aside(new.warnings, new.set_aside.height)
            return BatchInputs([(new.leads.lazy(), new.events)], warnings)
        mapped = read_mapped_in_pieces(
            self.definition,
            leads,
            events,
            folder,
            self.aside,
            attribute_types=types,
            piece_rows=min(self.chunk_leads, batch_inputs.PIECE_ROWS),
            force=self.force,
        )
        return BatchInputs(mapped.pieces, self._with_aside(mapped.warnings, mapped.set_aside))

    def _with_aside(self, warnings: tuple[Fault, ...], count: int) -> tuple[Fault, ...]:
        if not count:
            return warnings
        told = Fault(
            where=self.leads.name,
            found=f"{count} rows that could not be used as they are",
            expected="none",
            remedy=f"They are in {self.aside}, each with its reason.",
            severity="warning",
            count=count,
        )
        return (*warnings, told)


def _as_given(place: Place) -> ExportPlace:
    if place.query is None:
        return place.files
    return SqlReader(sql=place.query, url_env=place.url_env)
