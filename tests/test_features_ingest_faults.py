"""Each fault of the data is told in words, with its place; rows are never lost silently."""

from datetime import datetime, tzinfo
from pathlib import Path
from typing import Self

import polars as pl
import pytest

from leadcast.features.base.errors import FaultsError
from leadcast.features.ingest.ingest import check_source, ingest
from leadcast.features.readers.ledger import SCHEMA
from leadcast.features.tables import Tables
from tests.source_samples import (
    EVENTS,
    LEADS,
    LIMITS_OF_ONE_HALF,
    OUTCOMES,
    Keys,
    make_source,
)

HALF: Keys = {"limits": LIMITS_OF_ONE_HALF}
HEADER = "id,created,revenue,source\n"
STATUS: Keys = {
    "tables.outcomes": {
        "form": "status",
        "read": {"files": "outcomes.csv"},
        "columns": {"lead_id": "id", "status": "stage"},
        "won": ["Won"],
        "lost": ["Lost"],
    }
}


def faults_of(folder: Path, changes: Keys | None = None, **files: str | bytes) -> list[str]:
    definition = make_source(folder, changes, **files)
    return [f"{fault.severity}: {fault}" for fault in check_source(definition).faults]


def ingested(folder: Path, changes: Keys, **files: str | bytes) -> tuple[Tables, pl.DataFrame]:
    ingest(make_source(folder, changes, **files), folder / "tables")
    aside = pl.read_parquet(folder / "tables" / "quarantine.parquet")
    assert aside.schema == pl.Schema(SCHEMA)
    return Tables.read(folder / "tables"), aside


def test_a_source_without_faults_has_none(tmp_path: Path) -> None:
    assert faults_of(tmp_path) == []


@pytest.mark.parametrize(("titles", "skipped", "place"), [(0, 2, "above"), (3, 1, "below")])
def test_a_header_on_another_line_is_told(
    tmp_path: Path, titles: int, skipped: int, place: str
) -> None:
    leads = "A report,,\n" * titles + LEADS
    told = faults_of(tmp_path, {"tables.leads.read.skip_lines": skipped}, leads=leads)
    assert f"The header stands on line {titles + 1}, {place} the line where it is looked" in told[0]
    assert f"set `skip_lines: {titles}` under `read`, or export it with {skipped} lines" in told[0]


def test_columns_whose_names_are_patterns_are_refused_where_they_are_asked_for(
    tmp_path: Path,
) -> None:
    header, *rows = LEADS.splitlines()
    leads = "\n".join([f"{header},^a$,*,^b,c$", *(f"{row},1,2,3,4" for row in rows)])
    assert faults_of(tmp_path, leads=leads) == []
    asked = {f"tables.leads.attributes.c{n}": c for n, c in enumerate(["^a$", "*", "^b"])}
    (told,) = faults_of(tmp_path, asked, leads=leads)
    assert told.startswith("error: leads (leads.csv): column '^a$', '*': found a name that would")
    assert told.endswith("Rename it in the export (in a query: by AS).")


def test_missing_columns_are_told_with_the_nearest_and_all_at_once(tmp_path: Path) -> None:
    changes = {
        "tables.leads.attributes.source": "sorce",
        "tables.events.columns.value": "second",
        "tables.outcomes.columns.won_at": "Won At",
    }
    assert faults_of(tmp_path, changes) == [
        "error: events (events.csv): column 'second': found no such column; expected the column "
        "that `tables.events.columns.value` names. Did you mean 'seconds'?",
        "error: leads (leads.csv): column 'sorce': found no such column; expected the column that "
        "`tables.leads.attributes.source` names. Did you mean 'source'?",
        "error: outcomes (outcomes.csv): column 'Won At': found no such column; expected the "
        "column that `tables.outcomes.columns.won_at` names. Did you mean 'won'?",
    ]


def test_a_clock_that_was_set_back_behind_the_export_stops_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls(1970, 1, 2, tzinfo=tz)

    latest: Keys = {"observed_until": "latest"}
    assert faults_of(tmp_path, latest) == []
    monkeypatch.setattr("leadcast.features.ingest.ingest.datetime", Clock)
    told = faults_of(tmp_path, latest)
    assert any(one.startswith("error: leads: column 'created'") for one in told)


