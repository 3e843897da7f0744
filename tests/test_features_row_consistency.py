"""Faults of joins, row filters, accounts and several outcome tables, told before data are read."""

from pathlib import Path

import pytest

from leadcast.features.base.errors import FaultsError
from leadcast.features.definitions.load import load_definition
from tests.source_samples import Keys, changed, sample_keys, write_definition

JOIN: Keys = {"read": {"files": "a.csv"}, "on": "account", "columns": ["Industry"]}
ACCOUNTS: Keys = {
    "read": {"files": "a.csv"},
    "columns": {"account_id": "Id"},
    "attributes": {"industry": "Industry"},
}
WITH_ACCOUNTS: Keys = {"tables.leads.attributes.account_id": "account", "tables.accounts": ACCOUNTS}
STATUS: Keys = {
    "form": "status",
    "read": {"files": "s.csv"},
    "columns": {"lead_id": "id", "status": "stage"},
    "won": "won",
}
EVENTS: Keys = {"form": "events", "won_events": "sale"}


def told_of(folder: Path, changes: Keys) -> str:
    path = write_definition(folder, changed(sample_keys(folder), changes))
    with pytest.raises(FaultsError) as caught:
        load_definition(path)
    return str(caught.value)


def with_attributes(attributes: Keys) -> Keys:
    return {**WITH_ACCOUNTS, "tables.accounts": {**ACCOUNTS, "attributes": attributes}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"tables.leads.join": {**JOIN, "columns": ["account"]}},
            "which stands under `on` already",
        ),
        ({"tables.leads.join": [JOIN, JOIN]}, "which join[0] gives already"),
        ({"tables.leads.join": {**JOIN, "columns": []}}, "at least 1 item"),
        ({"tables.leads.join": {**JOIN, "on": []}}, "at least 1 item"),
        ({"tables.leads.join": {**JOIN, "expect": "two"}}, "'one', 'first' or 'many'"),
        ({"tables.leads.join": {**JOIN, "expect": "many"}}, "`many`, which repeats rows"),
        ({"tables.leads.join": {**JOIN, "colums": "x"}}, "Did you mean 'columns'?"),
        ({"tables.leads.where": {"column": "x"}}, "one of one_of, not, missing, from or until"),
        ({"tables.leads.where": {"column": "x", "nott": "y"}}, "Did you mean 'not'?"),
        ({"tables.leads.where": {"column": "x", "missing": "maybe"}}, "valid boolean"),
        ({"tables.events.where": {"column": "at", "from": "soon"}}, "'soon' is not a time"),
        ({"tables.events.where": {"column": "at", "until": "2024-01-01"}}, "Or set time_zone"),
        (
            {"tables.leads.where": {"column": "x", "one_of": ["a", "b"], "not": "b"}},
            "found 'b', which stands under one_of already",
        ),
        ({"tables.accounts": ACCOUNTS}, "no attribute account_id of the leads"),
        (with_attributes({"source": "Origin"}), "Call it 'account_source'"),
        (with_attributes({"lead_id": "x"}), "found the attribute name 'lead_id'"),
        (with_attributes({"Industry": "x"}), "Call it 'industry'"),
        (with_attributes({"cost": {"column": "x", "type": "flag"}}), "found cost as a flag"),
        (
            {
                "tables.outcomes": {
                    **{"form": "dates", "columns": {"won_at": "won"}},
                    "where": {"column": "x", "one_of": "a"},
                }
            },
            "Move it there",
        ),
        (
            {
                "tables.outcomes": [
                    {**{"form": "dates", "columns": {"won_at": "won"}}},
                    STATUS,
                ]
            },
            "outcomes without a date beside others with one",
        ),
        ({"tables.outcomes": [EVENTS, EVENTS]}, "a second description of outcomes"),
        ({"tables.outcomes": []}, "at least 1 item"),
        ({"split": {"test_from": "soon"}}, "'soon' is not a time"),
        (
            {"split": {"test_from": "2024-02-01T00:00:00Z", "test_fraction": "0.1"}},
            "found test_from beside test_fraction",
        ),
        (
            {
                "tables.leads.columns.created_at": None,
                "split": {"test_from": "2024-02-01T00:00:00Z"},
            },
            "found test_from for leads without a creation time",
        ),
    ],
)
def test_each_contradiction_is_told(tmp_path: Path, changes: Keys, words: str) -> None:
    assert words in told_of(tmp_path, changes)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"tables.leads.join": {**JOIN, "columns": {"y": "x"}}}, "leads.join[0].columns.y"),
        ({"tables.leads.join": {**JOIN, "on": {"x": "Id"}}}, "leads.join[0].on.x"),
        ({"tables.leads.join": {**JOIN, "on": {"y": "x"}}}, "leads.join[0].on.y"),
        ({"tables.events.where": {"column": "x", "one_of": "a"}}, "events.where[0].column"),
        (
            {"tables.outcomes.join": {**JOIN, "where": {"column": "x", "one_of": "a"}}},
            "outcomes.join[0].where[0].column",
        ),
        (with_attributes({"y": "x"}), "accounts.attributes.y"),
        (
            {**WITH_ACCOUNTS, "tables.accounts": {**ACCOUNTS, "columns": {"account_id": "x"}}},
            "accounts.columns.account_id",
        ),
        ({"tables.outcomes": [STATUS, {**STATUS, "read": {"files": "x"}}]}, None),
    ],
)
def test_a_forbidden_column_is_forbidden_in_joined_tables_too(
    tmp_path: Path, changes: Keys, key: str | None
) -> None:
    changes = {"forbidden": {"x": "it leaks", "stage": "it leaks"}, **changes}
    expected = f"tables.{key}: found the column 'x', which is forbidden (it leaks)"
    if key is None:
        expected = "tables.outcomes[1].columns.status: found the column 'stage'"
    assert expected in told_of(tmp_path, changes)


def test_a_definition_with_all_of_it_is_right(tmp_path: Path) -> None:
    changes = {
        **WITH_ACCOUNTS,
        "tables.leads.join": [JOIN, {**JOIN, "columns": {"Land": "Region"}}],
        "tables.leads.where": [{"column": "x", "missing": "no"}, {"column": "y", "not": "1"}],
        "tables.outcomes": [{**STATUS, "columns": {**STATUS["columns"], "closed_at": "c"}}, EVENTS],
    }
    path = write_definition(tmp_path, changed(sample_keys(tmp_path), changes))
    definition = load_definition(path)
    assert list(definition.readers()) == [
        *("leads", "leads.join[0]", "leads.join[1]", "accounts", "events", "outcomes[0]")
    ]
    assert definition.lead_attributes()["industry"].column == "accounts.Industry"
