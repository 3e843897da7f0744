"""`leadcast check`: the same facts as text, as a page and as JSON, and nothing else written."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leadcast.features.base.errors import LeadcastError
from leadcast.pipelines.commands.cli import app
from leadcast.pipelines.insight.check import CheckAnswer, check_named
from tests.profile_world import World, healthy


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the source `world`, whose definition vouches for one doubt and not for two."""
    write(odd_world(), tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def odd_world() -> World:
    world = healthy(0)
    employees = world.leads["Employees"]
    places = list(range(0, employees.len(), 9))
    channel = world.leads["Channel"].scatter(places, ["unknown"] * len(places))
    world = world.with_leads(employees.scatter(places, ["999999"] * len(places)), channel)
    return world.with_keys({"vouched": {"placeholder:Channel": "clerks <b>wrote</b> it"}})


def write(world: World, project: Path) -> None:
    data = project / "export"
    data.mkdir(exist_ok=True)
    world.check(data)
    sources = project / "data/sources"
    sources.mkdir(parents=True, exist_ok=True)
    (data / "world.yaml").replace(sources / "world.yaml")


def words_of(page: str) -> str:
    body = page[page.index("<body>") :]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).replace("\xa0", " ").split())


def test_what_a_run_would_leave_out_is_told_with_its_share(source: Path) -> None:
    answer = check_named("world", json_file=Path("p.json"))
    told = json.loads(Path("p.json").read_text(encoding="utf-8"))["split"]
    assert "\n  ".join(["Snapshots of a run", *told]) in answer.text
    counts = re.search(r"([\d,]+) snapshots: .*left out ([\d,]+), (\d+)%", told[0])
    assert counts is not None
    whole, left_out = (int(counts[place].replace(",", "")) for place in (1, 2))
    assert int(counts[3]) == round(100 * left_out / whole)
    Path("params.yaml").write_text("snapshots: {horizon_days: 9999}\n", encoding="utf-8")
    assert re.search("a run would stop: .*Set horizon_days", check_named("world").text)


def test_segments_that_are_none_are_told_at_once_with_other_faults(source: Path) -> None:
    place = Path("data/sources/world.yaml")
    known = place.read_text(encoding="utf-8")
    place.write_text(f"{known}segments_by: [employees, source, nosuch]\n", encoding="utf-8")
    answer = check_named("world")
    assert answer.error is not None
    told = str(answer.error)
    assert re.search("segments_by.*'employees': found a number", told)
    assert re.search("segments_by.*'nosuch': found no such feature", told)
    assert "'source'" not in told
    rows = (source / "export/leads.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (source / "export/leads.csv").write_text("".join([*rows, *rows[1:]]), encoding="utf-8")
    both = check_named("world").error
    assert both is not None
    assert len(both.faults) == 3


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ("evaluation: {segments: [source, nosuch]}", "evaluation.segments: found 'nosuch'"),
        ("comparison: {rules: nosuch.yaml}", "params.yaml: comparison.rules: found 'nosuch.yaml'"),
        ("snapshots: {horizon_days: 9999}", "snapshots.horizon_days: found 9999 days; expected f"),
        ('split: {test_from: "2199-01-01T00:00:00Z"}', "split.test_from: found 2199-01-01; exp"),
        ('split: {test_from: "1999-01-01T00:00:00Z"}', "split.test_from: found 1999-01-01; exp"),
        ("model: {monotone: {source: 1}}", "model.monotone: 'source': found a category"),
    ],
)
def test_what_a_run_would_stop_at_is_an_error(source: Path, params: str, told: str) -> None:
    Path("params.yaml").write_text(params, encoding="utf-8")
    found = check_named("world").error
    assert found is not None
    assert [told in str(fault) for fault in found.faults if fault.severity == "error"] == [True]


def test_a_day_without_a_zone_is_told_by_the_check_of_a_source_without_one(source: Path) -> None:
    place = Path("data/sources/world.yaml")
    lines = place.read_text(encoding="utf-8").splitlines()
    place.write_text("\n".join(one for one in lines if not one.startswith("time_zone")))
    Path("params.yaml").write_text('split: {test_from: "2024-05-01"}', encoding="utf-8")
    answer = check_named("world")
    found = answer.error
    assert "a run would stop: params.yaml: split.test_from: found 2024-05-01" in answer.text
    assert found is not None
    assert "params.yaml: split.test_from: found 2024-05-01 00:00:00; expected a time" in str(found)


