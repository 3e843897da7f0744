"""What addresses, numbers and names are worth: junk is found, and honest people are not accused."""

from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest

from leadcast.features.base.addresses import domain_of
from leadcast.features.base.errors import LeadcastError
from leadcast.features.engine.engine import compute, compute_one
from leadcast.features.engine.fitting import fit_plan
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.hygiene import list_versions
from leadcast.features.hygiene.email_look import is_reserved
from leadcast.features.hygiene.list_versions import LIBRARIES, NEEDED_BY, library
from leadcast.features.hygiene.name_look import (
    fields_are_alike,
    name_doubt,
    names_are_same,
)
from leadcast.features.hygiene.phone_look import phone_in_country, phone_kind, region_of
from leadcast.features.settings import FeatureSettings
from leadcast.features.snapshots import SnapshotSettings
from leadcast.features.tables import Tables, TimeOrder, empty_events
from leadcast.features.values.readings import READINGS, readings_of

for module in ("email_validator", "disposable_email_domains", "phonenumbers"):
    pytest.importorskip(module, reason=f"{module} is not installed (requirements/run.txt)")

ADDRESSES = {
    "jane@acme.de": "business",
    "jane@münchen-bau.de": "business",
    "é@acme.de": "business",
    "jane@gmail.com": "free",
    "jane@icloud.com": "free",
    "ana@stanford.edu": "education",
    "x@mailinator.com": "disposable",
    "x@below.mailinator.com": "disposable",
    "j@privaterelay.appleid.com": "relay",
    "j@mozmail.com": "relay",
    "jane@corp.example": "reserved",
    "jane@example.com": "reserved",
    "jane@gmail": "invalid",
    "a..b@acme.de": "invalid",
    "jane doe@acme.de": "invalid",
    "not an address": "invalid",
    "x" * 500 + "@acme.de": "invalid",
}


@pytest.mark.parametrize(("address", "expected"), ADDRESSES.items())
def test_addresses_have_their_class(address: str, expected: str) -> None:
    read = READINGS["email_class"].read
    assert read is not None
    assert read(address) == read(f" {address.upper()} ") == expected


def test_a_reserved_domain_is_nobodys_and_one_that_looks_like_it_is_somebodys() -> None:
    assert is_reserved("mail.example.org")
    assert not is_reserved("testexample.com")
    assert not is_reserved("test.com")
    assert (domain_of("a@b@C.de"), domain_of("nobody")) == ("c.de", None)


NUMBERS: list[tuple[str, str | None, str, float | None]] = [
    ("+49 151 23456789", "Germany", "mobile", 1.0),
    ("0151 23456789", "Deutschland", "mobile", 1.0),
    ("0049 151 23456789", "DE", "mobile", 1.0),
    ("0151 23456789", None, "unclear", None),
    ("+44 20 7946 0958", "England", "fixed", 1.0),
    ("+41 44 668 18 00", "Österreich", "fixed", 0.0),
    ("(212) 736-5000", "USA", "fixed or mobile", 1.0),
    ("+1 416 736 5000", "US", "fixed or mobile", 1.0),
    ("+49 800 1234567", "Germany", "toll-free", 1.0),
    ("+49 151 23456789", "Atlantis", "mobile", None),
    ("+1 555 1724088", "US", "invalid", None),
    ("call me", "DE", "invalid", None),
    ("1" * 100, "DE", "invalid", None),
]


@pytest.mark.parametrize(("number", "country", "kind", "inside"), NUMBERS)
def test_numbers_are_read_in_the_leads_country(
    number: str, country: str | None, kind: str, inside: float | None
) -> None:
    assert phone_kind(number, country) == kind
    assert country is None or phone_in_country(number, country) == inside


def test_countries_are_known_by_code_and_by_name() -> None:
    told = ["de", "Germany", "DEUTSCHLAND", " Great  Britain", "U.S.A.", "Brasil", "Schweiz"]
    assert [region_of(one) for one in told] == ["DE", "DE", "DE", "GB", "US", "BR", "CH"]
    assert region_of("Atlantis") is None


