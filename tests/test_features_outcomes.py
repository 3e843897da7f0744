"""Several tables of outcomes: a lead's first win over all counts, else its first loss."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.ingest.context import Context
from leadcast.features.ingest.ingest import check_source, examine, ingest
from leadcast.features.profile.collector import Collector
from leadcast.features.readers.ledger import Ledger
from leadcast.features.tables import Tables
from tests.source_samples import EVENTS, Keys, make_source

End = tuple[datetime | None, datetime | None]

LEADS = "id,created,revenue,source,stage,closed\n" + "".join(
    f"L{number},2024-01-0{number}T08:00:00Z,1,Google,{stage},{closed}\n"
    for number, stage, closed in [
        (1, "open", ""),
        (2, "lost", "2024-01-20T00:00:00Z"),
        (3, "lost", "2024-01-20T00:00:00Z"),
        (4, "open", ""),
        (5, "won", "2024-03-05T00:00:00Z"),
    ]
)
DEALS = """\
deal,won,lost,amount
D1,2024-02-01T00:00:00Z,,500
D2,,2024-02-02T00:00:00Z,
D3,2024-02-03T00:00:00Z,,
D5,2024-02-05T00:00:00Z,,7
"""
MAP = "deal,lead\nD1,L1\nD2,L2\nD3,L3\nD5,L5\n"
OF_LEADS: Keys = {
    "form": "status",
    "columns": {"status": "stage", "closed_at": "closed"},
    **{"won": "won", "lost": "lost", "open": "open"},
}
OF_DEALS: Keys = {
    "form": "dates",
    "read": {"files": "outcomes.csv"},
    "join": {"read": {"files": "map.csv"}, "on": "deal", "columns": ["lead"]},
    "columns": {"lead_id": "lead", "won_at": "won", "lost_at": "lost", "amount": "amount"},
}
LOOSE: Keys = {"contradicting_outcomes": "0.5", "orphan_outcomes": "0.5"}


def several(folder: Path, *outcomes: Keys, mapping: str = MAP, limits: Keys | None = None) -> Keys:
    (folder / "map.csv").write_text(mapping)
    return {"tables.outcomes": list(outcomes), "limits": LOOSE if limits is None else limits}


def tables_of(folder: Path, changes: Keys, deals: str = DEALS) -> Tables:
    ingest(make_source(folder, changes, leads=LEADS, outcomes=deals), folder / "tables")
    return Tables.read(folder / "tables")


def faults_of(folder: Path, changes: Keys, deals: str = DEALS) -> list[Fault]:
    return list(check_source(make_source(folder, changes, leads=LEADS, outcomes=deals)).faults)


def day(month: int, number: int) -> datetime:
    return datetime(2024, month, number, tzinfo=UTC)


@pytest.mark.parametrize("order", [(OF_LEADS, OF_DEALS), (OF_DEALS, OF_LEADS)])
def test_the_first_win_counts_else_the_first_loss(tmp_path: Path, order: tuple[Keys, Keys]) -> None:
    ends = tables_of(tmp_path, several(tmp_path, *order)).outcomes
    assert ends.select("lead_id", "won_at", "lost_at", "amount").rows() == [
        ("L1", day(2, 1), None, 500.0),
        ("L2", None, day(1, 20), None),
        ("L3", day(2, 3), None, None),
        ("L4", None, None, None),
        ("L5", day(2, 5), None, 7.0),
    ]


def test_tables_that_disagree_are_counted(tmp_path: Path) -> None:
    told = faults_of(tmp_path, several(tmp_path, OF_LEADS, OF_DEALS))
    (fault,) = [one for one in told if "another table of outcomes has as won" in one.found]
    assert (fault.severity, fault.count) == ("warning", 1)
    assert "'2024-01-20T00:00:00Z' (leads.csv line 4)" in fault.found
    ingest(
        make_source(tmp_path, several(tmp_path, OF_LEADS, OF_DEALS), leads=LEADS, outcomes=DEALS),
        tmp_path / "t",
    )
    aside = pl.read_parquet(tmp_path / "t" / "quarantine.parquet")
    assert aside.select("lead_id", "table", "line").rows() == [("L3", "leads", 4)]


def test_tables_that_disagree_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    changes = several(tmp_path, OF_LEADS, OF_DEALS, limits={})
    definition = make_source(tmp_path, changes, leads=LEADS, outcomes=DEALS)
    with pytest.raises(FaultsError, match=r"limits\.contradicting_outcomes"):
        ingest(definition, tmp_path / "tables")


def test_rows_that_another_table_tells_first_are_counted(tmp_path: Path) -> None:
    told = faults_of(tmp_path, several(tmp_path, OF_LEADS, OF_DEALS))
    (fault,) = [one for one in told if "another table of outcomes tells first" in one.found]
    # L2 was lost before; that L5 was won later stands in the row of a lead, which is kept.
    assert (fault.where, fault.count, fault.is_usual) == ("outcomes[1]: column 'lead'", 1, True)


def test_an_outcome_without_a_mapping_belongs_to_no_lead(tmp_path: Path) -> None:
    mapping = MAP.replace("D3,L3\n", "")
    told = faults_of(tmp_path, several(tmp_path, OF_DEALS, mapping=mapping))
    (fault,) = [one for one in told if "no joined row gives a lead" in one.found]
    assert (fault.severity, fault.count) == ("warning", 1)
    assert "limits.orphan_outcomes" in fault.expected
    ends = tables_of(tmp_path, several(tmp_path, OF_DEALS, mapping=mapping)).outcomes
    assert ends["won_at"].to_list() == [day(2, 1), None, None, None, day(2, 5)]


def test_an_outcome_may_be_of_many_leads(tmp_path: Path) -> None:
    join = {**OF_DEALS["join"], "expect": "many"}
    mapping = MAP + "D1,L4\n"
    changes = several(tmp_path, {**OF_DEALS, "join": join}, mapping=mapping)
    ends = tables_of(tmp_path, changes).outcomes
    assert ends["won_at"].to_list() == [day(2, 1), None, day(2, 3), day(2, 1), day(2, 5)]


def test_a_table_that_cannot_be_read_is_told_with_the_faults_of_the_others(tmp_path: Path) -> None:
    of_deals = {**OF_DEALS, "columns": {**OF_DEALS["columns"], "won_at": "wonn"}}
    of_leads = {**OF_LEADS, "columns": {"status": "stagee", "closed_at": "closed"}}
    told = str([*map(str, faults_of(tmp_path, several(tmp_path, of_leads, of_deals)))])
    assert "tables.outcomes[1].columns.won_at` names. Did you mean 'won'?" in told
    assert "tables.outcomes[0].columns.status` names. Did you mean 'stage'?" in told


def test_events_may_tell_outcomes_beside_a_table(tmp_path: Path) -> None:
    events = "id,at,type,seconds\nL4,2024-02-20T00:00:00Z,signed,\nL4,2024-02-01T00:00:00Z,visit,\n"
    by_events = {"form": "events", "won_events": "signed"}
    changes = several(tmp_path, OF_DEALS, by_events)
    definition = make_source(tmp_path, changes, leads=LEADS, outcomes=DEALS, events=events)
    ingest(definition, tmp_path / "tables")
    tables = Tables.read(tmp_path / "tables")
    assert tables.outcomes["won_at"].to_list()[3:] == [day(2, 20), day(2, 5)]
    assert tables.events.collect()["event_type"].to_list() == ["visit"]


WON = [day(2, number).replace(hour=9) for number in (1, 2)]
LOST = [day(2, number).replace(hour=8) for number in (1, 3)]
ends = st.tuples(st.sampled_from([None, *WON]), st.sampled_from([None, *LOST]))
rows_of_table = st.dictionaries(st.sampled_from(["L1", "L2", "L3"]), ends)


def first_by_hand(tables: list[dict[str, End]], lead: str) -> tuple[bool, datetime | None]:
    """Tell whether a lead was won, and when it ended."""
    own = [table[lead] for table in tables if lead in table]
    won = sorted(one for one, _ in own if one is not None)
    lost = sorted(one for _, one in own if one is not None)
    return (True, won[0]) if won else (False, lost[0] if lost else None)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables=st.lists(rows_of_table, min_size=2, max_size=3))
def test_of_any_tables_the_first_win_counts_else_the_first_loss(
    tmp_path: Path,
    tables: list[dict[str, End]],
) -> None:
    outcomes = []
    for number, table in enumerate(tables):
        lines = [
            ",".join([lead, *("" if one is None else one.isoformat() for one in own)])
            for lead, own in table.items()
        ]
        # A table without a row would be refused.
        text = "\n".join(["id,won,lost", *lines, "L9,,", ""])
        (tmp_path / f"{number}.csv").write_text(text)
        columns = {"lead_id": "id", "won_at": "won", "lost_at": "lost"}
        outcomes.append({"form": "dates", "read": {"files": f"{number}.csv"}, "columns": columns})
    source = make_source(tmp_path, several(tmp_path, *outcomes), leads=LEADS, events=EVENTS)
    context = Context(source, Ledger(), day(6, 1), collector=Collector(source))
    examined = examine(context, lambda _: None)
    assert examined is not None
    for lead, won_at, lost_at in examined.settled.outcomes.select(
        "lead_id", "won_at", "lost_at"
    ).iter_rows():
        is_won, moment = first_by_hand(tables, lead)
        assert (won_at if is_won else lost_at) == moment
        assert (won_at is not None) is is_won
