"""Progress on the terminal: shown where somebody looks, and nothing where nobody does."""

import os
import sys
from collections.abc import Callable

import pytest

from leadcast.pipelines.base.stage import progress_bar, share_bar


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
