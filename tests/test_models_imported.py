"""Any estimator as a candidate: it competes, is levelled, explained, kept without pickle."""

import json
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.models.choice.choice import Choice, choose
from leadcast.models.choice.fresh import Recipe
from leadcast.models.data import LabelledMatrix
from leadcast.models.imported.given_matrix import GivenMatrix, way_of
from leadcast.models.imported.import_path import built, check_candidates
from leadcast.models.imported.sampled_parts import background_of, sampled_parts
from leadcast.models.imported.skops_file import VARIABLE, dump_estimator, load_estimator
from leadcast.models.learners.imported_shape import fit_estimator
from leadcast.models.learners.learner_store import imported_shapes, load_learner
from leadcast.models.settings import EstimatorCandidate
from tests.imported_candidates import BOOSTED, FOREST, SCALED, settings_with
from tests.learner_worlds import FEATURES, logistic_world, with_won

DATA, TRUTH = logistic_world(1_200)
COLUMNS = np.arange(4)
EVERY = [BOOSTED, SCALED, FOREST]
NAMES = ["HistGradientBoostingClassifier", "scaled", "RandomForestClassifier"]


@pytest.fixture(scope="module", params=EVERY, ids=NAMES)
def choice(request: pytest.FixtureRequest) -> Choice:
    """What is chosen where nothing else competes."""
    return choose(DATA, settings_with(request.param))


def test_it_competes_on_the_same_rows_and_is_told_with_what_its_reasons_are() -> None:
    found = choose(DATA, settings_with("prior", "logistic", SCALED))
    rows = {(one.candidate, one.origin): one.n_valid for one in found.backtest}
    assert {name for name, _ in rows} == {"prior", "logistic", "scaled"}
    for origin in (0, 1):
        assert len({rows[name, origin] for name in ("prior", "logistic", "scaled")}) == 1
    # Of an additive truth it is a good model, far from the prior's loss.
    loss = {one.candidate: one.log_loss for one in found.backtest if one.origin == 1}
    assert loss["scaled"] < loss["prior"] - 0.05
    assert abs(loss["scaled"] - loss["logistic"]) < 0.02


def test_a_chosen_one_is_named_with_a_warning_that_goes_into_the_bundle(choice: Choice) -> None:
    assert choice.learner.kind in NAMES
    (warning,) = choice.warnings
    assert "Shapley values by sampling" in warning
    assert choice.learner.kind in warning


def test_scores_follow_the_truth_and_stand_on_a_level(choice: Choice) -> None:
    log_odds = choice.learner.log_odds(DATA.values)
    assert np.corrcoef(log_odds, TRUTH)[0, 1] > 0.85
    rate = (1 / (1 + np.exp(-log_odds))).mean()
    assert rate == pytest.approx(DATA.converted.mean(), abs=0.04)


def test_a_lead_alone_scores_and_is_explained_as_among_many(choice: Choice) -> None:
    values = DATA.values[:40]
    together = choice.learner.log_odds(values)
    alone = np.concatenate([choice.learner.log_odds(row[None]) for row in values])
    np.testing.assert_array_equal(alone, together)
    parts, base = choice.learner.contributions(values)
    first, own_base = choice.learner.contributions(values[:1])
    np.testing.assert_array_equal(first, parts[:1])
    np.testing.assert_array_equal(own_base, base[:1])


def test_reasons_add_up_exactly(choice: Choice) -> None:
    parts, base = choice.learner.contributions(DATA.values[:60])
    log_odds = choice.learner.log_odds(DATA.values[:60])
    np.testing.assert_allclose(parts.sum(axis=1) + base, log_odds, rtol=0, atol=1e-12)
    assert choice.learner.importance().sum() == pytest.approx(1.0)


def test_it_is_kept_without_pickle_and_comes_back_the_same(choice: Choice, tmp_path: Path) -> None:
    choice.learner.save(tmp_path / "learner")
    files = {path.name for path in (tmp_path / "learner").iterdir()}
    assert files == {"learner.json", "shape_0.skops"}
    back = load_learner(tmp_path / "learner")
    assert back.kind == choice.learner.kind
    np.testing.assert_array_equal(back.log_odds(DATA.values), choice.learner.log_odds(DATA.values))
    with zipfile.ZipFile(tmp_path / "learner/shape_0.skops") as file:
        assert not [name for name in file.namelist() if "pickle" in name or "pkl" in name]


