"""`leadcast identity`: who is one person, told, written and measured."""

import json
from pathlib import Path

import polars as pl
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.pipelines.insight.identity import tell_persons
from tests.source_samples import make_source

LEADS = """\
id,created,revenue,source,who,mail,seller
L1,2024-01-01T08:00:00Z,1000,Google,Jane Doe,jane.doe+a@googlemail.com,Shop A
L2,2024-01-02T08:00:00Z,,Referral,"Doe, Jane",janedoe@gmail.com,Shop B
L3,2024-01-03T08:00:00Z,3000.5,Google,Tom Kurz,tk@x.example,Shop B
L4,2024-01-04T08:00:00Z,0,,Tom Lang,info@x.example,
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    attributes = {"email": "mail", "vendor": "seller"}
    changes = {
        f"tables.leads.attributes.{name}": {"column": one} for name, one in attributes.items()
    }
    made = make_source(tmp_path, changes | {"tables.leads.person": {"name": "who"}}, leads=LEADS)
    (tmp_path / "data/sources").mkdir(parents=True)
    made.file.replace(tmp_path / "data/sources/sample.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_persons_thresholds_errors_and_resales_are_told_and_written(project: Path) -> None:
    truth = pl.DataFrame({"lead_id": ["L1", "L2", "L3"], "person_id": ["p", "p", "q"]})
    truth.write_csv("truth.csv")
    told = tell_persons("sample", "probabilistic", Path("found.json"), Path("truth.csv"))
    assert "4 leads are 3 persons (probabilistic); 1 have several records, at most 2" in told
    assert "2  the same e-mail address" in told
    assert "found without the address (of 1)" in told
    assert "measured on 3 leads" in told
    assert "0.9      1.0000   1.0000" in told
    written = json.loads(Path("found.json").read_text(encoding="utf-8"))
    assert [one["person_id"] for one in written["persons"]] == ["L1", "L1", "L3", "L4"]
    assert [one["first_vendor"] for one in written["resales"]] == ["Shop A"]
    shares = {one["vendor"]: one["share_had_before"] for one in written["vendors"]}
    assert shares == {"Shop A": 0.0, "Shop B": 0.5}
    assert "who" not in str(written), "names are not written"
    tell_persons("sample", out=Path("found.csv"))
    assert pl.read_csv("found.csv")["lead_id"].to_list() == ["L1", "L2", "L3", "L4"]


def test_what_cannot_be_used_is_told_before_any_work(project: Path) -> None:
    with pytest.raises(LeadcastError, match=r"expected a file \.csv or \.json"):
        tell_persons("sample", out=Path("found.xlsx"))
    Path("truth.csv").write_text("lead_id,person_id\nX,1\n", encoding="utf-8")
    with pytest.raises(LeadcastError, match="none of the source's leads"):
        tell_persons("sample", truth=Path("truth.csv"))
    Path("truth.csv").write_text("lead,person\nL1,1\n", encoding="utf-8")
    with pytest.raises(LeadcastError, match="lead_id and person_id"):
        tell_persons("sample", truth=Path("truth.csv"))
