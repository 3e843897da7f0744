"""Row filters: the rows that they ask for are used, the others counted, and misfits told."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from leadcast.features.base.errors import Fault
from leadcast.features.definitions.table_schema import RowFilter
from leadcast.features.ingest.ingest import check_source
from leadcast.features.readers.filtering import Filtering
from leadcast.features.readers.ledger import Ledger
from leadcast.features.readers.origins import RawRows
from leadcast.features.values.times import TimeRules
from tests.joined_samples import LEADS, ON, account_source, account_tables, joined_by
from tests.source_samples import EVENTS, Keys, read_new_leads


def where(*filters: Keys) -> Keys:
    return {"tables.leads.where": list(filters)}


def ids_of(folder: Path, changes: Keys, **files: str) -> list[str]:
    """Tell which leads are used, whatever became of them."""
    definition = account_source(folder, changes, **files)
    return read_new_leads(definition, [folder / "leads.csv"]).leads["lead_id"].to_list()


def faults_of(folder: Path, changes: Keys, **files: str) -> list[Fault]:
    return list(check_source(account_source(folder, changes, **files)).faults)


@pytest.mark.parametrize(
    ("says", "ids"),
    [
        ({"column": "source", "one_of": "Google"}, "L1 L3"),
        ({"column": "source", "one_of": ["google", " REFERRAL "]}, "L1 L2 L3"),
        ({"column": "source", "one_of": ["Google", ""]}, "L1 L3 L4"),
        ({"column": "deleted", "not": ["true", "1"]}, "L1 L2 L4"),
        ({"column": "source", "missing": "true"}, "L4"),
        ({"column": "source", "missing": "false"}, "L1 L2 L3"),
        ({"column": "source", "missing": "false", "not": "Referral"}, "L1 L3"),
        ({"column": "created", "from": "2024-01-02T08:00:00Z"}, "L2 L3 L4"),
        ({"column": "created", "until": "2024-01-03T08:00:00Z"}, "L1 L2"),
    ],
)
def test_the_rows_that_a_filter_asks_for_are_used(tmp_path: Path, says: Keys, ids: str) -> None:
    assert ids_of(tmp_path, where(says)) == ids.split()


def test_every_filter_must_hold(tmp_path: Path) -> None:
    both = where({"column": "source", "one_of": "Google"}, {"column": "deleted", "not": "true"})
    assert ids_of(tmp_path, both) == ["L1"]


def test_what_means_missing_in_the_table_is_missing_to_a_filter(tmp_path: Path) -> None:
    changes = where({"column": "source", "missing": "true"})
    changes["tables.leads.read.missing"] = "Referral"
    assert ids_of(tmp_path, changes) == ["L2", "L4"]


def test_a_filter_may_use_a_joined_column(tmp_path: Path) -> None:
    changes = {**joined_by(ON), "tables.leads.where": {"column": "Industry", "one_of": "Steel"}}
    assert ids_of(tmp_path, changes) == ["L1", "L3"]


def test_rows_that_are_left_out_are_not_joined(tmp_path: Path) -> None:
    changes = {**joined_by(ON), **where({"column": "account", "missing": "false"})}
    assert "without an identifier" not in str(faults_of(tmp_path, changes))


def test_rows_that_are_left_out_are_counted_by_their_filter(tmp_path: Path) -> None:
    says = [{"column": "deleted", "not": "true"}, {"column": "source", "one_of": "Google"}]
    told = [fault for fault in faults_of(tmp_path, where(*says)) if "left out by" in fault.found]
    assert [(fault.where, fault.count, fault.is_usual) for fault in told] == [
        ("leads: column 'deleted'", 1, True),
        ("leads: column 'source'", 2, True),
    ]
    assert told[0].found == "1 of 4 rows left out by where[0]: 'TRUE' (leads.csv line 4)"
    assert told[1].expected == "one of 'Google'"


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ({"column": "source", "one_of": "Gogle"}, "Did you mean 'Google'?"),
        ({"column": "source", "not": ["Google", "Referral"], "missing": "false"}, "There are: "),
        ({"column": "created", "from": "2030-01-01T00:00:00Z"}, "There are: "),
    ],
)
def test_a_filter_that_leaves_nothing_is_an_error(tmp_path: Path, says: Keys, words: str) -> None:
    told = [one for one in faults_of(tmp_path, where(says)) if one.where.startswith("leads.where")]
    assert [(one.severity, one.found) for one in told] == [
        ("error", "a filter that leaves none of 4 rows")
    ]
    assert words in told[0].remedy


@pytest.mark.parametrize(
    ("says", "is_usual"),
    [
        ({"column": "source", "one_of": ["Google", "Referal"]}, False),
        ({"column": "source", "not": ["Referal"]}, False),
        ({"column": "deleted", "not": ["true", "1"]}, True),
    ],
)
def test_a_listed_value_that_never_occurs_is_told(
    tmp_path: Path, says: Keys, is_usual: bool
) -> None:
    told = [one for one in faults_of(tmp_path, where(says)) if "no row with" in one.found]
    assert [fault.is_usual for fault in told] == [is_usual]
    assert ("Did you mean 'Referral'?" in told[0].remedy) is not is_usual


def test_a_column_that_is_not_there_is_told(tmp_path: Path) -> None:
    faults = faults_of(tmp_path, where({"column": "delted", "not": "true"}))
    assert [one.remedy for one in faults] == ["Did you mean 'deleted'?"]


def test_what_a_filter_does_without_its_joined_column_is_not_told(tmp_path: Path) -> None:
    join = {**ON, "columns": ["Industri"]}
    says = {"column": "Industri", "one_of": "Steel"}
    faults = faults_of(tmp_path, {**joined_by(join), **where(says)})
    assert [one.remedy for one in faults] == ["Did you mean 'Industry'?"]


def test_a_time_that_cannot_be_read_is_set_aside_by_a_filter_for_times(tmp_path: Path) -> None:
    changes = where({"column": "created", "from": "2024-01-02T08:00:00Z"})
    text = LEADS.replace("2024-01-03T08:00:00Z", "soon")
    definition = account_source(
        tmp_path, {**changes, "limits": {"unreadable_values": "0.5"}}, leads=text
    )
    found = read_new_leads(definition, [tmp_path / "leads.csv"])
    assert found.leads["lead_id"].to_list() == ["L2", "L4"]
    assert found.set_aside.select("line", "reason").rows() == [(4, "created: 'soon' is not a time")]


def test_events_and_outcomes_of_leads_that_are_left_out_are_no_orphans(tmp_path: Path) -> None:
    changes = where({"column": "id", "not": "L2"})
    changes |= {"limits": {"orphan_events": "0", "orphan_outcomes": "0"}}
    tables = account_tables(tmp_path, changes)
    assert tables.leads["lead_id"].to_list() == ["L1", "L3", "L4"]
    assert tables.events.collect()["lead_id"].to_list() == ["L1", "L1", "L3"]


def test_events_are_filtered_as_they_stream_by(tmp_path: Path) -> None:
    changes: Keys = {"tables.events.where": {"column": "type", "not": "email_opened"}}
    events = account_tables(tmp_path, changes, events=EVENTS).events.collect()
    assert events["event_type"].to_list() == ["video_watched", "form"]


def test_outcomes_are_filtered(tmp_path: Path) -> None:
    changes: Keys = {"tables.outcomes.where": {"column": "amount", "missing": "false"}}
    outcomes = account_tables(tmp_path, changes).outcomes
    assert outcomes["won_at"].is_not_null().to_list() == [True, False, False, False]
    assert outcomes["lost_at"].null_count() == 4


def test_events_of_leads_whose_time_cannot_be_read_are_no_orphans(tmp_path: Path) -> None:
    changes = where({"column": "created", "from": "2024-01-01T00:00:00Z"})
    changes["limits"] = {"orphan_events": "0", "unreadable_values": "0.5"}
    text = LEADS.replace("2024-01-03T08:00:00Z", "soon")
    tables = account_tables(tmp_path, changes, leads=text)
    assert tables.events.collect()["lead_id"].to_list() == ["L1", "L1", "L2"]


def test_a_filter_that_leaves_no_new_lead_is_an_unusual_warning(tmp_path: Path) -> None:
    definition = account_source(tmp_path, where({"column": "source", "one_of": ["Gogle", "Bing"]}))
    found = read_new_leads(definition, [tmp_path / "leads.csv"])
    assert found.leads.height == 0
    unusual = [one for one in found.warnings if not one.is_usual]
    assert [(one.severity, one.found) for one in unusual] == [
        ("warning", "a filter that leaves none of 4 rows")
    ]


def test_a_listed_value_that_no_new_lead_has_is_not_told(tmp_path: Path) -> None:
    definition = account_source(tmp_path, where({"column": "source", "one_of": ["Google", "Bing"]}))
    found = read_new_leads(definition, [tmp_path / "leads.csv"])
    assert [one.is_usual for one in found.warnings] == [True]


VALUES = ["Google", " google", "Bing", "bing ads", "true", "", "  ", None]
listed = st.lists(st.sampled_from(["GOOGLE", "bing", "Bing  Ads", "1", ""]), max_size=3)


def is_used(
    value: str | None, one_of: list[str], not_one_of: list[str], missing: bool | None
) -> bool:
    """Ask a filter by hand."""
    wanted, unwanted = (
        {" ".join(one.lower().split()) for one in its} for its in (one_of, not_one_of)
    )
    own = " ".join((value or "").lower().split())
    fits = own not in unwanted and (not wanted or own in wanted)
    return fits and (missing is None or missing is (own == ""))


@settings(max_examples=100)
@given(
    values=st.lists(st.sampled_from(VALUES), max_size=8),
    one_of=listed,
    not_one_of=listed,
    missing=st.sampled_from([None, True, False]),
    door=st.sampled_from([pl.String(), pl.Categorical()]),
)
def test_a_filter_uses_what_its_words_say(
    values: list[str | None],
    one_of: list[str],
    not_one_of: list[str],
    missing: bool | None,
    door: pl.DataType,
) -> None:
    says = {"column": "x", "one_of": one_of, "not": not_one_of, "missing": missing}
    assume(one_of or not_one_of or missing is not None)
    filtering = Filtering("leads", 0, RowFilter.model_validate(says), TimeRules("UTC"), ())
    frame = pl.DataFrame({"x": pl.Series(values, dtype=pl.String).cast(door)})
    number = pl.int_range(len(values), eager=True)
    rows = RawRows(frame, number, number.cast(pl.Int32) * 0, ())
    used = filtering.apply(rows, Ledger(kind_in=lambda *_: None)).number
    expected = [row for row, one in enumerate(values) if is_used(one, one_of, not_one_of, missing)]
    assert used.to_list() == expected
