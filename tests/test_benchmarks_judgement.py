"""Paired differences and verdicts of the quality benchmark."""

import numpy as np
import pytest

from benchmarks.fits import AT_NEWEST_LEVEL, LEADCAST, Fitted, middle_run
from benchmarks.judgement import averages, judge, log_loss_difference
from benchmarks.quality_text import standing
from benchmarks.splits import ORIGIN_NAMES
from leadcast.models.data import Floats, Integers


def world(n: int = 400) -> tuple[Floats, Floats, Integers]:
    rng = np.random.default_rng(5)
    truth = rng.uniform(0.05, 0.95, n)
    return truth, (rng.random(n) < truth).astype(float), np.arange(n)


def test_the_difference_is_that_of_the_mean_log_losses() -> None:
    first, second, converted = np.array([0.8, 0.3]), np.array([0.5, 0.5]), np.array([1.0, 0.0])
    by_hand = (-np.log(0.8) - np.log(0.7)) / 2 - np.log(2)
    found = log_loss_difference(first, second, converted, np.arange(2))
    assert found.value == pytest.approx(by_hand, rel=1e-12)


def test_rows_that_stand_there_twice_in_their_lead_tell_nothing_new() -> None:
    truth, converted, group = world()
    guess = np.full(len(truth), 0.5)
    once = log_loss_difference(truth, guess, converted, group)
    rows = np.tile(truth, 2), np.tile(guess, 2), np.tile(converted, 2)
    twice = log_loss_difference(*rows, np.tile(group, 2))
    assert twice.low == pytest.approx(once.low)
    assert twice.high == pytest.approx(once.high)
    as_if_new = log_loss_difference(*rows, np.arange(2 * len(group)))
    assert as_if_new.high is not None
    assert once.high is not None
    assert as_if_new.high < once.high, "the oracle: without the leads the interval is narrower"


@pytest.mark.parametrize("measure", ["log_loss", "auc"])
def test_verdicts_say_best_within_or_beaten(measure: str) -> None:
    truth, converted, group = world()
    noise = np.random.default_rng(1).normal(size=(2, len(truth)))
    near, far = (1 / (1 + np.exp(-np.log(truth / (1 - truth)) - s * noise[0])) for s in (0.05, 3))
    # The ends of the world of methods: the truth, nearly the truth, and far from it.
    said = {"good": truth, "bad": far}
    verdicts = {
        name: judge({LEADCAST: own} | said, converted, group, measure).words  # type: ignore[arg-type]
        for name, own in (("truth", truth), ("near", near), ("far", far))
    }
    assert verdicts["truth"] == "best"
    assert verdicts["near"] in ("best", "within the interval of the best")
    assert verdicts["far"] == "beaten"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_of_several_runs_the_one_in_the_middle_counts(order: tuple[int, ...]) -> None:
    converted = np.array([1.0, 1.0, 0.0])
    said = [np.full(3, 0.6), np.full(3, 0.8), np.full(3, 0.99)]
    fitted = middle_run([Fitted(said[place], 1.0) for place in order], converted)
    assert fitted.probability is said[1]
    by_hand = [-(2 * np.log(p) + np.log(1 - p)) / 3 for p in (0.6, 0.8, 0.99)]
    assert fitted.run_losses == pytest.approx([by_hand[place] for place in order])


def test_at_the_newest_level_log_odds_are_moved_and_ranks_are_not() -> None:
    said = np.array([0.0, 0.2, 0.5, 1.0])
    moved = Fitted(said, 2.0, (0.1,), shift=np.log(2)).at_newest_level()
    assert moved is not None
    assert moved.probability == pytest.approx([0.0, 1 / 3, 2 / 3, 1.0], abs=1e-8)
    assert np.all(np.diff(moved.probability) > 0)
    assert (moved.seconds, moved.run_losses) == (2.0, ())
    assert Fitted(said, 2.0).at_newest_level() is None


def test_a_source_that_nobody_knew_has_its_averages_and_a_level_ranks_once() -> None:
    methods = (LEADCAST, "LightGBM", f"LightGBM{AT_NEWEST_LEVEL}")
    rows = [
        {"source": "mine", "split": name, "method": method, "log_loss": loss, "auc": 0.7}
        for name in ORIGIN_NAMES
        for method, loss in zip(methods, (0.3, 0.4, 0.2), strict=True)
    ]
    losses, aucs = standing(rows)
    assert list(losses["means"]) == [methods[2], LEADCAST, "LightGBM"]
    assert losses["first"] is False, "the best other may be one at the newest level"
    assert list(aucs["means"]) == [LEADCAST, "LightGBM"]


def test_a_tie_with_the_best_peer_is_best() -> None:
    truth, converted, group = world()
    verdict = judge({LEADCAST: truth, "peer": truth}, converted, group, "log_loss")
    assert verdict.words == "best"
    assert verdict.difference == verdict.low == verdict.high == 0


def test_averages_leave_out_who_failed_at_an_origin_and_put_the_best_first() -> None:
    figures = [("a", 0.5), ("a", 0.3), ("b", 0.2), ("b", 0.4), ("c", 0.1)]
    rows = [{"method": method, "log_loss": loss} for method, loss in figures]
    assert list(averages(rows, "log_loss").items()) == [("b", pytest.approx(0.3)), ("a", 0.4)]
