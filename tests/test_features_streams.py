"""Whatever letters a stream can hold, what is told reaches it, and JSON stays JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.streams import refuse_unreadable_names

WORDS = "Größe 0.79 → 0.81 … ✓ \U0001f600"
ENCODINGS = ("ascii", "iso-8859-1", "cp1252", "utf-8")
TOLD = f"""
from leadcast.features.base.streams import escape_unknown_letters, told_as_json
escape_unknown_letters()
words = {WORDS!r}
print(words)
print(told_as_json({{"told": words}}))
"""


def said_in(encoding: str, *arguments: str, cwd: Path | None = None) -> bytes:
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, cwd=cwd)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_letters_that_a_stream_cannot_hold_are_escaped_and_the_others_stay(encoding: str) -> None:
    text, as_json = said_in(encoding, "-c", TOLD).splitlines()
    told = text.decode(encoding)
    assert json.loads(f'"{told}"') == WORDS
    # JSON is UTF-8, whatever the locale.
    assert json.loads(as_json.decode("utf-8")) == {"told": WORDS}


def test_a_stream_of_utf8_is_as_it_was() -> None:
    assert WORDS.encode() in said_in("utf-8", "-c", TOLD)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_command_ends_well_though_its_answer_has_letters_that_the_terminal_has_not(
    encoding: str, tmp_path: Path
) -> None:
    name = "Größe ✓"
    told = said_in(encoding, "-m", "leadcast", "new", name, cwd=tmp_path)
    assert b"a new project" in told
    assert (tmp_path / name / "params.yaml").is_file()


def test_a_path_that_libraries_would_read_otherwise_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", ["leadcast", "check", "ours"])
    refuse_unreadable_names()
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "iso8859-1")
    refuse_unreadable_names()
    monkeypatch.setattr(sys, "argv", ["leadcast", "score", "--out", "Größe.csv"])
    with pytest.raises(LeadcastError, match=r"Größe\.csv: .*PYTHONUTF8=1"):
        refuse_unreadable_names()
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "utf-8")
    refuse_unreadable_names()
