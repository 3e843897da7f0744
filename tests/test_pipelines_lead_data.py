"""Tables in memory, taken in: every library, every fault at once, nothing wrong without a word."""

from datetime import date
from typing import Any

import pandas as pd
import polars as pl
import pytest

import leadcast
from leadcast.features.base.errors import FaultsError
from leadcast.features.readers.frames import as_polars
from tests.frames_world import data, raw, said

SMALL = {
    "leads": pd.DataFrame(
        {
            "lead_id": [1, 2, 3],
            "created_at": pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-03"], utc=True),
            "Industry": ["Steel", "Food", None],
        }
    ),
    "events": pd.DataFrame(
        {"lead_id": [1], "occurred_at": ["2025-01-04T10:00:00Z"], "event_type": ["call"]}
    ),
    "outcomes": pd.DataFrame(
        {
            "lead_id": [2, 3],
            "won_at": ["2025-02-01T00:00:00Z", None],
            "lost_at": [None, "2025-03-01T00:00:00Z"],
        }
    ),
}
OBJECTS = pl.Series("x", [object()] * 3, dtype=pl.Object)
LISTS = pd.Series([[1], [2], [3]], dtype=object)


def small(**changes: object) -> leadcast.LeadData:
    given: dict[str, Any] = {**SMALL, "observed_until": "2025-06-01", **changes}
    return leadcast.LeadData(**given)


def faults_of(**changes: object) -> str:
    with pytest.raises(FaultsError) as error:
        small(**changes)
    return str(error.value)


def test_it_says_what_it_holds() -> None:
    assert repr(small()) == (
        "LeadData: 3 leads, 1 events, 1 won, 1 lost, 1 open; outcomes known until 2025-06-01"
    )
    assert small().tables.attribute_types == {"industry": "category"}


def test_every_library_gives_the_same_tables_and_gets_its_own_back() -> None:
    polars = {name: as_polars(table) for name, table in SMALL.items()}
    arrow = {name: table.to_arrow() for name, table in polars.items()}
    expected = small()
    for tables, kind in ((polars, pl.DataFrame), (arrow, type(arrow["leads"]))):
        found = small(**tables)
        assert isinstance(found.leads, kind)
        assert found.tables.leads.equals(expected.tables.leads)
        assert found.tables.outcomes.equals(expected.tables.outcomes)
    assert isinstance(expected.events, pd.DataFrame)
    lazy = small(**(polars | {"events": polars["events"].lazy()}))
    assert lazy.tables.events.collect().equals(expected.tables.events.collect())


def test_the_canonical_tables_may_be_given_again() -> None:
    whole = data()
    again = leadcast.LeadData(
        whole.leads,
        whole.events,
        whole.outcomes.drop(columns="converted"),
        observed_until="2026-01-01",
    )
    assert again.tables.leads.equals(whole.tables.leads.select(again.tables.leads.columns))
    assert again.tables.outcomes.equals(whole.tables.outcomes)


def test_an_index_with_a_name_is_a_column() -> None:
    leads = SMALL["leads"].set_index("lead_id")
    assert small(leads=leads).tables.leads.equals(small().tables.leads)


def test_objects_of_several_types_are_read_as_a_file_would_be() -> None:
    mixed = SMALL["leads"].assign(size=pd.Series([1, "2", None], dtype=object))
    assert small(leads=mixed).leads["size"].tolist()[:2] == [1.0, 2.0]


def test_outcomes_may_stand_with_the_leads() -> None:
    both = SMALL["leads"].merge(SMALL["outcomes"], on="lead_id", how="left")
    assert small(leads=both, outcomes=None).tables.outcomes.equals(small().tables.outcomes)


def test_a_flag_is_an_outcome_and_an_order_takes_the_place_of_times() -> None:
    leads = pd.DataFrame(
        {"lead_id": list("abcd"), "n": [4, 3, 2, 1], "converted": [True, False] * 2}
    )
    for order, time_order in (("row", "ordered"), ("n", "ordered"), ("random", "unordered")):
        found = leadcast.LeadData(leads, order_by=order)
        assert (str(found.tables.time_order), found.counts["won"]) == (time_order, 2)


@pytest.mark.parametrize("missing", [["n/a"], {"industry": ["n/a"]}])
def test_what_means_missing_may_be_said(missing: object) -> None:
    leads = SMALL["leads"].assign(Industry=["Steel", "Food", "n/a"])
    assert small(leads=leads, missing=missing).tables.leads.equals(small().tables.leads)
    assert small(leads=leads).tables.leads["industry"][2] == "n/a"


@pytest.mark.parametrize("until", ["2025-06-01", "2025-06-01T00:00:00Z", date(2025, 6, 1)])
def test_a_day_without_a_zone_is_one_in_utc(until: str | date) -> None:
    assert small(observed_until=until).tables.observed_until == small().tables.observed_until
    berlin = small(observed_until="2025-06-01", time_zone="Europe/Berlin")
    assert berlin.tables.observed_until != small().tables.observed_until


