"""What ``leadcast score`` is asked."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from leadcast.features.base.errors import Checks
from leadcast.models.bundle.bundle_signature import read_signed_manifest
from leadcast.serve.batch.batch import BatchSettings
from leadcast.serve.batch.deliver import Outputs
from leadcast.serve.batch.inputs import Place, place_of


@dataclass(frozen=True)
class ScoreRequest:
    """What ``leadcast score`` is asked."""

    bundle: Path
    """The bundle's folder."""
    leads: str
    """A file, a folder of Parquet, a glob, or a query."""
    events: str | None
    """Likewise."""
    outputs: Outputs
    """Where the scores go."""
    settings: BatchSettings
    """How it is done."""
    source: str | None = None
    """The source whose definition maps the files; None where their columns are canonical."""
    database_env: str | None = None
    """The environment variable that holds the URL of the database that is queried."""
    signed_by: Path | None = None
    """The public key with which the bundle must be signed; None where it need not be."""

    def places(self) -> list[Place]:
        """Find the leads, and the events where there are any."""
        named = [self.leads, *([self.events] if self.events else [])]
        return [place_of(one, self.database_env) for one in named]

    def check(self, checks: Checks) -> None:
        """Check what can be checked before any work."""
        checks.of(lambda: read_signed_manifest(self.bundle, self.signed_by), None)
        named = [self.leads, *([self.events] if self.events else [])]
        places = [checks.of(partial(place_of, one, self.database_env), None) for one in named]
        if self.source is not None:
            # Reading definitions needs much that scoring does not.
            from leadcast.features.definitions.load import find_definition
            from leadcast.pipelines.paths import SOURCES

            source = self.source
            checks.of(lambda: find_definition(source, SOURCES), None)
        checks.of(self.outputs.refuse_unusable, None)
        checks.of(lambda: self.outputs.refuse_inputs(self.bundle, *places), None)
