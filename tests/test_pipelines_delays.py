import re
import shutil
from contextlib import chdir
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.pipelines.fetch import fetch
from leadcast.pipelines.insight.delays import tell_delays
from tests.small_project import change_params, make_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(tmp_path_factory.mktemp("delays"), 400)
    with chdir(folder):
        fetch("demo")
    return folder


def test_early_shares_are_plain_shares_of_the_raw_leads(project: Path) -> None:
    with chdir(project):
        told = tell_delays("demo")
    leads = pl.read_parquet(project / "data/demo/leads.parquet")
    ends = leads.join(pl.read_parquet(project / "data/demo/outcomes.parquet"), on="Lead ID")
    # Leads are lost and the export ends, so this is a bound that the estimate may pass by little.
    won = ends.filter(pl.col("Won At") <= pl.col("Created Date") + timedelta(days=30)).height
    row = re.search(r"^ +30 +([\d.]+)%", told, re.MULTILINE)
    assert row is not None
    assert float(row[1]) / 100 == pytest.approx(won / leads.height, abs=0.004)
    assert "Advised: " in told
    assert "60 days covers" in told


def test_the_present_horizon_is_that_of_the_parameters(project: Path, tmp_path: Path) -> None:
    other = make_project(tmp_path, 400)
    shutil.copytree(project / "data/demo", other / "data/demo")
    change_params(other, snapshots={"horizon_days": 45})
    with chdir(other):
        assert "45 days covers" in tell_delays("demo")


def test_the_drawings_stand_alone(project: Path, tmp_path: Path) -> None:
    page, picture = tmp_path / "delays.html", tmp_path / "delays.svg"
    with chdir(project):
        tell_delays("demo", page, picture)
    svg = picture.read_text()
    assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    # Nothing but a page gives these a value.
    assert "var(--" not in svg
    assert "var(--accent)" in page.read_text()
    assert "Which horizon covers how many conversions" in page.read_text()


def test_a_source_without_dates_is_refused_by_name(tmp_path: Path) -> None:
    project = make_project(tmp_path, 1)
    (project / "data/sources/rows.yaml").write_text(
        "name: rows\ntitle: Rows\nwhere_to_get: a test\nroot: data\n"
        "tables:\n  leads:\n    read: {files: rows.csv}\n    columns: {lead_id: id}\n"
        "  outcomes:\n    form: status\n    columns: {status: y}\n    won: ['1']\n    lost: ['0']\n"
    )
    (project / "data/rows.csv").write_text("id,y\na,1\nb,0\n")
    with chdir(project), pytest.raises(LeadcastError, match=r"'rows'.*no delay to measure"):
        tell_delays("rows")
