"""The audit finds what was planted, with how such leads convert, and accuses nobody honest."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from leadcast.features.definitions.doubt_kinds import AUDIT_CODES
from leadcast.features.ingest.change_rows import carried
from leadcast.features.tables import TIME, Tables, TimeOrder
from leadcast.models.audit.audit_finding import KINDS, masked, masked_address
from leadcast.models.audit.lead_audit import AuditInputs, audit_leads
from leadcast.models.audit.lead_outcomes import LeadOutcomes
from leadcast.models.evaluation.bootstrap import Estimate
from leadcast.models.evaluation.sampled_rate import clustered_rate, rate_difference
from leadcast.models.report.audit_blocks import audit_summary, audit_words
from leadcast.pipelines.audit import audit_page

for module in ("email_validator", "disposable_email_domains", "phonenumbers"):
    pytest.importorskip(module, reason=f"{module} is not installed (requirements/run.txt)")

N = 2_400
START = datetime(2024, 1, 1, tzinfo=UTC)
TYPES = {
    "first_name": "text", "last_name": "text", "company": "text", "email": "text", "phone": "text",
    "country": "category", "industry": "category", "employees": "number", "contacted": "time",
}  # fmt: skip
FIRST, LAST = ("Ann", "Bo", "Chloé", "Dmitri", "Eve", "Li"), ("Ng", "Wert", "Smith", "Oo", "Power")


def honest() -> pl.DataFrame:
    """Leads of a year, evenly spaced, of whom nothing bad can be said."""
    row = pl.int_range(N, eager=True).alias("row")
    rng = np.random.default_rng(1)
    created = [START + timedelta(days=365 * number / N) for number in range(N)]
    return pl.DataFrame(
        {
            "lead_id": [f"L{number:05}" for number in row],
            "created_at": pl.Series(created, dtype=TIME),
            "position": row,
            "first_name": [FIRST[number % 6] for number in row],
            "last_name": [LAST[number % 5] for number in row],
            "company": [f"Company {number}" for number in row],
            "email": [f"person{number}@company-{number % 997}.de" for number in row],
            "phone": [f"+49 151 2{number:07}" for number in row],
            "country": ["Germany"] * N,
            "industry": rng.choice(["it", "retail", "health"], N).tolist(),
            "employees": rng.lognormal(4, 1, N).round().tolist(),
            "contacted": pl.Series([one + timedelta(days=1) for one in created], dtype=TIME),
        }
    )


def audited(
    leads: pl.DataFrame,
    won: np.ndarray | None = None,
    *,
    events: pl.DataFrame | None = None,
    vouched: dict[str, str] | None = None,
) -> dict[str, Any]:
    rng = np.random.default_rng(2)
    is_won = rng.random(N) < 0.2 if won is None else won
    ends = leads.select(
        "lead_id",
        won_at=pl.when(pl.Series(is_won)).then(pl.col("created_at") + timedelta(days=9)),
        lost_at=pl.lit(None, dtype=TIME),
        converted=pl.lit(None, dtype=pl.Boolean),
        amount=pl.lit(None, dtype=pl.Float64),
    )
    snapshots = leads.select(
        "lead_id",
        position=pl.col("created_at").dt.epoch("us"),
        group_id="lead_id",
        mature=pl.lit(value=True),
        converted=pl.Series(is_won),
    )
    nothing = leads.head(0).select(
        "lead_id", occurred_at="created_at", event_type="lead_id", value="employees"
    )
    happened = (nothing if events is None else events).lazy()
    until = START + timedelta(days=400)
    tables = Tables(leads, happened, ends, until, TimeOrder.DATED, TYPES)
    columns = {name: name.replace("_", " ").title() for name in TYPES}
    return audit_leads(AuditInputs("sample", "Sample", tables, snapshots, columns, vouched or {}))


def codes(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["code"]: one for one in found["findings"]}


def some(share: float, seed: int = 3) -> pl.Series:
    return pl.Series(np.random.default_rng(seed).random(N) < share)


def planted(name: str, value: str | None, mine: pl.Series) -> pl.DataFrame:
    put = pl.when(mine).then(pl.lit(value, dtype=pl.String)).otherwise(name)
    return honest().with_columns(put.alias(name))


def test_honest_leads_are_accused_of_nothing() -> None:
    found = audited(honest())
    assert found["findings"] == []
    assert found["not_checked"] == []


PLANTED: dict[str, tuple[str, str]] = {
    "email_invalid": ("email", "jane at acme"),
    "email_reserved": ("email", "jane@corp.example"),
    "email_disposable": ("email", "jane@mailinator.com"),
    "email_relay": ("email", "jane@privaterelay.appleid.com"),
    "email_role": ("email", "info@acme.de"),
    "email_repeated": ("email", "same@acme.de"),
    "phone_invalid": ("phone", "+49 1"),
    "phone_elsewhere": ("phone", "+41 44 668 18 00"),
    "phone_repeated": ("phone", "+49 151 99999999"),
    "name_doubtful": ("first_name", "asdf"),
}


@pytest.mark.parametrize(("code", "where"), PLANTED.items())
def test_planted_junk_is_counted_exactly(code: str, where: tuple[str, str]) -> None:
    name, value = where
    mine = some(0.05)
    one = codes(audited(planted(name, value, mine)))[code]
    assert one["count"] == int(mine.sum())
    assert one["of"] == N
    assert one["column"] == name.replace("_", " ").title()
    assert (one["level"] == "warning") == (KINDS[code].level == "warning")


def test_names_and_fields_that_all_say_the_same_are_found() -> None:
    mine = some(0.03)
    same = [pl.when(mine).then(pl.lit("zzyx")).otherwise(name).alias(name) for name in
            ("first_name", "last_name", "company", "email", "phone")]  # fmt: skip
    found = codes(audited(honest().with_columns(same)))
    assert found["fields_alike"]["count"] == found["names_are_same"]["count"] == int(mine.sum())


def test_how_junk_converts_is_told_with_an_interval() -> None:
    mine, rng = some(0.3), np.random.default_rng(5)
    won = rng.random(N) < np.where(mine, 0.02, 0.3)
    poor = codes(audited(planted("email", "x@mailinator.com", mine), won))["email_disposable"]
    assert poor["conversion"]["verdict"] == "less"
    assert poor["conversion"]["inside"]["low"] < 0.02 < poor["conversion"]["inside"]["high"]
    # A disposable address is no verdict by itself: where such leads buy, that is what is told.
    won = rng.random(N) < np.where(mine, 0.4, 0.2)
    good = codes(audited(planted("email", "x@mailinator.com", mine), won))["email_disposable"]
    assert good["conversion"]["verdict"] == "more"
    assert good["level"] == "note"


def test_dates_out_of_order_and_to_come_are_found() -> None:
    mine = some(0.04)
    early, late = pl.col("created_at") - timedelta(days=3), pl.col("created_at").dt.offset_by("9y")
    put = honest().with_columns(contacted=pl.when(mine).then(early).otherwise("contacted"))
    found = codes(audited(put))["dates_out_of_order"]
    assert (found["count"], found["column"]) == (int(mine.sum()), "Contacted, created")
    put = honest().with_columns(contacted=pl.when(mine).then(late).otherwise("contacted"))
    assert codes(audited(put))["dates_in_future"]["count"] == int(mine.sum())


def test_events_edited_in_bulk_are_found_and_a_busy_minute_is_not() -> None:
    leads = honest()
    visits = leads.select("lead_id", occurred_at="created_at", event_type=pl.lit("visit"),
                          value=pl.lit(None, dtype=pl.Float64))  # fmt: skip
    at_once = visits.head(200).with_columns(
        occurred_at=pl.lit(START, dtype=TIME), event_type=pl.lit("status_changed")
    )
    others = visits.with_columns(event_type=pl.lit("status_changed"))
    found = audited(leads, events=pl.concat([visits, others, at_once]))["findings"]
    assert [(one["code"], one["column"]) for one in found] == [
        ("events_in_bulk", "event status_changed")
    ]


def test_fields_edited_in_bulk_are_found_by_their_history() -> None:
    leads = honest()
    each = leads.select("lead_id", changed_at="created_at")
    at_once = each.head(200).with_columns(changed_at=pl.lit(START, dtype=TIME))
    values = {"old_value": pl.lit("IT"), "new_value": pl.lit("it")}
    history = pl.concat([each, at_once]).with_columns(attribute=pl.lit("industry"), **values)
    found = audited(carried(leads, history))["findings"]
    assert [(one["code"], one["column"]) for one in found] == [("changes_in_bulk", "Industry")]


HALF = pl.col("position") >= N // 2
CHANGES: dict[str, tuple[str, pl.Expr]] = {
    "column_goes_missing": (
        "industry",
        pl.when(HALF & (pl.col("position") % 10 > 0)).then(None).otherwise("industry"),
    ),
    "column_changes_meaning": (
        "industry",
        pl.when(HALF).then("industry" + pl.lit(" (new)")).otherwise("industry"),
    ),
    "column_drifts": (
        "industry",
        pl.when(HALF & (pl.col("position") % 2 > 0)).then(pl.lit("it")).otherwise("industry"),
    ),
}


@pytest.mark.parametrize(("code", "change"), CHANGES.items())
def test_a_column_that_changes_is_told_with_its_month(
    code: str, change: tuple[str, pl.Expr]
) -> None:
    name, changed = change
    found = audited(honest().with_columns(changed.alias(name)))["findings"]
    assert [(one["code"], one["column"]) for one in found] == [(code, "Industry")]
    assert "2024-07" in found[0]["found"]


def test_a_number_in_another_unit_changes_its_meaning() -> None:
    thousands = pl.when(HALF).then(pl.col("employees") / 1000).otherwise("employees")
    found = codes(audited(honest().with_columns(employees=thousands)))
    assert "1e+03 times" in found["column_changes_meaning"]["found"]


def test_names_that_are_new_all_the_time_are_no_change() -> None:
    campaigns = pl.concat_str(pl.lit("campaign "), pl.col("created_at").dt.month())
    assert audited(honest().with_columns(industry=campaigns))["findings"] == []


def test_values_that_convert_the_other_way_round_are_found() -> None:
    leads = honest()
    late, it = (leads["position"] >= N // 2).to_numpy(), (leads["industry"] == "it").to_numpy()
    won = np.random.default_rng(7).random(N) < np.where(late == it, 0.05, 0.4)
    assert "column_turns" in codes(audited(leads, won))
    won = np.random.default_rng(7).random(N) < np.where(it, 0.05, 0.4)
    assert "column_turns" not in codes(audited(leads, won))


def test_what_is_vouched_for_comes_last_and_quietly() -> None:
    leads = planted("email", "jane at acme", some(0.2)).with_columns(
        first_name=pl.when(some(0.02)).then(pl.lit("asdf")).otherwise("first_name")
    )
    found = audited(leads, vouched={"email_invalid:Email": "typed on paper"})["findings"]
    assert found[0]["level"] == "warning"
    assert found[-1]["vouched"] == "typed on paper"
    assert {*AUDIT_CODES} == {*KINDS} - {"profile_doubt"}


def test_no_value_of_a_lead_is_in_the_audit() -> None:
    mine = some(0.1)
    leads = honest().with_columns(
        email=pl.when(mine).then(pl.lit("Secret.Person@@nowhere")).otherwise("email"),
        phone=pl.when(mine).then(pl.lit("0049 777 31415")).otherwise("phone"),
        first_name=pl.when(mine).then(pl.lit("Secret99")).otherwise("first_name"),
    )
    told = json.dumps(audited(leads), ensure_ascii=False).casefold()
    assert "aaaaaa.aaaaaa" in told or "aaaaaa.aaaa" in told
    for secret in ("secret", "nowhere", "31415", "company-", "chloé", "l00001"):
        assert secret not in told
    assert masked("Jane Doe, born 1984 in B.") == "aaaa aaa, a…"
    assert masked_address("Jane@Gmail.com", public=True) == "aaaa@gmail.com"


def test_fields_tell_how_often_they_are_filled_and_how_their_leads_convert() -> None:
    mine, rng = some(0.6), np.random.default_rng(9)
    leads = honest().with_columns(phone=pl.when(mine).then("phone"))
    won = rng.random(N) < np.where(mine, 0.3, 0.1)
    fields = {one["name"]: one for one in audited(leads, won)["fields"]}
    assert fields["phone"]["filled"] == pytest.approx(mine.mean())
    assert fields["phone"]["conversion"]["verdict"] == "more"
    assert fields["phone"]["use"] is None
    assert fields["company"]["conversion"]["verdict"] == "unknown"


def test_a_label_is_that_of_the_first_mature_look() -> None:
    leads = pl.DataFrame({"lead_id": ["a", "b", "c"]})
    snapshots = pl.DataFrame(
        {
            "lead_id": ["a", "a", "b"],
            "position": [2, 1, 1],
            "group_id": ["g", "g", "g"],
            "mature": [True, True, False],
            "converted": [True, False, None],
        }
    )
    found = LeadOutcomes.of(leads, snapshots)
    np.testing.assert_array_equal(found.converted, [0.0, np.nan, np.nan])
    assert len({*found.group.tolist()}) == 3


def covered(make: Callable[[np.random.Generator], tuple[Estimate, float]]) -> float:
    rng = np.random.default_rng(11)
    hits = [one.low <= truth <= one.high for one, truth in (make(rng) for _ in range(300))]  # type: ignore[operator]
    return float(np.mean(hits))


def test_differences_hold_the_truth_where_accounts_convert_together() -> None:
    def rate(rng: np.random.Generator, base: float) -> tuple[np.ndarray, np.ndarray]:
        group = np.repeat(np.arange(60), 8)
        of_group = rng.beta(4 * base, 4 * (1 - base), 60)
        return (rng.random(480) < of_group[group]).astype(float), group

    def clustered(rng: np.random.Generator) -> tuple[Estimate, float]:
        one, other = rate(rng, 0.4), rate(rng, 0.2)
        return rate_difference(clustered_rate(*one), clustered_rate(*other)), 0.2

    def naive(rng: np.random.Generator) -> tuple[Estimate, float]:
        (one, _), (other, _) = rate(rng, 0.4), rate(rng, 0.2)
        each = np.arange(480)
        return rate_difference(clustered_rate(one, each), clustered_rate(other, each)), 0.2

    assert 0.93 <= covered(clustered) <= 1.0
    assert covered(naive) < 0.85, "who takes leads of one account for strangers is too sure"


def test_a_difference_of_what_is_not_known_is_not_known() -> None:
    nothing = Estimate(None, None, None)
    assert rate_difference(nothing, Estimate(0.2, 0.1, 0.3)) == nothing


def test_the_page_and_the_reports_section_show_what_was_found() -> None:
    leads = planted("email", "jane at acme", some(0.2))
    leads = leads.with_columns(company=pl.lit("<script>")).with_columns(
        industry=pl.when(HALF).then("industry")
    )
    found = audited(leads) | {"title": "<b>Ours</b>"}
    page = audit_page(found)
    assert "Email: no valid e-mail address" in page
    assert "<b>Ours" not in page
    assert "<script>" not in page
    kinds = [block.kind for block in audit_summary(found)]
    assert kinds == ["words", "notices", "listing", "words"]
    assert audit_summary(found | {"findings": [], "fields": []}) == []
    assert audit_words(audited(honest())) == "The audit found nothing odd."
