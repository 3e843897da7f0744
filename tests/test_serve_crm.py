"""Write-back files: what each CRM documents, and nothing that it does not."""

import csv
import json
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pytest

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.batch.crm import SHAPES, reason_words, shape_of
from leadcast.serve.batch.deliver import Outputs, without_formulas
from leadcast.serve.reasons import ReasonsAsked
from leadcast.serve.scorer import Scorer
from tests.scoring_world import START, bundle_folder, scoring_world

AS_OF = START + timedelta(days=150)
N = 230
IDS = {
    "dynamics": [str(UUID(int=number)) for number in range(N)],
    "hubspot": [str(number) for number in range(N)],
    "salesforce": [f"00Q{number:012}" for number in range(N)],
    "odoo": [str(number + 1) for number in range(N)],
}


@cache
def scores() -> pl.DataFrame:
    leads, events = scoring_world().tables.leads.head(N), scoring_world().tables.events
    scorer = Scorer.load(bundle_folder())
    return scorer.score(leads, events, AS_OF, [], ReasonsAsked("top", 3))


def of(crm: str) -> pl.DataFrame:
    return scores().with_columns(lead_id=pl.Series(IDS[crm]))


def written(crm: str, folder: Path, table: pl.DataFrame | None = None) -> list[dict[str, Any]]:
    out = folder / f"out{SHAPES[crm].suffix}"
    (folder / "beside").mkdir()
    rows = of(crm) if table is None else table
    SHAPES[crm].write(rows.lazy(), out, folder / "beside", {IDS[crm][0]: 6.0})
    text = out.read_text(encoding="utf-8")
    if SHAPES[crm].suffix == ".csv":
        return [*csv.DictReader(text.splitlines())]
    return [json.loads(line) for line in text.splitlines()]


def test_dynamics_gets_the_bodies_of_its_documented_request(tmp_path: Path) -> None:
    rows = written("dynamics", tmp_path)
    assert len(rows) == N
    for row, score in zip(rows, of("dynamics").iter_rows(named=True), strict=True):
        explained = {"msdyn_scorereasons"} if score["reasons"] else set()
        assert set(row) == {
            *("msdyn_score", "msdyn_scoretrend", "msdyn_grade"),
            *("msdyn_entityid", "msdyn_entitytype", *explained),
        }
        assert row["msdyn_entityid"] == score["lead_id"]
        assert row["msdyn_entitytype"] == "lead"
        assert row["msdyn_score"] == round(100 * score["probability"])
        assert "ABCD"[row["msdyn_grade"]] == score["grade"]
    assert [row["msdyn_scoretrend"] for row in rows[:2]] == [0, 3], "improving, not enough info"


def test_hubspot_gets_requests_of_at_most_a_hundred_contacts(tmp_path: Path) -> None:
    bodies = written("hubspot", tmp_path)
    assert [len(body["inputs"]) for body in bodies] == [100, 100, 30]
    inputs = [one for body in bodies for one in body["inputs"]]
    assert [one["id"] for one in inputs] == IDS["hubspot"]
    for one, score in zip(inputs, scores().iter_rows(named=True), strict=True):
        assert set(one) == {"id", "properties"}
        assert all(isinstance(value, str) for value in one["properties"].values())
        told = float(one["properties"]["leadcast_probability"])
        assert told == pytest.approx(score["probability"], abs=1e-6)
        assert ("leadcast_reasons" in one["properties"]) == (score["reasons"] is not None)


def test_salesforce_gets_a_csv_of_api_names(tmp_path: Path) -> None:
    rows = written("salesforce", tmp_path)
    assert list(rows[0]) == [
        *("Id", "Leadcast_Probability__c", "Leadcast_Score__c", "Leadcast_Grade__c"),
        *("Leadcast_Model_Version__c", "Leadcast_Reasons__c"),
    ]
    assert b"\r" not in (tmp_path / "out.csv").read_bytes()
    found = [float(row["Leadcast_Probability__c"]) for row in rows]
    assert found == pytest.approx((100 * scores()["probability"]).to_list(), abs=1e-6)


