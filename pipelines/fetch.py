"""Make sure that a source's raw data are there, and say by a fingerprint whether they changed."""

from leadcast.features.base.files import write_json
from leadcast.features.definitions.load import find_definition
from leadcast.features.ingest.ingest import fingerprint
from leadcast.pipelines.paths import SOURCES, RunFolder
from leadcast.pipelines.raw import ensure_raw
from leadcast.pipelines.stage import run_stage


def fetch(source: str) -> str:
    """Simulate the demo's raw data where they are absent, and write the source's fingerprint.

    Runs at every `dvc repro`, because DVC cannot watch files outside the project or a database.
    """
    definition = find_definition(source, SOURCES)
    made = ensure_raw(definition)
    digest = fingerprint(definition)
    write_json(RunFolder(source).fingerprint, digest)
    return f"{made}fingerprint {str(digest['sha256'])[:12]}"


if __name__ == "__main__":
    run_stage("fetch", fetch)
