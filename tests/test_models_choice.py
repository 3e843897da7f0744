import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from leadcast.features.base.errors import LeadcastError
from leadcast.models.choice import search
from leadcast.models.choice.backtest import loss_at_their_level, row_log_loss
from leadcast.models.choice.choice import Choice, choose
from leadcast.models.choice.fresh import Recipe
from leadcast.models.choice.setups import Setup, WeighedTrees
from leadcast.models.data import LabelledMatrix
from leadcast.models.learners.boosting import boost
from leadcast.models.learners.learner_store import LEARNERS
from leadcast.models.settings import LearnerSettings
from tests.learner_worlds import QUICK, logistic_world, with_clock, with_won


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_no_won_lead_is_an_error_that_explains() -> None:
    data = with_won(logistic_world(50)[0], 0)
    with pytest.raises(LeadcastError, match=r"of 50 training leads .* none was won"):
        choose(data, QUICK)


def test_only_won_leads_are_an_error_that_explains() -> None:
    with pytest.raises(LeadcastError, match="none was not won"):
        choose(with_won(logistic_world(50)[0], 50), QUICK)


def test_thirty_leads_with_two_winners_get_the_base_rate() -> None:
    data = with_won(logistic_world(30)[0], 2)
    choice = choose(data, QUICK)
    assert choice.learner.kind == "prior"
    assert choice.notes == ("2 won leads: base rate only (a model needs 20)",)
    assert np.all(np.isfinite(choice.learner.log_odds(data.values)))


@pytest.mark.parametrize(("won", "kinds"), [(9, {"prior"}), (60, {"prior", "logistic"})])
def test_few_won_leads_rule_out_what_needs_many(won: int, kinds: set[str]) -> None:
    choice = choose(with_won(logistic_world(600)[0], won), QUICK)
    assert choice.learner.kind in kinds
    assert choice.notes[0].startswith(f"{won} won leads:")
    assert {result.candidate for result in choice.backtest} <= kinds


def test_leads_are_counted_not_their_snapshots() -> None:
    data = with_won(logistic_world(400)[0], 60)
    same = replace(data, group=data.group // 40)
    assert choose(same, QUICK).notes[0].startswith("10 won leads")


def test_rows_of_one_moment_are_learned_without_a_backtest() -> None:
    data = replace(logistic_world(300)[0], position=np.zeros(300, dtype=np.int64))
    choice = choose(data, QUICK)
    assert choice.backtest == ()
    assert choice.learner.kind == "logistic"
    assert "untested" in choice.notes[-1]
    assert len(choice.out_of_time.index) == 0


@pytest.fixture(scope="module")
def data() -> LabelledMatrix:
    return logistic_world(900)[0]


def test_the_backtest_tells_each_candidate_at_each_origin(data: LabelledMatrix) -> None:
    choice = choose(data, QUICK)
    told = {(result.candidate, result.origin) for result in choice.backtest}
    candidates = ("prior", "logistic", "lightgbm", "blend")
    assert told == {(candidate, origin) for candidate in candidates for origin in range(3)}
    chosen = [r for r in choice.backtest if r.candidate == choice.learner.kind]
    assert all(r.low == r.difference == r.high == 0 for r in chosen)


def test_out_of_time_predictions_are_those_of_the_backtest(data: LabelledMatrix) -> None:
    shuffled = data.rows(np.random.default_rng(1).permutation(len(data)))
    choice = choose(shuffled, QUICK)
    past = choice.out_of_time
    converted = shuffled.converted[past.index]
    loss = np.logaddexp(0, past.log_odds) - converted * past.log_odds
    for result in choice.backtest:
        if result.candidate == choice.learner.kind:
            assert loss[past.origin == result.origin].mean() == pytest.approx(result.log_loss)


def test_the_same_data_and_seed_give_the_same_bytes(data: LabelledMatrix, tmp_path: Path) -> None:
    shuffled = data.rows(np.random.default_rng(2).permutation(len(data)))
    choose(data, QUICK).learner.save(tmp_path / "one")
    choose(shuffled, QUICK).learner.save(tmp_path / "other")
    assert _files(tmp_path / "one") == _files(tmp_path / "other")


def test_a_recipe_read_back_from_json_fits_the_same_bytes(
    data: LabelledMatrix, tmp_path: Path
) -> None:
    settings = QUICK.model_copy(update={"candidates": ("blend",), "half_lives": (None, 0.3)})
    choice = choose(data, settings)
    recipe = Recipe.from_json(json.loads(json.dumps(choice.setup)))
    assert recipe.to_json() == choice.setup
    choice.learner.save(tmp_path / "one")
    recipe.fitted(data).save(tmp_path / "other")
    assert _files(tmp_path / "one") == _files(tmp_path / "other")
    with pytest.raises(ValidationError, match="half_life"):
        Recipe.from_json(choice.setup | {"members": [{"curves": []}]})


def test_another_seed_gives_other_trees(data: LabelledMatrix) -> None:
    trees = QUICK.model_copy(update={"candidates": ("lightgbm",)})
    other = trees.model_copy(update={"seed": 1})
    scores = [choose(data, s).learner.log_odds(data.values) for s in (trees, other)]
    assert not np.array_equal(scores[0], scores[1])


def test_progress_is_told(data: LabelledMatrix) -> None:
    told: list[tuple[str, float]] = []
    choose(data, QUICK, lambda what, share: told.append((what, share)))
    assert told[0] == ("backtest, 3 origins", 0.0)
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] <= 1


