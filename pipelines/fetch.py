"""A source's raw data: there or simulated, and fingerprinted; and what the run's settings are."""

from leadcast import __version__
from leadcast.features.base.files import sha256_of, write_json
from leadcast.features.definitions.load import find_definition
from leadcast.features.definitions.serving import refuse_rivals
from leadcast.features.forgetting.tombstone import tombstones_of
from leadcast.features.ingest.ingest import fingerprint
from leadcast.models.imported.import_path import check_candidates
from leadcast.pipelines.base.params import load_params, used_settings
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.raw import ensure_raw
from leadcast.pipelines.base.selection import calls_digest
from leadcast.pipelines.base.stage import run_stage


def fetch(source: str) -> str:
    """Simulate the demo's raw data where they are absent, and write the source's fingerprint.

    Runs at every `dvc repro`, because DVC cannot watch files outside the project or a database.
    """
    # Before the stages that take minutes: what could not be trained is told at once.
    params = load_params()
    check_candidates(tuple(params.model.estimators.values()))
    definition = find_definition(source)
    refuse_rivals(definition)
    made = ensure_raw(definition)
    digest = fingerprint(definition)
    if tombstones_of(source).is_file():
        # Who was forgotten is left out by the next ingest, which DVC runs for this.
        digest["forgotten"] = sha256_of(tombstones_of(source))
    run = RunFolder(source)
    write_json(run.fingerprint, digest | calls_digest(run, params))
    # A project of its own has no code that DVC could watch: the version stands for it.
    used = used_settings(source, params) | {"leadcast": {"version": __version__}}
    for name, content in used.items():
        write_json(run.settings / f"{name}.json", content)
    return f"{made}fingerprint {str(digest['sha256'])[:12]}"


if __name__ == "__main__":
    run_stage("fetch", fetch)
