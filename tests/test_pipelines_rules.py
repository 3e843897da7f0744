"""``leadcast rules check`` and the example of `docs/rules.md` on a small demo."""

import re
import shutil
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.pipelines.commands.cli import app
from leadcast.pipelines.fetch import fetch
from leadcast.pipelines.ingest import run as ingest
from leadcast.pipelines.insight.rules import check_points
from leadcast.pipelines.snapshots import take_snapshots
from tests.small_project import ROOT, make_project

HUBSPOT = ROOT / "data/rules/demo_hubspot.yaml"


@pytest.fixture(scope="module", autouse=True)
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = make_project(tmp_path_factory.mktemp("rules"), leads=2000)
    with chdir(folder):
        for stage in (fetch, ingest, take_snapshots):
            stage("demo")
        yield folder


@pytest.mark.parametrize("name", ["demo_hubspot", "demo_eloqua", "template"])
def test_a_shipped_table_works_on_the_demo(name: str) -> None:
    told = check_points("demo", ROOT / f"data/rules/{name}.yaml")
    assert "0 errors" in told
    assert "MQL: reached by" in told


def test_the_command_tells_what_each_rule_does() -> None:
    done = CliRunner().invoke(app, ["rules", "check", "demo", "--rules", str(HUBSPOT)])
    assert done.exit_code == 0, done.output
    assert "pricing page" in done.output
    assert "customers" in done.output


def test_a_table_that_does_not_fit_the_source_is_refused_with_the_line(tmp_path: Path) -> None:
    text = HUBSPOT.read_text(encoding="utf-8").replace("attribute: industry", "attribute: industri")
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(
        FaultsError, match=r"mine.yaml line \d+: rule 'target industry'.*'industry'"
    ):
        check_points("demo", path)


def test_a_source_without_a_run_is_told_what_to_do(tmp_path: Path) -> None:
    with chdir(tmp_path), pytest.raises(LeadcastError, match="leadcast run demo"):
        check_points("demo", HUBSPOT)


def test_the_example_of_the_documentation_runs(project: Path) -> None:
    text = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (project / "data/rules").mkdir()
    shutil.copy(HUBSPOT, project / "data/rules")
    found: dict[str, object] = {}
    exec(compile(example, "docs/rules.md", "exec"), found)
    account = found["account"]
    assert isinstance(account, pl.DataFrame)
    assert account.height > 1, "the lead of the example has something to account for"
