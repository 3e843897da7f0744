"""`leadcast init` as a user meets it: what it says, what it leaves open, and what it refuses."""

import gzip
from collections.abc import Mapping, Sequence
from contextlib import chdir
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.definitions.definition import TableOutcomes
from leadcast.features.definitions.load import load_definition
from leadcast.features.ingest.ingest import check_source
from leadcast.pipelines.commands.cli import app
from leadcast.pipelines.insight.init import InitRequest, draft_source
from tests.crm_exports import write

Rows = list[dict[str, object]]


def rows_of(
    leads: int = 120, *, days: Sequence[int] = range(1, 29), written: str = "%d/%m/%Y"
) -> Rows:
    """Make leads with a status and its time."""
    found: Rows = []
    for number in range(leads):
        created = datetime(2024, 1 + number % 11, days[number % len(days)], tzinfo=UTC)
        end = ("Won", "Lost", "Open")[number % 3]
        found.append(
            {
                "Lead ID": f"A{number:04d}",
                "Created": created.strftime(written),
                "Closed": "" if end == "Open" else (created + timedelta(days=31)).strftime(written),
                "Status": end,
                "Source": ("Web", "Fair")[number % 2],
            }
        )
    return found


def with_column(rows: Rows, name: str, values: Sequence[object]) -> Rows:
    """Add a column, its values one after the other and over again."""
    return [{**row, name: values[index % len(values)]} for index, row in enumerate(rows)]


def drafted(folder: Path, rows: Rows, **about: object) -> str:
    """Write leads.csv, and let it be described."""
    write(folder / "export", "leads.csv", rows)
    return described(folder, **about)


def described(folder: Path, **about: object) -> str:
    """Describe an export; give the definition's text."""
    given: dict[str, object] = {"time_zone": "UTC", **about}
    out = folder / "ours.yaml"
    draft_source(InitRequest("ours", folder / "export", out=out, **given))  # type: ignore[arg-type]
    return out.read_text(encoding="utf-8")


def flat(text: str) -> str:
    """Join comments that go on over several lines."""
    return " ".join(text.replace("\n", " ").replace("# ", "").split())


def test_a_draft_is_checked_and_read_straight_away(tmp_path: Path) -> None:
    drafted(tmp_path, rows_of())
    checked = check_source(load_definition(tmp_path / "ours.yaml"))
    assert checked.is_fine, str(checked)
    ends = {name: checked.counts[name] for name in ("won", "lost", "open")}
    assert ends == {"won": 40, "lost": 40, "open": 40}


def test_days_and_months_that_fit_both_ways_are_left_to_a_person(tmp_path: Path) -> None:
    rows = rows_of(days=range(1, 13))
    for row in rows:
        row["Closed"] = row["Created"] if row["Closed"] else ""
    text = drafted(tmp_path, rows)
    assert "TO DO: day or month first?" in text
    assert "dd/mm/yyyy (%d/%m/%Y) and as mm/dd/yyyy (%m/%d/%Y)" in text
    with pytest.raises(FaultsError, match="time_format: found TO DO: day or month first"):
        load_definition(tmp_path / "ours.yaml")


def test_one_column_that_leaves_no_doubt_decides_for_the_others(tmp_path: Path) -> None:
    rows = rows_of(days=range(1, 13))
    for index, row in enumerate(rows):
        row["Closed"] = f"0{1 + index % 9}/{13 + index % 15}/2025" if row["Closed"] else ""
    text = drafted(tmp_path, rows)
    assert 'time_format: ["%m/%d/%Y"]' in text
    assert "all fit both orders, but 'Closed' of leads.csv has days above 12" in flat(text)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M"),
        ("%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M %p"),
        ("%d-%b-%Y", "%d-%B-%Y"),
        ("%Y/%m/%d", "%Y/%m/%d"),
        ("%Y%m%d", "%Y%m%d"),
        ("%d/%m/%y", "%d/%m/%y"),
    ],
)
def test_each_way_to_write_times_is_found(tmp_path: Path, written: str, expected: str) -> None:
    drafted(tmp_path, rows_of(written=written))
    definition = load_definition(tmp_path / "ours.yaml")
    assert definition.tables.leads.time_format == (expected,)
    assert check_source(definition).is_fine


