"""A bundle whose hashes an attacker made right: refused in words, before any loop runs on it."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.hostile_bundles import run, seal
from benchmarks.hostile_worker import examine
from benchmarks.hostile_worlds import write_world
from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.base.files import read_json
from leadcast.features.base.plain import MOST_BYTES, MOST_DEPTH
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.bundle.bundle_files import MANIFEST, BundleOrigin, write_manifest

LEARNER = "learner/learner.json"
FOREST = "learner/shape_0_seed_0.txt"
Change = Callable[[Any], object]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real bundles that nobody may change: one with trees, and one with curves."""
    folder = tmp_path_factory.mktemp("worlds")
    for world in ("trees", "logistic"):
        write_world(folder / world, world)
    return folder


@pytest.fixture
def bundle(worlds: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(worlds / "trees", tmp_path / "bundle"))


@pytest.fixture
def curves(worlds: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(worlds / "logistic", tmp_path / "curves"))


def edit(folder: Path, name: str, change: Change) -> Path:
    """Change a file as an attacker would who knows how bundles are sealed."""
    content = read_json(folder / name)
    change(content)
    return put(folder, name, json.dumps(content))


def put(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    seal(folder, name)
    return folder


def refused(folder: Path, *words: str) -> None:
    with pytest.raises(LeadcastError) as raised:
        load_bundle(folder)
    for word in words:
        assert word in str(raised.value)


def test_a_real_bundle_is_scored(bundle: Path, curves: Path) -> None:
    assert examine(bundle)["outcome"] == examine(curves)["outcome"] == "scored"


def test_a_kind_that_stands_there_twice(bundle: Path) -> None:
    edit(bundle, "features.json", lambda c: c["kinds"].append(c["kinds"][0]))
    refused(bundle, "features.json", "kinds must not repeat")


def test_a_repeated_kind_among_a_thousand_refused_by_number(bundle: Path) -> None:
    edit(bundle, "features.json", lambda c: c["kinds"].extend(f"kind {n}" for n in range(1_000)))
    refused(bundle, "features.json: kinds", "at most 1000")


def a_value_without_steps(history: Any) -> None:  # noqa: ANN401 - JSON
    history["values"].append("one more")


def fewer_days(history: Any) -> None:  # noqa: ANN401
    steps = history["steps"][1]
    steps["days"] = " ".join(steps["days"].split()[:-1])


def fewer_won(history: Any) -> None:  # noqa: ANN401
    history["steps"][0]["won"] = "0"


def days_that_fall(history: Any) -> None:  # noqa: ANN401
    days = history["steps"][0]["days"].split()
    history["steps"][0]["days"] = " ".join([days[0], "-3", *days[2:]])


def days_without_end(history: Any) -> None:  # noqa: ANN401
    days = history["steps"][0]["days"].split()
    history["steps"][0]["days"] = " ".join([str(2**62), *days[1:]])


def more_won_than_leads(history: Any) -> None:  # noqa: ANN401
    steps = history["steps"][1]
    steps["won"] = " ".join("9" * len(steps["won"].split()))


def negative_leads(history: Any) -> None:  # noqa: ANN401
    steps = history["steps"][1]
    steps["leads"] = steps["won"] = " ".join(["-1"] * len(steps["won"].split()))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (a_value_without_steps, "one for all leads, then one a value"),
        (fewer_days, "of one length"),
        (fewer_won, "of one length"),
        (days_that_fall, "later than the one before"),
        (days_without_end, "features.json: histories.0.steps.0.days"),
        (more_won_than_leads, "no more won ones than leads"),
        (negative_leads, "no more won ones than leads"),
    ],
)
def test_histories_that_would_be_read_beyond_their_ends(
    bundle: Path, damage: Change, words: str
) -> None:
    edit(bundle, "features.json", lambda c: damage(c["histories"][0]))
    refused(bundle, "features.json: histories.0", words)


@pytest.mark.parametrize("column", [-1, -(2**31), 45, 10**6, 0.5, True, None])
def test_columns_that_the_matrix_has_not(bundle: Path, column: object) -> None:
    def change(content: Any) -> None:  # noqa: ANN401
        content["shapes"][0]["columns"][0] = column

    edit(bundle, LEARNER, change)
    refused(bundle, "learner.json")


