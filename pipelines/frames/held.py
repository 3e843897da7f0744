"""A project in memory: the stages find its definition and its parameters without any file."""

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.load import holding_definition
from leadcast.pipelines.base.params import Params, holding_params
from leadcast.pipelines.base.paths import running_in


@contextmanager
def held_project(definition: SourceDefinition, params: Params, runs: Path) -> Iterator[None]:
    """Let the stages work on a definition and with parameters that are in no file.

    Only what the calling thread does within the block is concerned, so that several projects may
    be worked on at once.

    Parameters
    ----------
    definition : SourceDefinition
    params : Params
    runs : Path
        Where the run's folder lies, by the source's name.
    """
    with holding_definition(definition), holding_params(params), running_in(runs):
        yield


class OwnFolder:
    """A temporary folder that is removed with this object; nobody else may look into it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="leadcast-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)
