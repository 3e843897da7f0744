"""Joins: each row gets what its identifiers name, and what does not fit is told."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.ingest.ingest import check_source, ingest
from tests.joined_samples import (
    ACCOUNT_ID,
    ACCOUNTS,
    LEADS,
    ON,
    account_source,
    account_tables,
    joined_by,
)
from tests.source_samples import Keys, read_new_leads


def faults_of(folder: Path, changes: Keys, **files: str) -> list[Fault]:
    return list(check_source(account_source(folder, changes, **files)).faults)


def one_about(faults: list[Fault], words: str) -> Fault:
    found = [fault for fault in faults if words in str(fault)]
    assert len(found) == 1, [str(fault) for fault in faults]
    return found[0]


def test_a_row_gets_what_its_identifier_names(tmp_path: Path) -> None:
    leads = account_tables(tmp_path, joined_by(ON, "Industry")).leads
    assert leads["industry"].to_list() == ["Steel", "Bank", "Steel", None]


def test_joined_columns_may_have_other_names(tmp_path: Path) -> None:
    join = {**ON, "columns": {"Branch": "Industry"}}
    leads = account_tables(tmp_path, joined_by(join, "Branch")).leads
    assert leads["branch"].to_list() == ["Steel", "Bank", "Steel", None]


def test_a_later_join_may_use_what_an_earlier_one_gave(tmp_path: Path) -> None:
    (tmp_path / "regions.csv").write_text("Region,Land\nR1,Norway\nR2,Peru\n")
    first = {**ON, "columns": ["Region"]}
    second = {"read": {"files": "regions.csv"}, "on": "Region", "columns": "Land"}
    leads = account_tables(tmp_path, joined_by([first, second], "Land")).leads
    assert leads["land"].to_list() == ["Norway", "Peru", "Norway", None]


def test_several_identifiers_must_all_be_the_same(tmp_path: Path) -> None:
    text = "Id,Kind,Industry\nA1,Google,Steel\nA1,Referral,Wood\nA2,Referral,Bank\n"
    join = {**ON, "on": {"account": "Id", "source": "Kind"}}
    leads = account_tables(tmp_path, joined_by(join, "Industry"), accounts=text).leads
    assert leads["industry"].to_list() == ["Steel", "Bank", "Steel", None]


def test_what_means_missing_in_the_joined_table_is_missing(tmp_path: Path) -> None:
    join = {**ON, "read": {"files": "accounts.csv", "missing": "n/a"}, "columns": ["Employees"]}
    tables = account_tables(tmp_path, joined_by(join, "Employees"))
    assert tables.leads["employees"].to_list() == [120.0, None, 120.0, None]


def test_accounts_are_a_join_by_the_leads_account_id(tmp_path: Path) -> None:
    accounts = {
        "read": {"files": "accounts.csv", "missing": "n/a"},
        "columns": {"account_id": "Id"},
        "attributes": {"industry": "Industry", "company_size": "Employees"},
    }
    leads = account_tables(tmp_path, {**ACCOUNT_ID, "tables.accounts": accounts}).leads
    assert leads.columns[-3:] == ["account_id", "industry", "company_size"]
    assert leads["industry"].to_list() == ["Steel", "Bank", "Steel", None]
    assert leads["company_size"].to_list() == [120.0, None, 120.0, None]


def test_several_rows_for_one_are_an_error_beyond_the_limit(tmp_path: Path) -> None:
    twice = ACCOUNTS + "A1,Wood,1,R2\n"
    fault = one_about(faults_of(tmp_path, joined_by(ON, "Industry"), accounts=twice), "earlier row")
    assert (fault.severity, fault.count) == ("error", 1)
    assert "leads.join[0]: column 'Id': found 1 of 4 rows" in str(fault)
    assert "'A1' (accounts.csv line 5)" in str(fault)
    assert "limits.repeated_join_keys" in str(fault)
    assert "expect: first" in fault.remedy


def test_the_first_of_several_rows_counts_up_to_the_limit(tmp_path: Path) -> None:
    twice = ACCOUNTS + "A1,Wood,1,R2\n"
    changes = {**joined_by(ON, "Industry"), "limits": {"repeated_join_keys": "0.25"}}
    leads = account_tables(tmp_path, changes, accounts=twice).leads
    assert leads["industry"].to_list() == ["Steel", "Bank", "Steel", None]
    aside = pl.read_parquet(tmp_path / "tables" / "quarantine.parquet")
    assert aside.select("table", "line").rows() == [("leads.join[0]", 5)]


def test_the_first_row_counts_without_a_word_where_it_is_expected(tmp_path: Path) -> None:
    twice = ACCOUNTS + "A1,Wood,1,R2\n"
    changes = joined_by({**ON, "expect": "first"}, "Industry")
    assert "earlier row" not in str(faults_of(tmp_path, changes, accounts=twice))
    leads = account_tables(tmp_path, changes, accounts=twice).leads
    assert leads["industry"].to_list() == ["Steel", "Bank", "Steel", None]


def test_rows_without_a_counterpart_are_kept_and_counted(tmp_path: Path) -> None:
    faults = faults_of(
        tmp_path, joined_by(ON, "Industry"), accounts="Id,Industry\nA1,Steel\n,Wood\n"
    )
    fault = one_about(faults, "for which there is nothing to join in leads.join[0]: 'A2'")
    assert (fault.severity, fault.is_usual, fault.count) == ("warning", True, 1)
    fault = one_about(faults, "without an identifier to join leads.join[0] by")
    assert (fault.severity, fault.is_usual, fault.count) == ("warning", True, 1)
    assert one_about(faults, "leads.join[0]: column 'Id'").count == 1


def test_a_blank_identifier_has_no_counterpart(tmp_path: Path) -> None:
    text = ACCOUNTS + ",Wood,1,R1\n"
    leads = account_tables(tmp_path, joined_by(ON, "Industry"), accounts=text).leads
    assert leads["industry"].to_list() == ["Steel", "Bank", "Steel", None]


def test_identifiers_that_are_written_otherwise_are_told_how(tmp_path: Path) -> None:
    text = LEADS.replace("A1", "001a0000012abcD").replace("A2", "001a0000012abcE")
    accounts = ACCOUNTS.replace("A1", "001a0000012abcDEFG").replace("A2", "001a0000012abcEEFG")
    faults = faults_of(tmp_path, joined_by(ON, "Industry"), leads=text, accounts=accounts)
    fault = one_about(faults, "no identifier that both have")
    assert "Salesforce writes the same id with 15 or 18" in fault.remedy
    assert "'001a0000012abcD' here is '001a0000012abcDEFG' in leads.join[0]" in fault.remedy


def test_keys_that_do_not_fit_at_all_are_told_with_both_sides(tmp_path: Path) -> None:
    other = ACCOUNTS.replace("A", "B")
    faults = faults_of(tmp_path, joined_by(ON, "Industry"), accounts=other)
    fault = one_about(faults, "no identifier that both have")
    assert "'A1' in leads, 'B1' in leads.join[0]" in fault.found
    assert (fault.severity, fault.is_usual) == ("warning", False)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (joined_by({**ON, "columns": ["Industri"]}, "Industri"), "Did you mean 'Industry'?"),
        (joined_by({**ON, "on": {"acount": "Id"}}, "Industry"), "Did you mean 'account'?"),
        (joined_by({**ON, "on": {"account": "Idd"}}, "Industry"), "Did you mean 'Id'?"),
        (joined_by(ON, "Industrie"), "Did you mean 'Industry'?"),
        (joined_by({**ON, "columns": {"source": "Industry"}}), "a name that leads has itself"),
        (joined_by({**ON, "read": {"files": "acounts.csv"}}, "Industry"), "acounts.csv: found no"),
    ],
)
def test_what_is_not_there_is_told_and_nothing_beside(
    tmp_path: Path, changes: Keys, words: str
) -> None:
    (fault,) = [one for one in faults_of(tmp_path, changes) if "without an id" not in one.found]
    assert fault.severity == "error"
    assert words in str(fault)


def test_a_join_cannot_use_what_only_a_later_one_gives(tmp_path: Path) -> None:
    (tmp_path / "regions.csv").write_text("Region,Land\nR1,Norway\n")
    early = {"read": {"files": "regions.csv"}, "on": "Region", "columns": ["Land"]}
    late = {**ON, "columns": ["Region"]}
    faults = faults_of(tmp_path, joined_by([early, late], "Land"))
    (error,) = [one for one in faults if one.severity == "error"]
    assert "the column that `tables.leads.join[0].on` names" in error.expected
    told = str(faults_of(tmp_path, joined_by([late, early], "Land")))
    assert "names" not in told


def test_many_rows_multiply_the_rows_of_events(tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text("visitor,lead\nV1,L1\nV1,L2\nV2,L3\n")
    events = "id,at,type,seconds\nV1,2024-01-05T09:00:00Z,visit,\nV2,2024-01-06T09:00:00Z,visit,\n"
    join = {"read": {"files": "map.csv"}, "on": {"id": "visitor"}, "columns": ["lead"]}
    changes = {
        "tables.events.join": {**join, "expect": "many"},
        "tables.events.columns.lead_id": "lead",
    }
    tables = account_tables(tmp_path, changes, events=events)
    assert tables.events.collect()["lead_id"].to_list() == ["L1", "L2", "L3"]
    fault = one_about(faults_of(tmp_path, changes, events=events), "that a join has added")
    assert (fault.count, fault.is_usual) == (1, True)


def test_a_joined_table_is_filtered_before_it_is_joined(tmp_path: Path) -> None:
    join = {**ON, "where": {"column": "Region", "one_of": "R2"}}
    leads = account_tables(tmp_path, joined_by(join, "Industry")).leads
    assert leads["industry"].to_list() == [None, "Bank", None, None]


def test_identifiers_meet_whatever_their_type(tmp_path: Path) -> None:
    pl.DataFrame({"Id": [1.0, 2.0], "Industry": ["Steel", "Bank"]}).write_parquet(
        tmp_path / "accounts.parquet"
    )
    join = {**ON, "read": {"files": "accounts.parquet"}}
    text = LEADS.replace("A1", "1").replace("A2", "2")
    leads = account_tables(tmp_path, joined_by(join, "Industry"), leads=text).leads
    assert leads["industry"].to_list() == ["Steel", "Bank", "Steel", None]


def test_the_remaining_columns_are_also_joined_ones_but_for_keys(tmp_path: Path) -> None:
    changes = {**joined_by(ON), "tables.leads.remaining_columns": "infer"}
    leads = account_tables(tmp_path, changes).leads
    assert "industry" in leads.columns
    assert "account" not in leads.columns


def test_a_source_with_accounts_is_the_export_joined_by_hand(tmp_path: Path) -> None:
    by_hand = tmp_path / "by_hand"
    by_hand.mkdir()
    industry = {"A1": "Steel", "A2": "Bank"}
    header, *rows = LEADS.splitlines()
    whole = [f"{row},{industry.get(row.split(',')[4], '')}" for row in rows]
    text = "\n".join([f"{header},Industry", *whole, ""])
    accounts = {
        "read": {"files": "accounts.csv"},
        "columns": {"account_id": "Id"},
        "attributes": {"industry": "Industry"},
    }
    joined = account_tables(tmp_path, {**ACCOUNT_ID, "tables.accounts": accounts})
    changes = {**ACCOUNT_ID, "tables.leads.attributes.industry": "Industry"}
    expected = account_tables(by_hand, changes, leads=text)
    assert_frame_equal(joined.leads, expected.leads)
    assert joined.attribute_types == expected.attribute_types


def test_an_empty_joined_table_is_told(tmp_path: Path) -> None:
    source = account_source(tmp_path, joined_by(ON, "Industry"), accounts="Id,Industry\n")
    with pytest.raises(FaultsError, match="no rows to join"):
        ingest(source, tmp_path / "tables")


@pytest.mark.parametrize(("known", "is_told"), [(["A1"], False), (["A2"], True)])
def test_a_joined_table_that_knows_few_of_the_new_leads_is_told(
    tmp_path: Path, known: list[str], is_told: bool
) -> None:
    accounts = "Id,Industry\n" + "".join(f"{one},Steel\n" for one in known)
    definition = account_source(tmp_path, joined_by(ON, "Industry"), accounts=accounts)
    found = read_new_leads(definition, [tmp_path / "leads.csv"])
    unusual = [str(one) for one in found.warnings if not one.is_usual]
    assert any("2 of 3 rows" in one and "such as 'A1'" in one for one in unusual) is is_told
    assert len(unusual) == is_told