def test_a_wrong_separator_is_recognised(tmp_path: Path) -> None:
    told = faults_of(tmp_path, {"tables.leads.read.separator": ";"})
    assert (
        "The header is one long name, separated by ',': save the file with ';' between its fields, "
        "or say in a source's definition what separates them (`read.separator`, as `separator: "
        '","`).' in told[0]
    )


def test_a_fault_beyond_its_limit_is_an_error_and_within_it_a_warning(tmp_path: Path) -> None:
    leads = LEADS + "L1,2024-01-05T08:00:00Z,1,Again\n"
    assert faults_of(tmp_path, leads=leads) == [
        "error: leads: column 'id': found 1 of 5 rows whose lead id an earlier row has already: "
        "'L1' (leads.csv line 6); expected each lead once, or at most 0 % of the rows otherwise "
        "(limits.duplicate_leads). Export one row a lead, or raise the limit."
    ]
    tables, aside = ingested(tmp_path, HALF, leads=leads)
    assert tables.leads["source"].to_list() == ["Google", "Referral", "Google", None]
    assert aside.rows() == [
        (
            *("leads", "leads.csv", 5, 6, "L1", "id: 'L1' is the id of an earlier row already"),
            False,
            '{"id":"L1","created":"2024-01-05T08:00:00Z","revenue":"1","source":"Again"}',
        )
    ]


def test_nothing_is_written_where_there_are_errors(tmp_path: Path) -> None:
    definition = make_source(tmp_path, leads=LEADS + LEADS.split("\n")[1] + "\n")
    with pytest.raises(FaultsError, match="source 'sample': 1 error, 0 warnings"):
        ingest(definition, tmp_path / "tables")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("events.csv", "leads.csv", "outcomes.csv", "sample.yaml"),
    ]


def test_events_and_outcomes_of_unknown_leads(tmp_path: Path) -> None:
    files: dict[str, str] = {
        "events": EVENTS + "L9,2024-01-05T08:00:00Z,form,\n",
        "outcomes": OUTCOMES + "L8,2024-03-01T00:00:00Z,,\n",
    }
    told = faults_of(tmp_path, None, **files)
    words = "that name a lead which the leads' table does not have"
    assert (
        f"outcomes: column 'id': found 1 of 3 rows {words}: 'L8' (outcomes.csv line 4)" in told[0]
    )
    assert f"events: column 'id': found 1 of 5 rows {words}: 'L9' (events.csv line 6)" in told[1]
    assert "or at most 1 % of the rows otherwise (limits.orphan_events)" in told[1]
    tables, aside = ingested(tmp_path, HALF, **files)
    assert tables.events.collect().height == 4
    assert aside.select("table", "line", "lead_id").rows() == [
        *(("outcomes", 4, "L8"), ("events", 6, "L9")),
    ]


def test_events_before_creation_belong_to_the_history_unless_the_definition_says_no(
    tmp_path: Path,
) -> None:
    events = EVENTS + "L4,2024-01-03T08:00:00Z,visit,\n"
    told = faults_of(tmp_path, events=events)
    assert told[0].startswith(
        "warning: events: column 'at': found 1 of 5 rows before the creation of their lead: "
        "'2024-01-03T08:00:00Z' (events.csv line 6)"
    )
    tables, aside = ingested(tmp_path, {}, events=events)
    assert (tables.events.collect().height, aside.height) == (5, 0)
    tables, aside = ingested(tmp_path, {"events_before_creation": "set_aside"}, events=events)
    assert (tables.events.collect().height, aside.height) == (4, 1)
    strict = {"limits": {"events_before_creation": "0.1"}}
    assert faults_of(tmp_path, strict, events=events)[0].startswith("error: events")


def test_a_lead_that_ended_before_it_began_is_set_aside_with_its_events(tmp_path: Path) -> None:
    outcomes = OUTCOMES + "L3,2023-01-01T00:00:00Z,,\n"
    assert faults_of(tmp_path, outcomes=outcomes)[0].startswith(
        "error: outcomes: column 'won': found 1 of 3 rows of leads that ended before they were "
        "created: '2023-01-01T00:00:00Z' (outcomes.csv line 4)"
    )
    tables, aside = ingested(tmp_path, HALF, outcomes=outcomes)
    assert tables.leads["lead_id"].to_list() == ["L1", "L2", "L4"]
    assert tables.outcomes["lead_id"].to_list() == ["L1", "L2", "L4"]
    assert "L3" not in tables.events.collect()["lead_id"]
    assert aside["reason"].to_list() == [
        "won: '2023-01-01T00:00:00Z' is before the creation of the lead"
    ]


