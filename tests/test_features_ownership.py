"""Leadcast replaces only what it wrote: the laws of the marks, on scratch folders and files."""

import json
import os
import subprocess
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import (
    put_out,
    working_folder,
    write_json,
    written_out,
    written_whole,
)
from leadcast.features.base.ownership import MARK, mark_folder, refuse_foreign_folder, refuse_inputs

MINE = b"mine, and nobody else's"


def write_folder(folder: Path, kind: str = "world", **files: str) -> None:
    with written_whole(folder, kind) as new:
        for name, text in (files or {"a": "1", "b": "2"}).items():
            (new / "deep").mkdir(parents=True, exist_ok=True)
            (new / "deep" / name).write_text(text)


def write_out(path: Path, text: str = "scores", *, force: bool = False) -> None:
    with written_out(path, force=force) as new:
        new.write_text(text)


def test_a_folder_is_replaced_by_one_of_its_kind_while_nobody_has_touched_it(
    tmp_path: Path,
) -> None:
    write_folder(tmp_path / "out")
    write_folder(tmp_path / "out", c="3")
    assert [path.name for path in (tmp_path / "out/deep").iterdir()] == ["c"]
    assert not list(tmp_path.glob(".out*")), "nothing is left beside it"


def edit(folder: Path) -> Path:
    (folder / "deep/a").write_bytes(MINE)
    return folder / "deep/a"


def add(folder: Path) -> Path:
    (folder / "deep/c").write_bytes(MINE)
    return folder / "deep/c"


def hide(folder: Path) -> Path:
    (folder / ".hidden").write_bytes(MINE)
    return folder / ".hidden"


def unmark(folder: Path) -> Path:
    (folder / MARK).unlink()
    return folder / "deep/a"


def same_size(folder: Path) -> Path:
    (folder / "deep/a").write_text("9")
    return folder / "deep/a"


def link(folder: Path) -> Path:
    (folder.parent / "elsewhere").write_bytes(MINE)
    (folder / "link").symlink_to(folder.parent / "elsewhere")
    return folder / "link"


def empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


@pytest.mark.parametrize("touch", [edit, add, hide, unmark, same_size, link, empty])
def test_a_folder_that_somebody_has_touched_is_refused_and_kept(
    touch: Callable[[Path], Path], tmp_path: Path
) -> None:
    write_folder(tmp_path / "out")
    touched = touch(tmp_path / "out")
    before = touched.read_bytes() if touched.is_file() else None
    with pytest.raises(LeadcastError, match=rf"{tmp_path / 'out'}: holds .*(move|Name)"):
        write_folder(tmp_path / "out", c="3")
    assert os.path.lexists(touched)
    assert before is None or touched.read_bytes() == before


def test_a_folder_of_another_kind_or_behind_a_link_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path / "out", "tables")
    with pytest.raises(LeadcastError, match="holds Leadcast's tables"):
        write_folder(tmp_path / "out", "world")
    (tmp_path / "link").symlink_to(tmp_path / "out")
    with pytest.raises(LeadcastError, match="a link"):
        write_folder(tmp_path / "link", "tables")
    assert (tmp_path / "out/deep/a").read_text() == "1"


def test_what_comes_into_a_folder_while_it_is_written_anew_is_kept(tmp_path: Path) -> None:
    def write() -> None:
        with written_whole(tmp_path / "out", "world") as new:
            new.mkdir()
            (tmp_path / "out/late").write_bytes(MINE)

    write_folder(tmp_path / "out")
    with pytest.raises(LeadcastError, match="late"):
        write()
    assert (tmp_path / "out/late").read_bytes() == MINE


def test_what_a_file_manager_leaves_and_what_is_gone_are_no_obstacle(tmp_path: Path) -> None:
    write_folder(tmp_path / "out")
    (tmp_path / "out/.DS_Store").write_text("view")
    (tmp_path / "out/deep/a").unlink()
    write_folder(tmp_path / "out", c="3")
    (tmp_path / "empty").mkdir()
    write_folder(tmp_path / "empty")


@given(st.dictionaries(st.sampled_from("abcdef"), st.text(max_size=3), min_size=1))
def test_the_same_content_has_the_same_mark(files: dict[str, str]) -> None:
    marks = []
    with working_folder(Path("/tmp"), "leadcast-marks") as scratch:
        for name, order in (("one", list(files)), ("two", list(files)[::-1])):
            (scratch / name).mkdir()
            for file in order:
                (scratch / name / file).write_text(files[file], encoding="utf-8", newline="")
            mark_folder(scratch / name, "world")
            marks.append((scratch / name / MARK).read_bytes())
        refuse_foreign_folder(scratch / "one", "world")
    assert marks[0] == marks[1]
    assert set(json.loads(marks[0])["files"]) == set(files)


