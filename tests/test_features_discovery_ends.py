"""When leads ended and which words say so, found by values where no name is known."""

from pathlib import Path

import pytest

from leadcast.features.base.errors import FaultsError
from leadcast.features.definitions.definition import DatedOutcomes, StatusOutcomes
from leadcast.features.definitions.load import load_definition
from tests.crm_exports import write
from tests.test_pipelines_init import Rows, described, drafted, flat, rows_of, with_column


def outcomes_of(folder: Path) -> object:
    """Read how the draft says that leads ended."""
    (told,) = load_definition(folder / "ours.yaml").tables.outcomes
    return told


def named(name: str, rows: Rows) -> Rows:
    """Call the time of the end otherwise."""
    return [{(name if key == "Closed" else key): one for key, one in row.items()} for row in rows]


def closed_at(folder: Path) -> str | None:
    told = outcomes_of(folder)
    assert isinstance(told, StatusOutcomes)
    return told.columns.closed_at


# Among the leads


def test_a_time_that_ended_leads_alone_have_is_that_of_the_end(tmp_path: Path) -> None:
    text = drafted(tmp_path, named("Beschluss", rows_of()))
    assert closed_at(tmp_path) == "Beschluss"
    assert "'Beschluss' is filled in for the leads that were won or lost" in flat(text)
    assert "horizon_days" in text


def test_a_time_that_open_leads_have_as_well_is_not(tmp_path: Path) -> None:
    rows = [{**row, "Closed": row["Closed"] or "28/12/2024"} for row in rows_of()]
    drafted(tmp_path, named("Beschluss", rows))
    assert closed_at(tmp_path) is None


def test_a_time_before_the_creation_is_not(tmp_path: Path) -> None:
    rows = [{**row, "Closed": row["Closed"] and "01/01/2020"} for row in rows_of()]
    drafted(tmp_path, named("Beschluss", rows))
    assert closed_at(tmp_path) is None


def test_of_two_such_times_none_is_taken_and_both_are_named(tmp_path: Path) -> None:
    rows = [{**row, "Archivierung": row["Closed"]} for row in rows_of()]
    text = flat(drafted(tmp_path, named("Beschluss", rows)))
    assert closed_at(tmp_path) is None
    assert "which of 'Beschluss', 'Archivierung' is the time of the end?" in text


def test_a_time_of_the_won_alone_tells_the_wins(tmp_path: Path) -> None:
    rows = [{**row, "Closed": row["Closed"] if row["Status"] == "Won" else ""} for row in rows_of()]
    drafted(tmp_path, named("Unterschrift", rows))
    told = outcomes_of(tmp_path)
    assert isinstance(told, DatedOutcomes)
    assert told.columns.won_at == "Unterschrift"


def marked(*marks: str, name: str = "Customer?", won_on: str = "") -> Rows:
    """Mark the won leads in a column, as in a spreadsheet."""
    return [
        {"Lead ID": row["Lead ID"], "Created": row["Created"], "Source": row["Source"],
         name: marks[number % len(marks)] if row["Status"] == "Won" else "",
         **({won_on: row["Closed"] if row["Status"] == "Won" else ""} if won_on else {})}
        for number, row in enumerate(rows_of())
    ]  # fmt: skip


@pytest.mark.parametrize("marks", [("x",), ("x", "X"), ("ja",), ("1",), ("✓",)])
def test_a_mark_of_the_won_is_the_outcome_and_their_time_is_asked_for(
    tmp_path: Path, marks: tuple[str, ...]
) -> None:
    text = drafted(tmp_path, marked(*marks))
    assert "status: Customer?" in text
    assert "customer: {column" not in text
    with pytest.raises(FaultsError, match="when were they won"):
        load_definition(tmp_path / "ours.yaml")
    kept = [line for line in text.splitlines() if "when were they won" not in line]
    (tmp_path / "ours.yaml").write_text("\n".join(kept), encoding="utf-8")
    told = outcomes_of(tmp_path)
    assert isinstance(told, StatusOutcomes)
    assert set(told.won) == set(marks)


@pytest.mark.parametrize("won_on", ["won on", "Unterschrift"])
def test_a_time_that_the_marked_leads_alone_have_is_that_of_the_win(
    tmp_path: Path, won_on: str
) -> None:
    drafted(tmp_path, marked("x", won_on=won_on))
    told = outcomes_of(tmp_path)
    assert isinstance(told, DatedOutcomes)
    assert told.columns.won_at == won_on