@pytest.mark.parametrize(("unit", "times"), [("epoch_s", 1), ("epoch_ms", 1000)])
def test_seconds_and_milliseconds_since_1970_are_told_apart(
    tmp_path: Path, unit: str, times: int
) -> None:
    rows = rows_of(written="%Y-%m-%d")
    for row in rows:
        for name in ("Created", "Closed"):
            if row[name]:
                moment = datetime.fromisoformat(str(row[name])).replace(tzinfo=UTC)
                row[name] = int(moment.timestamp()) * times
    drafted(tmp_path, rows, time_zone=None)
    definition = load_definition(tmp_path / "ours.yaml")
    assert definition.tables.leads.time_format == (unit,)
    assert check_source(definition).is_fine


def test_a_zone_that_nobody_names_is_left_to_a_person(tmp_path: Path) -> None:
    drafted(tmp_path, rows_of(written="%Y-%m-%d %H:%M"), time_zone=None)
    with pytest.raises(FaultsError, match="time_zone: found TO DO: the zone of times such as"):
        load_definition(tmp_path / "ours.yaml")


def test_days_alone_need_no_zone_to_be_known(tmp_path: Path) -> None:
    text = drafted(tmp_path, rows_of(written="%Y-%m-%d"), time_zone=None)
    assert "time_zone: UTC  # guess: there are days alone" in text


def test_words_that_nobody_knows_are_listed(tmp_path: Path) -> None:
    rows = rows_of()
    for row in rows[::9]:
        row["Status"] = "Parked with Mike"
    drafted(tmp_path, rows)
    with pytest.raises(FaultsError) as caught:
        load_definition(tmp_path / "ours.yaml")
    told = str(caught.value)
    assert "'Parked with Mike' (14 rows)" in told
    assert "line" in told
    assert told.startswith("source definition")
    assert ": 1 error" in told


def test_leads_without_any_outcome_leave_it_open(tmp_path: Path) -> None:
    rows = [{k: v for k, v in row.items() if k not in ("Status", "Closed")} for row in rows_of()]
    drafted(tmp_path, rows)
    with pytest.raises(FaultsError, match=r"tables\.outcomes: found TO DO: how the leads ended"):
        load_definition(tmp_path / "ours.yaml")


def test_a_column_that_is_filled_in_for_winners_alone_is_forbidden(tmp_path: Path) -> None:
    rows = rows_of()
    for index, row in enumerate(rows):
        row["Welcome pack"] = f"W{index % 5}" if row["Status"] == "Won" else ""
        row["Budget"] = 100 + index % 7 if index % 4 else ""
    text = drafted(tmp_path, rows)
    assert "Welcome pack: is filled in for 100% of the won leads and 0% of the" in text
    definition = load_definition(tmp_path / "ours.yaml")
    assert "budget" in definition.tables.leads.attributes


def test_a_number_that_means_missing_is_told(tmp_path: Path) -> None:
    rows = with_column(rows_of(), "Days since visit", [999, 3, 999, 14, 8, 999, 21, 5])
    assert "guess: 999 stands for missing" in flat(drafted(tmp_path, rows))
    attribute = load_definition(tmp_path / "ours.yaml").tables.leads.attributes["days_since_visit"]
    assert attribute.missing == ("999",)


def test_words_among_numbers_mean_missing(tmp_path: Path) -> None:
    rows = with_column(rows_of(), "Employees", [12, 50, "unknown", 200, 8, 31, 7])
    drafted(tmp_path, rows)
    attribute = load_definition(tmp_path / "ours.yaml").tables.leads.attributes["company_size"]
    assert attribute.type == "number"
    assert attribute.missing == ("unknown",)


def test_text_round_trips_through_the_loader(tmp_path: Path) -> None:
    odd = ["a: b", "# c", "'d'", '"e"', "[f]", "{g}", "no", "null", "~", "- h", "%i", "@j", "k,l"]
    rows: Rows = [
        {**row, **{f"{name} {index}": index + number % 3 for index, name in enumerate(odd)}}
        for number, row in enumerate(rows_of())
    ]
    drafted(tmp_path, rows)
    attributes = load_definition(tmp_path / "ours.yaml").tables.leads.attributes
    columns = {one.column for one in attributes.values()}
    assert {f"{name} {index}" for index, name in enumerate(odd)} <= columns


