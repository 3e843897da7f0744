from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from polars import DataFrame, Datetime, Schema, String

from leadcast.features.identity.resale import OWN, RESALES, resales

START = datetime(2026, 1, 1, tzinfo=UTC)
LEADS = Schema({"lead_id": String(), "vendor": String(), "created_at": Datetime("us", "UTC")})
Sold = tuple[str, str | None, float, str]


def found(rows: list[Sold], within_days: float = 30.0) -> tuple[DataFrame, DataFrame]:
    """Leads as (id, vendor, day, person)."""
    table = [(one, vendor, START + timedelta(days=day)) for one, vendor, day, _ in rows]
    ids = [(row[0], row[3]) for row in rows]
    persons = DataFrame(ids, schema=["lead_id", "person_id"], orient="row")
    persons = persons.cast(String)
    return resales(DataFrame(table, schema=LEADS, orient="row"), persons, within_days)


def test_the_first_seller_the_later_ones_and_the_delay() -> None:
    sold: list[Sold] = [
        ("c", "Z", 12, "p"),
        ("a", "X", 0, "p"),
        ("b", "X", 2, "p"),
        ("d", "Y", 90, "p"),
        ("e", None, 5, "q"),
        ("f", "Y", 6, "q"),
        ("g", "Y", 7, "alone"),
    ]
    rows, vendors = found(sold)
    assert rows.schema == RESALES
    told = rows.select("lead_id", "earlier_vendor", "first_vendor", "delay_days", "same_vendor")
    assert told.rows() == [
        ("b", "X", "X", 2.0, True),
        ("f", OWN, OWN, 1.0, False),
        ("c", "X", "X", 10.0, False),
    ]
    counts = vendors.drop("median_delay_days", "share_had_before").rows()
    # Vendor, leads, resold, by others, twice by itself, first seller of what was sold again.
    assert counts == [("X", 2, 1, 0, 1, 1), ("Y", 3, 1, 1, 0, 0), ("Z", 1, 1, 1, 0, 0)]
    assert vendors["share_had_before"].to_list() == [1 / 2, 1 / 3, 1.0]


def test_nobody_sold_anything() -> None:
    rows, vendors = found([])
    assert (rows.height, vendors.height) == (0, 0)
    assert rows.schema == RESALES


leads = st.lists(
    st.tuples(st.sampled_from(["X", "Y", None]), st.integers(0, 60), st.sampled_from("pqr")),
    max_size=8,
)


@given(sold=leads, days=st.integers(0, 40), data=st.data())
@settings(max_examples=40)
def test_as_found_by_hand_in_any_order(
    sold: list[tuple[str | None, int, str]], days: int, data: st.DataObject
) -> None:
    rows: list[Sold] = [(str(number), *row) for number, row in enumerate(sold)]
    by_hand = set()
    for lead, vendor, day, person in rows:
        before = [one[2] for one in rows if one[3] == person and (one[2], one[0]) < (day, lead)]
        if vendor is not None and before and day - max(before) <= days:
            by_hand.add(lead)
    again, vendors = found(data.draw(st.permutations(rows)), days)
    assert set(again["lead_id"]) == by_hand
    assert vendors["resold"].sum() == len(by_hand)
