"""No command and no stage replaces what Leadcast did not write, wherever it is told to write."""

import re
import shutil
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner, Result

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.base.files import write_json
from leadcast.features.definitions.definition import Simulation
from leadcast.features.definitions.load import load_definition
from leadcast.features.definitions.yaml_lines import plain_yaml, yaml_text
from leadcast.models.bundle.bundle_signature import new_key
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.raw import ensure_raw
from leadcast.pipelines.commands.cli import app
from leadcast.pipelines.lifecycle.trial import STAGES, make_trial_folder
from leadcast.serve.http.keys import create_key
from tests.small_project import ROOT, change_params, hurried, make_project
from tests.test_pipelines_cli import within

RUN = RunFolder("demo")
MINE = b"mine, and nobody else's"
SCORE = (
    *("score", "--bundle", "data/runs/demo/bundle", "--as-of", "2026-01-01T00:00:00Z"),
    *("--leads", "data/runs/demo/tables/leads.parquet"),
)
AS_EXPORTED = (*SCORE[:-1], "data/demo/leads.parquet", "--source", "demo")

Cases = dict[str, list[tuple[tuple[str, ...], str]]]

FILES: Cases = {
    "init": [(("init", "mine", "data/demo", "--out", "mine.yaml"), "mine.yaml")],
    "check": [
        (
            ("check", "demo", "--html", "mine.html", "--json", "mine.json"),
            "mine.html mine.json",
        ),
    ],
    "delays": [
        (("delays", "demo", "--html", "mine.html", "--svg", "mine.svg"), "mine.html mine.svg"),
    ],
    "score": [
        ((*SCORE, "--out", "mine.csv"), "mine.csv"),
        ((*SCORE, "--out", "mine.parquet"), "mine.parquet"),
        ((*AS_EXPORTED, "--out", "mine.csv"), "mine.set_aside.parquet"),
    ],
    "compare": [(("compare", "demo", "--html", "mine.html"), "mine.html")],
    "monitor": [(("monitor", "demo", "--html", "mine.html"), "mine.html")],
    "today": [(("today", "demo", "--out", "mine.csv"), "mine.csv")],
    "forecast": [(("forecast", "demo", "--out", "mine.csv"), "mine.csv")],
    "misses": [
        (("misses", "demo", "--csv", "mine.csv", "--json", "mine.json"), "mine.csv mine.json"),
    ],
    "identity": [(("identity", "demo", "--match", "exact", "--out", "mine.csv"), "mine.csv")],
    "sellers": [
        (
            ("sellers", "demo", "--html", "mine.html", "--json", "mine.json"),
            "mine.html mine.json",
        ),
    ],
    "reasons": [(("reasons", "demo", "--out", "mine.csv"), "mine.csv")],
    "distill": [
        (("distill", "demo", "--out", "mine.yaml"), "mine.yaml mine.md"),
        (("distill", "demo"), str(RUN.distilled)),
    ],
}
"""What writes files that --force replaces, each command with all that it writes at once."""
FOLDERS: Cases = {
    "simulate": [(("simulate", "--leads", "20", "--out", "mine"), "mine/theirs.txt")],
    "score": [((*SCORE, "--out", "mine.csv"), ".mine.csv.work/theirs.txt")],
    "recalibrate": [
        (
            ("recalibrate", "demo", "--bundle", f"{RUN.judged}", "--out", "mine"),
            "mine/theirs.txt",
        )
    ],
    "compare": [(("compare", "demo", "--out", "mine"), "mine/theirs.txt")],
}
ALIKE: Cases = {
    "new": [(("new", "mine"), "mine/params.yaml"), (("new", "."), "README.md")],
    "run": [(("run", "own"), "elsewhere/theirs.txt")],
    "check": [(("check", "own"), "elsewhere/theirs.txt"), (("check", "copied"), "data/own/a.csv")],
    "delays": [(("delays", "copied"), "data/own/a.csv")],
    "sign": [
        (("sign", "--new-key", "mine"), "mine.pem"),
        (("sign", "--new-key", "mine"), "mine.pub.pem"),
        (("sign", str(RUN.bundle), "--key", "ours.pem"), str(RUN.bundle / ".manifest.sig")),
    ],
    "api-key create": [(("api-key", "create", "--file", "a.json", "--name", "a"), "a.json")],
    "api-key revoke": [(("api-key", "revoke", "--file", "a.json", "0123456789ab"), "a.json")],
}
"""What has no --force, and tells otherwise than the outputs do."""
WRITES_NOTHING: dict[str, tuple[str, ...]] = {
    "history": ("history", "L1", "--history", "scored"),
    "rules check": ("rules", "check", "demo", "--rules", "data/rules/demo_hubspot.yaml"),
    "check": ("check", "fresh"),
    "delays": ("delays", "fresh"),
    "whatif": ("whatif", "demo", "--lead", "L1", "--set", "industry=software"),
    # It writes to temporary folders, whose names nobody can guess.
    "serve": ("serve", "--help"),
    # These write to the run's and the champion's own places: `test_serve_champion_store` and
    # `test_pipelines_today` have the strangers there.
    **{name: (name, "--help") for name in ("feedback", "explored", "promote", "rollback")},
    "retrain": ("retrain", "--help"),
    "accounts": ("accounts", "--help"),
    "grades": ("grades", "--help"),
    # Likewise `test_models_audit`, `test_models_profile_fit`, `test_pipelines_sellers` and
    # `test_pipelines_forget`.
    **{name: (name, "--help") for name in ("audit", "icp", "returns", "forget", "curve")},
}