def test_a_recipe_as_json_fits_the_same_bytes_in_any_order_of_rows(
    choice: Choice, tmp_path: Path
) -> None:
    recipe = Recipe.from_json(json.loads(json.dumps(choice.setup)))
    again = recipe.fitted(DATA.rows(np.arange(len(DATA))[::-1]))
    for name, one in (("one", choice.learner), ("again", again)):
        one.save(tmp_path / name)
    for file in ("learner.json", "shape_0.skops"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()


def test_with_few_leads_won_it_does_not_compete() -> None:
    found = choose(with_won(DATA, 60), settings_with("logistic", BOOSTED))
    assert found.learner.kind == "logistic"
    assert "no estimators of others (they need 100)" in found.warnings[0]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"estimator": "no_such_module.Model"}, "there is no module 'no_such_module'"),
    ({"estimator": "sklearn.ensemble.NoSuchClass"}, "sklearn.ensemble has no 'NoSuchClass'"),
    ({"estimator": "HistGradientBoosting"}, "an import path"),
    ({"estimator": "os.system"}, "os.system is no class"),
    ({"estimator": "sklearn.svm.LinearSVC"}, "has no predict_proba"),
    ({"estimator": "collections.OrderedDict"}, "has no fit"),
    ({**BOOSTED, "parameters": {"depth": 3}}, "cannot be made with {'depth': 3}"),
]


@pytest.mark.parametrize(("said", "words"), WRONG)
def test_what_cannot_be_a_candidate_is_told_before_anything_is_computed(
    said: dict[str, Any], words: str
) -> None:
    with pytest.raises(FaultsError, match=r"params\.yaml: model\.candidates") as caught:
        check_candidates([EstimatorCandidate(**said)])
    assert words in str(caught.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(FaultsError) as caught:
        check_candidates([EstimatorCandidate(**said) for said, _ in WRONG])
    assert len(caught.value.faults) == len(WRONG)


@pytest.mark.parametrize("names", [("scaled", "scaled"), ("prior", "other")])
def test_candidates_have_names_of_their_own(names: tuple[str, str]) -> None:
    said = [SCALED | {"name": name} for name in names]
    with pytest.raises(ValueError, match="names of their own"):
        settings_with("prior", *said)


def test_seeds_that_are_open_are_set_also_within_a_pipeline() -> None:
    inner = {"estimator": FOREST["estimator"]}
    steps = [["scale", {"estimator": "sklearn.preprocessing.StandardScaler"}], ["model", inner]]
    pipeline = EstimatorCandidate(
        estimator="sklearn.pipeline.Pipeline", parameters={"steps": steps}
    )
    assert built(pipeline, 7).get_params()["model__random_state"] == 7
    told = EstimatorCandidate(**FOREST | {"parameters": {"random_state": 3}})
    assert built(told, 7).get_params()["random_state"] == 3


def test_gaps_stay_where_an_estimator_takes_them_and_are_filled_where_not() -> None:
    boosted, scaled = (built(EstimatorCandidate(**said), 0) for said in (BOOSTED, SCALED))
    assert (way_of(boosted), way_of(scaled)) == ("codes", "filled")
    codes = GivenMatrix.of("codes", DATA.values, FEATURES, COLUMNS).seen(DATA.values)
    np.testing.assert_array_equal(codes, DATA.values.astype(np.float64))
    filled = GivenMatrix.of("filled", DATA.values, FEATURES, COLUMNS)
    seen = filled.seen(DATA.values)
    # visits; budget and its gap; channel's codes 0 to 3 and its gap; opened.
    assert seen.shape == (len(DATA), 1 + 2 + 5 + 1)
    assert np.isfinite(seen).all()
    gap = np.isnan(DATA.values[:, 1])
    np.testing.assert_array_equal(seen[:, 2], gap)
    known = np.median(DATA.values[~gap, 1].astype(np.float64))
    np.testing.assert_allclose(seen[gap, 1], known, rtol=1e-6)
    np.testing.assert_array_equal(seen[:, 3:8].sum(axis=1), 1.0)


def test_parts_of_an_additive_value_are_its_terms_and_of_any_value_add_up() -> None:
    rows = DATA.values[:30, :3].copy()
    rows[np.isnan(rows)] = 0.0
    background = background_of(rows, np.array([0, 0, 3]))
    weights = np.array([1.0, -2.0, 0.5])

    def line(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.asarray(values, np.float64) @ weights)

    parts, base = sampled_parts(line, rows, background)
    expected = (rows - background.astype(np.float32).mean(axis=0)) * weights
    np.testing.assert_allclose(parts, expected, atol=1e-5)

    def product(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.prod(np.asarray(values, np.float64), axis=1))

    parts, base = sampled_parts(product, rows, background)
    np.testing.assert_allclose(parts.sum(axis=1) + base, product(rows), atol=1e-12)


def test_the_background_holds_no_number_of_a_lead() -> None:
    values = np.random.default_rng(3).normal(123_456, 1_000, (500, 1)).astype(np.float32)
    background = background_of(values, np.array([0]))
    assert not np.isin(background.astype(np.float32), values).any()


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("sklearn.neighbors.KNeighborsClassifier", "_fit_X"),
        ("sklearn.gaussian_process.GaussianProcessClassifier", "X_train_"),
    ],
)
def test_what_keeps_leads_is_refused(path: str, kept: str) -> None:
    few = DATA.rows(np.arange(150))
    with pytest.raises(LeadcastError, match=rf"keeps leads.*{kept}"):
        fit_estimator(EstimatorCandidate(estimator=path), few, COLUMNS, 0)