def test_status_words_round_trip(tmp_path: Path) -> None:
    rows = rows_of()
    words: Mapping[str, str] = {"Won": "Won: yes, #1", "Lost": "'Lost' - {no}", "Open": "null"}
    for row in rows:
        row["Status"] = words[str(row["Status"])]
    drafted(tmp_path, rows)
    outcome = load_definition(tmp_path / "ours.yaml").tables.outcomes[0]
    assert outcome.won == ("Won: yes, #1",)  # type: ignore[union-attr]
    assert outcome.lost == ("'Lost' - {no}",)  # type: ignore[union-attr]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    with pytest.raises(LeadcastError, match="holds no table"):
        described(tmp_path)
    assert not (tmp_path / "ours.yaml").exists()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LeadcastError, match="there is no such folder"):
        described(tmp_path)


def test_a_workbook_is_told_as_one(tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "leads.csv").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(FaultsError, match="workbook"):
        described(tmp_path)
    assert not (tmp_path / "ours.yaml").exists()


def test_a_file_that_is_cut_is_told_with_its_name(tmp_path: Path) -> None:
    write(tmp_path / "export", "leads.csv", rows_of())
    (tmp_path / "export" / "events.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(FaultsError, match=r"events\.parquet"):
        described(tmp_path)
    assert not (tmp_path / "ours.yaml").exists()


def test_tables_of_which_none_holds_leads_are_refused(tmp_path: Path) -> None:
    rows: Rows = [{"sku": f"S{n}", "weight": n, "colour": "red"} for n in range(30)]
    write(tmp_path / "export", "products.csv", rows)
    with pytest.raises(LeadcastError, match="no table seems to hold leads") as caught:
        described(tmp_path)
    assert "products.csv: 30 rows; columns sku, weight, colour" in str(caught.value)
    assert not (tmp_path / "ours.yaml").exists()


def test_two_tables_that_may_hold_the_leads_are_named(tmp_path: Path) -> None:
    write(tmp_path / "export", "leads_north.csv", rows_of())
    write(tmp_path / "export", "leads_south.csv", with_column(rows_of(), "Region", ["x", "y"]))
    with pytest.raises(LeadcastError, match="more than one table may hold the leads") as caught:
        described(tmp_path)
    assert "leads_north.csv" in str(caught.value)
    assert "leads_south.csv" in str(caught.value)
    assert not (tmp_path / "ours.yaml").exists()
    assert "files: leads_south.csv" in described(tmp_path, leads="leads_south.csv")


def test_an_unknown_table_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(LeadcastError, match=r"no such table; there are: leads\.csv"):
        drafted(tmp_path, rows_of(), leads="lead.csv")


def test_an_export_of_another_crm_is_refused(tmp_path: Path) -> None:
    rows: Rows = [{"sku": f"S{n}", "weight": n, "colour": "red"} for n in range(30)]
    write(tmp_path / "export", "products.csv", rows)
    with pytest.raises(LeadcastError, match="none of the tables is one of Salesforce with leads"):
        described(tmp_path, crm="salesforce")


def test_a_definition_that_somebody_edited_is_never_replaced(tmp_path: Path) -> None:
    write(tmp_path / "raw", "leads.csv", rows_of())
    (tmp_path / "data/sources").mkdir(parents=True)
    asked = InitRequest("ours", Path("raw"), time_zone="UTC")
    with chdir(tmp_path):
        draft_source(asked)
        # What nobody has edited is drafted anew.
        draft_source(asked)
        path = Path("data/sources/ours.yaml")
        path.write_text(path.read_text() + "# mine\n")
        for force in (False, True):
            with pytest.raises(LeadcastError, match="is a definition"):
                draft_source(InitRequest("ours", Path("raw"), time_zone="UTC", force=force))
        assert path.read_text().endswith("# mine\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["Ours", "x"], "is no name of a source"),
        (["template", "x"], "is no name of a source"),
        (["ours"], "name the FOLDER of the export, or --database-env"),
        (["ours", "x", "--database-env", "Y"], "and not both"),
        (["ours", "x", "--time-zone", "Mars"], "is no name of the IANA database"),
        (["ours", "x", "--out", "other.yaml"], "call the file ours.yaml"),
        (["ours", "--database-env", "LEADCAST_NOT_SET"], "which is not set"),
    ],
)
def test_wrong_use_is_told(arguments: list[str], told: str, tmp_path: Path) -> None:
    with chdir(tmp_path):
        done = CliRunner().invoke(app, ["init", *arguments])
    assert isinstance(done.exception, LeadcastError)
    assert told in str(done.exception)
    assert not [*tmp_path.iterdir()]