def test_odoo_gets_database_ids_and_percentages(tmp_path: Path) -> None:
    rows = written("odoo", tmp_path)
    assert list(rows[0]) == [".id", "probability"]
    found = [float(row["probability"]) for row in rows]
    assert found == pytest.approx((100 * scores()["probability"]).to_list(), abs=1e-6)


@pytest.mark.parametrize("crm", SHAPES)
def test_an_id_of_another_system_is_refused_and_nothing_is_written(
    crm: str, tmp_path: Path
) -> None:
    strange = of(crm).with_columns(
        lead_id=pl.when(pl.int_range(pl.len()) < 7).then(pl.lit("=1+1")).otherwise("lead_id")
    )
    with pytest.raises(FaultsError, match=r"'=1\+1' \(lead '=1\+1'\)") as raised:
        written(crm, tmp_path, strange)
    (fault,) = raised.value.faults
    assert fault.count == 7
    # What an id looks like is told in words and by an example that would pass.
    words, example = fault.expected.split(", such as ")
    assert not set(words) & set("^$[]{}\\")
    right = of(crm).head(1).with_columns(lead_id=pl.lit(example))
    SHAPES[crm].write(right.lazy(), tmp_path / "right", tmp_path)
    assert not list(tmp_path.glob("out.*"))


@pytest.mark.parametrize("crm", SHAPES)
def test_no_value_is_a_formula(crm: str, tmp_path: Path) -> None:
    for row in written(crm, tmp_path):
        texts = pl.DataFrame({"x": [str(value) for value in row.values()]})
        assert texts.select(without_formulas(pl.col("x")))["x"].equals(texts["x"])


def test_a_file_too_large_for_the_crm_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = SHAPES["salesforce"].__class__(
        "Salesforce", SHAPES["salesforce"].shape, ".csv", most_bytes=1000
    )
    monkeypatch.setattr("leadcast.serve.batch.crm.SHAPES", {"salesforce": small})
    with pytest.raises(LeadcastError, match="1,000 bytes"):
        shape_of("salesforce").write(of("salesforce").lazy(), tmp_path / "o.csv", tmp_path)


def test_reasons_are_cut_at_whole_ones() -> None:
    reasons = {"up": [{"words": "a" * 10}, {"words": "b" * 10}], "down": [{"words": "c"}]}
    assert reason_words({"reasons": reasons}, 30) == "(+) aaaaaaaaaa"
    assert reason_words({"reasons": reasons}, 99) == (
        "(+) aaaaaaaaaa | (+) bbbbbbbbbb | (-) c"
    )  # fmt: skip
    assert reason_words({}, 9) is None


def test_a_batch_writes_for_a_crm(tmp_path: Path) -> None:
    leads = scoring_world().tables.leads.head(N).with_columns(lead_id=pl.Series(IDS["odoo"]))
    leads.write_parquet(tmp_path / "leads.parquet")
    outputs = Outputs(tmp_path / "odoo.csv", "odoo")
    score_files(bundle_folder(), tmp_path / "leads.parquet", None, outputs, BatchSettings(AS_OF))
    assert len((tmp_path / "odoo.csv").read_text(encoding="utf-8").splitlines()) == N + 1


def test_what_the_crm_would_refuse_reaches_no_other_place(tmp_path: Path) -> None:
    scoring_world().tables.leads.head(3).write_parquet(tmp_path / "leads.parquet")
    outputs = Outputs(tmp_path / "odoo.csv", "odoo", history=tmp_path / "history")
    with pytest.raises(FaultsError, match=r"Odoo: id: found .* \(3 rows\)"):
        score_files(bundle_folder(), tmp_path / "leads.parquet", None, outputs)
    assert [path.name for path in tmp_path.iterdir()] == ["leads.parquet"]


@pytest.mark.parametrize(("crm", "name"), [("odoo", "x.jsonl"), ("hubspot", "x.csv")])
def test_a_file_of_another_kind_is_refused_before_any_work(crm: str, name: str) -> None:
    with pytest.raises(LeadcastError, match=r"name an output \."):
        Outputs(Path(name), crm).refuse_unusable()
    with pytest.raises(LeadcastError, match="expected one of dynamics, hubspot"):
        Outputs(Path(name), "sap").refuse_unusable()
