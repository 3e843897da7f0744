"""What `leadcast init` makes of ids, times and amounts whose names or values are not all plain."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.definitions.load import load_definition
from leadcast.features.ingest.ingest import check_source
from leadcast.features.inspection.column_looks import is_name_of_id
from leadcast.pipelines.insight.init import InitRequest, draft_source
from tests.crm_exports import write
from tests.test_pipelines_init import Rows, described, drafted, flat, rows_of, with_column


def renamed(rows: Rows, **names: str) -> Rows:
    """Call columns otherwise."""
    return [{names.get(name, name): one for name, one in row.items()} for row in rows]


def lead_id_of(folder: Path) -> str | None:
    """Tell which column names the lead, as it was drafted."""
    key = load_definition(folder / "ours.yaml").tables.leads.columns.lead_id
    return key if isinstance(key, str) else key.column


# Identifiers


@pytest.mark.parametrize("name", ["Record ID - Contact", "Record ID - Ticket", "Unique ID (old)"])
def test_a_name_with_id_within_is_one_of_an_identifier(name: str, tmp_path: Path) -> None:
    rows = [{**row, "Lead ID": 10_000_000_000 + index} for index, row in enumerate(rows_of())]
    text = drafted(tmp_path, renamed(rows, **{"Lead ID": name}))
    assert lead_id_of(tmp_path) == name
    assert "guess: each row has a value of its own" in text
    columns = load_definition(tmp_path / "ours.yaml").tables.leads.attributes.values()
    assert name not in {one.column for one in columns}


def test_an_identifier_of_something_else_is_no_attribute(tmp_path: Path) -> None:
    rows = with_column(rows_of(), "Record ID - Company", [*range(70_000, 70_120)])
    text = drafted(tmp_path, rows)
    assert lead_id_of(tmp_path) == "Lead ID"
    assert "left out (identifiers, a value of its own for each row): Record ID - Company" in text


@pytest.mark.parametrize("words", ["identity", "video views", "is valid now", "paid search"])
def test_letters_within_a_word_make_no_identifier(words: str) -> None:
    assert not is_name_of_id(words)


def test_where_no_name_is_an_identifiers_what_is_unique_is_named(tmp_path: Path) -> None:
    rows = [{**row, "Lead ID": index * 7} for index, row in enumerate(rows_of())]
    text = flat(drafted(tmp_path, renamed(rows, **{"Lead ID": "Balance"})))
    assert "no column that is called like an identifier has a value of its own" in text
    assert "if 'Balance' names the lead, write it here" in text


def repeated(rows: Rows, again: int) -> Rows:
    """Add the first rows once more."""
    return [*rows, *rows[:again]]


@pytest.mark.parametrize("name", ["Lead ID", "Record ID", "Prospect ID", "Kundennummer"])
@pytest.mark.parametrize("again", [1, 9, 40])
def test_repeated_leads_are_told_however_many_they_are(
    again: int, name: str, tmp_path: Path
) -> None:
    rows = renamed(repeated(rows_of(), again), **{"Lead ID": name})
    text = flat(drafted(tmp_path, rows))
    assert lead_id_of(tmp_path) == name
    assert f"guess: {again} of {120 + again} rows repeat a value" in text
    checked = check_source(load_definition(tmp_path / "ours.yaml"))
    assert not checked.is_fine
    assert f"{again} of {120 + again} rows whose lead id an earlier row has" in str(checked)


def test_leads_without_an_id_are_told_as_well(tmp_path: Path) -> None:
    rows = rows_of()
    for row in rows[::10]:
        row["Lead ID"] = ""
    text = drafted(tmp_path, rows)
    assert "lead_id: Lead ID  # guess: 12 of 120 rows have none" in text


@pytest.mark.parametrize(
    ("name", "again"), [("Lead ID", 60), ("Agency ID", 9), ("Lead", 9), ("Region", 9)]
)
def test_what_repeats_too_often_or_means_something_else_is_no_key(
    name: str, again: int, tmp_path: Path
) -> None:
    rows = repeated(rows_of(), again)
    if name == "Lead":
        rows = [{**row, "Lead ID": f"Kim {row['Lead ID']}"} for row in rows]
    drafted(tmp_path, renamed(rows, **{"Lead ID": name}))
    assert lead_id_of(tmp_path) == "row"


@pytest.mark.parametrize("name", ["No.", "Row number", "Lfd. Nr.", "Row ID"])
def test_a_number_of_the_row_does_not_hide_repeated_leads(name: str, tmp_path: Path) -> None:
    drafted(tmp_path, with_column(repeated(rows_of(), 9), name, [*range(1, 130)]))
    assert lead_id_of(tmp_path) == "Lead ID"


def test_an_own_key_beside_the_leads_id_stays_the_key(tmp_path: Path) -> None:
    rows = with_column(repeated(rows_of(), 9), "Application ID", [f"P{n:03d}" for n in range(129)])
    drafted(tmp_path, rows)
    assert lead_id_of(tmp_path) == "Application ID"


@pytest.mark.parametrize("file", ["activities.csv", "portal.csv"])
@pytest.mark.parametrize("again", [0, 9])
def test_activities_that_name_most_leads_once_are_not_the_leads(
    file: str, again: int, tmp_path: Path
) -> None:
    visits: Rows = [
        {"Lead ID": row["Lead ID"], "Time": row["Created"], "Action": "call"}
        for row in repeated(rows_of(), 20)
    ]
    write(tmp_path / "export", file, visits)
    drafted(tmp_path, repeated(rows_of(), again))
    tables = load_definition(tmp_path / "ours.yaml").tables
    assert tables.leads.read.files == ("leads.csv",)  # type: ignore[union-attr]
    assert lead_id_of(tmp_path) == "Lead ID"
    if file == "activities.csv":
        assert [one.read.files for one in tables.events] == [(file,)]  # type: ignore[union-attr]


def test_deals_that_name_most_contacts_once_do_not_define_them(tmp_path: Path) -> None:
    contacts: Rows = [
        {"Ref": row["Lead ID"], "Created": row["Created"], "Source": row["Source"]}
        for row in rows_of()
    ]
    deals: Rows = [
        {"Contact ID": row["Lead ID"], "Stage": row["Status"], "Close Date": row["Closed"]}
        for row in repeated(rows_of(), 9)
    ]
    write(tmp_path / "export", "contacts.csv", contacts)
    write(tmp_path / "export", "deals.csv", deals)
    described(tmp_path)
    tables = load_definition(tmp_path / "ours.yaml").tables
    assert tables.leads.read.files == ("contacts.csv",)  # type: ignore[union-attr]
    assert lead_id_of(tmp_path) == "Ref"


# Times


@pytest.mark.parametrize(
    "name", ["signup_at", "Sign up at", "signed_up_at", "Signed up", "registered_at", "Registered",
             "joined_at", "opted_in_at", "Opt-in date"],
)  # fmt: skip
def test_names_of_signing_up_are_times_of_creation(name: str, tmp_path: Path) -> None:
    drafted(tmp_path, renamed(rows_of(written="%Y-%m-%d"), Created=name))
    definition = load_definition(tmp_path / "ours.yaml")
    assert definition.tables.leads.columns.created_at == name
    assert check_source(definition).is_fine


@pytest.mark.parametrize("is_dated", [True, False])
def test_the_only_column_with_a_time_in_each_row_is_named_in_the_question(
    is_dated: bool, tmp_path: Path
) -> None:
    rows = renamed(rows_of(written="%d.%m.%Y"), Created="Landing")
    if not is_dated:
        rows = [{name: one for name, one in row.items() if name != "Closed"} for row in rows]
    text = drafted(tmp_path, rows)
    assert "TO DO: is 'Landing' the time of creation?" in text
    assert "observed_until: latest" in text
    assert "No column of times" not in text
    with pytest.raises(FaultsError, match=r"columns\.created_at: found TO DO: is 'Landing'"):
        load_definition(tmp_path / "ours.yaml")
    # With the answer it is a definition.
    lines = [
        "      created_at: Landing" if "created_at" in one else one for one in text.split("\n")
    ]
    (tmp_path / "ours.yaml").write_text("\n".join(lines), encoding="utf-8")
    definition = load_definition(tmp_path / "ours.yaml")
    assert check_source(definition).is_fine
    assert "landing" not in definition.tables.leads.attributes


@pytest.mark.parametrize("other", ["Updated at", "Last activity date", "Birthdate"])
def test_times_of_something_else_are_not_offered_as_creation(other: str, tmp_path: Path) -> None:
    text = drafted(tmp_path, renamed(rows_of(), Created=other))
    assert f"is '{other}' the time of creation" not in text
    assert "which column of leads.csv has the time of creation?" in text
    assert "No column of times" not in text
    assert f"Times are in {other!r}" in flat(text)


def test_without_any_times_it_is_said_that_there_are_none(tmp_path: Path) -> None:
    rows = [{k: v for k, v in row.items() if k not in ("Created", "Closed")} for row in rows_of()]
    assert "No column of times and no running number was found" in drafted(tmp_path, rows)


def in_sheet_days(rows: Rows, *names: str) -> Rows:
    """Write days as a spreadsheet counts them."""
    first = datetime(1899, 12, 30, tzinfo=UTC)
    found: Rows = []
    for row in rows:
        days = {
            name: (datetime.strptime(str(row[name]), "%Y-%m-%d").replace(tzinfo=UTC) - first).days
            for name in names
            if row[name]
        }
        found.append({**row, **{name: f"{day}.5" for name, day in days.items()}})
    return found


def test_days_of_a_spreadsheet_are_read_as_such(tmp_path: Path) -> None:
    plain = rows_of(written="%Y-%m-%d")
    text = drafted(tmp_path, in_sheet_days(plain, "Created", "Closed"))
    definition = load_definition(tmp_path / "ours.yaml")
    assert definition.tables.leads.time_format == ("excel",)
    assert "# guess: excel, 2024-01-01 to 2024-11-" in text
    checked = check_source(definition)
    assert checked.is_fine, str(checked)
    assert checked.counts["won"] == 40


def test_days_of_a_spreadsheet_beside_other_times_are_left_to_a_person(tmp_path: Path) -> None:
    drafted(tmp_path, in_sheet_days(rows_of(written="%Y-%m-%d"), "Closed"))
    with pytest.raises(FaultsError, match=r"'Created' as ISO 8601 and 'Closed' as excel"):
        load_definition(tmp_path / "ours.yaml")


def test_numbers_that_may_be_days_are_asked_about_with_the_key_to_set(tmp_path: Path) -> None:
    rows = [{**row, "Created": 22_000 + index} for index, row in enumerate(rows_of())]
    text = drafted(tmp_path, rows)
    assert "They look like numbers that count: `time_format: excel`" in text


@pytest.mark.parametrize("name", ["Revenue at risk", "Lost revenue", "Closed volume", "Data usage"])
def test_amounts_of_the_size_of_days_stay_numbers(name: str, tmp_path: Path) -> None:
    drafted(tmp_path, with_column(rows_of(), name, [*range(40_000, 45_000, 170)]))
    types = {one.column: one.type for one in
             load_definition(tmp_path / "ours.yaml").tables.leads.attributes.values()}  # fmt: skip
    assert types[name] == "number"


# Amounts


def with_deals(folder: Path, **amounts: int) -> str | None:
    """Write leads, and their deals with amounts; tell which amount is drafted."""
    write(folder / "export", "deals.csv", [
        {"Deal": f"D{index}", "Lead ID": row["Lead ID"], "Stage": row["Status"],
         "Close Date": row["Closed"], **{name: one + index for name, one in amounts.items()}}
        for index, row in enumerate(rows_of())
    ])  # fmt: skip
    leads = [{k: v for k, v in row.items() if k not in ("Status", "Closed")} for row in rows_of()]
    drafted(folder, with_column(leads, "ARR", [5, 6, 7]))
    return load_definition(folder / "ours.yaml").tables.outcomes[0].columns.amount  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["mrr", "ARR", "ACV", "tcv"])
def test_what_recurs_is_a_deals_amount(name: str, tmp_path: Path) -> None:
    assert with_deals(tmp_path, **{name: 500}) == name


def test_an_amount_that_is_called_one_comes_first(tmp_path: Path) -> None:
    assert with_deals(tmp_path, mrr=500, Amount=6000) == "Amount"
    # A lead's own recurring revenue is an attribute.
    assert "arr" in load_definition(tmp_path / "ours.yaml").tables.leads.attributes


# Files


UNREAD = {
    "activities.jsonl": "JSON; save it as CSV (UTF-8) or Parquet",
    "more.ndjson.gz": "JSON; save it as CSV (UTF-8) or Parquet",
    "people.JSON": "JSON; save it as CSV (UTF-8) or Parquet",
    "book.xlsx": "a workbook; save each sheet as CSV (UTF-8)",
    "export.zip": "packed; unpack it into the folder",
}


def test_files_that_are_not_read_are_named_with_what_to_do(tmp_path: Path) -> None:
    write(tmp_path / "export", "leads.csv", rows_of())
    for name in UNREAD:
        (tmp_path / "export" / name).write_bytes(b'{"a": 1}\n')
    out = tmp_path / "ours.yaml"
    told = draft_source(InitRequest("ours", tmp_path / "export", time_zone="UTC", out=out))
    for name, remedy in UNREAD.items():
        assert f"{name}: {remedy}" in told


@pytest.mark.parametrize("name", UNREAD)
def test_a_folder_with_such_a_file_alone_names_it(name: str, tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / name).write_bytes(b'{"a": 1}\n')
    with pytest.raises(LeadcastError, match="holds no table") as caught:
        described(tmp_path)
    assert f"{name}: {UNREAD[name]}" in str(caught.value)
