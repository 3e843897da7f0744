"""Stages are killed with -9, and what they read from each other is damaged."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from leadcast.features.base.files import write_json
from leadcast.features.definitions.yaml_lines import yaml_text
from leadcast.models.bundle.bundle import load_bundle
from leadcast.pipelines.base.damaged import Pipeline
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.stage import run_stage
from leadcast.pipelines.lifecycle.trial import STAGES
from tests.killed_stages import Task, done
from tests.small_project import ROOT, run_stages, undrawn
from tests.test_pipelines_dvc import DVC, start_dvc
from tests.test_pipelines_stages import write_tiny

RUN = RunFolder("tiny")
ALWAYS_RUN = {"fetch": RUN.fingerprint.name, "track": RUN.tracking.name}
SAY_WHY_NOT = ("curve", "amounts", "accounts")
"""Of a source as small as this they say why there is nothing to learn, before they read on."""
WITH_TIMES = ("manifest.json", "report.html", RUN.tracking.name)
"""These tell when they were written, or of what does."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damaged")
    # Of the newest leads, which the test is of, some must convert, so that points can be compared.
    write_tiny(folder, winners=(3, 8, 25, 28))
    give_points(folder)
    with undrawn():
        run_stages(folder, RUN.source)
    (folder / "dvc.yaml").symlink_to(ROOT / "dvc.yaml")
    with chdir(folder):
        write_json(RUN.tracking, {"run_id": "1"})
    return folder


def give_points(folder: Path) -> None:
    """Let the leads have marketing's points, so that there is something to compare with."""
    leads, definition = folder / "data/raw/leads.csv", folder / "data/sources/tiny.yaml"
    header, *rows = leads.read_text().splitlines()
    lines = [f"{row},{10 * (number % 7)}" for number, row in enumerate(rows)]
    leads.write_text("\n".join([f"{header},points", *lines]) + "\n")
    text, columns = definition.read_text(), "    columns: {lead_id: id, created_at: created}\n"
    assert columns in text
    definition.write_text(text.replace(columns, f"{columns}    rules_score: points\n"))


@pytest.fixture(scope="module")
def before(project: Path) -> dict[str, bytes]:
    """The results of a run that nobody has disturbed."""
    return look(project)[0]


@pytest.fixture(autouse=True)
def _in_the_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)


def look(project: Path) -> tuple[dict[str, bytes], set[str]]:
    """Give each result's bytes, and the names of what is temporary."""
    found, left = dict[str, bytes](), set[str]()
    for path in (project / RUN.path).rglob("*"):
        name = str(path.relative_to(project / RUN.path))
        if ".tmp" in name:
            left.add(name.split("/")[0])
        elif path.is_file():
            found[name] = path.read_bytes()
    return found, left


@dataclass(frozen=True)
class Killed:
    """What was seen of a stage that was killed."""

    code: int
    outputs: int
    found: dict[str, bytes]
    left: set[str]
    left_then: set[str]
    """What was left of it when it had been run again."""


@pytest.fixture(scope="module")
def killed(project: Path, before: dict[str, bytes]) -> dict[str, Killed]:
    """Kill each stage before its last output is put in its place; the next process mends it."""
    seen, names = dict[str, Killed](), [*STAGES, ""]
    codes, looks = list[int](), list[tuple[dict[str, bytes], set[str]]]()
    with chdir(project):
        made_by = Pipeline.of(RUN.source).made_by
    outputs = {name: list(made_by.values()).count(name) for name in STAGES}
    for mend, kill in zip(["", *STAGES], names, strict=True):
        if kill in ALWAYS_RUN:
            # These look for themselves whether there is anything to do.
            (project / next(path for path in made_by if made_by[path] == kill)).unlink()
        codes.append(
            done(
                Task(project, RUN.source, STAGES.get(mend), STAGES.get(kill), outputs.get(kill, 0))
            )
        )
        looks.append(look(project))
    assert codes[-1] == 0
    for place, name in enumerate(STAGES):
        own, after = looks[place], looks[place + 1]
        seen[name] = Killed(codes[place], outputs[name], *own, own[1] & after[1])
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_is_killed_leaves_every_result_whole_and_the_next_run_goes_on(
    project: Path, before: dict[str, bytes], killed: dict[str, Killed], stage: str
) -> None:
    told = killed[stage]
    assert told.code == -signal.SIGKILL, f"not killed: has it other than {told.outputs} outputs?"
    assert told.left, "nothing was being written"
    assert told.left_then == set(), "the next run has not cleared it up"
    # Of several outputs the one that had been taken away was there again before the last.
    is_alone = stage in ALWAYS_RUN and told.outputs == 1
    absent = {ALWAYS_RUN[stage]} if is_alone else set()
    assert set(told.found) == set(before) - absent
    other = [name for name in told.found if told.found[name] != before[name]]
    assert [name for name in other if not name.endswith(WITH_TIMES)] == []


@pytest.mark.slow
def test_what_was_killed_and_run_again_can_be_used(
    project: Path, before: dict[str, bytes], killed: dict[str, Killed]
) -> None:
    found, left = look(project)
    assert left == set()
    assert set(found) == set(before)
    for folder in (RUN.bundle, RUN.judged):
        assert load_bundle(project / folder).manifest.origin.source == RUN.source
    assert (project / RUN.report).read_text().rstrip().endswith("</html>")


