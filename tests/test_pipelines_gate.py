"""What the gate says of a leak can be pasted."""

import re
from pathlib import Path

import pytest

from leadcast.features.base.files import write_json
from leadcast.features.definitions.load import load_definition
from leadcast.features.definitions.yaml_lines import plain_yaml
from leadcast.models.leakage import examine
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.summary import leakage_lines, read_leakage
from leadcast.pipelines.gate import to_paste
from leadcast.pipelines.report import beware_of
from tests.leak_worlds import context, spoilt, undated, with_noise

DEFINITION = """
name: pasted
title: Leads
where_to_get: made by a test
root: data
tables:
  leads:
    read: {files: leads.csv}
    columns: {lead_id: id}
    order_by: row
    attributes:
      size: Size
      x: {column: Total Paid, type: number}
  outcomes:
    form: status
    columns: {status: status}
    won: [won]
    lost: [lost]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "pasted.yaml"
    file.write_text(DEFINITION, encoding="utf-8")
    return file


def test_keys_that_forbid_a_column_make_a_definition_that_loads(file: Path) -> None:
    leaking = context(spoilt(undated(), "number"))
    removed, *lines = to_paste(examine(leaking), leaking, load_definition(file))
    assert removed == (
        "To forbid them, remove tables.leads.attributes.x and add in data/sources/pasted.yaml:"
    )
    end = next(i for i, line in enumerate(lines) if line.startswith("To vouch"))
    without = DEFINITION.replace("      x: {column: Total Paid, type: number}\n", "")
    file.write_text("\n".join([without, *lines[:end]]), encoding="utf-8")
    assert set(load_definition(file).forbidden) == {"Total Paid"}
    assert plain_yaml("\n".join(lines[end + 1 :])) == {"leakage": {"vouched": ["x"]}}


def test_without_a_leak_there_is_nothing_to_paste(file: Path) -> None:
    honest = context(undated())
    assert to_paste(examine(honest), honest, load_definition(file)) == []


def test_a_feature_of_an_attribute_names_the_attribute() -> None:
    leaking = context(with_noise(undated(), "seconds", strength=4.0))
    assert leaking.attributes_named("column 'seconds'") == ["seconds"]
    assert leaking.attributes_named("all columns together") == []
    assert leaking.attributes_named("column 'profile_filled'") == []


def test_summary_and_report_begin_with_the_worst(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = RunFolder("pasted")
    write_json(run.leakage, examine(context(spoilt(undated(), "number"))).frame().to_dicts())
    (first, *_) = leakage_lines(run)
    assert re.match(r"\d+ errors.*; the worst: column 'x': .*AUC of", first)
    (beware, *_) = beware_of(read_leakage(run))
    assert beware == f"The leakage gate found {first}"
    write_json(run.leakage, examine(context(undated())).frame().to_dicts(), replacing=True)
    assert leakage_lines(run) == []
    assert beware_of(read_leakage(run)) == []
