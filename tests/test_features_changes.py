"""What a field said then: tables and single leads agree, and later changes are not known."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.changes.attribute_changes import CHANGE, derived_types
from leadcast.features.changes.lead_state import lead_at
from leadcast.features.changes.versions import leads_at
from leadcast.features.tables import CHANGES, TIME

Lead = dict[str, Any]
Life = tuple[Lead, list[tuple[int, str, Any]]]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
KINDS = {"title": "text", "size": "number", "agreed": "flag", "met_at": "time"}
DTYPES = {"title": pl.String, "size": pl.Float64, "agreed": pl.Boolean, "met_at": TIME}
WANTED = KINDS | derived_types(KINDS)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "title": st.none() | st.sampled_from(["CEO", "Clerk", "Buyer"]),
    "size": st.none() | st.sampled_from([1.0, 12.5, 4000.0]),
    "agreed": st.none() | st.booleans(),
    "met_at": st.none() | st.sampled_from([EPOCH + 5 * HOUR, EPOCH + 9000 * HOUR]),
}


def as_text(value: object) -> str | None:
    """Write a value as the history has it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return str((value - EPOCH) // timedelta(microseconds=1))
    return str(value)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """A lead as it was created, and its changes: the hour, the attribute, the new value."""
    first = {name: draw(value) for name, value in VALUES.items()}
    change = st.sampled_from(sorted(VALUES)).flatmap(
        lambda name: st.tuples(st.integers(0, 12), st.just(name), VALUES[name])
    )
    return first, sorted(draw(st.lists(change, max_size=8)), key=lambda one: one[0])


def exported(number: int, first: dict[str, Any], changes: list[tuple[int, str, Any]]) -> Lead:
    """What the CRM has at the end: the last state, and the history that led to it."""
    lead = {"lead_id": str(number), "created_at": EPOCH, **first}
    history = []
    for hour, name, value in changes:
        about = {"changed_at": EPOCH + hour * HOUR, "attribute": name}
        history.append(about | {"old_value": as_text(lead[name]), "new_value": as_text(value)})
        lead[name] = value
    return lead | {CHANGES: history}


def table_of(leads: list[Lead]) -> pl.DataFrame:
    schema: Any = {"lead_id": pl.String, "created_at": TIME, **DTYPES, CHANGES: pl.List(CHANGE)}
    return pl.DataFrame(leads, schema=schema, orient="row")


@settings(max_examples=30)
@given(st.lists(lives(), min_size=1, max_size=4), st.integers(0, 14))
def test_tables_and_single_leads_agree_with_what_the_lead_was(drawn: list[Life], hour: int) -> None:
    leads = [exported(number, *life) for number, life in enumerate(drawn)]
    rows = pl.DataFrame({"lead_id": [one["lead_id"] for one in leads]}).with_columns(
        as_of=pl.lit(EPOCH + hour * HOUR, dtype=TIME)
    )
    found = leads_at(table_of(leads), rows, WANTED).to_dicts()
    for (first, changes), lead, row in zip(drawn, leads, found, strict=True):
        truth, counts = dict(first), dict.fromkeys(KINDS, 0)
        start: dict[str, Any] = dict(first)
        for at, name, value in changes:
            if at == 0:
                start[name] = value
            if at == 0 or at < hour:
                truth[name] = value
                counts[name] += at > 0
        assert {name: row[name] for name in KINDS} == truth
        assert {name: row[f"{name}_changes"] for name in KINDS} == counts
        assert [row[f"{name}_filled_in"] for name in KINDS] == [
            start[name] is None and truth[name] is not None for name in KINDS
        ]
        one = lead_at(lead, int(hour * 3600e6), WANTED)
        assert {name: one[name] for name in row} == row


@settings(max_examples=30)
@given(lives(), st.lists(lives(), max_size=1), st.integers(0, 12))
def test_what_changes_at_or_after_the_moment_changes_nothing(
    life: Life, other: list[Life], hour: int
) -> None:
    first, changes = life
    past = [one for one in changes if one[0] < hour or one[0] == 0]
    later = [(at + hour, name, value) for _, more in other for at, name, value in more]
    later = [one for one in later if one[0] > 0]
    rows = pl.DataFrame({"lead_id": ["0"]}).with_columns(
        as_of=pl.lit(EPOCH + hour * HOUR, dtype=TIME)
    )
    told = [
        leads_at(table_of([exported(0, first, [*past, *more])]), rows, WANTED)
        for more in ([], later)
    ]
    assert told[0].equals(told[1])
