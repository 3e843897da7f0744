"""Outputs that are written whole: a reader finds the old one or the new one, at every moment."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from leadcast.features.base import files
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import (
    NoRoomError,
    why_no_file,
    why_no_folder,
    written_whole,
)

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


ROOM = 1 << 16
MUCH = [os.urandom(16).hex() for _ in range(10_000)]


def copy_many(path: Path) -> None:
    here = path.parent / "many"
    here.mkdir()
    (here / "one").write_text("".join(MUCH))
    with only_room_for(ROOM):
        shutil.copytree(here, path)


@contextmanager
def only_room_for(size: int) -> Iterator[None]:
    """Let no file grow beyond so many bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write_text(path: Path) -> None:
    with only_room_for(ROOM):
        path.write_text("".join(MUCH))


def write_nested(path: Path) -> None:
    with written_whole(path, "sample") as temporary:
        temporary.mkdir()
        with written_whole(temporary / "inside") as inside:
            write_text(inside)


def write_parquet(path: Path) -> None:
    with only_room_for(ROOM):
        pl.DataFrame({"a": MUCH}).write_parquet(path)


def sink_parquet(path: Path) -> None:
    with only_room_for(ROOM):
        pl.LazyFrame({"a": MUCH}).sink_parquet(path)


def write_csv(path: Path) -> None:
    with only_room_for(ROOM):
        pl.DataFrame({"a": MUCH}).write_csv(path)


@pytest.mark.parametrize("write", [write_text, write_parquet, sink_parquet, write_csv])
def test_on_a_full_disk_the_old_file_stays_and_it_is_told_what_to_do(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    out = tmp_path / "out"
    out.write_text("old")
    words = r"no room for it .* make room"
    with (
        pytest.raises(NoRoomError, match=words) as told,
        written_whole(out, replacing=True) as temporary,
    ):
        write(temporary)
    assert str(told.value).startswith(f"{out}: ")
    assert out.read_text() == "old"
    assert list(tmp_path.iterdir()) == [out], "something is left beside it"


def test_on_a_full_disk_the_old_folder_stays(tmp_path: Path) -> None:
    place = tmp_path / "place"
    write_folder(place / "out", "old")
    with pytest.raises(NoRoomError) as told:
        write_nested(place / "out")
    # The place that was asked for, not the temporary one in which there was no room.
    assert str(told.value).startswith(f"{place / 'out'}: ")
    with pytest.raises(NoRoomError), written_whole(place / "out", "sample") as temporary:
        copy_many(temporary)
    assert (place / "out/inside").read_text() == "old"


def test_what_has_another_reason_is_told_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), written_whole(tmp_path / "out"):
        raise PermissionError(13, "no right")


@pytest.mark.parametrize("kind", ["absent", "folder", "pipe", "link", "device", "unreadable"])
def test_what_is_no_file_is_told_as_what_it_is(tmp_path: Path, kind: str) -> None:
    place = Path("/dev/null") if kind == "device" else tmp_path / kind
    make = {"folder": place.mkdir, "pipe": lambda: os.mkfifo(place), "unreadable": place.touch}
    make.get(kind, lambda: None)()
    if kind == "link":
        place.symlink_to(tmp_path / "gone")
    told = {
        "absent": "there is no such file",
        "folder": "is a folder, no regular file",
        "pipe": "is a pipe, no regular file",
        "link": "is a link to what is not there",
        "device": "is a device, no regular file",
        "unreadable": "cannot be read",
    }
    assert why_no_file(place) == told[kind]
    is_there = place.exists()
    assert why_no_folder(place) == ("is no folder" if is_there else "there is no such folder")
