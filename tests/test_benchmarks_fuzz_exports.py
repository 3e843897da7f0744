"""Exports and definitions changed at random are read right, or refused, and never end otherwise."""

from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from benchmarks import fuzz_exports
from benchmarks.fuzz_exports import expected_of, run, run_one


@given(seed=st.integers(0, 2**32))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_export_is_silently_wrong(tmp_path: Path, seed: int) -> None:
    outcome, export, words = run_one(seed, tmp_path)
    assert outcome in ("read", "refused"), (export.door, export.changes, words)


def test_a_value_that_is_read_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_exports, "NUMBERS", {})
    # The third is the first whose numbers show it.
    tally = run(3, 1)
    assert tally.counts["wrong"] > 0
    assert "not None" in tally.faults[0]["words"]


@pytest.mark.parametrize(("cell", "expected"), [(-0.0, False), (1, True), ("-0.0", None)])
def test_a_number_is_a_flag_as_its_value_is(cell: object, expected: bool | None) -> None:
    assert expected_of("flag", cell) is expected
