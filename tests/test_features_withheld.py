"""Denied columns: read and kept beside the leads, never an attribute."""

from pathlib import Path

import polars as pl
import pytest

from leadcast.features.base.errors import FaultsError
from leadcast.features.definitions.load import load_definition
from leadcast.features.engine.fitting import fit_plan
from leadcast.features.ingest.ingest import ingest
from leadcast.features.settings import FeatureSettings
from leadcast.features.snapshots import SnapshotSettings
from leadcast.features.tables import Tables
from tests.source_samples import EVENTS, OUTCOMES, Keys, changed, sample_keys, write_definition

LEADS = """\
id,created,revenue,source,Payout EUR,Gender
L1,2024-01-01T08:00:00Z,1000,Google,12.5,f
L2,2024-01-02T08:00:00Z,,Referral,,m
L3,2024-01-03T08:00:00Z,3000.5,Google,7,
L4,2024-01-04T08:00:00Z,0,,9,f
"""
DENIED: Keys = {"denied": {"Payout EUR": "payout"}, "groups": "Gender"}


def source(folder: Path, changes: Keys) -> Path:
    for name, text in (("leads", LEADS), ("events", EVENTS), ("outcomes", OUTCOMES)):
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return write_definition(folder, changed(sample_keys(folder), changes))


@pytest.mark.parametrize("rest", ["ignore", "infer"])
def test_denied_columns_stand_beside_the_leads_and_are_no_attributes(
    tmp_path: Path, rest: str
) -> None:
    changes = DENIED | {"tables.leads.remaining_columns": rest}
    ingest(load_definition(source(tmp_path, changes)), tmp_path / "tables")
    tables = Tables.read(tmp_path / "tables")
    told = tables.leads.select("withheld_payout_eur", "withheld_gender")
    assert told["withheld_payout_eur"].to_list() == [12.5, None, 7.0, 9.0]
    assert told["withheld_gender"].to_list() == ["f", "m", None, "f"]
    assert not {"payout_eur", "gender", *told.columns} & tables.attribute_types.keys()
    rows = tables.leads.select("lead_id", as_of=pl.col("created_at").dt.offset_by("1d"))
    plan = fit_plan(tables, rows, FeatureSettings(), None, SnapshotSettings())
    read = {name for feature in plan.features for name in feature.inputs}
    assert not any("withheld" in name for name in read)


def test_a_denied_column_that_is_used_is_told_with_its_line(tmp_path: Path) -> None:
    used: Keys = {"tables.leads.attributes.fee": "Payout EUR"}
    said = DENIED | {"forbidden": {"Gender": "no"}, "permitted": {"Payout EUR": "we want it"}}
    with pytest.raises(FaultsError) as caught:
        load_definition(source(tmp_path, used | said))
    told = str(caught.value)
    assert "tables.leads.attributes.fee: found the column 'Payout EUR', which is denied" in told
    assert "forbidden.Gender: found the column 'Gender', which `denied` or `groups`" in told
    assert "permitted.Payout EUR: found the column 'Payout EUR'" in told


def test_an_absent_denied_column_is_told(tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match="column 'Bonus': found no such column"):
        ingest(load_definition(source(tmp_path, {"denied": {"Bonus": "payout"}})), tmp_path / "t")


def test_what_it_costs_may_be_the_attribute_cost(tmp_path: Path) -> None:
    cost: Keys = {"tables.leads.attributes.cost": "Payout EUR"}
    ingest(load_definition(source(tmp_path, DENIED | cost)), tmp_path / "tables")
    leads = Tables.read(tmp_path / "tables").leads
    assert leads["cost"].to_list() == leads["withheld_payout_eur"].to_list()