def test_predictions_are_not_bent_by_rarity() -> None:
    # No class weights, no resampling: the mean probability is the rate of conversion.
    data = logistic_world(4000, seed=7)[0]
    rare = data.rows(np.flatnonzero((data.converted == 0) | (data.group % 10 == 0)))
    learner = choose(rare, QUICK).learner
    probability = 1 / (1 + np.exp(-learner.log_odds(rare.values)))
    assert probability.mean() == pytest.approx(rare.converted.mean(), rel=0.25)


def _searched(file: Path) -> LearnerSettings:
    changes = {"candidates": ("lightgbm",), "search_seconds": 1.0, "search_file": str(file)}
    return QUICK.model_copy(update=changes)


def _trials_of(file: Path) -> list[list[dict[str, Any]]]:
    import optuna

    storage = f"sqlite:///{file}"
    studies = optuna.get_all_study_names(storage)
    return [
        [trial.params for trial in optuna.load_study(study_name=name, storage=storage).trials]
        for name in studies
    ]


def test_a_search_runs_within_its_time_and_goes_on(data: LabelledMatrix, tmp_path: Path) -> None:
    searched = _searched(tmp_path / "study.sqlite")
    first = choose(data, searched)
    (before,) = _trials_of(tmp_path / "study.sqlite")
    second = choose(data, searched)
    (after,) = _trials_of(tmp_path / "study.sqlite")
    assert any("tested to the end" in note for note in first.notes)
    assert first.warnings == (), "a search is nothing to be warned of"
    assert np.all(np.isfinite(second.learner.log_odds(data.values)))
    assert after[: len(before)] == before
    assert after[len(before)] not in before, "what was drawn is not drawn again"


