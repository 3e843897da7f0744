"""Source to canonical tables, with what was set aside and how good the data are."""

from typing import Any

from leadcast.features.base.files import read_json, write_json
from leadcast.features.changes.edited import edited_between
from leadcast.features.definitions.load import find_definition
from leadcast.features.forgetting.tombstone import Tombstones, tombstones_of
from leadcast.features.ingest.ingest import ingest
from leadcast.features.tables import Tables
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.stage import run_stage


def run(source: str) -> str:
    """Read, check and map a source; write its canonical tables, and what was edited since."""
    folder = RunFolder(source)
    before = Tables.read(folder.tables) if (folder.tables / "tables.json").is_file() else None
    tombstones = Tombstones.read(source) if tombstones_of(source).is_file() else None
    result = ingest(find_definition(source), folder.tables, tombstones=tombstones)
    write_json(folder.edited, _edited(folder, before))
    return str(result)


def _edited(folder: RunFolder, before: Tables | None) -> Any:  # noqa: ANN401 - JSON
    """Compare with the export before; of the same export once more what was found is kept."""
    known = read_json(folder.edited) if folder.edited.is_file() else None
    if before is None:
        return known
    return edited_between(before, Tables.read(folder.tables)) or known


if __name__ == "__main__":
    run_stage("ingest", run)