def test_a_file_is_written_again_and_again_and_kept_once_it_is_edited(tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    for night in ("one", "two", "three"):
        write_out(out, night)
        assert out.read_text() == night
    out.write_bytes(MINE)
    with pytest.raises(LeadcastError, match=r"scores.csv: .* changed since .*--force"):
        write_out(out)
    assert out.read_bytes() == MINE
    write_out(out, "four", force=True)
    write_out(out, "five")
    assert out.read_text() == "five"


def test_a_file_of_anothers_is_refused_before_the_work_and_after_it(tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    out.write_bytes(MINE)
    with pytest.raises(LeadcastError, match="not Leadcast's own"), written_out(out):
        pytest.fail("the work has begun")
    out.unlink()
    with ExitStack() as stack:
        stack.enter_context(written_out(out)).write_text("scores")
        out.write_bytes(MINE)
        with pytest.raises(LeadcastError, match="not Leadcast's own"):
            stack.close()
    assert out.read_bytes() == MINE
    write_out(out, force=True)
    assert out.read_text() == "scores"


def test_a_batch_that_is_killed_between_mark_and_file_stops_no_later_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "scores.csv"
    write_out(out, "one")
    new = tmp_path / "new"
    new.write_text("two")

    def killed(*_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("leadcast.features.base.files._put_in_place", killed)
        with pytest.raises(KeyboardInterrupt):
            put_out(new, out)
    assert out.read_text() == "one"
    write_out(out, "three")
    assert out.read_text() == "three"


@pytest.mark.parametrize(
    "name", ["params.yaml", "dvc.yaml", "dvc.lock", "data/sources/a.yaml", "data/rules/a.yml"]
)
def test_no_force_replaces_a_definition(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(MINE)
    (tmp_path / "link").symlink_to(path)
    for out in (path, path.parent / ".." / path.parent.name / path.name, tmp_path / "link"):
        with pytest.raises(LeadcastError, match="is a definition"):
            write_out(out, force=True)
    assert path.read_bytes() == MINE


def test_a_points_table_that_leadcast_wrote_is_its_own(tmp_path: Path) -> None:
    write_out(tmp_path / "data/rules/mine.yaml", "one")
    write_out(tmp_path / "data/rules/mine.yaml", "two")
    assert (tmp_path / "data/rules/mine.yaml").read_text() == "two"


def git(folder: Path, *words: str) -> None:
    name = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *name, *words], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("name", ["report.html", "a[1].html", ":odd.html", "-f.html"])
def test_no_force_replaces_what_git_tracks(name: str, tmp_path: Path) -> None:
    git(tmp_path, "init")
    write_out(tmp_path / name, "ours")
    write_out(tmp_path / "a1.html", "not tracked")
    git(tmp_path, "add", f":(literal){name}")
    for force in (False, True):
        with pytest.raises(LeadcastError, match=r"tracked by git.*Name another"):
            write_out(tmp_path / name, force=force)
    assert (tmp_path / name).read_text() == "ours"
    write_out(tmp_path / "a1.html", "still not")


def test_a_folder_of_which_git_tracks_something_is_refused(tmp_path: Path) -> None:
    git(tmp_path, "init")
    write_folder(tmp_path / "out")
    git(tmp_path, "add", "out/deep/a")
    with pytest.raises(LeadcastError, match="tracked by git"):
        write_folder(tmp_path / "out")
    assert (tmp_path / "out/deep/b").exists()


@pytest.mark.parametrize("force", [False, True])
def test_links_devices_and_folders_are_no_files_to_write_to(force: bool, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, words in (("pipe", "no ordinary file"), ("folder", "is a folder")):
        with pytest.raises(LeadcastError, match=words):
            write_out(tmp_path / name, force=force)
    (tmp_path / "theirs").write_bytes(MINE)
    (tmp_path / "link").symlink_to(tmp_path / "theirs")
    with nullcontext() if force else pytest.raises(LeadcastError, match="not Leadcast's own"):
        write_out(tmp_path / "link", force=force)
    assert (tmp_path / "theirs").read_bytes() == MINE, "by force the link alone is replaced"


def test_without_a_mark_a_file_is_replaced_in_runs_and_working_folders_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"data/runs/demo/plan.json", ".a.work/x/plan.json", ".b.1234.tmp/plan.json"}
    for name in (*places, "plan.json", "data/runs/plan.json", "work/plan.json", "a.tmp/plan.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(MINE)
        with nullcontext() if name in places else pytest.raises(LeadcastError, match="name anothe"):
            write_json(path, 1)
        assert (path.read_bytes() == MINE) is (name not in places), name
    write_json(tmp_path / "plan.json", 1, replacing=True)
    assert (tmp_path / "plan.json").read_text() == "1\n"


@pytest.mark.parametrize("strange", ["", "mine.txt", "events/mine.parquet"])
def test_a_run_that_was_written_before_marks_is_replaced_by_its_known_content(
    strange: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tables = tmp_path / "data/runs/demo/tables"
    (tables / "events").mkdir(parents=True)
    for name in ("leads.parquet", "tables.json", "events/part-00012.parquet", strange):
        if name:
            (tables / name).write_bytes(MINE)
    with pytest.raises(LeadcastError, match=strange) if strange else nullcontext():
        write_folder(tables, "tables")
    assert not strange or (tables / strange).read_bytes() == MINE
    with pytest.raises(LeadcastError, match="tables"):
        write_folder(tables, "learner")


@pytest.mark.parametrize(
    "name",
    ["data/runs/../comparison", "data/runs/a/../../comparison", "other/data/runs/mine/comparison"],
)
@pytest.mark.parametrize("is_named", [False, True])
def test_a_folder_that_only_looks_like_a_runs_is_no_run(
    name: str, is_named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data/runs/a").mkdir(parents=True)
    out = Path(name)
    out.mkdir(parents=True)
    for file in ("leads.parquet", "rules.json"):
        (out / file).write_bytes(MINE)
    for place in (out, tmp_path / out):
        with (
            pytest.raises(LeadcastError, match="no mark of Leadcast's"),
            written_whole(place, "comparison", is_named=is_named),
        ):
            pytest.fail("the work has begun")
    with pytest.raises(LeadcastError, match="--force"):
        write_json(out / "rules.json", 1)
    assert {path.read_bytes() for path in out.iterdir()} == {MINE}


def test_nothing_that_a_user_named_is_replaced_without_a_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    out = Path("data/runs/a/comparison")
    out.mkdir(parents=True)
    (out / "leads.parquet").write_bytes(MINE)
    with pytest.raises(LeadcastError, match="no mark"):
        refuse_foreign_folder(out, "comparison", is_named=True)
    refuse_foreign_folder(out, "comparison")
    Path("elsewhere").symlink_to(tmp_path / "data")
    refuse_foreign_folder(Path("elsewhere/runs/a/comparison"), "comparison")


def test_what_git_tracks_is_kept_by_whatever_way_one_comes_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "repository/data/runs/a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repository")
    Path("T.csv").write_bytes(MINE)
    Path("data/runs/a/T.csv").write_bytes(MINE)
    git(Path(), "init")
    git(Path(), "add", ".")
    (tmp_path / "link").symlink_to(tmp_path / "repository")
    for name in ("data/runs/../../T.csv", "../link/T.csv", "data/runs/a/T.csv"):
        with pytest.raises(LeadcastError, match="is tracked by git"):
            write_out(Path(name), force=True)
    assert Path("T.csv").read_bytes() == MINE
    # Within a hook git names the repository that it works on.
    git(tmp_path, "init", "another")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "another/.git"))
    with pytest.raises(LeadcastError, match="is tracked by git"):
        write_out(Path("T.csv"), force=True)


@pytest.mark.parametrize("how", ["git fails", "there is no git"])
def test_where_git_cannot_answer_nothing_is_replaced(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init")
    (tmp_path / "T.csv").write_bytes(MINE)
    if how == "git fails":
        (tmp_path / ".git/config").write_text("[damaged")
    else:
        monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LeadcastError, match=r"cannot be told \(.*git.*outside the repository"):
        write_out(tmp_path / "T.csv", force=True)
    assert (tmp_path / "T.csv").read_bytes() == MINE
    write_out(tmp_path / "new.csv")


@pytest.mark.parametrize("name", ["deep/a", "deep/new.csv", MARK])
def test_no_file_is_written_into_a_folder_that_is_written_as_a_whole(
    name: str, tmp_path: Path
) -> None:
    write_folder(tmp_path / "out")
    (tmp_path / "link").symlink_to(tmp_path / "out")
    for folder in ("out", "link", "out/../out"):
        with pytest.raises(LeadcastError, match=r"as a whole \(world\).*outside it"):
            write_out(tmp_path / folder / name, force=True)
    write_folder(tmp_path / "out")


def test_two_outputs_in_one_place_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").symlink_to(tmp_path)
    pairs = [("F", "F"), ("F", "./here/F"), ("D", "D/x.html"), ("D/x.html", "here/D")]
    for one, other in pairs:
        with pytest.raises(LeadcastError, match=r"another output.*of its own"):
            refuse_inputs([Path(one), None, Path(other)], [])
    refuse_inputs([Path("F"), Path("F.html")], [])


def test_an_output_that_is_an_input_is_refused_by_whatever_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    leads = tmp_path / "leads.csv"
    leads.write_bytes(MINE)
    (tmp_path / "bundle").mkdir()
    (tmp_path / "soft").symlink_to(leads)
    (tmp_path / "hard").hardlink_to(leads)
    (tmp_path / "here").symlink_to(tmp_path)
    same = ["leads.csv", "./bundle/../leads.csv", "soft", "hard", "here/leads.csv", "bundle/x.csv"]
    for out in (*map(Path, same), leads):
        with pytest.raises(LeadcastError, match=r"is an input.*name another"):
            refuse_inputs([None, out], [None, leads, Path("bundle")])
    refuse_inputs([tmp_path / "scores.csv"], [leads, tmp_path / "bundle"])
