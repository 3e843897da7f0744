"""The hard cases, by hand: who must be one person, and who must not."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.identity.clusters import MOST_RECORDS, clustered, known_pairs
from leadcast.features.identity.exact import MERGES, MOST_LEADS
from leadcast.features.identity.match_errors import pairs_right
from leadcast.features.identity.persons import LINKED, PERSONS, resolve

START = datetime(2026, 1, 1, tzinfo=UTC)
TEXTS = ("name", "email", "phone", "company", "address", "postal_code")
Who = tuple[str | None, ...]


def leads(rows: dict[str, Who]) -> pl.DataFrame:
    """Leads as (name, email, phone, company, address, postal code), a day apart."""
    table = [
        (one, START + timedelta(days=day), *who, *[None] * (len(TEXTS) - len(who)))
        for day, (one, who) in enumerate(rows.items())
    ]
    named = [f"person_{text}" if text not in ("email", "phone") else text for text in TEXTS]
    schema = {"lead_id": pl.String(), "created_at": pl.Datetime("us", "UTC")}
    frame = pl.DataFrame(table, schema=schema | dict.fromkeys(named, pl.String()), orient="row")
    return frame.with_columns(country=pl.lit("DE"))


def persons(rows: dict[str, Who], match: str = "probabilistic") -> dict[str, str]:
    found = resolve(leads(rows), match).persons  # type: ignore[arg-type]
    assert found.schema == PERSONS
    return dict(found.select("lead_id", "person_id").iter_rows())


ONE: dict[str, dict[str, Who]] = {
    "plus tag and dots of the provider": {
        "a": (None, "Jane.Doe+crm@GoogleMail.com"),
        "b": (None, "janedoe@gmail.com"),
    },
    "national and international telephone": {
        "a": (None, None, "0049 171 4443335"),
        "b": (None, None, "(0171) 444-33-35 ext. 4"),
    },
    "transliterated": {
        "a": ("Юлия Иванова", None, None, "Ромашка", None, "101000"),
        "b": ("Julia Ivanova", None, None, "Romashka LLC", None, "101000"),
    },
    "umlauts": {
        "a": ("Jürgen Müller", "jm@firma.example", None, "Firma GmbH"),
        "b": ("Juergen Mueller", "juergen@gmail.com", None, "Firma"),
    },
    "changed surname, same mobile": {
        "a": ("Anna Schmidt", "anna.schmidt@firma.example", "+49 171 9998887", "Firma"),
        "b": ("Anna Meyer", "anna.meyer@firma.example", "0171 9998887", "Firma"),
    },
    "double name after a marriage, same firm": {
        "a": ("Ingeborg Schmidt", "is@firma.example", None, "Firma", None, "10115"),
        "b": ("Ingeborg Schmidt-Weber", "isw@firma.example", None, "Firma", None, "10115"),
    },
    "first and last name in each other's place": {
        "a": ("Maria Gonzalez", "m@x.example", None, "Acme"),
        "b": ("Gonzalez Maria", None, "+1 212 5559876", "Acme Inc"),
    },
    "typing error": {
        "a": ("Robert Kowalczyk", None, None, "Huta", "Waldstraße 5", "50667"),
        "b": ("Robert Kowalcyzk", None, None, "Huta", "Waldstr. 5", "50667"),
    },
    "short form": {
        "a": ("William Okonkwo", None, None, None, "Ringstraße 7", "20095"),
        "b": ("Bill Okonkwo", None, None, None, "Ringstr. 7", "20095"),
    },
}
APART: dict[str, dict[str, Who]] = {
    "twins at one address with one landline": {
        "a": ("Lena Vogel", "lena@gmx.de", "030 5557771", None, "Hauptstr. 5", "10115"),
        "b": ("Lea Vogel", "lea.v@gmx.de", "+49 30 5557771", None, "Hauptstraße 5", "10115"),
        "c": ("Tom Vogel", None, "030 5557771", None, "Hauptstr. 5", "10115"),
    },
    "a couple with one mailbox": {
        "a": ("Anna Kurz", "familie.kurz@web.de"),
        "b": ("Peter Kurz", "familie.kurz@web.de"),
    },
    "an address of a role": {
        "a": ("Anna Kurz", "info@firma.example"),
        "b": (None, "info@firma.example"),
    },
    "colleagues of one first name": {
        "a": ("Anna Weber", "aw@firma.example", None, "Firma", "Weg 1", "10115"),
        "b": ("Anna Schmidt", "as@firma.example", None, "Firma", "Weg 1", "10115"),
    },
    "namesakes in two towns": {
        "a": ("John Smith", "js@one.example", None, "One", None, "10115"),
        "b": ("John Smith", "john@two.example", None, "Two", None, "80331"),
    },
    "numbers that are typed by who wants no call": {
        "a": (None, None, "0000000"),
        "b": (None, None, "0000000"),
    },
}


@pytest.fixture(scope="module")
def whose() -> dict[str, dict[str, str]]:
    """All cases in one table, by way of matching."""
    rows = {
        f"{name}: {one}": who for name, case in (ONE | APART).items() for one, who in case.items()
    }
    return {match: persons(rows, match) for match in ("exact", "probabilistic")}


def of_case(whose: dict[str, str], name: str) -> set[str]:
    return {person for lead, person in whose.items() if lead.startswith(f"{name}: ")}


@pytest.mark.parametrize("name", ONE)
def test_one_person(name: str, whose: dict[str, dict[str, str]]) -> None:
    assert of_case(whose["probabilistic"], name) == {f"{name}: a"}


@pytest.mark.parametrize("name", APART)
@pytest.mark.parametrize("match", ["exact", "probabilistic"])
def test_people_who_share_something_stay_apart(
    name: str, match: str, whose: dict[str, dict[str, str]]
) -> None:
    assert len(of_case(whose[match], name)) == len(APART[name])


def test_a_switchboard_joins_nobody() -> None:
    number, n = "+49 30 123450", 300
    rows: dict[str, Who] = {
        f"{one:03}": (f"{first}{one // 2} {last}", f"{first}{one}@firma.example", number, "Firma")
        for one, (first, last) in enumerate([("Anna", "Kurz"), ("Peter", "Lang")] * (n // 2))
    }
    nameless: dict[str, Who] = {one: (None, email, number) for one, (_, email, *_) in rows.items()}
    for match in ("exact", "probabilistic"):
        assert len(set(persons(nameless, match).values())) == n
        assert len(set(persons(rows, match).values())) == n
    few = dict(list(nameless.items())[: MOST_LEADS // 5])
    assert len(set(persons(few).values())) == 1, "a few addresses with one number may be one's"


def test_merges_join_through_records_that_are_gone() -> None:
    rows: dict[str, Who] = {one: (None, f"{one}@x.example") for one in "abcd"}
    merged = START + timedelta(days=40)
    table = [("gone", "a", merged), ("gone", "c", merged), ("a", "unknown", None)]
    merges = pl.DataFrame(table, schema=MERGES, orient="row")
    found = resolve(leads(rows), "exact", merges)
    assert found.persons["person_id"].to_list() == ["a", "b", "a", "d"]
    assert found.linked.schema == LINKED
    assert found.linked.rows() == [("a", "c", merged), ("c", "a", merged)]


def test_a_chain_of_likely_links_does_not_join_people_who_clash() -> None:
    def chain(clash: list[tuple[int, int]]) -> list[int]:
        links = pl.DataFrame({"a": [0, 1], "b": [1, 2], "probability": [0.99, 0.95]})
        clashes = pl.DataFrame(clash, schema=["a", "b"], orient="row")
        return [*map(int, clustered(3, links, clashes.cast(pl.Int64))[0])]

    assert chain([]) == [0, 0, 0]
    assert chain([(0, 2)]) == [0, 0, 2]


def test_nobody_has_hundreds_of_records() -> None:
    n = 2 * MOST_RECORDS
    pairs = pl.DataFrame(list(pairwise(range(n))), schema=["a", "b"], orient="row")
    root, _ = clustered(n, pairs.with_columns(probability=1.0), pairs.clear())
    assert max(pl.Series(root).value_counts()["count"]) <= MOST_RECORDS


def test_two_records_are_known_to_be_one_when_the_last_link_between_them_is() -> None:
    links = pl.DataFrame({"a": [0, 1], "b": [1, 2], "known_us": [5, 9]})
    known = {(a, b): known_us for a, b, known_us in known_pairs(links).iter_rows()}
    assert known == {(0, 1): 5, (1, 0): 5, (1, 2): 9, (2, 1): 9, (0, 2): 9, (2, 0): 9}


who = st.tuples(
    st.sampled_from([None, "Anna Kurz", "A. Kurz", "Anna Lang", "Peter Lang"]),
    st.sampled_from([None, "a@x.example", "b@x.example", "info@x.example"]),
    st.sampled_from([None, "030 5557771", "+49 30 5557772"]),
    st.sampled_from([None, "Firma"]),
)


@given(rows=st.lists(who, max_size=7), data=st.data())
@settings(max_examples=6)
def test_the_order_of_leads_makes_no_difference(rows: list[Who], data: st.DataObject) -> None:
    table = leads({str(number): row for number, row in enumerate(rows)})
    mixed = table[data.draw(st.permutations(range(len(rows))))]
    first, second = (resolve(one, "probabilistic").persons for one in (table, mixed))
    assert first.sort("lead_id").equals(second.sort("lead_id"))


@given(rows=st.lists(who, min_size=1, max_size=7), new=who)
@settings(max_examples=8)
def test_a_later_lead_changes_nothing_that_was_known_of_exact_links(
    rows: list[Who], new: Who
) -> None:
    before = {str(number): row for number, row in enumerate(rows)}
    later = START + timedelta(days=len(rows))
    known, again = (
        resolve(leads(one), "exact").linked.filter(pl.col("known_at") < later)
        for one in (before, before | {"new": new})
    )
    # What turns out to be shared may part people; nobody comes to be known as one earlier.
    assert again.join(known, on=["lead_id", "other_id", "known_at"], how="anti").is_empty()


def test_pairs_that_are_right_are_counted() -> None:
    truth = pl.Series([1, 1, 1, 2, 3])
    assert pairs_right(truth, truth) == (1.0, 1.0)
    assert pairs_right(pl.Series([1, 1, 2, 3, 3]), truth) == (1 / 2, 1 / 3)


@pytest.mark.parametrize(
    ("first", "last", "shared", "is_one"),
    [
        (
            None,
            "Zemanek",
            {"person_company": "Hornbach Optics", "person_postal_code": "80331"},
            True,
        ),
        (None, "Zemanek", {"person_company": "Hornbach Optics"}, True),
        ("Julia", "Zenek", {"person_company": "Hornbach Optics"}, True),
        # Of a household several have that last name, and none of them may be Julia.
        (None, "Zemanek", {"person_address": "Am Ring 3", "person_postal_code": "80331"}, False),
        ("Tom", "Zemanek", {"person_company": "Hornbach Optics"}, False),
        (None, "Zemanek", {}, False),
    ],
)
def test_a_missing_or_mistyped_name_is_made_up_for_by_the_company(
    first: str | None, last: str, shared: dict[str, str], is_one: bool
) -> None:
    rows = [
        {"lead_id": "a", "person_first_name": "Julia", "person_last_name": "Zemanek", **shared},
        {"lead_id": "b", "person_first_name": first, "person_last_name": last, **shared},
    ]
    rows += [{"lead_id": f"x{n}", "person_last_name": f"Other{n}"} for n in range(20)]
    columns = ("first_name", "last_name", "company", "address", "postal_code")
    schema = {"lead_id": pl.String} | {f"person_{one}": pl.String for one in columns}
    table = pl.DataFrame(rows, schema=schema).with_columns(created_at=pl.lit(START))
    found = dict(resolve(table, "probabilistic").persons.select("lead_id", "person_id").iter_rows())
    assert (found["b"] == "a") is is_one
