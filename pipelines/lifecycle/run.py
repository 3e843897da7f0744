"""The main job: the whole pipeline on one source, and a summary of what came out."""

import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.locks import locked
from leadcast.features.base.ownership import PARAMS
from leadcast.features.base.verbosity import VERBOSITY, is_quiet, verbosity
from leadcast.features.definitions.load import find_definition
from leadcast.pipelines.base.params import change_params, load_params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.stage import LIFELINE, MORE, NOTHING_NEW, tell_compiling
from leadcast.pipelines.base.summary import summarise

STAGE_LINE = re.compile(rf"^\[(\w+)\] (?!{NOTHING_NEW})")
ALWAYS_RUN = "fetch"
REPRO = "leadcast.pipelines.commands.repro"
LOG = logging.getLogger(__name__)


def run_pipeline(source: str, *, add: bool = False) -> str:
    """Run every stage that is not up to date, and tell what came out.

    Parameters
    ----------
    source : str
        Its name.
    add : bool
        Whether to put it into `params.yaml`'s list once it has run.

    Returns
    -------
    str
        For the terminal.

    Raises
    ------
    LeadcastError
        If there is no such source or project, or a stage fails; `params.yaml` then is as it was.
    """
    find_definition(source)
    listed = load_params().sources
    tell_compiling()
    stages = reproduce(source)
    if add:
        add_source(source)
    elif source not in listed and stages and not is_quiet():
        print(
            f"{source} is not among the sources in {PARAMS}, so that DVC's own commands do not "
            f"know it; `leadcast run {source} --add` adds it"
        )
    summary = summarise(RunFolder(source))
    if stages:
        return summary
    return f"Nothing to do: {RunFolder(source).path} is up to date.\n{summary}"


def add_source(source: str, params: Path = PARAMS) -> None:
    """See that a source is in `params.yaml`'s list, from which DVC makes its stages."""
    if source in load_params(params).sources:
        return

    def add(content: Any) -> None:  # noqa: ANN401 - any YAML value
        if source not in content["sources"]:
            # First, because the comment after a list belongs to its last entry.
            content["sources"].insert(0, source)

    with locked(params, "another process adds a source"):
        change_params(params, add)
    if is_quiet():
        return
    print(f"Added {source} to the sources in {params}: `dvc repro` now runs it as well.")


def reproduce(source: str, last: str = "track") -> list[str]:
    """Let DVC run what is out of date up to a stage, passing on what the stages say."""
    # What is wrong with the parameters is told before DVC reads them, which has other words for it.
    if PARAMS.exists():
        load_params()
    # DVC keeps runs of different sources apart, or tells the second; its words are for DVC's users.
    with locked(RunFolder(source).path, "another process runs this source", patience_seconds=0):
        return _reproduced(source, last)


def _reproduced(source: str, last: str) -> list[str]:
    command = [sys.executable, "-m", REPRO, source, last]
    # The stages call `python`: it must be this one, whether or not its environment is active.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = os.environ | {"PATH": path, LIFELINE: "stdin", VERBOSITY: verbosity().value}
    LOG.info("DVC brings %s up to date, up to the stage %s", source, last)
    ran: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
        env=environment,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            for stage, line in told_by_stages(_logged(process.stdout)):
                if stage not in ran:
                    ran.append(stage)
                if not is_quiet():
                    print(line, end="", flush=True)
        except KeyboardInterrupt:
            # What was interrupted as well is waited for, so that nothing runs on unseen.
            process.stdin.close()
            process.wait()
            raise
    if process.returncode != 0:
        raise LeadcastError(f"the pipeline stopped; mend what is told above and run {source} again")
    return ran


def _logged(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        LOG.debug("DVC: %s", line.rstrip())
        yield line


def told_by_stages(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pick what stages say out of what DVC prints: each stage's line, and those that follow it.

    Parameters
    ----------
    lines : iterable of str
        What DVC prints.

    Yields
    ------
    tuple of str
        The stage's name and the line.
    """
    stage = ""
    for line in lines:
        match = STAGE_LINE.match(line)
        if match is None and not (stage and line.startswith(MORE)):
            stage = ""
        elif match is not None:
            stage = match[1] if match[1] != ALWAYS_RUN else ""
        if stage:
            yield stage, line
