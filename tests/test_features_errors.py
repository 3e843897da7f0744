"""Faults are told by how bad they are."""

from dataclasses import replace

from leadcast.features.base.errors import Fault, describe_faults


def test_what_is_usual_is_a_note_and_comes_last() -> None:
    usual = Fault("a", "b", "c", "d", severity="warning", is_usual=True)
    odd, wrong = replace(usual, is_usual=False), replace(usual, severity="error")
    told = describe_faults("it", [usual, odd, wrong]).splitlines()
    assert told[0] == "it: 1 error, 1 warning, 1 note"
    assert [line.split(":")[0].strip() for line in told[1:]] == ["error", "warning", "note"]
    assert describe_faults("it", [odd]).splitlines()[0] == "it: 0 errors, 1 warning"