@pytest.mark.parametrize(("mark", "name"), [("x", "Newsletter"), ("Berlin", "Customer")])
def test_another_mark_or_another_word_is_no_outcome(tmp_path: Path, mark: str, name: str) -> None:
    text = drafted(tmp_path, marked(mark, name=name))
    assert 'outcomes: "TO DO: how the leads ended' in text


# In a table of their own


def beside(folder: Path, file: str, rows: Rows) -> str:
    """Write leads without an end, and a table beside them."""
    kept = ("Lead ID", "Created", "Source")
    write(folder / "export", "leads.csv", [{key: row[key] for key in kept} for row in rows_of()])
    write(folder / "export", file, rows)
    return described(folder)


def ended(name: str) -> Rows:
    ends = [row for row in rows_of() if row["Closed"]]
    return [
        {"Lead ID": row["Lead ID"], "Result": row["Status"], name: row["Closed"]} for row in ends
    ]


@pytest.mark.parametrize("name", ["date", "Datum", "Moment"])
def test_the_only_time_of_a_table_of_results_is_that_of_the_end(tmp_path: Path, name: str) -> None:
    beside(tmp_path, "results.csv", ended(name))
    assert closed_at(tmp_path) == name


def changes(name: str) -> Rows:
    """Give each lead a row for a stage on its way, and one for its end."""
    found: Rows = []
    for row in rows_of():
        about = {"Lead ID": row["Lead ID"], "Stage": "Proposal", name: row["Created"]}
        found += [about, {**about, "Stage": row["Status"], name: row["Closed"]}]
    return [row for row in found if row[name]]


def test_a_table_of_changes_tells_when_each_was_made(tmp_path: Path) -> None:
    text = beside(tmp_path, "stage_changes.csv", changes("Changed at"))
    assert closed_at(tmp_path) == "Changed at"
    assert "has several rows a lead, and 'Changed at' is when each was made" in flat(text)


def test_when_a_leads_second_deal_was_created_is_no_end(tmp_path: Path) -> None:
    beside(tmp_path, "deals.csv", changes("Created"))
    assert closed_at(tmp_path) is None


def test_losses_that_another_table_tells_are_not_said_to_count_as_open(tmp_path: Path) -> None:
    rows = [{key: one for key, one in row.items() if key != "Closed"} for row in rows_of()]
    write(tmp_path / "export", "leads.csv", rows)
    write(tmp_path / "export", "stage_changes.csv", changes("Changed at"))
    assert "count as open" not in flat(described(tmp_path))
    lost = {row["Lead ID"] for row in rows if row["Status"] == "Lost"}
    kept = [row for row in changes("Changed at") if row["Lead ID"] not in lost]
    write(tmp_path / "export", "stage_changes.csv", kept)
    (tmp_path / "ours.yaml").unlink()
    assert "'Lost' count as open" in flat(described(tmp_path))


# Words


def worded(**words: str) -> Rows:
    return [{**row, "Status": words.get(str(row["Status"]), row["Status"])} for row in rows_of()]


def test_where_no_word_says_won_the_words_are_asked_for(tmp_path: Path) -> None:
    drafted(tmp_path, worded(Won="Closed-OK"))
    with pytest.raises(FaultsError) as caught:
        load_definition(tmp_path / "ours.yaml")
    assert "sort these words into won, lost or open" in str(caught.value)
    assert "'Closed-OK' (40 rows)" in str(caught.value)


def test_where_the_pace_is_not_known_ages_are_left_to_the_open_leads(tmp_path: Path) -> None:
    text = drafted(tmp_path, worded(Won="Closed-OK"))
    assert "landmarks_days: auto  # guess: at the ages that open leads have" in text
    assert "`leadcast delays ours` advises a horizon_days" in text
    undated = [{key: one for key, one in row.items() if key != "Created"} for row in rows_of()]
    (tmp_path / "ours.yaml").unlink()
    assert "landmarks_days" not in drafted(tmp_path, [{**row, "Closed": ""} for row in undated])


def test_words_of_an_unknown_language_are_asked_for(tmp_path: Path) -> None:
    drafted(tmp_path, worded(Won="Sprzedane", Lost="Utracone", Open="Otwarte"))
    with pytest.raises(FaultsError) as caught:
        load_definition(tmp_path / "ours.yaml")
    assert "'Sprzedane' (40 rows), 'Utracone' (40 rows)" in str(caught.value)


