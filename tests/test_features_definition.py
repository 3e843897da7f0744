"""Definitions: what is right loads, and every fault is told at once, by key and line."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from leadcast.features.base.errors import (
    FaultsError,
    LeadcastError,
    canonical_name,
    did_you_mean,
    nearest,
    nearest_first,
)
from leadcast.features.definitions.definition import (
    ComparisonDefaults,
    DateColumns,
    DatedOutcomes,
    EventOutcomes,
    Limits,
    Simulation,
    SnapshotDefaults,
    SourceDefinition,
    SplitDefaults,
    StatusColumns,
    StatusOutcomes,
    TableSet,
)
from leadcast.features.definitions.load import find_definition, load_definition, source_names
from leadcast.features.definitions.table_schema import (
    AccountColumns,
    AccountsTable,
    Attribute,
    EventColumns,
    EventsTable,
    ExportColumn,
    FileReader,
    Join,
    LeadColumns,
    LeadsTable,
    RowFilter,
    SqlReader,
)
from leadcast.features.values.formats import NumberFormat
from tests.source_samples import Keys, changed, sample_keys, write_definition

FIXTURES = Path(__file__).parent / "fixtures" / "sources"
SOURCES = Path(__file__).parents[1] / "data" / "sources"


def told(path: Path) -> str:
    with pytest.raises(FaultsError) as caught:
        load_definition(path)
    return str(caught.value)


def told_of(folder: Path, changes: Keys) -> str:
    return told(write_definition(folder, changed(sample_keys(folder), changes)))


@pytest.mark.parametrize("path", sorted((FIXTURES / "valid").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_valid_definition_loads(path: Path) -> None:
    assert load_definition(path).name == path.stem


@pytest.mark.parametrize(
    "path", sorted((FIXTURES / "invalid").glob("*.yaml")), ids=lambda p: p.stem
)
def test_an_invalid_definition_is_told_as_its_golden_text_says(path: Path) -> None:
    golden = path.with_suffix(".txt").read_text(encoding="utf-8").strip()
    assert told(path).replace(f"{path.parent}/", "") == golden


@pytest.mark.parametrize("path", sorted(SOURCES.glob("*.yaml")), ids=lambda p: p.stem)
def test_the_definitions_that_come_with_the_project_load(path: Path) -> None:
    definition = load_definition(path)
    assert definition.name == path.stem
    assert len(definition.where_to_get) > 20


def test_values_are_what_is_written_and_not_what_yaml_makes_of_them(tmp_path: Path) -> None:
    path = tmp_path / "words.yaml"
    text = write_definition(tmp_path, sample_keys(tmp_path)).read_text(encoding="utf-8")
    text = text.replace("name: sample", "name: words").replace(
        "files: leads.csv", "files: leads.csv\n      missing: [no, 007, 1e3, 2024-01-01, ~]"
    )
    path.write_text(text.replace(", ~]", "]"), encoding="utf-8")
    reader = load_definition(path).tables.leads.read
    assert reader.missing == ("no", "007", "1e3", "2024-01-01")


def test_the_root_takes_an_environment_variable_or_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = changed(sample_keys(tmp_path), {"root": "${SAMPLE_ROOT:-data/raw}/crm"})
    path = write_definition(tmp_path, keys)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SAMPLE_ROOT", raising=False)
    assert load_definition(path).root == tmp_path / "data/raw/crm"
    monkeypatch.setenv("SAMPLE_ROOT", "/exports")
    assert load_definition(path).root == Path("/exports/crm")


def test_a_definition_in_data_sources_is_relative_to_its_project(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "sources"
    folder.mkdir(parents=True)
    path = write_definition(folder, changed(sample_keys(folder), {"root": "../exports"}))
    assert load_definition(path).root == tmp_path.parent / "exports"


def test_a_variable_without_default_must_be_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SAMPLE_ROOT", raising=False)
    text = told_of(tmp_path, {"root": "${SAMPLE_ROOT}/crm"})
    assert "line 4: root: found the environment variable SAMPLE_ROOT, which is not set" in text
    assert "write ${SAMPLE_ROOT:-some/folder}" in text


def test_a_reader_is_of_files_or_of_sql(tmp_path: Path) -> None:
    sql = {"sql": "SELECT 1", "url_env": "CRM_URL"}
    path = write_definition(tmp_path, changed(sample_keys(tmp_path), {"tables.leads.read": sql}))
    readers = load_definition(path).readers()
    assert isinstance(readers["leads"], SqlReader)
    assert isinstance(readers["events"], FileReader)
    text = told_of(tmp_path, {"tables.leads.read": {**sql, "separator": ";"}})
    assert "found the unknown key 'separator'" in text
    assert "There are: 'sql', 'url_env', 'chunk_rows', 'missing'." in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tables.leads.read.encoding": "utf-9"}, "'utf-9' is no text encoding"),
        ({"tables.leads.numbers": {"decimal": ",", "thousands": ","}}, "are both ','"),
        ({"tables.events.columns.event_type": None}, "what kind its events are"),
        ({"limits": {"orphan_events": "2"}}, "less than or equal to 1"),
        ({"name": "Sample 1"}, "string should match pattern"),
        ({"tables.outcomes.form": None}, "found no key 'form'"),
        ({"time_zone": "Europe/Berlyn"}, "Did you mean 'Europe/Berlin'?"),
        ({"observed_until": None}, "found no observed_until"),
        ({"observed_until": "2024-06-01"}, "names no time zone"),
        ({"observed_until": "soon"}, "'soon' is not a time"),
        ({"tables.leads.order_by": "id"}, "found order_by beside columns.created_at"),
        ({"tables.leads.columns.created_at": None}, "found events of leads without a creation"),
        ({"tables.leads.columns.created_at": None}, "found dated outcomes of leads without"),
        ({"tables.leads.columns.created_at": None}, "for leads without a creation time"),
        ({"tables.leads.columns.lead_id": "row"}, "found numbered rows for ids"),
        ({"tables.outcomes.columns.lead_id": None}, "table of outcomes without columns.lead_id"),
        ({"tables.outcomes.read": None}, "in the leads' table with a lead_id of their own"),
        ({"tables.leads.attributes": {"as_of": "x"}}, "found the attribute name 'as_of'"),
        ({"tables.leads.attributes": {"Job Title": "x"}}, "Call it 'job_title'"),
        (
            {"tables.leads.attributes": {"phone": {"column": "x", "type": "number"}}},
            "found phone as a number; expected phone as a text or a category",
        ),
        (
            {"tables.outcomes": {"form": "events", "won_events": "a", "lost_events": ["b", "a"]}},
            "found 'a', which stands under won_events already",
        ),
        (
            {"tables.outcomes": {"form": "events", "won_events": "a"}, "tables.events": None},
            "found outcomes that are events, but no table of events",
        ),
    ],
)
def test_each_contradiction_is_told(tmp_path: Path, changes: Keys, words: str) -> None:
    assert words in told_of(tmp_path, changes)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"tables.leads.rules_score": ["revenue", "x"]}, "tables.leads.rules_score"),
        ({"tables.leads.attributes.y": "x"}, "tables.leads.attributes.y"),
        ({"tables.leads.columns.lead_id": {"column": "x"}}, "tables.leads.columns.lead_id"),
        ({"tables.leads.columns.created_at": "x"}, "tables.leads.columns.created_at"),
        ({"tables.events.columns.value": "x"}, "tables.events.columns.value"),
        ({"tables.events.columns.event_type": ["type", "x"]}, "tables.events.columns.event_type"),
        ({"tables.outcomes.columns.lost_at": "x"}, "tables.outcomes.columns.lost_at"),
    ],
)
def test_a_forbidden_column_must_not_be_mapped_anywhere(
    tmp_path: Path, changes: Keys, key: str
) -> None:
    text = told_of(tmp_path, {"forbidden": {"x": "it leaks"}, **changes})
    assert f": {key}: found the column 'x', which is forbidden (it leaks)" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tables.leads.rules_score": "revenue"}, "which is the existing score"),
        (
            {
                "tables.outcomes": {
                    **{"form": "status", "columns": {"status": "source"}, "won": ["1"]}
                }
            },
            "which is the outcome itself",
        ),
    ],
)
def test_what_tells_the_outcome_is_no_attribute(tmp_path: Path, changes: Keys, words: str) -> None:
    assert words in told_of(tmp_path, changes)


def test_the_template_explains_every_key() -> None:
    text = (SOURCES / "template.yaml").read_text(encoding="utf-8")
    models: list[type[BaseModel]] = [
        *(SourceDefinition, Limits, SnapshotDefaults, ComparisonDefaults, Simulation),
        *(TableSet, LeadsTable, AccountsTable, AccountColumns, Join, RowFilter, SplitDefaults),
        *(LeadColumns, EventsTable, EventColumns, FileReader, SqlReader, NumberFormat, Attribute),
        *(ExportColumn, DatedOutcomes, StatusOutcomes, EventOutcomes, DateColumns, StatusColumns),
    ]
    fields = [field for model in models for field in model.model_fields.items()]
    keys = {field.alias or name for name, field in fields}
    assert {key for key in keys if not re.search(rf"\b{key}\b", text)} == set()


def test_the_name_is_the_files(tmp_path: Path) -> None:
    path = write_definition(tmp_path, sample_keys(tmp_path)).rename(tmp_path / "other.yaml")
    assert "line 1: name: found the name 'sample'; expected 'other'" in told(path)


def test_an_unknown_source_names_those_there_are_nearest_first(tmp_path: Path) -> None:
    for name in ("bpi2012", "bank_marketing", "demo", "template"):
        write_definition(tmp_path, changed(sample_keys(tmp_path), {"name": name}))
    assert source_names(tmp_path) == ["bank_marketing", "bpi2012", "demo"]
    with pytest.raises(LeadcastError, match="there are: bank_marketing, ") as caught:
        find_definition("bank-marketing", tmp_path)
    assert "template.yaml" in str(caught.value)
    with pytest.raises(LeadcastError, match="there is no source"):
        find_definition("../../etc/passwd", tmp_path)
    assert find_definition("demo", tmp_path).file == tmp_path / "demo.yaml"


def test_a_missing_or_foreign_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(LeadcastError, match="No such file"):
        load_definition(tmp_path / "absent.yaml")
    (tmp_path / "latin.yaml").write_bytes("title: Prüfung".encode("latin-1"))
    with pytest.raises(LeadcastError, match="is not UTF-8"):
        load_definition(tmp_path / "latin.yaml")


def test_names_are_compared_as_people_read_them() -> None:
    assert nearest("lead number", ["Prospect ID", "Lead Number"]) == "Lead Number"
    assert nearest("zzz", ["Prospect ID"]) is None
    assert nearest_first("bank", ["zebra", "bank_marketing"])[0] == "bank_marketing"
    assert did_you_mean("zzz", ["a", "b"]) == "There are: 'a', 'b'."
    assert did_you_mean("zzz", []) == "There are none."
    assert canonical_name("3 Größen (m²)").startswith("column_3")


@pytest.mark.parametrize("quote", ["\u201e", "ab", "", " "])
def test_a_quotation_mark_is_one_ascii_letter(tmp_path: Path, quote: str) -> None:
    keys = changed(sample_keys(tmp_path), {"tables.leads.read": {"files": "x.csv", "quote": quote}})
    with pytest.raises(FaultsError, match="quote"):
        load_definition(write_definition(tmp_path, keys))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("separator", one) for one in ("\0", "\n", '"')),
        *(("encoding", one) for one in ("rot13", "base64", "punycode", "undefined")),
    ],
)
def test_what_separates_no_fields_and_encodes_no_text_is_refused(
    tmp_path: Path, key: str, value: str
) -> None:
    keys = changed(sample_keys(tmp_path), {"tables.leads.read": {"files": "x.csv", key: value}})
    with pytest.raises(FaultsError, match=key):
        load_definition(write_definition(tmp_path, keys))