def test_times_after_observed_until(tmp_path: Path) -> None:
    files = {
        "leads": LEADS + "L5,2025-01-01T00:00:00Z,,\n",
        "events": EVENTS + "L1,2025-01-02T00:00:00Z,form,\n",
        "outcomes": OUTCOMES + "L3,2025-01-03T00:00:00Z,,\n",
    }
    told = faults_of(tmp_path, None, **files)
    assert [line.split(" found ")[1].split(";")[0] for line in told] == [
        "1 of 5 rows with a time after observed_until: '2025-01-01T00:00:00Z' (leads.csv line 6)",
        "1 of 3 rows with an outcome after observed_until: '2025-01-03T00:00:00Z' "
        "(outcomes.csv line 4)",
        "1 of 5 rows with a time after observed_until: '2025-01-02T00:00:00Z' (events.csv line 6)",
    ]
    tables, aside = ingested(tmp_path, HALF, **files)
    # The lead's end is not known yet at observed_until, so it is open then.
    assert tables.outcomes.filter(lead_id="L3")["won_at"].to_list() == [None]
    assert aside.select("lead_id", "kept").rows() == [("L5", False), ("L3", True), ("L1", False)]


def test_the_latest_time_is_no_later_than_now(tmp_path: Path) -> None:
    files = {"events": EVENTS + "L1,2999-01-01T00:00:00Z,form,\n"}
    changes = {"observed_until": "latest", **HALF}
    tables, aside = ingested(tmp_path, changes, **files)
    assert tables.observed_until is not None
    assert tables.observed_until.isoformat() == "2024-02-02T00:00:00+00:00"
    assert aside["reason"][0].endswith("is after observed_until")


def test_unreadable_values_have_their_physical_line(tmp_path: Path) -> None:
    leads = (
        HEADER + 'L1,2024-01-01T08:00:00Z,"1,234","two\nlines"\nL2,yesterday,12 %,\n'
        "\nL3,2024-01-01T08:00:00Z,€ 3.000,\nL4,2024-01-01T08:00:00Z,,\n"
    )
    told = faults_of(tmp_path, leads=leads)
    assert told[0].startswith(
        "error: leads: column 'created': found 1 of 4 rows with a value that is not a time: "
        "'yesterday' (leads.csv line 4)"
    )
    assert told[1].startswith(
        "error: leads: column 'revenue': found 3 of 4 rows with a value that is not a number: "
        "'1,234' (leads.csv line 2), '€ 3.000' (leads.csv line 6), '12 %' (leads.csv line 4)"
    )
    assert "declare under `numbers` how they are written" in told[1]
    tables, aside = ingested(tmp_path, HALF, leads=leads)
    assert tables.leads["lead_id"].to_list() == ["L1", "L3", "L4"]
    assert tables.leads["revenue"].to_list() == [None, None, None]
    assert aside.select("lead_id", "line", "kept").rows() == [
        *(("L2", 4, False), ("L1", 2, True), ("L3", 6, True)),
    ]


def test_a_lead_whose_end_cannot_be_read_is_not_open(tmp_path: Path) -> None:
    outcomes = OUTCOMES + "L3,soon,,\n"
    tables, aside = ingested(tmp_path, HALF, outcomes=outcomes)
    assert tables.leads["lead_id"].to_list() == ["L1", "L2", "L4"]
    assert aside["reason"].to_list() == ["won: 'soon' is not a time"]


def test_times_without_a_zone_need_a_declared_one(tmp_path: Path) -> None:
    leads = LEADS.replace("Z,", ",")
    told = faults_of(tmp_path, HALF, leads=leads)
    assert told == [
        "error: leads: column 'created': found 4 of 4 rows with a value that names no time zone: "
        "'2024-01-01T08:00:00' (leads.csv line 2), '2024-01-02T08:00:00' (leads.csv line 3), "
        "'2024-01-03T08:00:00' (leads.csv line 4), …; expected times with a zone, or a declared "
        "zone. Set time_zone to the zone of the export (Europe/Berlin, America/New_York, UTC, …)."
    ]
    tables, _ = ingested(tmp_path, {"time_zone": "America/New_York"}, leads=leads)
    assert tables.leads["created_at"].dt.hour().to_list() == [13] * 4


