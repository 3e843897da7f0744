import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.models.choice.fitting import fit_learner
from leadcast.models.choice.setups import Setup, WeighedTrees
from leadcast.models.data import LabelledMatrix
from leadcast.models.learners.learner_store import FittedLearner, load_learner
from tests.learner_worlds import QUICK, logistic_world, with_clock

KINDS = ("prior", "logistic", "lightgbm", "blend")


def _world(n: int = 600) -> LabelledMatrix:
    data = logistic_world(n)[0]
    return with_clock(data, np.floor(np.arange(n) / 100))


def _setups(kind: str) -> tuple[Setup, ...]:
    curves = () if kind == "lightgbm" else ((10.0, 0.6), (100.0, 0.2))
    trees = (
        ()
        if kind == "logistic"
        else (
            WeighedTrees("cautious", 10, 0.1),
            WeighedTrees("bold", 30, 0.5),
        )
    )
    one = Setup(None, curves, trees)
    return (one, Setup(0.3, curves, trees)) if kind == "blend" else (one,)


def _fit(kind: str, data: LabelledMatrix) -> FittedLearner:
    return fit_learner(kind, data, _setups(kind), QUICK)


@pytest.fixture(scope="module", params=KINDS)
def fitted(request: pytest.FixtureRequest) -> FittedLearner:
    return _fit(request.param, _world())


def test_contributions_add_up_to_the_log_odds(fitted: FittedLearner) -> None:
    values = _world().values[:200]
    contributions, base = fitted.contributions(values)
    together = contributions.sum(axis=1) + base
    np.testing.assert_allclose(together, fitted.log_odds(values), rtol=0, atol=1e-9)


def test_a_saved_learner_scores_the_same_to_the_bit(fitted: FittedLearner, tmp_path: Path) -> None:
    fitted.save(tmp_path / "learner")
    again = load_learner(tmp_path / "learner")
    values = _world().values
    assert again.kind == fitted.kind
    assert np.array_equal(again.log_odds(values), fitted.log_odds(values))
    assert np.array_equal(again.importance(), fitted.importance())


def test_probabilities_are_strictly_between_0_and_1(fitted: FittedLearner) -> None:
    extreme = np.array([[1e30] * 5, [-1e30] * 5, [np.nan] * 5, [0] * 5], dtype=np.float32)
    probability = 1 / (1 + np.exp(-fitted.log_odds(extreme)))
    assert np.all((probability > 0) & (probability < 1))


def test_importance_sums_to_1_or_is_all_0(fitted: FittedLearner) -> None:
    shares = fitted.importance()
    assert shares.shape == (5,)
    assert np.all(shares >= 0)
    assert shares.sum() == pytest.approx(1) or not shares.any()


def test_a_row_scores_the_same_alone_and_among_others(fitted: FittedLearner) -> None:
    values = _world().values[:50]
    alone = np.concatenate([fitted.log_odds(values[i : i + 1]) for i in range(50)])
    np.testing.assert_allclose(alone, fitted.log_odds(values), rtol=0, atol=1e-12)


def test_nothing_to_score_gives_nothing(fitted: FittedLearner) -> None:
    assert fitted.log_odds(np.zeros((0, 5), np.float32)).shape == (0,)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_rows_changes_no_byte(kind: str, tmp_path: Path) -> None:
    data = _world()
    shuffled = data.rows(np.random.default_rng(3).permutation(len(data)))
    _fit(kind, data).save(tmp_path / "one")
    _fit(kind, shuffled).save(tmp_path / "other")
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert files
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


@pytest.mark.parametrize("kind", ["lightgbm", "blend"])
def test_loading_and_scoring_import_no_training_library(kind: str, tmp_path: Path) -> None:
    _fit(kind, _world()).save(tmp_path / "learner")
    program = (
        "import sys, pathlib, numpy as np\n"
        "from leadcast.models.learners.learner_store import load_learner\n"
        f"learner = load_learner(pathlib.Path({str(tmp_path / 'learner')!r}))\n"
        "learner.log_odds(np.zeros((3, 5), np.float32))\n"
        "heavy = {'lightgbm', 'sklearn', 'pandas', 'optuna', 'mlflow', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_learner_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "learner.json").write_text('{"kind": "oracle"}')
    with pytest.raises(LeadcastError, match="oracle"):
        load_learner(tmp_path)


def test_a_damaged_learner_is_refused(tmp_path: Path) -> None:
    (tmp_path / "learner.json").write_text('{"kind": "logistic"}')
    with pytest.raises(LeadcastError, match="damaged"):
        load_learner(tmp_path)
