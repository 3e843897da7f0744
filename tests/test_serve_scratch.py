"""What killed services leave is removed by the next start, and nothing else is."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from leadcast.serve.processes import scratch
from leadcast.serve.processes.scratch import MARK, keep_scratch, remove_left, scratch_folder
from tests.scoring_world import bundle_folder
from tests.service_world import ROOT, running

_WITH_FOLDER = """
import sys, time
from leadcast.serve.processes.scratch import keep_scratch, scratch_folder
from pathlib import Path
if len(sys.argv) > 1:
    keep_scratch(Path(sys.argv[1]))
    print("kept", flush=True)
    time.sleep(600)
with scratch_folder("serve") as folder:
    (folder / "copy").write_text("of a bundle")
    print(folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


def begin(*arguments: str) -> tuple["subprocess.Popen[str]", str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _WITH_FOLDER, *arguments], cwd=ROOT, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait(60)
    assert process.stdout is not None
    process.stdout.close()


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob(f"{scratch.PREFIX}*"))


def test_a_folder_ends_with_its_block_and_with_an_error(tmp_path: Path) -> None:
    with scratch_folder("serve") as folder:
        assert left(tmp_path) == [folder.name]
        assert folder.stat().st_mode & 0o077 == 0
    with pytest.raises(ZeroDivisionError), scratch_folder("serve"):
        _ = 1 / 0
    assert left(tmp_path) == []


def test_a_start_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    process, name = begin()
    with scratch_folder("serve") as folder:
        assert left(tmp_path) == sorted([folder.name, Path(name).name])
    kill(process)
    assert left(tmp_path) == [Path(name).name]
    with scratch_folder("serve") as folder:
        assert left(tmp_path) == [folder.name]


def test_a_folder_stays_while_another_process_works_with_it(tmp_path: Path) -> None:
    owner, name = begin()
    worker, _ = begin(name)
    kill(owner)
    remove_left(tmp_path)
    assert left(tmp_path) == [Path(name).name]
    kill(worker)
    remove_left(tmp_path)
    assert left(tmp_path) == []


def unmarked(folder: Path) -> None:
    (folder / MARK).unlink()


def marked_otherwise(folder: Path) -> None:
    (folder / MARK).write_text("somebody else's\n", encoding="utf-8")


def marked_by_a_link(folder: Path) -> None:
    (folder / MARK).rename(folder.parent / "mark")
    (folder / MARK).symlink_to(folder.parent / "mark")


def a_link_itself(folder: Path) -> None:
    folder.rename(folder.parent / "other")
    folder.symlink_to(folder.parent / "other")


def of_another_name(folder: Path) -> None:
    folder.rename(folder.parent / "other")


@pytest.mark.parametrize(
    "change", [unmarked, marked_otherwise, marked_by_a_link, a_link_itself, of_another_name]
)
def test_what_is_not_surely_leadcasts_own_stays(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    process, name = begin()
    kill(process)
    change(Path(name))
    before = sorted(tmp_path.rglob("*"))
    remove_left(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_of_another_user_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process, name = begin()
    kill(process)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    remove_left(tmp_path)
    assert left(tmp_path) == [Path(name).name]


def test_a_link_within_is_removed_and_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    process, name = begin()
    kill(process)
    (Path(name) / "link").symlink_to(precious)
    remove_left(tmp_path)
    assert left(tmp_path) == []
    assert (precious / "file").exists()


def test_no_folder_without_mark_is_kept(tmp_path: Path) -> None:
    keep_scratch(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("who", ["the master", "all of them"])
def test_a_start_removes_what_a_killed_service_left(tmp_path: Path, who: str) -> None:
    (tmp_path / "first").mkdir()
    with running(tmp_path / "first", bundle_folder()) as service:
        # One of a model that it might have to fetch, and its own.
        folders = left(tmp_path)
        assert [name.split("-")[1] for name in folders] == ["model", "serve"]
        assert httpx.get(f"{service.url}/healthz", timeout=60).status_code == 200
        workers = children(service.process.pid)
        assert len(workers) >= 2
        service.process.kill()
        service.process.wait(60)
        for worker in workers if who == "all of them" else ():
            os.kill(worker, signal.SIGKILL)
        while any(Path(f"/proc/{worker}/cmdline").exists() and not is_dead(worker)
                  for worker in workers):  # fmt: skip
            time.sleep(0.1)
    assert left(tmp_path) == folders
    if who == "all of them":
        # One service that starts after another is enough; it makes its folder as this one is made.
        for _ in range(600):
            with scratch_folder("serve") as folder:
                if left(tmp_path) == [folder.name]:
                    return
            # A lock ends with the last thread of who holds it.
            time.sleep(0.1)
        pytest.fail(f"what the killed service left is still there: {left(tmp_path)}")
    (tmp_path / "second").mkdir()
    with running(tmp_path / "second", bundle_folder(), "--workers", "1"):
        assert len(left(tmp_path)) == len(folders)
        assert not set(left(tmp_path)) & set(folders)
    assert left(tmp_path) == []


def children(pid: int) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(one) for one in told.split()]


def is_dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
