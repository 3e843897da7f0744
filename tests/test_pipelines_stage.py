"""Progress on the terminal: shown where somebody looks, and nothing where nobody does."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from leadcast.features.base import compiled
from leadcast.pipelines.base.stage import progress_bar, run_stage, share_bar, tell_compiling


def on_terminal(monkeypatch: pytest.MonkeyPatch, show: Callable[[], None]) -> str:
    """Give what is seen where the standard error goes to a terminal."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as shown:
        monkeypatch.setattr(sys, "stderr", shown)
        show()
        # So that there is something to read, whatever was shown.
        shown.write("end")
        shown.flush()
        # A terminal gives what it has by and by.
        text = b""
        while not text.endswith(b"end"):
            text += os.read(ours, 1 << 16)
    os.close(ours)
    return text.decode()


def test_a_search_shows_what_is_done_and_the_share(monkeypatch: pytest.MonkeyPatch) -> None:
    def show() -> None:
        with share_bar() as tell:
            tell("search, 3 settings tested", 0.85)

    text = on_terminal(monkeypatch, show)
    assert "search, 3 settings tested" in text
    assert "85%" in text


def test_a_batch_shows_how_many_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def show() -> None:
        with progress_bar("scoring", "leads") as tell:
            tell(30, 120)

    text = on_terminal(monkeypatch, show)
    assert "scoring" in text
    assert "30/120" in text
    assert "leads/s" in text


def test_nobody_looks_and_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with share_bar() as share, progress_bar("scoring", "leads") as tell:
        share("search, 3 settings tested", 0.85)
        tell(1, 2)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("is_there", [True, False])
def test_who_waits_is_told_that_loops_are_compiled_first(
    monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    monkeypatch.setattr(compiled, "is_kept", lambda _: is_there)
    assert ("compiling once" in on_terminal(monkeypatch, tell_compiling)) is not is_there


def test_compiled_code_is_kept_until_its_text_changes(tmp_path: Path) -> None:
    file = tmp_path / "loop.py"
    file.write_text("def twice(n: int) -> int:\n    return 2 * n\n")
    space: dict[str, Callable[..., int]] = {}
    exec(compile(file.read_text(), str(file), "exec"), space)
    loop = compiled.compiled(space["twice"])
    assert not compiled.is_kept(loop)
    assert loop(4) == 8
    assert compiled.is_kept(loop)
    os.utime(file, (2e9, 2e9))
    assert not compiled.is_kept(loop)


def test_a_stage_elsewhere_says_that_this_is_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train", "demo"])
    with pytest.raises(SystemExit) as ended:
        run_stage("train", lambda _: "done")
    assert ended.value.code == 1
    assert f"error: {tmp_path} is not a Leadcast project" in capsys.readouterr().err
