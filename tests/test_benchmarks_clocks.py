"""Telling which feature ranks a test alone: an index is seen through, a signal is not."""

import numpy as np
import pytest

from benchmarks.clocks import Ranked, ranked
from leadcast.features.registry import Feature
from leadcast.models.data import LabelledMatrix

N, MONTHS = 4_000, 16


@pytest.fixture(scope="module")
def found() -> dict[str, Ranked]:
    """A year is learned from, four months are the test; an index rises when its level does."""
    draw = np.random.default_rng(5)
    month = np.arange(N) * MONTHS // N
    index = np.where(month < 12, np.sin(month), month).astype(float)
    signal, kind = draw.normal(size=N), draw.integers(0, 3, N)
    level = np.where(month < 12, -2.0, 0.6 * (month - 15))
    chance = 1 / (1 + np.exp(-(level + signal + (kind == 2))))
    values = np.column_stack([index, signal, kind]).astype(np.float32)
    features = (
        Feature("index", "fit", "number", ("leads.index",), "an index"),
        Feature("signal", "fit", "number", ("leads.signal",), "a signal"),
        Feature("kind", "fit", "category", ("leads.kind",), "a kind", ("a", "b", "c")),
    )
    place = np.arange(N, dtype=np.int64)
    rows = LabelledMatrix(
        values, features, (draw.random(N) < chance).astype(float), place, place, horizon=0
    )
    parts = (np.flatnonzero(month < 12), np.flatnonzero(month >= 12))
    return {one.name: one for one in ranked(*(rows.rows(part) for part in parts))}


def test_an_index_that_meant_nothing_before_is_told_from_a_signal(found: dict[str, Ranked]) -> None:
    index, signal = found["index"], found["signal"]
    assert index.tested > 0.6
    assert index.within == pytest.approx(0.5, abs=0.03)
    assert index.between > 0.9
    assert signal.tested > 0.65
    assert signal.within > 0.65
    assert signal.between < 0.05


def test_a_category_ranks_by_its_rate(found: dict[str, Ranked]) -> None:
    kind = found["kind"]
    assert kind.learned > 0.55
    assert kind.tested > 0.55


def test_those_that_rank_the_test_best_come_first(found: dict[str, Ranked]) -> None:
    off = [abs(one.tested - 0.5) for one in found.values()]
    assert off == sorted(off, reverse=True)