def test_the_same_tables_have_the_same_fingerprint() -> None:
    assert small().fingerprint == small().fingerprint
    assert small().fingerprint != small(observed_until="2025-06-02").fingerprint


def test_everything_is_told_at_once() -> None:
    leads = SMALL["leads"].rename(columns={"created_at": "Created"})
    events = SMALL["events"].rename(columns={"event_type": "kind"})
    told = faults_of(
        leads=leads, events=events, outcomes=SMALL["outcomes"][["lead_id"]], observed_until=None
    )
    for words in ("'created_at'", "'event_type'", "won_at, lost_at and converted"):
        assert words in told
    assert "LeadData: 3 errors" in told


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"events": SMALL["events"][["lead_id"]]},
            "The table has 'lead_id', and none that could be it: add the column.",
        ),
        ({"events": [1]}, "events: found list; expected a DataFrame"),
        ({"leads": SMALL["leads"].head(0)}, "leads: found no rows"),
        ({"observed_until": None}, "observed_until: found nothing"),
        ({"observed_until": "soon"}, "observed_until: found 'soon'"),
        ({"columns": {"Lead": "lead_id"}}, "columns: 'Lead': found no such column"),
        ({"types": {"sector": "text"}}, "types: 'sector': found no such column"),
        ({"types": {"industry": "int"}}, "'int'"),
        ({"forbidden": ["Stage"]}, "forbidden: 'Stage': found no such column"),
        ({"columns": {"Industry": "lead_id"}}, "the name 'lead_id', as 'lead_id' has"),
        ({"missing": {"sector": ["-"]}}, "missing: 'sector': found no such column"),
        ({"definition": {"segmants": []}}, "definition: segmants"),
        ({"leads": SMALL["leads"].assign(probability=1)}, "probability"),
        ({"leads": pd.concat([SMALL["leads"]] * 2)}, "rows whose lead id an earlier row has"),
        (
            {"leads": SMALL["leads"].assign(x=pd.Series([[1], [2], [3]], dtype=object))},
            "leads: column 'x': found list",
        ),
        ({"leads": SMALL["leads"].set_axis(["a", "a", "b"], axis=1)}, "2 columns of this name"),
        ({"leads": SMALL["leads"].assign(created_at=pd.Timestamp("2025-01-01"))}, "no time zone"),
        ({"leads": SMALL["leads"].assign(created_at="x")}, "a value that is not a time: 'x'"),
        ({"outcomes": SMALL["outcomes"].assign(won_at=None)}, "found 0 leads of 3 that became"),
        ({"leads": SMALL["leads"].assign(x=pd.Timedelta("1D"))}, "the dtype timedelta64"),
        ({"leads": SMALL["leads"].assign(x=1 + 2j)}, "leads: column 'x': found the dtype complex"),
        (
            {"leads": SMALL["leads"].set_index(pd.Index([7, 8, 9], name="lead_id"))},
            "leads: column 'lead_id': found a level of the index of the same name",
        ),
        (
            {"leads": pl.DataFrame({"lead_id": [1, 2, 3]}).with_columns(OBJECTS)},
            "leads: column 'x': found the dtype Object",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fault_says_where_and_what_to_do(changes: dict[str, Any], words: str) -> None:
    assert words in faults_of(**changes)


def test_an_index_that_repeats_a_column_is_that_column_and_a_sparse_column_its_values() -> None:
    leads = SMALL["leads"].assign(size=[1.0, 0.0, 0.0])
    sparse = leads.assign(size=pd.arrays.SparseArray(leads["size"].to_numpy(), fill_value=0.0))
    expected = small(leads=leads).tables.leads
    for given in (
        leads.set_index("lead_id"),
        leads.set_index("lead_id", drop=False),
        leads.set_index(["lead_id", "created_at"], drop=False),
        sparse,
    ):
        found = small(leads=given).tables.leads
        assert found.select(sorted(found.columns)).equals(expected.select(sorted(found.columns)))


def test_a_column_that_nothing_reads_is_a_warning() -> None:
    found = small(events=SMALL["events"].assign(page="/"))
    assert [fault.where for fault in found.warnings] == ["events: column 'page'"]
    assert "1 warnings" in found._repr_html_()


def test_what_is_set_aside_is_listed() -> None:
    strangers = pd.concat([SMALL["events"], SMALL["events"].assign(lead_id=9)])
    found = small(events=strangers, definition={"limits": {"orphan_events": 1}})
    assert found.set_aside[["table", "row", "lead_id"]].to_numpy().tolist() == [["events", 2, "9"]]


def test_nothing_to_learn_is_told_when_fitting() -> None:
    with pytest.raises(leadcast.LeadcastError, match="no label is known yet"):
        leadcast.fit(small(), horizon_days=365, progress=False)


def test_two_sources_may_be_worked_on_in_turn() -> None:
    one, other = data(), leadcast.LeadData(*raw(), **said(name="other"))
    assert {one.definition.name, other.definition.name} == {"demo", "other"}
    assert one.folder != other.folder
    assert not list((one.folder.parent / "raw").iterdir())
