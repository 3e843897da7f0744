from hypothesis import given, settings
from hypothesis import strategies as st
from polars import DataFrame, String

from leadcast.features.snapshots import MOST_LEADS_OF_A_PERSON, group_ids, person_ids

KEYS = {"lead_id": String, "email": String, "phone": String, "account_id": String}
Row = tuple[str | None, str | None, str | None]


def leads(rows: dict[str, Row]) -> DataFrame:
    """Leads as (email, phone, account)."""
    table = [(lead_id, *row) for lead_id, row in rows.items()]
    return DataFrame(table, schema=KEYS, orient="row")


def groups(rows: dict[str, Row]) -> dict[str, str]:
    return dict(zip(rows, group_ids(leads(rows)), strict=True))


def linked_by_hand(rows: dict[str, Row]) -> dict[str, set[str]]:
    """Join the groups of any two leads that share a key, until nothing changes."""
    found = {name: {name} for name in rows}
    for one, keys in rows.items():
        for other, others in rows.items():
            if any(a is not None and a == b for a, b in zip(keys, others, strict=True)):
                joined = found[one] | found[other]
                found |= dict.fromkeys(joined, joined)
    return found


def test_leads_that_share_nothing_stand_alone() -> None:
    assert groups({"b": (None, None, None), "a": ("a@x.de", None, None)}) == {"a": "a", "b": "b"}


def test_linked_through_others() -> None:
    rows: dict[str, Row] = {
        "c": ("One@x.de ", None, None),
        "b": ("one@x.de", "+49 123 4567", None),
        "a": (None, "(49) 1234567", None),
        "d": (None, None, "9"),
        "e": (None, "49-123-4567", "9"),
    }
    assert set(groups(rows).values()) == {"account:9"}


def test_leads_of_an_account_are_persons_of_their_own() -> None:
    rows: dict[str, Row] = {
        "a": ("One@x.de", None, "9"),
        "b": ("one@x.de ", None, "9"),
        "c": ("two@x.de", None, "9"),
        "d": (None, None, "9"),
    }
    assert person_ids(leads(rows)).to_list() == ["a", "a", "c", "d"]
    assert group_ids(leads(rows)).to_list() == ["account:9"] * 4


def test_an_account_does_not_swallow_a_lead_of_its_number() -> None:
    assert groups({"17": (None, None, None), "1": (None, None, "17")}) == {
        "17": "17",
        "1": "account:17",
    }


def test_what_identifies_nobody_links_nobody() -> None:
    rows: dict[str, Row] = {"a": ("none", "-", None), "b": ("none", "-", None)}
    rows |= {f"switchboard {n}": (None, "1234567", None) for n in range(MOST_LEADS_OF_A_PERSON + 1)}
    assert len(set(groups(rows).values())) == len(rows)


def test_columns_may_be_missing_or_of_another_type() -> None:
    frame = DataFrame({"lead_id": ["a", "b"], "account_id": [7.0, 7.0], "phone": [None, None]})
    assert group_ids(frame).to_list() == ["account:7.0"] * 2
    assert group_ids(frame.select("lead_id")).to_list() == ["a", "b"]
    assert group_ids(frame.clear()).to_list() == []


few_keys = st.tuples(
    st.sampled_from([None, "0@x.de", "1@x.de", "2@x.de"]),
    st.sampled_from([None, "0000000", "1111111", "2222222"]),
    st.sampled_from([None, "0", "1", "2"]),
)


@given(keys=st.lists(few_keys, max_size=9), data=st.data())
@settings(max_examples=60)
def test_groups_are_those_found_by_hand_in_any_order(keys: list[Row], data: st.DataObject) -> None:
    rows = {f"lead {number}": row for number, row in enumerate(keys)}
    found = groups(rows)
    for one, group in linked_by_hand(rows).items():
        assert {other for other in rows if found[other] == found[one]} == group
    shuffled = dict(data.draw(st.permutations(list(rows.items()))))
    assert groups(shuffled) == found
