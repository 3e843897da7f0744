"""The level on the newest mature snapshots: what it was, what it is, and why it was not moved."""

import numpy as np
import pytest

from leadcast.models.calibration.calibrators import Identity
from leadcast.models.calibration.newest_level import NewestLevel, follow_newest, told_without


def _followed(before: float, after: float, won: int, rows: int = 2000) -> NewestLevel:
    converted = np.zeros(rows)
    converted[:won] = 1
    said, says = (np.full(rows, np.log(rate / (1 - rate))) for rate in (before, after))
    days = ("2025-03-01", "2025-04-12")
    return follow_newest(Identity(rows=1), said, says, converted, np.arange(rows) // 2, days)


def test_a_level_that_was_moved_is_told_with_all_its_figures() -> None:
    level = _followed(0.10, 0.18, won=400)
    assert level.moved == pytest.approx(np.log(0.18 / 0.82) - np.log(0.10 / 0.90))
    assert level.asked == pytest.approx(np.log(0.20 / 0.80) - np.log(0.10 / 0.90), abs=0.01)
    # What is left is as far as these snapshots would go on, and beyond its error here.
    assert level.left == pytest.approx(level.asked - level.moved, abs=0.01)
    assert level.standard_error is not None
    words = level.to_json()["words"]
    for part in ("2,000", "1,000 leads", "2025-03-01 to 2025-04-12", "10.0 %", "18.0 %", "20.0 %"):
        assert part in words
    assert "+0.68" in words


def test_a_level_that_was_right_was_not_moved() -> None:
    words = _followed(0.10, 0.10, won=201).describe()
    assert words.startswith("Level: left where it was.")
    assert "said 10.0 % on average, and 10.1 % converted" in words


def test_one_outcome_only_gives_finite_figures() -> None:
    level = _followed(0.10, 0.08, won=0)
    assert level.standard_error is None
    assert np.isfinite([level.moved, level.asked, level.left]).all()


def test_where_there_is_nothing_newer_the_reason_is_told() -> None:
    assert told_without("there is one origin") == {
        "words": "Level: not moved on newer snapshots, since there is one origin."
    }