JUNK = {
    "asdf": "keyboard", "Qwertz": "keyboard", "mnbv": "keyboard", "J0hn": "digits", "123": "digits",
    "aaaa": "repeated", "xxx": "repeated", "Test": "placeholder", "n/a": "placeholder",
    "jane@acme.de": "address",
}  # fmt: skip
HONEST = """
Ng|Li|O'Brien|José|Þórr|Wert|Trew|Power|Azer|John Smith III|Smith 3rd|Aa|Oo|Bo|Null|Na|Foo|李|王小明
Nguyễn|Müller-Lüdenscheidt|Krzyżewski|Hrbek|van der Berg|Jean-Luc|Йосиф|Γιώργος|Wertheim|Ewert
"""


@pytest.mark.parametrize(("name", "reason"), JUNK.items())
def test_junk_is_found(name: str, reason: str) -> None:
    assert name_doubt(name) == reason


@pytest.mark.parametrize("name", HONEST.strip().replace("\n", "|").split("|"))
def test_honest_names_are_not_accused(name: str) -> None:
    assert name_doubt(name) is None
    assert name_doubt(name.upper()) is None


def test_names_and_fields_that_say_the_same() -> None:
    assert names_are_same("Zoë ", "zoë") == 1.0
    assert names_are_same("Thomas", "Thomson") == 0.0
    assert names_are_same("", "") == 0.0
    assert fields_are_alike("x", "X ", "x") == 1.0
    assert fields_are_alike("x", "x", "y") == 0.0
    assert fields_are_alike("x", None, "x") is None


LEADS = pl.DataFrame(
    {
        "lead_id": [f"L{number:03}" for number in range(60)],
        "email": ["x@mailinator.com", "jane@acme.de", None, "j@mozmail.com", " "] * 12,
        "phone": ["+49 151 23456789", "030 123456", None, "0151 23456789", "1234", "call me"] * 10,
        "country": ["Germany", "France", None, "Deutschland"] * 15,
        "first_name": ["asdf", "Ann", "Bo", "Bo"] * 15,
        "last_name": ["asdf", "Lee", "Bo", None] * 15,
        "company": ["asdf", "Acme", "Bo", "Bo"] * 15,
    }
)
TYPES = dict.fromkeys(LEADS.columns[1:], "text") | {"country": "category"}


@pytest.fixture(scope="module")
def plan() -> FeaturePlan:
    leads = LEADS.with_columns(position=pl.int_range(60))
    tables = Tables(
        leads, empty_events(), pl.DataFrame(), None, TimeOrder.ORDERED, TYPES, hygiene_features=True
    )
    settings = FeatureSettings(min_level_count=1, redundancy=1.0)
    return fit_plan(tables, leads.select("lead_id"), settings, None, SnapshotSettings())


def test_a_table_and_a_single_lead_give_the_same(plan: FeaturePlan) -> None:
    made = {feature.name for feature in plan.features}
    assert {"email_class", "phone_kind", "phone_in_country", "first_name_is_doubtful",
            "first_name_is_last_name", "profile_is_alike"} <= made  # fmt: skip
    together = compute(plan, LEADS, None, LEADS.select("lead_id"))
    rows = [compute_one(plan, lead, [], None) for lead in LEADS.iter_rows(named=True)]
    np.testing.assert_array_equal(together, np.stack(rows))


def test_a_country_that_is_not_there_leaves_what_the_number_says_itself(plan: FeaturePlan) -> None:
    kinds = next(one for one in plan.features if one.name == "phone_kind")
    column = [feature.name for feature in plan.features].index("phone_kind")
    blind = compute(plan, LEADS.drop("country"), None, LEADS.select("lead_id"))[:, column]
    assert kinds.levels[int(blind[0]) - 1] == "mobile"
    assert kinds.levels[int(blind[3]) - 1] == "unclear"
    assert np.isnan(blind[2])


def test_without_the_key_nothing_is_read_by_lists() -> None:
    usual = {reading for reading, _ in readings_of(TYPES)}
    judged = {reading for reading, _ in readings_of(TYPES, hygiene=True)}
    assert judged - usual == {
        *("email_class", "phone_kind", "phone_in_country"),
        *("name_is_doubtful", "names_are_same", "fields_alike"),
    }
    assert not usual & {*NEEDED_BY}


def test_a_library_that_is_missing_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    missing: Mapping[str, str] = dict.fromkeys(LIBRARIES, "not_there_at_all")
    monkeypatch.setattr(list_versions, "_MODULES", missing)
    with pytest.raises(LeadcastError, match="phonenumberslite is not installed"):
        library("phonenumberslite")
