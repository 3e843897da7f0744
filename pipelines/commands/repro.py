"""DVC's ``repro`` of one source, whether or not `params.yaml` lists it, without DVC's bars.

``python -m leadcast.pipelines.commands.repro SOURCE LAST_STAGE``: in a process of its own, so that
importing DVC costs nobody else anything. DVC makes its stages for the list ``sources``; here the
source is added to that list in memory, and the file of parameters stays as its owner wrote it.
All stages run in one process beside DVC's: `pipelines.commands.stage_process`; what DVC parses and
writes again and again it does once: `pipelines.commands.dvc_yaml`.
"""

import logging
import sys
from typing import Any

from leadcast.pipelines.commands.dvc_yaml import yaml_known
from leadcast.pipelines.commands.stage_process import in_one_process

SOURCES = "sources"
PATIENCE_SECONDS = 60.0
"""So long a run waits for another of the same project: DVC keeps a project to itself while it reads
and hashes what there is, and not while a stage runs."""
BUSY = (
    "another run, or another command of DVC, is going on in this project and has kept it to itself "
    f"for {PATIENCE_SECONDS:.0f} seconds; wait for its end"
)


def listing(source: str) -> None:
    """Let DVC's parser find a source in the list, where it reads one.

    Parameters
    ----------
    source : str
        Its name.
    """
    import dvc.parsing

    class Listing(dvc.parsing.Context):  # type: ignore[misc]
        """DVC's variables, with the source."""

        def load_from_vars(self, *arguments: Any, **settings: Any) -> None:  # noqa: ANN401
            super().load_from_vars(*arguments, **settings)
            listed = self.get(SOURCES)
            if listed is not None and source not in [str(one) for one in listed]:
                listed.append(source)

    dvc.parsing.Context = Listing


def patient() -> None:
    """Let DVC, in this process, wait longer for another run, and say in our words that it did."""
    import dvc.lock

    dvc.lock.DEFAULT_TIMEOUT = PATIENCE_SECONDS
    dvc.lock.FAILED_TO_LOCK_MESSAGE = BUSY


def main() -> None:
    """Run DVC; ends with its exit code."""
    source, last = sys.argv[1:]
    listing(source)
    patient()
    # Bars of copying and hashing would stand between the stages' lines and their own bars.
    logging.getLogger("dvc.progress").setLevel(logging.CRITICAL)
    from dvc.cli import main as dvc

    with yaml_known(), in_one_process():
        code = dvc(["repro", f"{last}@{source}"])
    raise SystemExit(code)


if __name__ == "__main__":
    main()