def test_local_times_that_clocks_repeat_or_leave_out(tmp_path: Path) -> None:
    leads = LEADS.replace("2024-01-01T08:00:00Z", "2024-03-31 02:30")
    leads = leads.replace("2024-01-02T08:00:00Z", "2023-10-29 02:30")
    zone = {"time_zone": "Europe/Berlin"}
    told = faults_of(tmp_path, zone, leads=leads)
    assert "does not exist, because clocks were set forward: '2024-03-31 02:30'" in told[0]
    assert "exists twice, because clocks were set back: '2023-10-29 02:30'" in told[1]
    for choice, hour in (("earlier", 0), ("later", 1)):
        changes = {**zone, **HALF, "ambiguous_times": choice}
        outcomes = OUTCOMES.replace("L1", "L3")
        tables, _ = ingested(tmp_path, changes, leads=leads, outcomes=outcomes)
        assert tables.leads["created_at"].dt.hour()[0] == hour


@pytest.mark.parametrize(
    ("outcomes", "won", "leads"),
    [
        ("id,won,lost,amount\nL1,,2024-02-01T00:00:00Z,\n", 0, 4),
        ("id,won,lost,amount\n" + "".join(f"L{n},2024-02-01T00:00Z,,\n" for n in "1234"), 4, 4),
    ],
)
def test_an_outcome_with_one_value_only(
    tmp_path: Path, outcomes: str, won: int, leads: int
) -> None:
    assert faults_of(tmp_path, outcomes=outcomes) == [
        f"error: outcomes: found {won} leads of {leads} that became customers; expected some that "
        "did and some that did not. Check how tables.outcomes maps the outcome, and whether the "
        "export holds open and lost leads too."
    ]


def test_an_unknown_status(tmp_path: Path) -> None:
    outcomes = "id,stage\nL1,Won\nL2,Lost\nL3,won?\nL4,\n"
    told = faults_of(tmp_path, STATUS, outcomes=outcomes)
    assert told[0].startswith(
        "error: outcomes: column 'stage': found 1 of 4 rows with a status that the definition does "
        "not name: 'won?' (outcomes.csv line 4)"
    )
    tables, aside = ingested(tmp_path, {**STATUS, **HALF}, outcomes=outcomes)
    assert tables.outcomes["converted"].to_list() == [True, False, None, None]
    assert aside.select("lead_id", "kept").row(0) == ("L3", True)


@pytest.mark.parametrize("status", ["won", "WON", " Won ", "\u00a0Won", "Won\u2003"])
def test_a_status_that_is_spelt_otherwise_is_what_it_says(tmp_path: Path, status: str) -> None:
    outcomes = f"id,stage\nL1,Won\nL2,Lost\nL3,{status}\nL4,\n"
    tables, _ = ingested(tmp_path, STATUS, outcomes=outcomes)
    assert tables.outcomes["converted"].to_list() == [True, False, True, None]
    told = faults_of(tmp_path, STATUS, outcomes=outcomes)
    said = "with a status that the definition spells otherwise"
    assert [said in line for line in told] == ([True] if status.strip() != "Won" else [])


def test_accents_of_a_status_may_be_written_in_either_form(tmp_path: Path) -> None:
    form = {**STATUS["tables.outcomes"], "lost": ["verl\u00e4ngert"]}
    outcomes = "id,stage\nL1,Won\nL2,verla\u0308ngert\n"
    tables, _ = ingested(tmp_path, {"tables.outcomes": form}, outcomes=outcomes)
    assert tables.outcomes["converted"].to_list() == [True, False, None, None]


def test_statuses_that_the_definition_itself_tells_apart_by_case_stay_apart(
    tmp_path: Path,
) -> None:
    form = {**STATUS["tables.outcomes"], "won": ["DONE"], "lost": ["done"]}
    outcomes = "id,stage\nL1,DONE\nL2,done\nL3,Done\n"
    told = faults_of(tmp_path, {"tables.outcomes": form}, outcomes=outcomes)
    assert "a status that the definition does not name: 'Done'" in told[0]