class Clock:
    """A second passes each time that somebody looks."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 1
        return self.seconds


def _searched_for(
    seconds: float, data: LabelledMatrix, monkeypatch: pytest.MonkeyPatch, file: Path
) -> tuple[Choice, list[str], list[tuple[str, float]], float]:
    """The choice, the states of the settings tried, what was told, and when the search ended."""
    import optuna

    clock, told = Clock(), list[tuple[str, float]]()
    monkeypatch.setattr(search, "monotonic", clock)
    settings = _searched(file).model_copy(update={"search_seconds": seconds, "origins": 2})
    choice = choose(data, settings, lambda what, share: told.append((what, share)))
    storage = f"sqlite:///{file}"
    (name,) = optuna.get_all_study_names(storage)
    trials = optuna.load_study(study_name=name, storage=storage).trials
    return choice, [trial.state.name for trial in trials], told, clock.seconds


def test_a_search_keeps_to_its_time_also_within_a_setting(
    data: LabelledMatrix, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain = choose(data, _searched(tmp_path / "none").model_copy(
        update={"search_seconds": 0.0, "origins": 2}
    ))  # fmt: skip
    # Too little for the first origin's forest, let alone a setting.
    choice, states, _, ended = _searched_for(10, data, monkeypatch, tmp_path / "short.sqlite")
    assert states == ["PRUNED"]
    assert ended < 20, "nobody looks at the clock but who boosts one more round"
    assert any("no setting was tested to the end; give it more" in note for note in choice.notes)
    np.testing.assert_array_equal(
        choice.learner.log_odds(data.values), plain.learner.log_odds(data.values)
    )
    choice, states, _, ended = _searched_for(3_000, data, monkeypatch, tmp_path / "long.sqlite")
    assert states.count("COMPLETE") > 1
    assert states[-1] == "PRUNED"
    assert ended < 3_020
    assert any(note.startswith("the search took ") for note in choice.notes)


def test_the_best_setting_is_not_tried_again(
    data: LabelledMatrix, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    drawn = list[dict[str, Any]]()

    def counted(*given: Any) -> list[Any]:  # noqa: ANN401 - as `boost` takes them
        drawn.append(given[6])
        return boost(*given)

    monkeypatch.setattr(search, "boost", counted)
    choice, *_ = _searched_for(900, data, monkeypatch, tmp_path / "study.sqlite")
    assert choice.setup["parameters"], "the search has found something better"
    assert drawn.count(choice.setup["parameters"]) == 2, "once at each of two origins"


def test_a_search_tells_how_far_it_is(
    data: LabelledMatrix, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, states, told, _ = _searched_for(900, data, monkeypatch, tmp_path / "study.sqlite")
    counts = [what for what, _ in told if what.startswith("search")]
    assert counts[0] == "search, 0 settings tested"
    assert counts[-1] == f"search, {len(states)} settings tested"
    assert len(counts) > len(states) + 1, "it is told between origins too"
    shares = [share for what, share in told if what.startswith("search")]
    assert shares == sorted(shares)
    assert 0.8 <= shares[0] < shares[-1] == pytest.approx(0.9)
    assert [share for _, share in told] == sorted(share for _, share in told)


def test_a_search_on_other_rows_begins_anew(data: LabelledMatrix, tmp_path: Path) -> None:
    searched = _searched(tmp_path / "study.sqlite")
    choose(data, searched)
    choose(data.rows(np.arange(len(data) - 50)), searched)
    assert len(_trials_of(tmp_path / "study.sqlite")) == 2


@pytest.mark.parametrize("content", [None, b"not a database, but longer than a header " * 9])
def test_a_search_file_that_cannot_be_used_is_told(
    data: LabelledMatrix, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "nowhere" / "study.sqlite"
    if content is not None:
        file = tmp_path / "study.sqlite"
        file.write_bytes(content)
    with pytest.raises(LeadcastError, match=r"model\.search_file: .*study\.sqlite.* name a new"):
        choose(data, _searched(file))


def test_clocks_are_told_by_name() -> None:
    data = logistic_world(3000, seed=3)[0]
    clocked = with_clock(data, data.position.astype(np.float64))
    told = [note for note in choose(clocked, QUICK).notes if note.startswith("clocks")]
    assert len(told) == 1
    assert "rather than the lead: interest_rate;" in told[0]


def test_a_learner_has_one_name_wherever_a_person_reads(data: LabelledMatrix) -> None:
    told: list[str] = []
    quick = QUICK.model_copy(update={"segments_by": ("channel",)})
    notes = choose(data, quick, lambda what, _: told.append(what)).notes
    text = " ".join([*notes, *told])
    for name in LEARNERS.values():
        assert name in text
        text = text.replace(name, "")
    assert not re.search("|".join(rf"\b{kind}\b" for kind in LEARNERS), text)


def test_a_misspelt_setting_is_refused() -> None:
    with pytest.raises(ValidationError, match="penaltys"):
        LearnerSettings.model_validate({"penaltys": [1.0]})


def test_few_rows_are_tried_with_finer_setups_and_many_with_those_named() -> None:
    settings = LearnerSettings(rounds=(50, 400), penalties=(10.0, 40.0), few_rows=1_000)
    few = settings.for_rows(999)
    assert (few.rounds, few.penalties) == ((50, 400, 800), (2.5, 10.0, 40.0))
    assert few.middle_penalty == settings.middle_penalty == 10.0
    assert settings.for_rows(1_000) == settings


def test_a_learner_that_missed_the_level_is_judged_by_how_it_sets_leads_apart() -> None:
    random = np.random.default_rng(3)
    signal = random.normal(size=4000)
    converted = (random.random(4000) < 1 / (1 + np.exp(2 - signal))).astype(np.float64)
    knows, flat = signal - 0.5, np.full(4000, -1.8)
    raw = [float(row_log_loss(one, converted).mean()) for one in (knows, flat)]
    judged = [float(loss_at_their_level(one, converted).mean()) for one in (knows, flat)]
    assert raw[0] > raw[1]
    assert judged[0] < judged[1]
    assert judged[0] == pytest.approx(float(loss_at_their_level(knows - 3, converted).mean()))


@given(
    st.lists(st.integers(0, 8).map(lambda n: n / 4), min_size=1, max_size=3),
    st.lists(st.integers(0, 8).map(lambda n: n / 4), max_size=2),
)
def test_a_damped_setup_says_no_more_than_its_parts_together(
    curves: list[float], trees: list[float]
) -> None:
    own = tuple((float(n), weight) for n, weight in enumerate(curves))
    grown = tuple(WeighedTrees("cautious", 50, weight) for weight in trees)
    damped = Setup(None, own, grown).damped
    total = sum(curves) + sum(trees)
    kept = sum(w for _, w in damped.curves) + sum(each.weight for each in damped.trees)
    assert kept == pytest.approx(min(1.0, total))
    assert damped.curves[0][1] == pytest.approx(curves[0] / max(1.0, total))