def commands(group: object, before: str = "") -> Iterator[str]:
    for name, inner in within(group).items():
        yield from commands(inner, f"{name} ") if within(inner) else (before + name,)


def cases(*tables: Cases) -> list[object]:
    named = [(name, case) for table in tables for name, many in table.items() for case in many]
    return [pytest.param(*case, id=f"{name}: {case[1]}") for name, case in named]


def one_by_one(cases: Cases) -> Cases:
    """Each place by itself."""
    return {
        name: [(words, place) for words, places in many for place in places.split()]
        for name, many in cases.items()
    }


@pytest.fixture(scope="module", autouse=True)
def _cheap() -> Iterator[None]:
    """Nobody looks at pictures, nor at how far a forecast's numbers go."""
    with hurried(), pytest.MonkeyPatch.context() as patch:
        for name in ("DRAWS", "PAST_DRAWS"):
            patch.setattr(f"leadcast.pipelines.daily.forecast.{name}", 20)
        yield


@pytest.fixture(scope="module")
def run_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run, whose folder held a stranger's file before, and sources that are faulty."""
    folder = make_project(tmp_path_factory.mktemp("nothing_deleted"), 500)
    simple = {"candidates": ["prior"], "origins": 1, "half_lives": [None]}
    change_params(folder, model=simple, comparison={"replicates": 100, "calls_per_week": 4})
    shutil.copytree(ROOT / "data/rules", folder / "data/rules")
    sources = folder / "data/sources"
    content = plain_yaml((sources / "demo.yaml").read_text())
    roots = {"own": "elsewhere", "copied": "data/own", "fresh": "data/fresh"}
    for name, root in roots.items():
        own = content | {"name": name, "root": root, "simulation": {"leads": 300, "seed": 1}}
        (sources / f"{name}.yaml").write_text(yaml_text(own))
    new_key(folder / "ours")
    (folder / RUN.path / "mine").mkdir(parents=True)
    (folder / RUN.path / "mine.txt").write_bytes(MINE)
    (folder / RUN.path / "mine/mine.txt").write_bytes(MINE)
    with chdir(folder):
        for name, stage in STAGES.items():
            if name != "track":
                stage("demo")
        told = invoke(*SCORE, "--history", "scored")
        # `test_pipelines_dvc` has a stranger's files beside what the stage itself writes.
        write_json(RUN.tracking, {"run_id": "1"})
    assert told.exit_code == 0, told.output
    return folder


