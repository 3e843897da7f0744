"""Outputs that are written whole: a reader finds the old one or the new one, at every moment."""

import subprocess
import sys
from pathlib import Path

import pytest

from leadcast.features.base import files
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import written_whole

TIMES = 300


def write_folder(path: Path, content: str) -> None:
    with written_whole(path, "sample") as temporary:
        temporary.mkdir()
        (temporary / "inside").write_text(content)


LOOK = """
import os, sys
path, absent = sys.argv[1], 0
print("looking", flush=True)
while os.path.lexists(path + ".go"):
    absent += not os.path.lexists(path)
print(absent)
"""


def absences_while(path: Path, times: int) -> int:
    """Replace a folder so many times, and count how often another process found none there."""
    go = path.with_name(f"{path.name}.go")
    go.touch()
    command = [sys.executable, "-c", LOOK, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as looking:
        assert looking.stdout is not None
        assert looking.stdout.readline() == "looking\n"
        try:
            for number in range(times):
                write_folder(path, str(number))
        finally:
            # Else the other process would look for ever.
            go.unlink()
        return int(looking.stdout.read())


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="folders cannot be exchanged")
def test_a_folder_that_is_replaced_is_never_absent(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", "first")
    assert absences_while(tmp_path / "out", TIMES) == 0
    assert (tmp_path / "out/inside").read_text() == str(TIMES - 1)
    assert list(tmp_path.iterdir()) == [tmp_path / "out"], "something is left beside it"


def test_where_folders_cannot_be_exchanged_two_renames_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_exchanged", lambda one, other: False)
    for content in ("old", "new"):
        write_folder(tmp_path / "out", content)
    assert (tmp_path / "out/inside").read_text() == "new"
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


@pytest.mark.parametrize("platform", ["win32", "linux", "darwin"])
def test_what_cannot_be_exchanged_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setattr("sys.platform", platform)
    one = tmp_path / "one"
    one.write_text("one")
    assert not files._exchanged(one, tmp_path / "absent")
    assert one.read_text() == "one"


def test_a_file_takes_no_folders_place(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", "folder")
    with (
        pytest.raises(LeadcastError, match="holds Leadcast's sample"),
        written_whole(tmp_path / "out") as temporary,
    ):
        temporary.write_text("file")
    assert (tmp_path / "out/inside").read_text() == "folder"
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_a_block_that_fails_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", "old")
    with pytest.raises(TypeError):
        write_folder(tmp_path / "out", 1)  # type: ignore[arg-type]
    assert (tmp_path / "out/inside").read_text() == "old"
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