@pytest.mark.parametrize("world", ["trees", "logistic"])
def test_terms_and_effects_of_columns_that_the_matrix_has_not(
    worlds: Path, tmp_path: Path, world: str
) -> None:
    folder = Path(shutil.copytree(worlds / world, tmp_path / "own"))

    def change(content: Any) -> None:  # noqa: ANN401
        own = content["level"]["terms"] if world == "trees" else content["shapes"][0]["effects"]
        own[0]["feature"] = len(content["importance"])

    edit(folder, LEARNER, change)
    refused(folder, "learner.json", "none of the")


@pytest.mark.parametrize(
    "name", ["../../outside.txt", "/etc/hostname", "a/../b", "..", ".hidden", "a\\b", "", "a\0b"]
)
def test_a_forest_that_lies_elsewhere(bundle: Path, name: str) -> None:
    shutil.copy(bundle / FOREST, bundle.parent / "outside.txt")
    edit(bundle, LEARNER, lambda c: c["shapes"][0].update(files=[name]))
    refused(bundle, "learner.json: shapes.0.trees.files.0")


@pytest.mark.parametrize("name", ["../../outside", "/tmp", "..", "."])
def test_a_member_that_lies_elsewhere(bundle: Path, name: str) -> None:
    shutil.copytree(bundle / "learner", bundle.parent / "outside")
    put(bundle, LEARNER, json.dumps({"kind": "blend", "members": [name]}))
    refused(bundle, "learner.json: members.0")


def test_a_member_that_is_a_link_to_elsewhere(bundle: Path) -> None:
    shutil.copytree(bundle / "learner", bundle.parent / "outside")
    (bundle / "learner" / "member").symlink_to(bundle.parent / "outside")
    put(bundle, LEARNER, json.dumps({"kind": "blend", "members": ["member"]}))
    refused(bundle, "member", "symbolic link")


def test_a_manifest_that_is_a_link_to_elsewhere(bundle: Path) -> None:
    outside = shutil.move(bundle / MANIFEST, bundle.parent / "outside.json")
    (bundle / MANIFEST).symlink_to(outside)
    refused(bundle, "is no bundle")


@pytest.mark.parametrize("name", ["metrics.json", "learner/learner.json", "more.json"])
def test_a_pipe_is_not_waited_for(bundle: Path, name: str) -> None:
    (bundle / name).unlink(missing_ok=True)
    os.mkfifo(bundle / name)
    refused(bundle, name)


@pytest.mark.parametrize("name", ["a/b/c/d/e.json", "a//b.json", "./a.json", " a.json", "a\n.json"])
def test_a_manifest_names_plain_names_only(bundle: Path, name: str) -> None:
    def change(content: Any) -> None:  # noqa: ANN401
        content["files"][name] = content["files"]["metrics.json"]

    edit(bundle, MANIFEST, change)
    refused(bundle, "no path within the bundle")


def test_a_source_whose_name_is_a_path(bundle: Path) -> None:
    edit(bundle, MANIFEST, lambda c: c["origin"].update(source="../../etc"))
    refused(bundle, "origin.source")


TYPES = "manifest.json: origin.attribute_types"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        *((lambda t, name=name: t.update({name: "number"}), f"{TYPES}.{name}: found this name")
          for name in ("lead_id", "as_of", "created_at", "updated_at", "events", "row_in_leads",
                       "Upper", "a b")),
        (lambda t: t.update({"a\nb": "number"}), f"{TYPES}.a?b"),
        (lambda t: t.update({"": "number"}), TYPES),
        (lambda t: t.update(dict.fromkeys(t, "number")), "that features.json can read as"),
        (lambda t: t.update(dict.fromkeys(t, "time")), "that features.json can read as"),
        (lambda t: t.clear(), "found no type"),
        (lambda t: t.update({f"a{n}": "text" for n in range(20_000)}), "attributes; expected at m"),
    ],
)  # fmt: skip
def test_types_of_attributes_that_do_not_fit_the_plan(
    bundle: Path, change: Change, words: str
) -> None:
    edit(bundle, MANIFEST, lambda c: change(c["origin"]["attribute_types"]))
    refused(bundle, words)


