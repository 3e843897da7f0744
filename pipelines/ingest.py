"""Source to canonical tables, with what was set aside and how good the data are."""

from leadcast.features.definitions.load import find_definition
from leadcast.features.forgetting.tombstone import Tombstones, tombstones_of
from leadcast.features.ingest.ingest import ingest
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.stage import run_stage


def run(source: str) -> str:
    """Read, check and map a source; write its canonical tables."""
    tombstones = Tombstones.read(source) if tombstones_of(source).is_file() else None
    result = ingest(find_definition(source), RunFolder(source).tables, tombstones=tombstones)
    return str(result)


if __name__ == "__main__":
    run_stage("ingest", run)