def test_the_command_says_what_it_guessed_and_what_is_next(tmp_path: Path) -> None:
    write(tmp_path / "raw", "leads.csv", rows_of(written="%Y-%m-%d %H:%M"))
    with chdir(tmp_path):
        done = CliRunner().invoke(app, ["init", "ours", "raw"])
    assert done.exit_code == 0
    assert "won: 'Won'" in done.output
    assert "Read so, the leads are: 40 won, 40 lost, 40 open." in done.output
    assert "the zone of times such as" in done.output
    assert done.output.rstrip().endswith("leadcast check ours")


def with_flag(rows: Rows, *, closed: bool = True) -> Rows:
    """Tell by 0 and 1 whether a lead became a customer: open ones have a 0 as well."""
    found = [{**row, "customer": int(row["Status"] == "Won")} for row in rows]
    left_out = {"Status"} if closed else {"Status", "Closed"}
    return [{name: one for name, one in row.items() if name not in left_out} for row in found]


def told_of(folder: Path, rows: Rows) -> str:
    write(folder / "raw", "leads.csv", rows)
    with chdir(folder):
        done = CliRunner().invoke(app, ["init", "ours", "raw", "--time-zone", "UTC"])
    assert done.exit_code == 0
    return done.output


def test_leads_with_a_flag_and_no_time_of_their_end_are_open(tmp_path: Path) -> None:
    text = drafted(tmp_path, with_flag(rows_of()))
    assert "40 leads with no value in 'Closed' are open, not lost" in flat(text)
    checked = check_source(load_definition(tmp_path / "ours.yaml"))
    assert checked.is_fine, str(checked)
    ends = {name: checked.counts[name] for name in ("won", "lost", "open")}
    assert ends == {"won": 40, "lost": 40, "open": 40}
    assert "customer: {column" not in text
    told = told_of(tmp_path, with_flag(rows_of()))
    assert "Read so, the leads are: 40 won, 40 lost, 40 open." in told
    assert "None counts as open" not in told


def test_a_flag_alone_counts_young_leads_as_lost_and_says_so(tmp_path: Path) -> None:
    rows = with_flag(rows_of(), closed=False)
    told = told_of(tmp_path, rows)
    assert "Read so, the leads are: 40 won, 80 lost, 0 open." in told
    assert "None counts as open: leads too young to have been won count as lost" in told
    assert "'customer' has no word for open" in flat(drafted(tmp_path, rows))


def test_winners_without_a_time_are_not_left_open(tmp_path: Path) -> None:
    rows = with_flag(rows_of())
    for row in rows[::6]:
        row["Closed"] = ""
    assert "missing: false" not in drafted(tmp_path, rows)


def test_times_in_no_known_writing_are_left_to_a_person(tmp_path: Path) -> None:
    rows = rows_of()
    for index, row in enumerate(rows):
        row["Created"] = f"{1 + index % 28} janv. 2024"
    drafted(tmp_path, rows)
    with pytest.raises(FaultsError) as caught:
        load_definition(tmp_path / "ours.yaml")
    assert "tables.leads.columns.created_at: found TO DO: column 'Created' sounds like it" in str(
        caught.value
    )


def test_a_status_without_any_time_of_the_end_is_told(tmp_path: Path) -> None:
    rows = [{name: one for name, one in row.items() if name != "Closed"} for row in rows_of()]
    assert "no column with the time of the end was found" in flat(drafted(tmp_path, rows))
    assert check_source(load_definition(tmp_path / "ours.yaml")).is_fine


