"""One process for all stages of a run: their libraries are imported, and their loops read, once.

DVC gives each stage a process of its own, which imports for longer than most stages compute. Here
DVC hands each ``python -m leadcast.pipelines.NAME SOURCE`` to the same process, which runs it as
that command would; any other command is run as DVC runs it. What a stage keeps it keeps in files.
"""

import gc
import json
import os
import re
import runpy
import signal
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

COMMAND = re.compile(r"python -m (leadcast\.pipelines\.\w+) ([\w.-]+)")
"""A stage as `dvc.yaml` has it, without a word that a shell would have to read."""
THIS = "leadcast.pipelines.commands.stage_process"


class StageProcess:
    """Runs stages one after the other; begins with the first, and anew where one ended it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, module: str, source: str, environment: dict[str, str], folder: str) -> int:
        """Run a stage.

        Parameters
        ----------
        module, source : str
            What `python -m` is given.
        environment : dict of str
            All of it; of one that has begun only DVC's own variables are changed.
        folder : str
            The working folder.

        Returns
        -------
        int
            Its exit code, less than 0 where a signal ended it.
        """
        if self._process is None or self._process.poll() is not None:
            self.end()
            self._begin(environment)
        process = self._process
        assert process is not None
        told = {name: told for name, told in environment.items() if name.startswith("DVC_")}
        request = {"module": module, "source": source, "environment": told, "folder": folder}
        try:
            os.write(self._requests, f"{json.dumps(request)}\n".encode())
        except BrokenPipeError:
            return process.wait()
        answer = self._answers.readline()
        return int(answer) if answer else process.wait()

    def end(self) -> None:
        """Wait until the process has ended."""
        if self._process is not None:
            os.close(self._requests)
            self._process.wait()
            self._answers.close()

    def _begin(self, environment: dict[str, str]) -> None:
        asked, answered = os.pipe(), os.pipe()
        command = [sys.executable, "-m", THIS, str(asked[0]), str(answered[1])]
        # Standard input is the stages' as well: it tells them when their runner has ended.
        self._process = subprocess.Popen(command, env=environment, pass_fds=(asked[0], answered[1]))
        os.close(asked[0])
        os.close(answered[1])
        self._requests, self._answers = asked[1], os.fdopen(answered[0], encoding="utf-8")


@contextmanager
def in_one_process() -> Iterator[None]:
    """Let DVC, in this process, run the stages so while the block runs."""
    import dvc.stage.run
    from dvc.stage.exceptions import StageCmdFailedError

    stages = StageProcess()
    by_dvc: Callable[..., None] = dvc.stage.run._run

    def run(executable: str | None, cmd: str, **settings: Any) -> None:  # noqa: ANN401 - DVC's
        match = COMMAND.fullmatch(cmd)
        if match is None:
            by_dvc(executable, cmd, **settings)
            return
        # As DVC does: who interrupts interrupts the stage, and DVC tells that it has ended.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            code = stages.run(match[1], match[2], settings["env"], str(settings["cwd"]))
        finally:
            signal.signal(signal.SIGINT, before)
        if code:
            raise StageCmdFailedError(cmd, code)

    dvc.stage.run._run = run
    try:
        yield
    finally:
        dvc.stage.run._run = by_dvc
        stages.end()


def _run_module(module: str, source: str) -> int:
    """Run a module as `python -m` does; gives its exit code."""
    sys.argv = [module, source]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    """Run what is asked for until nobody asks any more; an interrupted stage is the last."""
    requests, answers = (int(number) for number in sys.argv[1:])
    # A stage may have been imported by one before: it is run anew all the same.
    warnings.filterwarnings("ignore", r".* found in sys\.modules", RuntimeWarning)
    with os.fdopen(requests, encoding="utf-8") as asked, os.fdopen(answers, "w") as answered:
        for line in asked:
            request = json.loads(line)
            os.environ.update(request["environment"])
            os.chdir(request["folder"])
            code = _run_module(request["module"], request["source"])
            sys.stdout.flush()
            sys.stderr.flush()
            print(code, file=answered, flush=True)
            gc.collect()
            # What is left are modules, for the most part, which need not be looked through again.
            gc.freeze()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
