"""Faults are told by how bad they are."""

from dataclasses import replace
from pathlib import Path

import pytest

from leadcast.features.base.errors import Fault, LeadcastError, describe_faults, system_words


def test_what_is_usual_is_a_note_and_comes_last() -> None:
    usual = Fault("a", "b", "c", "d", severity="warning", is_usual=True)
    odd, wrong = replace(usual, is_usual=False), replace(usual, severity="error")
    told = describe_faults("it", [usual, odd, wrong]).splitlines()
    assert told[0] == "it: 1 error, 1 warning, 1 note"
    assert [line.split(":")[0].strip() for line in told[1:]] == ["error", "warning", "note"]
    assert describe_faults("it", [odd]).splitlines()[0] == "it: 0 errors, 1 warning"


def test_what_the_system_refuses_is_told_with_its_path_and_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for attempt in (
        lambda: (tmp_path / "file/new").write_text(""),
        lambda: (tmp_path / "file").mkdir(),
        lambda: (tmp_path / "missing/new").write_text(""),
        lambda: (tmp_path / ("x" * 300)).write_text(""),
    ):
        with pytest.raises(OSError, match=r"\[Errno") as caught:
            attempt()
        where, words = system_words(caught.value).split(": ", 1)
        assert where.startswith(str(tmp_path))
        what, remedy = words.split("; ", 1)
        assert what == caught.value.strerror
        assert remedy
    for error in (
        OSError("told by a library"),
        LeadcastError("told in words"),
        OSError(28, "full"),
    ):
        assert system_words(error) == str(error)