def test_a_longer_name_is_a_status_only_by_its_words(tmp_path: Path) -> None:
    rows = with_column(rows_of(), "Marital Status", ["single", "married"])
    for row in rows:
        del row["Status"], row["Closed"]
    text = drafted(tmp_path, rows)
    assert 'outcomes: "TO DO: how the leads ended' in text


@pytest.mark.parametrize("name", ["Email Status", "Phone Number Status"])
def test_the_status_of_an_address_is_not_that_of_the_lead(tmp_path: Path, name: str) -> None:
    rows = with_column(rows_of(), name, ["valid", "invalid"])
    for row in rows:
        del row["Status"], row["Closed"]
    text = drafted(tmp_path, rows)
    assert 'outcomes: "TO DO: how the leads ended' in text


@pytest.mark.parametrize("kind", ["in_bound", "email_spam", "phone_invalid", "wrong number"])
def test_kinds_of_events_are_no_outcome_by_what_a_status_would_be(
    tmp_path: Path, kind: str
) -> None:
    kept = ("Lead ID", "Created", "Source")
    leads = [{key: row[key] for key in kept} for row in rows_of()]
    write(tmp_path / "export", "leads.csv", leads)
    done = [
        {"Lead ID": row["Lead ID"], "Time": row["Created"], "Event": one}
        for row in leads
        for one in ("email", kind)
    ]
    write(tmp_path / "export", "events.csv", done)
    text = described(tmp_path)
    assert "form: events" not in text
    assert 'outcomes: "TO DO: how the leads ended' in text


def test_a_day_of_delivery_is_asked_about_and_not_taken_for_the_creation(tmp_path: Path) -> None:
    rows = [{**row, "Delivery Date": "31/12/2025"} for row in rows_of()]
    for row in rows:
        row["Handed Over"] = row.pop("Created")
    drafted(tmp_path, rows)
    with pytest.raises(FaultsError, match="is 'Handed Over' the time of creation"):
        load_definition(tmp_path / "ours.yaml")


def test_bought_leads_end_by_the_words_of_those_who_buy_them(tmp_path: Path) -> None:
    rows = worded(Won="Funded", Lost="Does Not Qualify", Open="No Answer")
    drafted(tmp_path, rows)
    told = outcomes_of(tmp_path)
    assert isinstance(told, StatusOutcomes)
    assert (told.won, told.lost, told.open) == (("Funded",), ("Does Not Qualify",), ("No Answer",))


# Columns


@pytest.mark.parametrize(
    ("beside_it", "values", "is_read"),
    [
        ("Source", ["TX", "CA", "NY"], True),
        ("Zip", ["Texas", "Utah", "Iowa"], True),
        ("Source", ["a", "b", "c"], False),
        ("Zip", ["open", "closed won", "b"], False),
    ],
)
def test_a_state_of_the_country_is_no_status(
    tmp_path: Path, beside_it: str, values: list[str], is_read: bool
) -> None:
    rows = with_column(with_column(rows_of(), "State", values), beside_it, [*"abcdefg"])
    text = drafted(tmp_path, rows)
    assert ("state: {column: State, type: category}" in text) is is_read
    assert ('State: "moves on as the lead does' in text) is not is_read


def test_the_earliest_of_several_times_is_asked_about_as_the_creation(tmp_path: Path) -> None:
    rows = [{**row, "Imported": "31/12/2025"} for row in rows_of()]
    for row in rows:
        row["Handed Over"] = row.pop("Created")
    drafted(tmp_path, rows)
    with pytest.raises(FaultsError, match="is 'Handed Over' the time of creation"):
        load_definition(tmp_path / "ours.yaml")


def test_an_activity_is_dated_by_when_it_was_done_not_by_when_it_was_due(tmp_path: Path) -> None:
    drafted(tmp_path, rows_of())
    rows = [
        {"Deal": row["Lead ID"], "Activity - Due date": "30/12/2024",
         "Activity - Marked as done time": row["Created"], "Activity - Type": "Call"}
        for row in rows_of()
        for _ in range(3)
    ]  # fmt: skip
    write(tmp_path / "export", "activities.csv", rows)
    (tmp_path / "ours.yaml").unlink()
    described(tmp_path)
    (events,) = load_definition(tmp_path / "ours.yaml").tables.events
    assert events.columns.occurred_at == "Activity - Marked as done time"