def test_events_whose_ids_are_written_otherwise_are_told(tmp_path: Path) -> None:
    leads = with_column(rows_of(), "Lead ID", [*range(1, 121)])
    calls: Rows = [
        {"Lead ID": f"00{row['Lead ID']}", "Call time": "01/02/2025 10:30", "Activity type": "call"}
        for row in leads
    ]
    write(tmp_path / "export", "leads.csv", leads)
    write(tmp_path / "export", "activities.csv", calls)
    out = tmp_path / "ours.yaml"
    told = draft_source(InitRequest("ours", tmp_path / "export", time_zone="UTC", out=out))
    assert "activities.csv: not used" in told
    assert "'001' here is '1' in leads.csv" in told


@pytest.mark.parametrize("name", ["Number of Sales Activities", "Number of Pageviews"])
def test_totals_of_today_are_forbidden(tmp_path: Path, name: str) -> None:
    drafted(tmp_path, with_column(rows_of(), name, [3, 7, 1]))
    assert name in load_definition(tmp_path / "ours.yaml").forbidden


@pytest.mark.parametrize("several", [1, 120])
def test_cells_of_several_identifiers_are_split(tmp_path: Path, several: int) -> None:
    leads = [{name: row[name] for name in ("Lead ID", "Created", "Source")} for row in rows_of()]
    write(tmp_path / "export", "leads.csv", leads)
    deals: Rows = [
        {
            "Deal ID": f"D{index:04d}",
            # With a lead of the same month.
            "Contact IDs": f"{row['Lead ID']}; {rows_of()[index % 11]['Lead ID']}"
            if index >= 120 - several
            else row["Lead ID"],
            "Stage": row["Status"],
            "Close Date": row["Closed"],
        }
        for index, row in enumerate(rows_of())
    ]
    write(tmp_path / "export", "deals.csv", deals)
    assert "cells of 'Contact IDs' hold several ids" in described(tmp_path)
    definition = load_definition(tmp_path / "ours.yaml")
    (outcomes,) = definition.tables.outcomes
    assert isinstance(outcomes, TableOutcomes)
    assert outcomes.split_cells == {"Contact IDs": ";"}
    ends: dict[str, set[str]] = {}
    for row in deals:
        for lead in str(row["Contact IDs"]).split("; "):
            ends.setdefault(lead, set()).add(str(row["Stage"]))
    checked = check_source(definition)
    assert checked.is_fine, str(checked)
    assert checked.counts["won"] == sum("Won" in one for one in ends.values())


