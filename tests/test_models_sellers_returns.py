"""What goes back to vendors: within the days, for their own reasons, with evidence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from leadcast.features.base.errors import FaultsError
from leadcast.features.definitions.load import load_definition
from leadcast.features.definitions.vendor_terms import VendorTerms
from leadcast.features.tables import TIME, Tables, TimeOrder
from leadcast.models.sellers.contact_quality import contact_faults, earlier_leads
from leadcast.models.sellers.junk import JunkFound
from leadcast.models.sellers.returns import COLUMNS, ReturnList, to_send_back
from leadcast.models.sellers.signals import Signals
from tests.source_samples import Keys, changed, sample_keys, write_definition

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
DEAD = "number_disconnected"
EVERYTHING = VendorTerms(
    return_days=14,
    reasons=("invalid_contact", "duplicate", "resold", "out_of_area", "disconnected", "junk"),
    duplicate_days=30,
    area={"country": ("DE", "Austria")},
    disconnected_events=(DEAD,),
)
LEADS = (
    # id, vendor, days before now, e-mail, telephone, country, cost
    ("fine", "Acme", 3.0, "a@firm.de", "+49 30 1234599", "de", 40.0),
    ("no mail", "Acme", 3.0, "nobody", "+49 30 1234598", "DE", 40.0),
    ("thrown", "Acme", 4.0, "x@mailinator.com", None, "AUSTRIA ", None),
    ("abroad", "Acme", 5.0, "b@firm.fr", "+33 1 44556699", "France", 40.0),
    ("nowhere", "Acme", 5.0, "n@firm.fr", "+33 1 44556688", None, 40.0),
    ("dead", "Acme", 6.0, "c@firm.de", "+49 30 1234597", "DE", 40.0),
    ("first", "Other", 20.0, "d@firm.de", "+49 30 1234596", "DE", 10.0),
    ("again", "Acme", 2.0, "D@firm.de", None, "DE", 40.0),
    ("own", None, 40.0, "e@firm.de", None, "DE", None),
    ("long ago", "Acme", 1.0, "e@firm.de", None, "DE", 40.0),
    ("late", "Acme", 14.001, "nobody", None, "DE", 40.0),
    ("just", "acme ", 14.0, "nobody", None, "DE", 40.0),
    ("no terms", "Other", 1.0, "nobody", None, "DE", 10.0),
)


def tables_of(leads: pl.DataFrame | None = None) -> Tables:
    names = ["lead_id", "vendor", "days", "email", "phone", "country", "cost"]
    every = pl.DataFrame(LEADS, names, orient="row").with_columns(
        created_at=pl.lit(NOW).cast(TIME)
        - pl.duration(milliseconds=(pl.col("days") * 86_400_000).cast(pl.Int64))
    )
    events = pl.DataFrame(
        {
            "lead_id": ["dead", "fine", "fine"],
            "occurred_at": [NOW - timedelta(days=5), NOW + timedelta(days=1), NOW],
            "event_type": [DEAD, DEAD, "call"],
            "value": [None, None, 3.0],
        },
        schema_overrides={"occurred_at": TIME},
    )
    return Tables(
        leads=every if leads is None else leads,
        events=events.lazy(),
        outcomes=pl.DataFrame(),
        observed_until=NOW,
        time_order=TimeOrder.DATED,
        attribute_types={},
    )


def found(terms: VendorTerms = EVERYTHING, junk: JunkFound | None = None) -> ReturnList:
    return to_send_back(tables_of(), {"Acme": terms}, NOW, junk)


def reasons(listed: ReturnList) -> dict[str, str]:
    return dict(listed.frame.select("lead_id", "reasons").iter_rows())


def test_each_reason_has_its_leads_and_no_others() -> None:
    assert reasons(found()) == {
        "no mail": "invalid contact",
        "thrown": "invalid contact",
        "abroad": "out of area",
        "dead": "disconnected",
        "again": "duplicate; resold",
        "just": "invalid contact",
    }


def test_evidence_says_what_speaks_for_it_once() -> None:
    told = dict(found().frame.select("lead_id", "evidence").iter_rows())
    assert told["no mail"] == "e-mail nobody: no address can be written so"
    assert told["thrown"] == "e-mail x@mailinator.com: an address made to be thrown away"
    assert told["abroad"] == "country is France, ordered were DE, Austria"
    assert told["dead"] == f"{DEAD} on 2025-05-27 12:00 UTC"
    assert told["again"] == (
        "same e-mail address as first, which came 18 days before (2025-05-12) from Other"
    )
    assert dict(found().frame.select("lead_id", "earlier_lead_id").iter_rows())["again"] == "first"


def test_a_vendor_gets_back_what_it_takes_back_and_nothing_else() -> None:
    strict = VendorTerms(return_days=14, reasons=("duplicate",), duplicate_days=17.9)
    assert reasons(found(strict)) == {}
    assert reasons(found(strict.model_copy(update={"duplicate_days": 18.1}))) == {
        "again": "duplicate"
    }
    longer = strict.model_copy(update={"duplicate_days": 60.0})
    assert reasons(found(longer)) == {"again": "duplicate", "long ago": "duplicate"}
    sold = VendorTerms(return_days=14, reasons=("resold",))
    assert reasons(found(sold)) == {"again": "resold"}, "what came by itself was sold by nobody"


def test_the_deadline_itself_is_in_time_and_the_nearest_stands_first() -> None:
    frame = found().frame
    assert frame.columns == list(COLUMNS)
    first = frame.row(0, named=True)
    assert (first["lead_id"], first["hours_left"], first["deadline"]) == ("just", 0.0, NOW)
    assert frame["deadline"].is_sorted()
    assert found().due(0.0)["lead_id"].to_list() == ["just"]
    assert found().in_window == {"Acme": 9}


def test_the_price_is_what_was_agreed_else_what_the_lead_cost() -> None:
    cost = dict(found().frame.select("lead_id", "price").iter_rows())
    assert (cost["abroad"], cost["thrown"]) == (40.0, None)
    agreed = found(EVERYTHING.model_copy(update={"price": 55.0})).frame
    assert set(agreed["price"]) == {55.0}


def test_junk_goes_back_from_the_agreed_probability_on() -> None:
    ids = pl.Series([row[0] for row in LEADS])
    levels = {"night": np.array([1] * len(ids), np.int8)}
    nothing = np.zeros(len(ids))
    faked = np.array([0.97 if one == "fine" else 0.9 for one in ids])
    junk = JunkFound(ids, nothing, faked, (), {}, Signals(ids, levels))
    listed = found(junk=junk)
    assert reasons(listed)["fine"] == "junk"
    told = dict(listed.frame.select("lead_id", "evidence").iter_rows())
    assert told["fine"] == "97 % likely junk: came at night"
    bolder = found(EVERYTHING.model_copy(update={"junk_from": 0.5}), junk)
    assert set(reasons(bolder)) == {
        row[0] for row in LEADS if (row[1] or "").strip().lower() == "acme" and row[0] != "late"
    }


def test_vendors_without_leads_and_leads_without_terms_are_named() -> None:
    listed = to_send_back(tables_of(), {"Acme": EVERYTHING, "Acne": EVERYTHING}, NOW)
    assert listed.unknown == ("Acne",)
    assert listed.without_terms == ("Other",)


def test_what_came_later_is_not_known_yet() -> None:
    before = to_send_back(tables_of(), {"Acme": EVERYTHING}, NOW - timedelta(days=5.5))
    assert set(reasons(before)) == {"late", "just"}


def test_a_source_without_costs_and_telephones_has_its_list_too() -> None:
    bare = tables_of().leads.drop("cost", "phone", "country")
    terms = VendorTerms(return_days=14, reasons=("invalid_contact", "duplicate"))
    listed = to_send_back(tables_of(bare), {"Acme": terms}, NOW)
    assert reasons(listed)["no mail"] == "invalid contact"
    assert listed.frame["price"].null_count() == listed.frame.height
    empty = replace(tables_of(), leads=bare.clear())
    assert to_send_back(empty, {"Acme": terms}, NOW).frame.is_empty()


def test_the_lead_before_is_the_last_one_of_the_same_person() -> None:
    leads = tables_of().leads
    pairs = dict(earlier_leads(leads).select("lead_id", "earlier_id").iter_rows())
    assert pairs == {"again": "first", "long ago": "own"}
    bought = leads["vendor"].is_not_null()
    assert earlier_leads(leads, bought)["lead_id"].to_list() == ["again"]
    assert contact_faults(leads)["lead_id"].equals(leads["lead_id"])


VENDORS: Keys = {
    "Acme": {"return_days": "14", "reasons": ["out_of_area", "disconnected", "duplicate"]},
    "Other": {
        "return_days": "7",
        "reasons": ["junk"],
        "area": {"land": ["DE"]},
        "disconnected_events": ["gone"],
    },
}


def test_all_that_terms_lack_is_told_at_once(tmp_path: Path) -> None:
    keys = changed(sample_keys(tmp_path), {"vendors": VENDORS})
    with pytest.raises(FaultsError) as caught:
        load_definition(write_definition(tmp_path, keys))
    text = str(caught.value)
    for words in (
        "vendors, and no vendor",
        "out_of_area, and no area",
        "disconnected, and no disconnected_events",
        "duplicate, and no email or phone",
        "an area, and out_of_area is no reason",
        "'land', which is no attribute",
        "disconnected_events, and disconnected is no reason",
    ):
        assert words in text, words


@pytest.mark.parametrize(
    "terms",
    [
        {"return_days": "0", "reasons": ["junk"]},
        {"return_days": "14", "reasons": []},
        {"return_days": "14", "reasons": ["ugly"]},
        {"return_days": "14", "reasons": ["junk"], "junk_from": "1.5"},
        {"return_days": "14", "reasons": ["junk"], "pricing": "3"},
    ],
)
def test_terms_that_mean_nothing_are_refused(tmp_path: Path, terms: Keys) -> None:
    keys = changed(sample_keys(tmp_path), {"vendors": {"Acme": terms}})
    with pytest.raises(FaultsError, match=r"vendors\.Acme"):
        load_definition(write_definition(tmp_path, keys))