def signed_up(**names: str) -> Rows:
    """Make users of a product, whose times are milliseconds, and who may subscribe."""
    return [
        {
            "user_id": f"u{number:04d}",
            names.get("created", "signed_up"): 1_700_000_000_000 + number * 86_400_000,
            "plan": ("free", "trial")[number % 2],
            "seats": 5 if number % 4 == 0 else "",
            "phone_given": 1 if number % 5 == 0 else "",
            "subscribed_at": 1_702_000_000_000 + number * 86_400_000 if number % 4 == 0 else "",
        }
        for number in range(200)
    ]


@pytest.mark.parametrize("created", ["signed_up", "registered", "created", "date_joined"])
def test_milliseconds_under_the_name_of_a_creation_are_times(tmp_path: Path, created: str) -> None:
    text = drafted(tmp_path, signed_up(created=created))
    assert f"created_at: {created}" in text


def test_what_a_quarter_of_the_leads_have_is_no_creation(tmp_path: Path) -> None:
    rows = [{key: one for key, one in row.items() if key != "signed_up"} for row in signed_up()]
    text = drafted(tmp_path, rows)
    assert "created_at: subscribed_at" not in text


def test_what_only_some_leads_have_is_named_where_no_end_was_found(tmp_path: Path) -> None:
    text = flat(drafted(tmp_path, signed_up()))
    assert "times that only some leads have are in 'subscribed_at'" in text


def test_what_comes_with_a_later_time_is_forbidden(tmp_path: Path) -> None:
    text = flat(drafted(tmp_path, signed_up()))
    assert "seats: \"is filled in for the same leads as 'subscribed_at', which" in text
    assert "phone_given: {column: phone_given" in text


def test_events_that_a_crms_names_do_not_link_are_found_by_their_values(tmp_path: Path) -> None:
    rows = rows_of(written="%m/%d/%Y %H:%M")
    leads = [
        {"(Do Not Modify) Lead": row["Lead ID"], "Created On": row["Created"],
         "Status": {"Won": "Qualified", "Lost": "Disqualified"}.get(str(row["Status"]), "Open")}
        for row in rows
    ]  # fmt: skip
    write(tmp_path / "export", "Leads.csv", leads)
    deals = [
        {"Originating Lead": row["Lead ID"], "Status": row["Status"],
         "Actual Close Date": row["Closed"]}
        for row in rows
    ]  # fmt: skip
    write(tmp_path / "export", "Opportunities.csv", deals)
    done = [
        {"Person": row["Lead ID"], "Activity Type": kind, "Date Time": row["Created"]}
        for row in rows
        for kind in ("Email", "Call")
    ]
    write(tmp_path / "export", "Activities.csv", done)
    described(tmp_path, crm="dynamics")
    (events,) = load_definition(tmp_path / "ours.yaml").tables.events
    assert events.columns.lead_id == "Person"


ASKED = 'time_of_day: "TO DO'


def visited(folder: Path, at: str, **more: list[str]) -> str:
    """Write leads and three visits of each, on a day."""
    drafted(folder, rows_of())
    visits = [
        {"Lead ID": row["Lead ID"], "Datum": f"{row['Created']}{at}", "Vorgang": kind}
        for row in rows_of()
        for kind in ("Anruf", "Besuch", "Mail")
    ]
    for name, values in more.items():
        visits = with_column(visits, name, values)
    write(folder / "export", "activities.csv", visits)
    (folder / "ours.yaml").unlink()
    return described(folder)


@pytest.mark.parametrize(
    "clock", [["09:30", "14:05"], ["9h30", "23h05"], ["09:30:00 PM", "9:01 am"]]
)
def test_a_time_of_day_in_a_column_of_its_own_is_not_lost_in_silence(
    tmp_path: Path, clock: list[str]
) -> None:
    text = visited(tmp_path, "", Uhrzeit=clock, Dauer=["00:10", "01:20"])
    with pytest.raises(FaultsError, match="seems to have the time of day of 'Datum'"):
        load_definition(tmp_path / "ours.yaml")
    kept = [line for line in text.splitlines() if ASKED not in line]
    (tmp_path / "ours.yaml").write_text("\n".join(kept), encoding="utf-8")
    (events,) = load_definition(tmp_path / "ours.yaml").tables.events
    assert events.columns.occurred_at == "Datum"


def test_a_time_of_day_beside_a_time_and_numbers_beside_a_day_are_nothing_to_ask(
    tmp_path: Path,
) -> None:
    assert ASKED not in visited(tmp_path / "a", " 10:30", Uhrzeit=["09:30", "14:05"])
    assert ASKED not in visited(tmp_path / "b", "", Preis=["9.30", "14.05"])
