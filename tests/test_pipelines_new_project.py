"""`leadcast new`: a whole project or none, whatever stands in the way, and what to do next."""

import shlex
import subprocess
from pathlib import Path

import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.pipelines.insight import new_project as module
from leadcast.pipelines.insight.new_project import contents_of, new_project


def all_below(folder: Path) -> set[str]:
    return {str(one.relative_to(folder)) for one in folder.rglob("*")}


@pytest.mark.parametrize("name", ["leads", "with a blank", "it's; echo $HOME", "Größe (neu)"])
def test_the_next_line_leads_a_shell_into_the_project(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = new_project(Path(name))
    enter = told.splitlines()[-1].removeprefix("Next: ").split("; leadcast run")[0]
    done = subprocess.run(["sh", "-c", f"{enter} && pwd"], capture_output=True, text=True)
    assert done.stdout.strip() == str(tmp_path / name)
    assert shlex.split(enter) == ["cd", name]


@pytest.mark.parametrize("file", [".", "data", "data/sources", ".dvc"])
def test_a_file_in_a_folders_place_is_named_and_nothing_is_written(
    file: str, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text("mine", encoding="utf-8")
    before = all_below(tmp_path)
    with pytest.raises(LeadcastError, match="there already") as told:
        new_project(folder)
    assert str(folder / file) in str(told.value)
    assert all_below(tmp_path) == before


def test_a_link_to_nothing_is_not_written_through(tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    (tmp_path / "project").mkdir()
    (tmp_path / "project/params.yaml").symlink_to(outside)
    with pytest.raises(LeadcastError, match="there already"):
        new_project(tmp_path / "project")
    assert not outside.exists()


def test_what_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "own/project"
    (tmp_path / "own").mkdir()
    (tmp_path / "own/notes.txt").write_text("mine", encoding="utf-8")
    contents = contents_of(folder)
    # A name that no file system takes stands for a disk that fills up in the middle.
    contents["x" * 300] = ""
    monkeypatch.setattr(module, "contents_of", lambda _: contents)
    with pytest.raises(OSError, match="too long"):
        new_project(folder)
    assert all_below(tmp_path / "own") == {"notes.txt"}