@pytest.mark.parametrize("name", ["calibrator.json", "features.json", "metrics.json", LEARNER])
def test_a_folder_in_a_files_place_is_told_in_words(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    (bundle / name).mkdir()
    manifest = json.loads((bundle / MANIFEST).read_text())
    del manifest["files"][name]
    put(bundle, MANIFEST, json.dumps(manifest))
    before = len([*Path("/proc/self/fd").iterdir()])
    refused(bundle, f"{name}: found no regular file", "Copy the bundle again")
    assert len([*Path("/proc/self/fd").iterdir()]) == before


def lines_put(text: str, **values: str) -> str:
    for key, value in values.items():
        text = re.sub(rf"^{key}=.*$", f"{key}={value}", text, count=1, flags=re.MULTILINE)
    return text


@pytest.mark.parametrize(
    "values",
    [
        {"num_cat": "1", "cat_boundaries": "0 400000", "cat_threshold": "4294967295 " * 400_000},
        {"num_cat": "1", "cat_boundaries": "0 5000000", "cat_threshold": "0 " * 5_000_000},
        {"num_cat": str(10**9)},
        {"max_feature_idx": "9" * 5_000},
        {"max_feature_idx": "²"},
        {"max_feature_idx": "3"},
        {"num_leaves": str(10**9)},
        {"leaf_value": "1 " * 8_000_000},
    ],
    ids=lambda values: "-".join(values),
)
def test_a_forest_that_would_fill_the_memory(bundle: Path, values: dict[str, str]) -> None:
    text = (bundle / FOREST).read_text(encoding="utf-8")
    if "num_cat" in values:
        text = text.replace("num_cat=0", "num_cat=0\ncat_boundaries=\ncat_threshold=", 1)
    put(bundle, FOREST, lines_put(text, **values))
    refused(bundle, "shape_0_seed_0.txt", "LightGBM text model")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[" * (MOST_DEPTH + 1) + "]" * (MOST_DEPTH + 1),
        '{"base":' * 50_000 + "1" + "}" * 50_000,
        '{"kind": ' + "9" * 5_000 + "}",
        '{"kind": NaN}',
        '{"kind": "leadcast-bundle", "kind": "leadcast-bundle"}',
        '{"kind": 1e999}',
        '{"kind": "\\ud800"}',
        "[" + "0," * 1_500_000 + "0]",
        '{"a":1' + ',"a":1' * 300_000 + "}",
        " " * (MOST_BYTES + 1),
    ],
    ids=lambda text: text[:12],
)
@pytest.mark.parametrize("name", ["calibrator.json", "metrics.json", MANIFEST])
def test_json_that_no_parser_should_see(bundle: Path, name: str, text: str) -> None:
    put(bundle, name, text)
    refused(bundle, name)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1e99", "true", '"1"'])
@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("calibrator.json", '"slope": 0.8'),
        ("calibrator.json", '"knots": [-3.0'),
        (LEARNER, '"drift": '),
        ("reference.json", '"n": '),
    ],
)
def test_a_number_that_is_none(bundle: Path, name: str, place: str, number: str) -> None:
    text = json.dumps(read_json(bundle / name))
    before, found, after = text.partition(place)
    assert found
    head = place.rpartition(place.split(" ")[-1])[0] if place[-1] != " " else place
    bracket = "[" if "[" in place else ""
    rest = re.sub(r"^[-0-9.e]+", "", after) if place[-1] == " " else after
    put(bundle, name, before + head + bracket + number + rest)
    refused(bundle, name)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("calibrator.json", lambda c: c["knots"].reverse(), "knots must rise"),
        ("calibrator.json", lambda c: c["values"].pop(), "a value for each"),
        ("calibrator.json", lambda c: c.update(rows=10**20), "rows"),
        (LEARNER, lambda c: c["weights"].append(1.0), "each shape needs its weight"),
        (LEARNER, lambda c: c["weights"].__setitem__(0, -1.0), "weights.0"),
        (LEARNER, lambda c: c["level"]["covariance"].pop(), "rows and columns"),
        (LEARNER, lambda c: c["level"]["covariance"][0].__setitem__(0, -99.0), "negative variance"),
        (LEARNER, lambda c: c["level"]["centre"].pop(), "a centre for each"),
        (LEARNER, lambda c: c["importance"].append(0.0), "45"),
        ("intervals.json", lambda c: c["knots"].reverse(), "no array may fall"),
        ("intervals.json", lambda c: c["low"].pop(), "of one length"),
        ("rates.json", lambda c: c["features"].pop(), "rates.json: features"),
        ("rates.json", lambda c: c.update(won=c["leads"] + 1), "no more won leads"),
        ("features.json", lambda c: c.update(schema_version=True), "schema_version"),
        ("reference.json", lambda c: c["points"].reverse(), "points must ascend"),
        ("features.json", lambda c: c["columns"].pop(), "the plan's 44"),
        ("features.json", lambda c: c["columns"].append(c["columns"].pop(20)), "stand apart"),
        ("features.json", lambda c: c.update(time_order="ordered"), "without dates"),
        ("features.json", lambda c: c["attributes"][0].update(reading="eval"), "reading must be"),
        ("features.json", lambda c: c["attributes"][0].update(inputs=[]), "inputs"),
        ("features.json", lambda c: c["settings"].update(windows_days=[*range(1, 99)]), "windows"),
    ],
)
def test_what_does_not_fit_together(bundle: Path, name: str, change: Change, words: str) -> None:
    edit(bundle, name, change)
    refused(bundle, words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda effect: effect["points"].reverse(), "points must rise"),
        (lambda effect: effect["heights"].pop(), "a height for each"),
        (lambda effect: effect.update(points=[], heights=[], category=False), "needs points"),
        (lambda effect: effect.update(points=[0.0, 5e-324], heights=[0.0, 1.0]), "far enough"),
    ],
)
def test_curves_that_cannot_be_drawn(curves: Path, change: Change, words: str) -> None:
    def number(content: Any) -> None:  # noqa: ANN401
        effects = content["shapes"][0]["effects"]
        change(next(e for e in effects if not e["category"] and len(e["points"]) > 1))

    edit(curves, LEARNER, number)
    refused(curves, "learner.json: shapes.0.curves.effects", words)