def test_days_and_months_exchanged_in_some_rows_are_told(tmp_path: Path) -> None:
    formats = ["%d.%m.%Y", "%m.%d.%Y"]
    changes: Keys = {"tables.leads.time_format": formats, "time_zone": "UTC"}
    leads = HEADER + "L1,13.01.2024,1,ads\nL2,01.14.2024,1,ads\nL3,02.01.2024,1,ads\n"
    told = [one for one in faults_of(tmp_path, changes, leads=leads) if "'created'" in one]
    assert "1 of 3 rows with a value that fits two of the declared time formats" in told[0]
    assert "export all in one notation, best YYYY-MM-DD" in told[0]


def test_accounts_that_repeat_are_told_without_keys_that_they_lack(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text("id,industry\nA1,Steel\nA1,Glass\n", encoding="utf-8")
    accounts = {"read": {"files": "accounts.csv"}, "columns": {"account_id": "id"}}
    changes: Keys = {
        "tables.accounts": {**accounts, "attributes": {"industry": "industry"}},
        "tables.leads.attributes.account_id": "source",
    }
    told = [one for one in faults_of(tmp_path, changes) if "accounts: column 'id'" in one]
    assert "1 of 2 rows whose identifier an earlier row has already" in told[0]
    assert "Export one row an account, or raise the limit" in told[0]
    assert "expect:" not in told[0]


def test_an_open_lead_of_a_flag_is_left_out_by_what_is_told(tmp_path: Path) -> None:
    columns = {"lead_id": "id", "status": "customer", "closed_at": "closed"}
    form = {**STATUS["tables.outcomes"], "columns": columns, "won": ["1"], "lost": ["0"]}
    outcomes = "id,customer,closed\nL1,1,2024-02-01T00:00Z\nL2,0,2024-02-02T00:00Z\nL3,0,\n"
    told = faults_of(tmp_path, {"tables.outcomes": form}, outcomes=outcomes)
    assert "column 'closed': found 1 of 3 rows without a value" in told[0]
    assert '`where: [{column: "closed", missing: false}]` under `tables.outcomes`' in told[0]
    form["where"] = [{"column": "closed", "missing": False}]
    again = check_source(make_source(tmp_path, {"tables.outcomes": form}, outcomes=outcomes))
    assert again.is_fine
    assert (again.counts["won"], again.counts["lost"]) == (1, 1)


def test_open_leads_with_a_closing_time_are_told(tmp_path: Path) -> None:
    columns = {"lead_id": "id", "status": "stage", "closed_at": "closed"}
    form = {**STATUS["tables.outcomes"], "columns": columns, "open": ["Nurture", "New"]}
    outcomes = (
        "id,stage,closed\nL1,Won,2024-02-01T00:00Z\nL2,Nurture,2024-02-02T00:00Z\n"
        "L3,New,2025-01-01T00:00Z\nL4,,2024-02-02T00:00Z\n"
    )
    told = faults_of(tmp_path, {"tables.outcomes": form}, outcomes=outcomes)
    assert len(told) == 1
    assert told[0].startswith(
        "warning: outcomes: column 'stage': found 2 of 4 rows of leads that count as open and have "
        "a closing time in the past: 'Nurture' (outcomes.csv line 3), '(blank)' (outcomes.csv "
        "line 5)"
    )


def test_the_last_change_of_each_row_as_the_time_of_losses_is_not_told(tmp_path: Path) -> None:
    columns = {"lead_id": "id", "status": "stage", "closed_at": "changed"}
    losses = {**STATUS["tables.outcomes"], "columns": columns, "won": [], "lost": ["Lost"]}
    losses["open"] = ["New", "Won"]
    changed_at = ("2024-02-01T00:00Z", "2024-02-02T00:00Z", "2024-02-03T00:00Z")
    rows = zip(("L1", "L2", "L3"), ("Lost", "New", "Won"), changed_at, strict=True)
    (tmp_path / "won.csv").write_text("id,at\nL3,2024-02-04T00:00Z\n")
    wins = {"form": "dates", "read": {"files": "won.csv"},
            "columns": {"lead_id": "id", "won_at": "at"}}  # fmt: skip
    text = "id,stage,changed\n" + "".join(",".join(row) + "\n" for row in rows)
    changes = {"tables.outcomes": [losses, wins]}
    assert not any("closing time" in one for one in faults_of(tmp_path, changes, outcomes=text))
    # Where some open leads have none, a closing time says something.
    told = faults_of(tmp_path, changes, outcomes=f"{text}L4,New,\n")
    assert any("leads that count as open and have a closing time" in one for one in told)


def test_a_day_in_observed_until_is_its_beginning_and_that_is_said(tmp_path: Path) -> None:
    changes = {"observed_until": "2024-02-02", "time_zone": "UTC", **HALF}
    events = EVENTS + "L1,2024-02-02T15:00:00Z,form,\n"
    told = faults_of(tmp_path, changes, events=events)
    words = "`observed_until: 2024-02-02` is the beginning of that day"
    assert [words in line for line in told] == [True]
    assert "write `observed_until: 2024-02-03`" in told[0]
    assert faults_of(tmp_path, changes | {"observed_until": "2024-02-03"}, events=events) == []


def test_several_outcomes_of_one_lead(tmp_path: Path) -> None:
    outcomes = OUTCOMES + "L2,2024-03-05T00:00:00Z,,\nL2,2024-03-04T00:00:00Z,,7\n"
    told = faults_of(tmp_path, outcomes=outcomes)
    assert "found 2 of 4 rows of a lead that has an outcome already: 'L2'" in told[0]
    tables, aside = ingested(tmp_path, HALF, outcomes=outcomes)
    assert tables.outcomes.filter(lead_id="L2")["amount"].to_list() == [7.0]
    assert aside["line"].to_list() == [3, 4]


def test_files_that_are_empty_or_have_only_a_header(tmp_path: Path) -> None:
    assert faults_of(tmp_path, leads="") == [
        "error: leads.csv: found an empty file; expected a header and rows. Export it again."
    ]
    told = faults_of(
        tmp_path, leads=HEADER, events="id,at,type,seconds\n", outcomes="id,won,lost,amount\n"
    )
    words = "found a header but no rows; expected at least one row."
    assert [line.split(". Export")[0] + "." for line in told] == [
        f"error: leads (leads.csv): {words}",
        f"error: outcomes (outcomes.csv): {words}",
        f"warning: events (events.csv): {words}",
    ]


def test_columns_that_are_called_alike(tmp_path: Path) -> None:
    assert faults_of(tmp_path, leads="a,id,id,created,a\n")[0].startswith(
        "error: leads.csv line 1: found more than one column called 'a', 'id'"
    )


def test_rows_with_another_number_of_fields(tmp_path: Path) -> None:
    leads = LEADS + "L5,2024-01-01T08:00:00Z\nL6,2024-01-01T08:00:00Z,1,x\nL7,,,,,\n"
    told = faults_of(tmp_path, leads=leads)
    assert told[0].startswith(
        "error: leads: found 2 of 7 rows with another number of fields than the header: "
        "'2 fields' (leads.csv line 6), '6 fields' (leads.csv line 8)"
    )
    tables, aside = ingested(tmp_path, HALF, leads=leads)
    assert tables.leads["lead_id"].to_list() == ["L1", "L2", "L3", "L4", "L6"]
    assert aside.select("row", "line", "raw").rows() == [
        (5, 6, '{"text":"L5,2024-01-01T08:00:00Z"}'),
        (7, 8, '{"text":"L7,,,,,"}'),
    ]


def test_a_wrong_encoding_is_told_with_its_line(tmp_path: Path) -> None:
    leads = LEADS.replace("Referral", "Fürsprache")
    assert faults_of(tmp_path, leads=leads.encode("cp1252"))[0].startswith(
        "error: leads.csv line 3: found 0xFC, which is no text in utf-8; expected text in utf-8."
    )
    changes = {"tables.leads.read.encoding": "cp1252"}
    assert faults_of(tmp_path, changes, leads=leads.encode("cp1252")) == []
    # The other way round everything can be read, but as gibberish.
    assert faults_of(tmp_path, changes, leads=leads)[0].startswith(
        "warning: leads.csv: found letters that are UTF-8, although read.encoding is cp1252"
    )


def test_a_quotation_mark_that_is_never_closed(tmp_path: Path) -> None:
    words = "found a quotation mark that is never closed"
    for row in ('L5,2024-01-01T08:00:00Z,1,"abc\n', 'L5,"2024-01-01T08:00:00Z,1,abc\n'):
        leads = LEADS + row + "L6,2024-01-01T08:00:00Z,1,x\n"
        told = faults_of(tmp_path, HALF, leads=leads)
        assert f"error: leads.csv after line 5: {words}" in told[0]
    without = {"tables.leads.read": {"files": "leads.csv", "quote": None}}
    tables, _ = ingested(tmp_path, without, leads=LEADS.replace("Referral", '"Referral'))
    assert tables.leads["source"][1] == '"Referral'


def test_absent_files_are_told_with_where_to_get_them(tmp_path: Path) -> None:
    changes = {"tables.leads.read.files": "l.csv", "tables.events.read.files": "ev-*.csv"}
    assert faults_of(tmp_path, changes) == [
        f"error: {table}: {name}: found no such file in {tmp_path}; expected the export. Ask the "
        f"sales team for it. Put it into {tmp_path}, or change `root`."
        for table, name in (("leads", "l.csv"), ("events", "ev-*.csv"))
    ]


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    told = faults_of(tmp_path, {"tables.leads.read.format": "parquet"})
    assert told[0].startswith("error: leads.csv: found something that is not a whole Parquet file")


def test_a_misspelt_prohibition_is_a_warning(tmp_path: Path) -> None:
    told = faults_of(tmp_path, {"forbidden": {"stages": "it leaks"}})
    assert told == [
        "warning: forbidden: 'stages': found no such column in any table; expected a column of the "
        "export. There are: 'id', 'created', 'revenue', 'source', 'at', 'type', 'seconds', 'won', "
        "'lost', 'amount'. If the export no longer has it, remove it here."
    ]


def test_blank_identifiers_times_and_kinds(tmp_path: Path) -> None:
    files = {
        "leads": LEADS + ",2024-01-01T08:00:00Z,1,x\nL6,,1,x\n",
        "events": EVENTS + "L1,2024-01-05T00:00:00Z,,\n,2024-01-05T00:00:00Z,form,\n",
        "outcomes": OUTCOMES + ",2024-01-05T00:00:00Z,,\n",
    }
    told = faults_of(tmp_path, HALF, **files)
    assert sorted(line.split(" found ")[0].split(": ", 1)[1] for line in told) == [
        *("events: column 'id':", "events: column 'type':", "leads: column 'created':"),
        *("leads: column 'id':", "outcomes: column 'id':"),
    ]
    tables, aside = ingested(tmp_path, HALF, **files)
    assert tables.leads.height == 4
    assert aside.height == 5


def test_a_set_aside_lead_takes_its_outcome_along_without_another_fault(tmp_path: Path) -> None:
    leads = LEADS.replace("2024-01-02T08:00:00Z", "yesterday")
    told = faults_of(tmp_path, HALF, leads=leads)
    assert len(told) == 1
    assert "'yesterday'" in told[0]


def test_kinds_of_events_that_tell_an_end_and_never_come_are_told(tmp_path: Path) -> None:
    about = {"form": "events", "won_events": ["video_watched"], "lost_events": ["gone", "form"]}
    definition = make_source(tmp_path, {"tables.outcomes": about})
    told = [str(fault) for fault in check_source(definition).faults]
    assert any(
        "tables.outcomes.lost_events: found no event of the kind 'gone'" in one for one in told
    )
    assert not any("won_events" in one for one in told)


def test_a_join_that_nearly_matches_is_told_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text("id,size\nl1,5\nl2,6\nl3,7\nl4,8\n")
    join = {"read": {"files": "more.csv"}, "on": {"id": "id"}, "columns": {"size": "size"}}
    definition = make_source(tmp_path, {"tables.leads.join": [join]})
    told = "\n".join(str(fault) for fault in check_source(definition).faults)
    assert "4 of the 4 ids that were looked at match leaving upper and lower case aside" in told
    assert "'L1' here is 'l1' in leads.join" in told