def cut_short(content: bytes) -> bytes:
    return content[: len(content) // 2]


def altered(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@contextmanager
def harmed(path: Path, harm: Callable[[bytes], bytes]) -> Iterator[None]:
    before = path.read_bytes()
    path.write_bytes(harm(before))
    try:
        yield
    finally:
        path.write_bytes(before)


def files_read_by(stage: str) -> list[Path]:
    read = Pipeline.of(RUN.source).read_by[stage]
    inside = [file for path in read if path.is_dir() for file in path.rglob("*.*")]
    return [*(path for path in read if path.is_file()), *(one for one in inside if one.is_file())]


def refusal(stage: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a stage as a program does; give what it says when it refuses."""
    with pytest.raises(SystemExit) as ended:
        run_stage(stage, STAGES[stage])
    told = capsys.readouterr().err
    assert ended.value.code == 1
    assert told.startswith("error: ")
    assert "Traceback" not in told
    return told.removeprefix("error: ")


@pytest.mark.parametrize("stage", [name for name in STAGES if name not in SAY_WHY_NOT])
def test_a_parquet_file_that_was_cut_short_is_told_with_the_stage_that_makes_it(
    stage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [stage, RUN.source])
    pipeline = Pipeline.of(RUN.source)
    for path in files_read_by(stage):
        if path.suffix == ".parquet":
            with harmed(path, cut_short):
                told = refusal(stage, capsys)
            assert told.startswith(f"{path}: ")
            assert f"the stage {pipeline.maker(path)} " in told
            assert f"leadcast run {RUN.source}" in told


def lock_of(pipeline: Pipeline) -> str:
    """Write down what each stage has made, as DVC does."""
    stages: dict[str, dict[str, list[dict[str, str]]]] = {}
    for path, stage in pipeline.made_by.items():
        if path.is_file():
            md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            outs = stages.setdefault(f"{stage}@{RUN.source}", {"outs": []})["outs"]
            outs.append({"path": str(path), "hash": "md5", "md5": md5})
    return yaml_text({"schema": "2.0", "stages": stages})


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_that_dvc_runs_computes_from_what_another_has_not_written(
    stage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [stage, RUN.source])
    monkeypatch.setenv("DVC_STAGE", f"{stage}@{RUN.source}")
    Path("dvc.lock").write_text(lock_of(Pipeline.of(RUN.source)), encoding="utf-8")
    monkeypatch.setitem(STAGES, stage, lambda _: pytest.fail("it has begun"))
    files = [path for path in files_read_by(stage) if not path.name.startswith(".")]
    for path in files:
        if path.name != "manifest.json":
            with harmed(path, altered):
                told = refusal(stage, capsys)
            assert told.startswith(f"{path}: ")
            assert "not as the stage " in told
    Path("dvc.lock").unlink()


def test_all_that_is_damaged_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["train", RUN.source])
    with harmed(RUN.matrix, cut_short), harmed(RUN.snapshots, cut_short):
        lines = refusal("train", capsys).splitlines()
    assert [line.split(": ")[0].strip() for line in lines] == [str(RUN.matrix), str(RUN.snapshots)]


TOY_STAGES = """
import sys
from pathlib import Path
from leadcast.pipelines.base.stage import run_stage

def first(source):
    Path("data/runs/toy/one.csv").write_text("a,b\\n" * 1000)
    return "made"

def second(source):
    text = Path("data/runs/toy/one.csv").read_text()
    Path("data/runs/toy/two.csv").write_text(str(len(text)) + Path("asked").read_text())
    return "made"

name = sys.argv.pop(1)
run_stage(name, {"first": first, "second": second}[name])
"""
TOY_PIPELINE = """
stages:
  first:
    foreach: [toy]
    do:
      cmd: "{python} toy.py first ${{item}}"
      deps: [toy.py]
      outs: ["data/runs/${{item}}/one.csv"]
  second:
    foreach: [toy]
    do:
      cmd: "{python} toy.py second ${{item}}"
      deps: [asked, "data/runs/${{item}}/one.csv"]
      outs: ["data/runs/${{item}}/two.csv"]
"""


@pytest.mark.slow
def test_a_damaged_copy_in_dvcs_cache_is_told_and_the_next_run_makes_the_file_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("toy.py").write_text(TOY_STAGES)
    Path("dvc.yaml").write_text(TOY_PIPELINE.format(python=sys.executable))
    Path("asked").write_text("once")
    one, two = (Path(f"data/runs/toy/{name}.csv") for name in ("one", "two"))
    one.parent.mkdir(parents=True)
    start_dvc(tmp_path)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    def repro() -> tuple[int, str]:
        done = subprocess.run([*DVC, "repro"], env=environment, capture_output=True, text=True)
        return done.returncode, done.stderr

    assert repro()[0] == 0
    whole = one.read_bytes()
    (copy,) = (path for path in Path(".dvc/cache").rglob("*") if _holds(path, whole))
    copy.chmod(0o644)
    copy.write_bytes(altered(whole))
    # As a disk that has gone bad leaves it: DVC does not look into what is protected so.
    copy.chmod(0o444)
    one.unlink()
    Path("asked").write_text("again")
    code, told = repro()
    assert one.read_bytes() == altered(whole), "DVC has put the damaged copy in its place"
    assert code != 0
    assert f"{one}: is not as the stage first wrote it (DVC's cache held a damaged copy" in told
    assert not copy.exists()
    assert repro()[0] == 0
    assert one.read_bytes() == whole
    assert two.read_text() == f"{len(whole)}again"


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content