def test_packed_files_in_folders_and_titles_are_found(tmp_path: Path) -> None:
    write(tmp_path / "export" / "crm", "leads.csv", rows_of(), titles=["Report", "2024-06-01"])
    path = tmp_path / "export" / "crm" / "leads.csv"
    path.with_suffix(".csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert "files: crm/leads.csv.gz, skip_lines: 2" in described(tmp_path)
    assert check_source(load_definition(tmp_path / "ours.yaml")).counts["won"] == 40


def test_files_that_differ_in_digits_alone_are_one_table(tmp_path: Path) -> None:
    rows = rows_of()
    write(tmp_path / "export", "leads_2023.csv", rows[:50])
    write(tmp_path / "export", "leads_2024.csv", rows[50:])
    assert 'files: "leads_*.csv"' in described(tmp_path)
    assert check_source(load_definition(tmp_path / "ours.yaml")).counts["leads"] == 120


@pytest.mark.parametrize(
    ("encoding", "separator"),
    [("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t"), ("utf-16-le", "|"), ("cp1252", ";")],
)
def test_each_encoding_and_separator_is_found(
    tmp_path: Path, encoding: str, separator: str
) -> None:
    rows = with_column(rows_of(), "City", ["Köln", "São Paulo", "Málaga"])
    write(tmp_path / "export", "leads.csv", rows, encoding=encoding, separator=separator)
    described(tmp_path)
    definition = load_definition(tmp_path / "ours.yaml")
    checked = check_source(definition)
    assert checked.is_fine, str(checked)
    assert checked.counts["won"] == 40
    assert "city" in definition.tables.leads.attributes


def test_an_account_that_comes_with_the_deal_is_forbidden(tmp_path: Path) -> None:
    rows = rows_of()
    for index, row in enumerate(rows):
        row["Company ID"] = f"C{index % 40:02d}" if row["Status"] == "Won" else ""
        row["Firm ID"] = f"C{index % 40:02d}"
    companies: Rows = [{"Company ID": f"C{index:02d}", "Industry": "Steel"} for index in range(40)]
    companies[3]["Industry"] = "Banking"
    write(tmp_path / "export", "companies.csv", companies)
    drafted(tmp_path, rows)
    told = load_definition(tmp_path / "ours.yaml").forbidden["Company ID"]
    assert told.startswith("is filled in for 100% of the won leads")


def test_accounts_are_joined_where_leads_name_them_from_the_beginning(tmp_path: Path) -> None:
    rows = [{**row, "Company ID": f"C{index % 40:02d}"} for index, row in enumerate(rows_of())]
    companies: Rows = [
        {"Company ID": f"C{index:02d}", "Industry": ("Steel", "Banking")[index % 2]}
        for index in range(40)
    ]
    write(tmp_path / "export", "companies.csv", companies)
    drafted(tmp_path, rows)
    definition = load_definition(tmp_path / "ours.yaml")
    assert check_source(definition).is_fine
    assert "industry" in definition.lead_attributes()


def test_leads_of_which_another_file_names_the_won_ones(tmp_path: Path) -> None:
    leads: Rows = [
        {"mql_id": f"{n:032x}", "first_contact_date": f"2024-01-{1 + n % 28:02d}", "origin": "web"}
        for n in range(90)
    ]
    won: Rows = [
        {"mql_id": row["mql_id"], "seller_id": f"s{n}", "won_date": f"2024-03-{1 + n % 28:02d}"}
        for n, row in enumerate(leads[::9])
    ]
    write(tmp_path / "export", "qualified_leads.csv", with_column(leads, "page", ["a", "b"]))
    write(tmp_path / "export", "closed_deals.csv", won)
    described(tmp_path)
    checked = check_source(load_definition(tmp_path / "ours.yaml"))
    assert checked.is_fine, str(checked)
    assert {name: checked.counts[name] for name in ("won", "open")} == {"won": 10, "open": 80}


def test_a_pipeline_with_lookup_tables_beside_it(tmp_path: Path) -> None:
    rows: Rows = [
        {
            "opportunity_id": row["Lead ID"],
            "product": ("GTX", "MG")[index % 2],
            "account": ("Acme", "Isdom", "Cancity")[index % 3],
            "deal_stage": {"Open": "Prospecting"}.get(str(row["Status"]), row["Status"]),
            "engage_date": "" if row["Status"] == "Open" and index % 4 == 0 else row["Created"],
            "close_date": row["Closed"],
        }
        for index, row in enumerate(rows_of())
    ]
    write(tmp_path / "export", "sales_pipeline.csv", rows)
    accounts: Rows = [
        {"account": "Acme", "sector": "tech", "employees": 10},
        {"account": "Isdom", "sector": "retail", "employees": 20},
        {"account": "Cancity", "sector": "retail", "employees": 30},
    ]
    write(tmp_path / "export", "accounts.csv", accounts)
    products: Rows = [{"product": "GTX", "price": 5}, {"product": "MG", "price": 7}]
    write(tmp_path / "export", "products.csv", products)
    text = described(tmp_path)
    definition = load_definition(tmp_path / "ours.yaml")
    checked = check_source(definition)
    assert checked.is_fine, str(checked)
    assert "8% of the leads have no creation time" in flat(text)
    assert {name: checked.counts[name] for name in ("won", "lost")} == {"won": 40, "lost": 40}
    assert definition.lead_attributes().keys() >= {"account_id", "industry", "company_size"}


def test_outcomes_that_are_events(tmp_path: Path) -> None:
    leads = [{name: row[name] for name in ("Lead ID", "Created", "Source")} for row in rows_of()]
    write(tmp_path / "export", "leads.csv", leads)
    events: Rows = []
    for row in rows_of():
        last = {"Won": "contract_signed", "Lost": "disqualified"}.get(str(row["Status"]))
        events.append({"Lead ID": row["Lead ID"], "Time": row["Created"], "Event": "page_view"})
        if last:
            events.append({"Lead ID": row["Lead ID"], "Time": row["Closed"], "Event": last})
    write(tmp_path / "export", "events.csv", events)
    described(tmp_path)
    checked = check_source(load_definition(tmp_path / "ours.yaml"))
    assert checked.is_fine, str(checked)
    ends = {name: checked.counts[name] for name in ("won", "lost", "open")}
    assert ends == {"won": 40, "lost": 40, "open": 40}


def test_kinds_of_events_in_two_tables_stay_apart(tmp_path: Path) -> None:
    write(tmp_path / "export", "leads.csv", rows_of())
    for name in ("calls", "emails"):
        events: Rows = [
            {"Lead ID": row["Lead ID"], "Date": row["Created"], "Type": ("in", "out")[index % 2]}
            for index, row in enumerate([*rows_of(), *rows_of()])
        ]
        write(tmp_path / "export", f"{name}.csv", events)
    described(tmp_path)
    tables = load_definition(tmp_path / "ours.yaml").tables.events
    assert [one.kind for one in tables] == ["call", "email"]


def test_the_horizon_follows_the_time_to_win_and_the_span(tmp_path: Path) -> None:
    rows = rows_of(300, written="%Y-%m-%d")
    text = drafted(tmp_path, rows)
    # Each lead is won after 31 days; the export spans eleven months.
    snapshots = load_definition(tmp_path / "ours.yaml").snapshots
    assert snapshots.horizon_days == 60
    # A third of the leads stays open for good.
    assert snapshots.landmarks_days == "auto"
    assert "90% of the won leads were won within 31 days" in flat(text)


def test_young_open_leads_ask_for_no_later_landmarks(tmp_path: Path) -> None:
    ended = [row for row in rows_of(300, written="%Y-%m-%d") if row["Status"] != "Open"]
    young = [
        {**row, "Lead ID": f"B{number}", "Created": "2024-12-20", "Closed": "", "Status": "Open"}
        for number, row in enumerate(ended[:60])
    ]
    drafted(tmp_path, ended + young)
    assert load_definition(tmp_path / "ours.yaml").snapshots.landmarks_days == (0, 1, 7, 30)


def undated(every: Sequence[int]) -> Rows:
    """Make rows of which each so-manieth is won."""
    ends = [("Won", "Lost")[index % times > 0] for index, times in enumerate(every)]
    return [{"Status": end, "Source": "ab"[index % 2]} for index, end in enumerate(ends)]


def test_rows_whose_share_of_wins_drifts_are_taken_for_times_order(tmp_path: Path) -> None:
    text = drafted(tmp_path, undated([2 + index // 100 for index in range(900)]))
    assert "along the rows, as it does with time" in flat(text)
    assert load_definition(tmp_path / "ours.yaml").tables.leads.order_by == "row"


@pytest.mark.parametrize("is_sorted", [False, True])
def test_steady_rows_and_rows_sorted_by_outcome_tell_no_order(
    tmp_path: Path, is_sorted: bool
) -> None:
    rows = undated([3] * 900)
    drafted(tmp_path, sorted(rows, key=lambda row: str(row["Status"])) if is_sorted else rows)
    assert load_definition(tmp_path / "ours.yaml").tables.leads.order_by is None


def test_totals_that_run_on_are_forbidden(tmp_path: Path) -> None:
    rows = with_column(rows_of(), "TotalVisits", [*range(1, 40)])
    rows = with_column(rows, "Number of Pageviews", [*range(3, 50)])
    drafted(tmp_path, with_column(rows, "Pages per visit", [1, 2, 3]))
    definition = load_definition(tmp_path / "ours.yaml")
    assert definition.forbidden.keys() >= {"TotalVisits", "Number of Pageviews"}
    assert "pages_per_visit" in definition.tables.leads.attributes


def test_times_that_one_table_writes_in_two_ways_are_left_to_a_person(tmp_path: Path) -> None:
    rows = rows_of()
    for index, row in enumerate(rows):
        row["Closed"] = 1_735_000_000 + index if row["Closed"] else ""
    drafted(tmp_path, rows)
    with pytest.raises(FaultsError, match=r"'Created' as dd/mm/yyyy and 'Closed' as epoch_s"):
        load_definition(tmp_path / "ours.yaml")


def test_what_no_score_may_read_is_drafted_as_denied(tmp_path: Path) -> None:
    rows = with_column(rows_of(), "Payout EUR", [10, 20, 30])
    rows = with_column(with_column(rows, "Geschlecht", ["f", "m"]), "Vendor", ["Acme", "=Beta"])
    rows = with_column(rows, "Email", [f"kim{n}@firm{n}.de" for n in range(120)])
    text = drafted(tmp_path, with_column(rows, "Cost", [5, 6, 7.5]))
    definition = load_definition(tmp_path / "ours.yaml")
    assert definition.denied == {"Payout EUR": "payout", "Geschlecht": "protected"}
    assert {"cost", "vendor", "source"} <= set(definition.tables.leads.attributes)
    assert "TO DO: are these what no score may use" in text
    assert "#   Acme: {return_days: 14, reasons: [invalid_contact, duplicate]}" in text
    # What is asked becomes a definition when its comment signs go.
    start = text.index("# vendors:")
    asked = text[:start] + text[start:].replace("# ", "")
    (tmp_path / "ours.yaml").write_text(asked, encoding="utf-8")
    assert set(load_definition(tmp_path / "ours.yaml").vendors) == {"Acme", "=Beta"}


def test_machines_and_merges_are_asked_for_where_the_export_tells_of_them(tmp_path: Path) -> None:
    leads = rows_of()
    kinds = ("email_delivered", "email_opened", "email_clicked", "page_viewed")
    events = [
        {
            "Lead ID": one["Lead ID"],
            "Time": f"{2 + number % 20:02d}/12/2024",
            "Type": kinds[number % 4],
            "User-Agent": "Mozilla/5.0",
            "IP Address": "203.0.113.7",
        }
        for number, one in enumerate(leads)
    ]
    merges = [
        {"Winner ID": "A0001", "Loser ID": f"A{n:04d}", "Merged At": "05/12/2024"}
        for n in range(2, 40)
    ]
    write(tmp_path / "export", "events.csv", events)
    write(tmp_path / "export", "merges.csv", merges)
    text = drafted(tmp_path, leads)
    assert "# under tables.events.columns: {user_agent: User-Agent, ip_address: IP Address}" in text
    assert "#   clicks: [email_clicked]" in text
    columns = "{canonical_id: Winner ID, merged_id: Loser ID, merged_at: Merged At}"
    assert f"#   merges: {{read: {{files: merges.csv}}, columns: {columns}}}" in text
    plain = described(tmp_path)
    assert plain == text, "the same export is described the same"


def test_an_export_without_such_columns_is_asked_nothing_of_the_kind(tmp_path: Path) -> None:
    text = drafted(tmp_path, rows_of())
    for key in ("denied", "nonhuman", "identity", "vendors", "attribute_changes"):
        assert key not in text


def test_a_table_of_edits_is_asked_about_as_the_history_of_the_fields(tmp_path: Path) -> None:
    leads = rows_of()
    edits = [
        {
            "Edit ID": f"H{number}",
            "Lead ID": one["Lead ID"],
            "Field": ("Industry", "Phone")[number % 2],
            "Old Value": "",
            "New Value": "x",
            "Edit Date": "05/12/2024 10:00",
        }
        for number, one in enumerate(leads)
    ]
    write(tmp_path / "export", "history.csv", edits)
    text = drafted(tmp_path, leads)
    assert "does history.csv say how the leads' fields were edited?" in text
    wanted = """# attribute_changes:
#   read: {files: history.csv}
#   columns:
#     lead_id: Lead ID
#     changed_at: Edit Date
#     attribute: Field
#     old_value: Old Value
#     new_value: New Value
"""
    assert wanted in text
