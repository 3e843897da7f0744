"""Leads in one pandas table, as MLflow hands them over."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.features.readers.frames import LIBRARIES, as_polars, given_back
from leadcast.serve.pandas_tables import from_pandas
from leadcast.serve.scorer import Scorer
from tests.scoring_world import START, TYPES, bundle_folder, scoring_world

AS_OF = START.replace(month=6)


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer.load(bundle_folder())


def one_table(n: int = 30) -> tuple[pl.DataFrame, pl.DataFrame, pd.DataFrame]:
    """Some leads with their events in two tables, and the same in one pandas table."""
    leads = scoring_world().tables.leads.head(n).with_columns(as_of=pl.lit(AS_OF))
    known = (
        scoring_world()
        .tables.events.collect()
        .filter(pl.col("lead_id").is_in(leads["lead_id"].implode()))
    )
    cells = {lead_id: [] for lead_id in leads["lead_id"]}  # type: dict[str, list[object]]
    for lead_id, when, kind, value in known.select(
        "lead_id", "occurred_at", "event_type", "value"
    ).rows():
        cells[lead_id].append({"occurred_at": when.isoformat(), "event_type": kind, "value": value})
    texts = leads.with_columns(
        pl.col("created_at", "as_of").dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00"),
        events=pl.Series([json.dumps(cell) for cell in cells.values()]),
    )
    return leads, known, texts.drop("position").to_pandas()


def test_one_table_scores_as_two(scorer: Scorer) -> None:
    leads, events, frame = one_table()
    expected = scorer.score(leads, events)
    scores = scorer.score_pandas(frame)
    np.testing.assert_array_equal(scores["probability"], expected["probability"])
    assert scores["lead_id"].tolist() == expected["lead_id"].to_list()
    assert set(scores["as_of"]) == {"2025-06-01T00:00:00Z"}


def test_times_may_be_times_and_events_may_be_lists(scorer: Scorer) -> None:
    _, _, frame = one_table()
    typed = frame.assign(
        created_at=pd.to_datetime(frame["created_at"], utc=True),
        as_of=pd.to_datetime(frame["as_of"], utc=True),
        events=[json.loads(cell) for cell in frame["events"]],
        company_size=frame["company_size"].astype(object),
    )
    found, expected = (scorer.score_pandas(table)["probability"] for table in (typed, frame))
    np.testing.assert_array_equal(found, expected)


def test_what_is_missing_in_pandas_is_missing() -> None:
    frame = pd.DataFrame(
        {
            "lead_id": ["a", "b"],
            "budget": [np.nan, 1.0],
            "industry": [None, "retail"],
            "newsletter": pd.array([None, True], dtype="boolean"),
            "created_at": [pd.NaT, pd.Timestamp("2025-01-01", tz="UTC")],
            "events": [None, np.nan],
        }
    )
    leads, events = from_pandas(frame, TYPES)
    assert leads.row(0) == ("a", None, None, None, None)
    assert leads.row(1) == ("b", 1.0, "retail", True, datetime(2025, 1, 1, tzinfo=UTC))
    assert events is not None
    assert events.height == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"created_at": "yesterday"}, "created_at, row 0: found 'yesterday'"),
        ({"created_at": "2025-01-01T00:00:00"}, "'created_at'.*time zone"),
        ({"created_at": pd.Timestamp("2025-01-01")}, "'created_at'.*time zone"),
        ({"budget": "much"}, "'budget'"),
        ({"events": "{"}, "events, row 0: cannot be read"),
        ({"events": '[{"event_type": "call"}]'}, "events, row 0: cannot be read"),
        ({"events": '[{"occurred_at": "2025-01-01T00:00:00", "event_type": "x"}]'}, "no time zone"),
        ({"events": '[{"occurred_at": 5, "event_type": "call"}]'}, "events, row 0: found 5"),
        ({"events": "7"}, "events, row 0: cannot be read"),
        ({"lead_id": None}, "no id"),
    ],
)
def test_what_cannot_be_read_is_told_by_name(
    scorer: Scorer, change: dict[str, object], words: str
) -> None:
    _, _, frame = one_table(1)
    with pytest.raises(LeadcastError, match=words):
        scorer.score_pandas(pd.DataFrame([frame.iloc[0].to_dict() | change]))


def test_a_table_without_ids_is_refused(scorer: Scorer) -> None:
    _, _, frame = one_table(3)
    with pytest.raises(LeadcastError, match="'lead_id': found no such column"):
        scorer.score_pandas(frame.drop(columns="lead_id"))


def test_a_lead_at_several_moments_has_its_events_once(scorer: Scorer) -> None:
    _, _, frame = one_table(5)
    later = frame.assign(as_of="2025-07-01T00:00:00Z")
    both = scorer.score_pandas(pd.concat([frame, later], ignore_index=True))
    np.testing.assert_array_equal(
        both["probability"][:5], scorer.score_pandas(frame)["probability"]
    )
    with pytest.raises(LeadcastError, match="differ from an earlier row"):
        scorer.score_pandas(pd.concat([frame, later.assign(events="[]")], ignore_index=True))


def test_the_example_can_be_scored(scorer: Scorer) -> None:
    scores = scorer.score_pandas(scorer.example().to_pandas())
    assert scores["lead_id"].tolist() == ["example 1", "example 2"]
    assert scores["probability"].between(0, 1).all()


def tables(kind: str) -> tuple[Any, Any]:
    """Leads and events in two tables of a library."""
    leads, events, _ = one_table()
    return given_back(leads, kind), given_back(events, kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", LIBRARIES)
def test_each_library_gets_its_own_kind_of_table_with_the_same_scores(
    scorer: Scorer, kind: str
) -> None:
    leads, events, _ = one_table()
    expected = scorer.score(leads, events)
    scores = scorer.score(*tables(kind))
    assert type(scores) is type(tables(kind)[0])
    assert as_polars(scores).equals(expected)


def test_events_may_be_of_another_library_and_lazy(scorer: Scorer) -> None:
    leads, events, _ = one_table()
    expected = scorer.score(leads, events)
    for others in (events.lazy(), events.to_arrow(), events.to_pandas()):
        assert as_polars(scorer.score(leads.to_pandas(), others)).equals(expected)


def test_texts_categoricals_and_objects_of_pandas_score_the_same(scorer: Scorer) -> None:
    leads, events = tables("pandas")
    odd = leads.assign(
        created_at=leads["created_at"].astype(str),
        industry=leads["industry"].astype("category"),
        company_size=leads["company_size"].astype(object),
    )
    told = events.assign(occurred_at=events["occurred_at"].astype(str))
    expected = scorer.score(leads, events)
    pd.testing.assert_frame_equal(scorer.score(odd, told), expected)


def test_the_index_of_pandas_is_kept_and_one_with_a_name_is_a_column(scorer: Scorer) -> None:
    leads, events = tables("pandas")
    expected = scorer.score(leads, events)
    moved = scorer.score(leads.set_axis(range(100, 100 + len(leads))), events)
    assert moved.index.tolist() == list(range(100, 100 + len(leads)))
    named = scorer.score(leads.set_index("lead_id"), events)
    assert named.index.tolist() == leads["lead_id"].tolist()
    assert named.index.name is None
    assert named["probability"].tolist() == expected["probability"].tolist()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda leads, events: ([1], events), "leads: found list; expected a DataFrame"),
        (lambda leads, events: (leads, 3), "events: found int; expected a DataFrame"),
        (lambda leads, events: (leads.drop(columns="created_at"), events), "no such column"),
        (lambda leads, events: (leads.assign(created_at="soon"), events), "row 0: found 'soon'"),
        (lambda leads, events: (pd.concat([leads] * 2), events), "a lead twice at one moment"),
        (lambda leads, events: (leads.assign(events="[]"), events), "give them once"),
        (
            lambda leads, events: (
                leads.assign(created_at=leads["created_at"].dt.tz_localize(None)),
                events,
            ),
            "times with a time zone",
        ),
    ],
)
def test_what_cannot_be_scored_is_told(
    scorer: Scorer, change: Callable[[Any, Any], tuple[Any, Any]], words: str
) -> None:
    with pytest.raises(LeadcastError, match=words):
        scorer.score(*change(*tables("pandas")))
