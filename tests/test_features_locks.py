"""Locks and leftovers: one process at a time, and nothing that a killed one leaves stays."""

import os
import re
from pathlib import Path

import pytest

from leadcast.features.base import files
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import (
    clear_leftovers,
    temporary_beside,
    write_json,
    written_whole,
)
from leadcast.features.base.locks import locked
from leadcast.features.definitions.yaml_lines import plain_yaml
from tests.races import ROOT, at_once, killed_when

COUNT = """
from leadcast.features.base.locks import locked
file = Path(sys.argv[4])
barrier()
for _ in range(20):
    with locked(file, "another counts"):
        file.write_text(str(int(file.read_text()) + 1))
"""
HOLD = """
from leadcast.features.base.locks import locked
with locked(Path(sys.argv[4]), "another holds it"):
    Path(sys.argv[5]).touch()
    time.sleep(100)
"""
WRITE = """
from leadcast.features.base.files import written_whole
with written_whole(Path(sys.argv[4])) as temporary:
    {make}
    Path(sys.argv[5]).touch()
    time.sleep(100)
"""


def test_what_is_read_and_written_under_a_lock_is_never_lost(tmp_path: Path) -> None:
    file = tmp_path / "count"
    file.write_text("0")
    assert at_once(tmp_path / "at once", [COUNT] * 4, file) == [(0, "")] * 4
    assert file.read_text() == "80"
    assert not list(tmp_path.glob(".*")), "a lock is left behind"


def test_who_waits_in_vain_is_told_for_whom(tmp_path: Path) -> None:
    file = tmp_path / "file"
    told = rf"file: another counts now \(process {os.getpid()} on .+\); wait for its end"
    with (
        locked(file, "another counts"),
        pytest.raises(LeadcastError, match=told),
        locked(file, "another counts", patience_seconds=0),
    ):
        pass
    with locked(file, "another counts", patience_seconds=0):
        pass


def test_a_killed_process_holds_up_nobody(tmp_path: Path) -> None:
    file, begun = tmp_path / "file", tmp_path / "begun"
    killed_when(HOLD, begun.exists, file, begun)
    assert (tmp_path / ".file.lock").exists()
    with locked(file, "another holds it", patience_seconds=0):
        pass
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    "make", ["temporary.write_text('half')", "(temporary / 'a').mkdir(parents=True)"]
)
def test_what_a_killed_process_leaves_is_cleared_by_the_next_write(
    tmp_path: Path, make: str
) -> None:
    file, begun = tmp_path / "out.json", tmp_path / "begun"
    killed_when(WRITE.format(make=make), begun.exists, file, begun)
    assert len(list(tmp_path.glob(".out.json.*.tmp"))) == 1
    write_json(tmp_path / "other.json", {})
    assert list(tmp_path.glob(".out.json.*.tmp")), "another output's are its own"
    write_json(file, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["begun", "other.json", "out.json"]


def test_who_still_writes_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    with written_whole(file, replacing=True) as own:
        own.write_text("1")
        write_json(file, 2)
        assert own.read_text() == "1"
    assert file.read_text() == "1"


def test_names_of_others_are_left_alone_until_a_day_has_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "out"
    pid = os.getpid()
    elsewhere = [f".out.00000000-{pid}.01234567.tmp", ".out.01234567.tmp", ".out.01234567.old.tmp"]
    others = [".out.tmp", ".out.notes.tmp", "out.01234567.tmp", ".outer.01234567.tmp"]
    for name in elsewhere + others:
        (tmp_path / name).touch()
    # A container's process has the same number after each start.
    mine = temporary_beside(file).name
    (tmp_path / re.sub(r"\w{8}\.tmp$", "01234567.tmp", mine)).touch()
    clear_leftovers(file)
    assert {path.name for path in tmp_path.iterdir()} == {*elsewhere, *others}
    monkeypatch.setattr(files, "DAY_SECONDS", -1.0)
    clear_leftovers(file)
    assert {path.name for path in tmp_path.iterdir()} == set(others)


def test_a_link_is_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").touch()
    link = tmp_path / temporary_beside(tmp_path / "out").name.replace(
        f"-{os.getpid()}.", "-0999999999."
    )
    link.symlink_to(tmp_path / "kept")
    clear_leftovers(tmp_path / "out")
    assert not link.is_symlink()
    assert (tmp_path / "kept/file").exists()


ADD = """
from leadcast.pipelines.lifecycle import run
load = run.load_params
def load_and_wait(params):
    found = load(params)
    barrier()
    return found
run.load_params = load_and_wait
run.add_source(f"source_{me}", Path(sys.argv[4]))
"""


def test_sources_that_are_added_at_once_are_all_there(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    params.write_bytes((ROOT / "params.yaml").read_bytes())
    assert {code for code, _ in at_once(tmp_path / "at once", [ADD] * 4, params)} == {0}
    sources = plain_yaml(params.read_text(encoding="utf-8"))["sources"]
    assert {f"source_{number}" for number in range(4)} <= set(sources)