def test_all_faults_are_told_at_once_with_file_and_key(bundle: Path) -> None:
    edit(bundle, "features.json", lambda c: c["kinds"].append(c["kinds"][0]))
    edit(bundle, "calibrator.json", lambda c: c.update(rows=-1, slope="steep"))
    edit(bundle, LEARNER, lambda c: c["level"].update(drift=-1.0))
    words = ("kinds must not repeat", "isotonic.rows", "isotonic.slope", "level.drift")
    refused(bundle, *words)


def test_a_key_writes_no_line_of_its_own(bundle: Path) -> None:
    edit(bundle, "calibrator.json", lambda c: c.update({"a\n2026-01-01 INFO all is well" * 99: 1}))
    with pytest.raises(FaultsError) as raised:
        load_bundle(bundle)
    lines = str(raised.value).splitlines()
    assert len(lines) == 2, "the heading and the fault"
    assert len(lines[1]) < 1_000


def test_an_older_bundle_without_rates_scores_the_same(bundle: Path) -> None:
    before = load_bundle(bundle)
    (bundle / "rates.json").unlink()

    def older(content: Any) -> None:  # noqa: ANN401
        content["schema_version"] = 1
        del content["files"]["rates.json"]

    edit(bundle, MANIFEST, older)
    after = load_bundle(bundle)
    assert after.rates is None
    assert (after.plan, after.reference) == (before.plan, before.reference)
    assert examine(bundle)["outcome"] == "scored"


def test_what_could_not_be_loaded_is_not_written(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaging(folder: Path, origin: BundleOrigin, *rest: Any) -> Any:  # noqa: ANN401
        (folder / "calibrator.json").write_text("{}", encoding="utf-8")
        return write_manifest(folder, origin, *rest)

    monkeypatch.setattr("leadcast.models.bundle.bundle.write_manifest", damaging)
    with pytest.raises(FaultsError, match="calibrator"):
        write_world(bundle, "prior")
    load_bundle(bundle)


def found_by_the_fuzzer() -> Iterator[tuple[str, Change]]:
    """What `benchmarks.hostile_bundles` found in the code before, on seed 1."""
    yield LEARNER, lambda c: c["level"]["terms"][0].update(scale=[45])
    yield LEARNER, lambda c: c["level"]["terms"][0].update(feature=255)
    yield LEARNER, lambda c: c["level"].update(weights=1.0)
    yield LEARNER, lambda c: c.update(weights=[-0.5, 1.4])
    yield LEARNER, lambda c: c["shapes"].clear()
    yield LEARNER, lambda c: c["level"]["centre"].pop(2)
    yield "features.json", lambda c: c["histories"][0]["values"].append("Web")
    yield "features.json", lambda c: c["attributes"][1].update(reading="3 1 3")
    yield "rates.json", lambda c: c["features"].pop(3)
    yield "metrics.json", lambda c: c.update(n=10**4_000)


@pytest.mark.parametrize(("name", "change"), [*found_by_the_fuzzer()])
def test_what_the_fuzzer_found_is_refused(bundle: Path, name: str, change: Change) -> None:
    edit(bundle, name, change)
    refused(bundle, Path(name).name)


@pytest.mark.slow
def test_no_damaged_bundle_ends_a_process_or_scores_otherwise(tmp_path: Path) -> None:
    tally = run(60, 7, tmp_path, None)
    assert not tally.faults, tally.faults[0]
    assert tally.counts["scored"] > 2
    assert tally.counts["refused"] > 20