def test_names_that_only_a_run_may_know_are_warned_of(source: Path) -> None:
    Path("params.yaml").write_text(
        "model: {monotone: {employes: 1, employees: 1}}\n"
        "leakage: {vouched: [L01, employees, L006]}",
        encoding="utf-8",
    )
    answer = check_named("world")
    assert answer.error is None
    assert "model.monotone: 'employes': found no feature that is known" in answer.text
    assert "Did you mean 'employees'?" in answer.text
    assert "leakage.vouched: 'L01': found no check" in answer.text
    assert "leakage.vouched: 'L006'" not in answer.text
    assert "'employees': found" not in answer.text


def test_text_page_and_json_tell_the_same(source: Path) -> None:
    answer = check_named("world", Path("p.html"), Path("p.json"))
    assert answer.error is None
    plain = json.loads(Path("p.json").read_text(encoding="utf-8"))
    page = words_of(Path("p.html").read_text(encoding="utf-8"))
    profile = plain["profile"]
    assert [one["code"] for one in profile["doubts"]] == ["placeholder", "placeholder"]
    for told in (answer.text, page):
        for table in profile["tables"]:
            assert f"{table['rows']:,}" in told
        for key in ("won", "lost", "open"):
            assert f"{profile['outcomes'][key]:,}" in told
        for row in profile["outcomes"]["rows"]:
            assert row["span"] in told
        for column in profile["columns"]:
            assert column["name"] in told
        for value, count in profile["columns"][1]["levels"]:
            assert value in told
            assert f"{count:,}" in told
        for one in profile["events"]["types"]:
            assert f"{one['count']:,}" in told
        for doubt in profile["doubts"]:
            assert doubt["found"] in told
        assert profile["doubts"][0]["remedy"].replace("`", "") in " ".join(
            told.replace("`", "").replace(" . ", ". ").replace(" .", ".").split()
        )
        assert "clerks <b>wrote</b> it" in told


def test_the_page_needs_nothing_but_itself_and_fits_a_phone(source: Path) -> None:
    check_named("world", Path("p.html"))
    page = Path("p.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)=\"(?!#)", page)
    assert "prefers-color-scheme: dark" in page
    assert "width=device-width" in page
    assert "<b>wrote" not in page
    assert "<code>vouched: {&#34;placeholder:Employees&#34;: the reason}</code>" in page
    before = page
    check_named("world", Path("p.html"))
    assert Path("p.html").read_text(encoding="utf-8") == before


def test_json_alone_goes_to_the_terminal(source: Path) -> None:
    done = CliRunner().invoke(app, ["check", "world", "--json", "-"])
    assert done.exit_code == 0
    plain = json.loads(done.stdout)
    assert plain["is_fine"]
    assert plain["profile"]["source"] == "world"
    assert not Path("-").exists()


def test_nothing_is_written_but_what_is_named(source: Path) -> None:
    before = {path for path in source.rglob("*") if path.is_file()}
    check_named("world")
    assert {path for path in source.rglob("*") if path.is_file()} == before
    check_named("world", json_file=Path("p.json"))
    new = {path.name for path in source.rglob("*") if path.is_file() and path not in before}
    assert "p.json" in new
    assert "p.html" not in new


@pytest.mark.parametrize("is_page", [True, False])
def test_a_file_of_somebody_elses_stays(source: Path, is_page: bool) -> None:
    mine = Path("mine.txt")
    mine.write_text("mine", encoding="utf-8")
    files = (mine, None) if is_page else (None, mine)
    with pytest.raises(LeadcastError, match=r"mine\.txt"):
        check_named("world", *files)
    assert mine.read_text(encoding="utf-8") == "mine"
    check_named("world", *files, force=True)
    assert mine.read_text(encoding="utf-8") != "mine"


def test_an_input_is_no_output(source: Path) -> None:
    with pytest.raises(LeadcastError, match=r"leads\.csv"):
        check_named("world", html=Path("export/leads.csv"), force=True)


def test_errors_are_told_with_what_could_be_read(source: Path) -> None:
    world = odd_world()
    begins = world.leads["Created"].scatter(list(range(30)), ["yesterday"] * 30)
    write(world.with_leads(begins), source)
    answer: CheckAnswer = check_named("world", json_file=Path("p.json"))
    assert answer.error is not None
    assert "30 of 800 rows" in str(answer.error)
    assert answer.text.startswith("Profile of 'world'")
    assert json.loads(Path("p.json").read_text(encoding="utf-8"))["is_fine"] is False
    done = CliRunner().invoke(app, ["check", "world"])
    assert done.exit_code == 1
    assert "Profile of 'world'" in done.stdout


def test_what_cannot_be_read_has_no_profile(source: Path) -> None:
    Path("export/leads.csv").unlink()
    answer = check_named("world", json_file=Path("-"))
    assert answer.error is not None
    assert json.loads(answer.text)["profile"] is None
    assert check_named("world").text == ""
