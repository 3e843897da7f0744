from datetime import UTC, datetime

import polars as pl

from leadcast.serve.today.one_score import one_score

DAYS = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 9, 3)]
FRAME = pl.DataFrame(
    {
        "lead_id": ["a", "b", "c"],
        "created_at": DAYS,
        "grade": ["D", "A", "B"],
        "probability": [0.1, 0.5, 0.3],
        "amount": [100.0, 10.0, None],
        "expected_value": [10.0, 5.0, None],
        "owner": ["Anna", "Ben", "Cem"],
    }
)


def test_the_records_of_a_person_have_the_score_of_the_newest() -> None:
    persons = pl.DataFrame({"lead_id": ["a", "b"], "person_id": ["a", "a"]})
    told = one_score(FRAME, persons)
    columns = ("lead_id", "grade", "probability", "expected_value", "owner", "scored_as")
    assert told.select(columns).rows() == [
        ("a", "A", 0.5, 50.0, "Anna", "b"),
        ("b", "A", 0.5, 5.0, "Ben", "b"),
        ("c", "B", 0.3, None, "Cem", "c"),
    ]


def test_nothing_changes_where_each_lead_is_a_person() -> None:
    alone = pl.DataFrame({"lead_id": ["a", "b", "c"], "person_id": ["a", "b", "c"]})
    assert one_score(FRAME, alone).drop("scored_as").equals(FRAME)