class Strange:
    """A type that nobody has named."""


def test_a_type_that_is_not_trusted_is_refused_until_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = f"{__name__}.Strange"
    with pytest.raises(LeadcastError, match=f"not trusted.*{VARIABLE}={name}"):
        dump_estimator(Strange(), "mine")
    monkeypatch.setenv(VARIABLE, f" {name} , other")
    content, types = dump_estimator(Strange(), "mine")
    assert types == (name,)
    assert isinstance(load_estimator(content, types, "here"), Strange)
    with pytest.raises(LeadcastError, match="other types"):
        load_estimator(content, (), "here")
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(LeadcastError, match="here: holds types that are not trusted"):
        load_estimator(content, types, "here")


def fitted_tree(said: dict[str, Any]) -> tuple[bytes, tuple[str, ...]]:
    candidate = EstimatorCandidate(**said)
    shape, _ = fit_estimator(candidate, DATA, COLUMNS, 0)
    return shape.content, shape.types


def rewritten(content: bytes, change: Callable[[np.ndarray], None]) -> bytes:
    """Change every array of tree nodes in a file of skops."""
    written = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(written, "w") as new:
        for name in old.namelist():
            told = old.read(name)
            if name.endswith(".npy"):
                array = np.load(BytesIO(told))
                if array.dtype.names and "left" in array.dtype.names:
                    change(array)
                    buffer = BytesIO()
                    np.save(buffer, array)
                    told = buffer.getvalue()
            new.writestr(name, told)
    return written.getvalue()


def points_far(nodes: np.ndarray) -> None:
    nodes["left"][nodes["is_leaf"] == 0] = 10**6


def points_back(nodes: np.ndarray) -> None:
    nodes["right"][nodes["is_leaf"] == 0] = 0


def sees_far(nodes: np.ndarray) -> None:
    nodes["feature_idx"][nodes["is_leaf"] == 0] = 10**6


@pytest.mark.parametrize("change", [points_far, points_back, sees_far])
def test_trees_that_point_out_of_themselves_are_refused(
    change: Callable[[np.ndarray], None],
) -> None:
    content, types = fitted_tree(BOOSTED)
    assert load_estimator(rewritten(content, lambda _: None), types, "here") is not None
    with pytest.raises(LeadcastError, match="points out of itself"):
        load_estimator(rewritten(content, change), types, "here")


def test_a_file_that_is_none_is_damaged() -> None:
    with pytest.raises(LeadcastError, match="the estimator is damaged"):
        load_estimator(b"no zip at all", (), "here")


def test_another_version_of_its_package_is_refused(choice: Choice, tmp_path: Path) -> None:
    choice.learner.save(tmp_path)
    path = tmp_path / "learner.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["shapes"][0]["versions"]["scikit-learn"] = "0.1.0"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(LeadcastError, match=r"fitted with scikit-learn 0\.1\.0"):
        load_learner(tmp_path)


def test_rows_with_weights_and_open_outcomes_are_learned_from() -> None:
    share = DATA.converted.copy()
    share[:200] = 0.5
    weighed = LabelledMatrix(
        DATA.values, FEATURES, share, DATA.position, DATA.group, 0, np.ones(len(DATA))
    )
    for said in (BOOSTED, SCALED):
        shape, learned = fit_estimator(EstimatorCandidate(**said), weighed, COLUMNS, 0)
        assert np.isfinite(learned).all()
        assert np.corrcoef(shape.values(DATA.values), TRUTH)[0, 1] > 0.8
    no_weights = EstimatorCandidate(
        estimator="sklearn.discriminant_analysis.LinearDiscriminantAnalysis"
    )
    with pytest.raises(LeadcastError, match="takes no sample_weight"):
        fit_estimator(no_weights, weighed, COLUMNS, 0)


def test_a_built_in_learner_has_nothing_of_others(tmp_path: Path) -> None:
    assert imported_shapes(choose(DATA, settings_with("logistic")).learner) == ()