@pytest.fixture
def project(run_project: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the run for each test, which is the working folder."""
    shutil.copytree(run_project, tmp_path / "project", ignore=shutil.ignore_patterns("ml*"))
    with chdir(tmp_path / "project"):
        yield tmp_path / "project"


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def put(place: str | Path) -> Path:
    path = Path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(MINE)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def refused(*words: str) -> str:
    told = invoke(*words)
    assert told.exit_code == 1, told.output
    assert isinstance(told.exception, LeadcastError), repr(told.exception)
    return str(told.exception)


def test_every_command_has_a_case() -> None:
    tables = (FILES, FOLDERS, ALIKE, WRITES_NOTHING)
    assert set(commands(typer.main.get_command(app))) == {name for one in tables for name in one}


@pytest.mark.parametrize(("words", "place"), cases(one_by_one(FILES), FOLDERS, ALIKE))
def test_a_command_leaves_what_is_not_leadcasts(
    words: tuple[str, ...], place: str, project: Path
) -> None:
    mine = put(place)
    before = contents(project)
    told = refused(*words)
    assert mine.read_bytes() == MINE
    assert contents(project) == before, "nothing was written at all"
    # A root is told by its key; the message names it, or what lies in it.
    assert mine.name in told or str(mine.parent) in told
    assert re.search(r"[Nn]ame|move|[Rr]emove|write it again|make a key", told), told


@pytest.mark.parametrize(("words", "places"), cases(FILES))
def test_force_replaces_a_file_and_a_later_night_needs_none(
    words: tuple[str, ...], places: str, project: Path
) -> None:
    for place in places.split():
        put(place)
    if "set_aside" in places:
        _repeat_a_lead(project)
    for more in (["--force"], []):
        told = invoke(*words, *more)
        assert told.exit_code == 0, told.output + repr(told.exception)
        assert all(Path(place).read_bytes() != MINE for place in places.split())
    for place in places.split():
        written = Path(place).read_bytes()
        put(place)
        assert "changed since" in refused(*words)
        Path(place).write_bytes(written)


def _repeat_a_lead(project: Path) -> None:
    """Let there be a row that is set aside."""
    leads = pl.read_parquet("data/demo/leads.parquet")
    pl.concat([leads, leads.head(1)]).write_parquet("data/demo/leads.parquet")
    path = project / "data/sources/demo.yaml"
    content = plain_yaml(path.read_text()) | {"limits": {"duplicate_leads": 0.5}}
    path.write_text(yaml_text(content))


@pytest.mark.parametrize(("words", "place"), cases(FOLDERS))
def test_no_force_replaces_a_folder(words: tuple[str, ...], place: str, project: Path) -> None:
    mine = put(place)
    told = invoke(*words, "--force")
    assert told.exit_code != 0
    assert mine.read_bytes() == MINE


@pytest.mark.parametrize("words", WRITES_NOTHING.values(), ids=WRITES_NOTHING)
def test_what_only_tells_writes_nothing(words: tuple[str, ...], project: Path) -> None:
    if words[0] in ("history", "whatif"):
        lead = pl.scan_parquet("scored/*.parquet").select("lead_id").first().collect().item()
        words = tuple(lead if word == "L1" else word for word in words)
    before = contents(project)
    told = invoke(*words)
    assert told.exit_code == 0, told.output + repr(told.exception)
    assert contents(project) == before


def stages() -> dict[str, list[str]]:
    """The stages of dvc.yaml, each with its outputs on the demo."""
    content = plain_yaml((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    found = {}
    for name, stage in content.items():
        listed = [out for key in ("outs", "metrics", "plots") for out in stage["do"].get(key, [])]
        names = [next(iter(out)) if isinstance(out, dict) else out for out in listed]
        found[name] = [out.replace("${item}", "demo") for out in names]
    return found


def test_every_stage_ran_beside_a_strangers_files_and_left_them(run_project: Path) -> None:
    assert set(stages()) == set(STAGES)
    for name, outs in stages().items():
        for out in outs:
            assert (run_project / out).exists(), f"{name} writes {out}"
    for place in ("mine.txt", "mine/mine.txt"):
        assert (run_project / RUN.path / place).read_bytes() == MINE


def test_every_output_of_a_stage_is_told_as_the_runs_own() -> None:
    outs = {Path(out) for many in stages().values() for out in many}
    within = {RUN.curves, RUN.settings}
    assert {out for out in outs if out.parent == RUN.path} | within == set(RUN.results)


WHOLE = [(name, out) for name, outs in stages().items() for out in outs if not Path(out).suffix]


@pytest.mark.parametrize(("stage", "out"), WHOLE)
def test_a_stage_keeps_a_strangers_file_in_its_folder(stage: str, out: str, project: Path) -> None:
    STAGES[stage]("demo")
    mine = put(Path(out) / "mine.txt")
    with pytest.raises(LeadcastError, match=rf"{out}: holds mine.txt.*move"):
        STAGES[stage]("demo")
    assert mine.read_bytes() == MINE
    mine.unlink()
    STAGES[stage]("demo")


def test_curves_leave_a_strangers_file_beside_them(project: Path) -> None:
    mine = put(RUN.curves / "mine.csv")
    STAGES["evaluate"]("demo")
    assert mine.read_bytes() == MINE


def test_inputs_and_the_run_are_no_outputs(project: Path) -> None:
    leads = project / "leads.parquet"
    shutil.copy(RUN.tables / "leads.parquet", leads)
    Path("soft.parquet").symlink_to(leads)
    Path("hard.parquet").hardlink_to(leads)
    before = contents(project)
    score = (*SCORE[:-1], "leads.parquet", "--force", "--out")
    for out in ("leads.parquet", "./data/../leads.parquet", "soft.parquet", "hard.parquet"):
        assert "is an input" in refused(*score, out)
    assert "is an input" in refused(*score, "data/runs/demo/bundle/scores.csv")
    for out in ("params.yaml", "data/sources/demo.yaml", "data/rules/demo_hubspot.yaml"):
        assert "is a definition" in refused("distill", "demo", "--force", "--out", out)
    for result in RUN.results:
        assert "is an input" in refused("compare", "demo", "--force", "--html", str(result))
        assert "is an input" in refused("compare", "demo", "--out", str(result))
    raw = "data/demo/leads.parquet"
    assert "is an input" in refused("delays", "demo", "--force", "--html", raw)
    rules = "data/rules/demo_hubspot.yaml"
    asked = ("compare", "demo", "--rules", rules, "--force", "--html", rules)
    assert "is an input" in refused(*asked)
    assert contents(project) == before


def test_a_file_of_keys_keeps_its_keys(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    create_key(file, "one")
    assert invoke("api-key", "create", "--file", str(file), "--name", "two").exit_code == 0
    assert {"one", "two"} <= set(re.findall(r'"name": "(\w+)"', file.read_text()))


ROOTS: tuple[str, ...] = (
    "{tmp}/out",
    "../out",
    "data/link",
    "data/link/deep",
    "data",
    "data/sources",
    "data/..",
)
ROOTS += ("data/sources/x", "data/rules", "data/runs/demo", "data/x/../../out", ".")


@pytest.mark.parametrize("root", ROOTS)
def test_a_simulation_outside_of_data_is_a_fault_by_its_key(root: str, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", 20)
    mine = put(tmp_path / "out/mine.txt")
    (project / "data/link").symlink_to(tmp_path / "out")
    path = project / "data/sources/demo.yaml"
    content = plain_yaml(path.read_text()) | {"root": root.format(tmp=tmp_path)}
    path.write_text(yaml_text(content))
    before = contents(project)
    with pytest.raises(FaultsError, match=r"demo.yaml line \d+: root: .*below .*remove the key"):
        load_definition(path)
    with chdir(project), pytest.raises(FaultsError, match="root"):
        STAGES["fetch"]("demo")
    assert mine.read_bytes() == MINE
    assert contents(project) == before
    path.write_text(yaml_text({k: v for k, v in content.items() if k != "simulation"}))
    load_definition(path)


def test_a_simulation_never_replaces_data_that_somebody_has_put_there(tmp_path: Path) -> None:
    project = make_project(tmp_path, 20)
    definition = load_definition(project / "data/sources/demo.yaml")
    mine = put(project / "data/demo/leads.csv")
    with pytest.raises(LeadcastError, match=r"leads.csv.*remove the key `simulation`"):
        ensure_raw(definition)
    assert mine.read_bytes() == MINE
    mine.unlink()
    assert "20 leads" in ensure_raw(definition)
    other = definition.model_copy(update={"simulation": Simulation(leads=30, seed=1)})
    mine = put(project / "data/demo/leads.parquet")
    with pytest.raises(LeadcastError, match=r"leads.parquet.*changed since"):
        ensure_raw(other)
    assert mine.read_bytes() == MINE


def test_a_world_of_other_leads_takes_the_place_of_an_unchanged_one(tmp_path: Path) -> None:
    project = make_project(tmp_path, 20)
    with chdir(project):
        STAGES["fetch"]("demo")
        make_project(project, 30)
        STAGES["fetch"]("demo")
        assert pl.read_parquet("data/demo/leads.parquet").height == 30


def test_a_trial_lays_out_no_folder_over_anothers(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", 20)
    mine = put(tmp_path / "trial/params.yaml")
    with pytest.raises(FileExistsError):
        make_trial_folder(project, tmp_path / "trial")
    assert mine.read_bytes() == MINE
