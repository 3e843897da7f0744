"""A raw export through its source's mapping to scores: seconds and peak memory by size."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.speed_serving import moment_after, repeated
from benchmarks.timing import peak_mib
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.load import find_definition
from leadcast.features.definitions.table_schema import ExportColumn
from leadcast.pipelines.daily.score import ScoreRequest, score_new_leads
from leadcast.serve.batch.batch import BatchSettings
from leadcast.serve.batch.deliver import Outputs
from leadcast.serve.reasons import NO_REASONS

SOURCE = "demo"
CHUNK_LEADS = 20_000


def as_exported(definition: SourceDefinition, leads: Path, events: Path) -> tuple[Path, Path]:
    """Give canonical tables the column names of a source's export.

    Parameters
    ----------
    definition : SourceDefinition
        With one table of events.
    leads, events : Path
        Parquet; the export is written beside them.

    Returns
    -------
    leads, events : Path
        Parquet.
    """
    about, (its_events,) = definition.tables.leads, definition.tables.events
    assert isinstance(about.columns.lead_id, ExportColumn)
    named = {"lead_id": about.columns.lead_id.column, "created_at": about.columns.created_at}
    named |= {name: attribute.column for name, attribute in about.attributes.items()}
    theirs = its_events.columns
    kinds = {"lead_id": theirs.lead_id, "occurred_at": theirs.occurred_at, "value": theirs.value}
    kinds["event_type"] = theirs.event_type[0]
    for file, names in ((leads, named), (events, kinds)):
        columns = (pl.col(own).alias(name) for own, name in names.items() if name is not None)
        pl.scan_parquet(file).select(columns).sink_parquet(_exported(file))
    return _exported(leads), _exported(events)


def measure_export(run: Path, folder: Path, sizes: Sequence[int]) -> dict[str, Any]:
    """Score the demo's export in several sizes, each as a process.

    Parameters
    ----------
    run, folder
        As in `benchmarks.speed_serving.repeated`.
    sizes : sequence of int
        Leads.

    Returns
    -------
    dict
        Of each size seconds and peak memory.
    """
    told = []
    for size in sizes:
        files = as_exported(find_definition(SOURCE), *repeated(run, folder / str(size), size))
        command = [sys.executable, "-m", "benchmarks.speed_export", str(run), *map(str, files)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        told.append({"n_leads": size} | json.loads(done.stdout.splitlines()[-1]))
    return {"chunk_leads": CHUNK_LEADS, "sizes": told}


def _exported(file: Path) -> Path:
    return file.with_stem(f"exported_{file.stem}")


def main() -> None:
    """Score an export once; print the seconds and the process's peak memory."""
    run, leads, events = sys.argv[1:4]
    settings = BatchSettings(moment_after(Path(run)), reasons=NO_REASONS, chunk_leads=CHUNK_LEADS)
    out = Outputs(Path(leads).with_name("scores.parquet"))
    began = time.perf_counter()
    score_new_leads(ScoreRequest(Path(run) / "bundle", leads, events, out, settings, SOURCE))
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": round(seconds, 1), "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main()
