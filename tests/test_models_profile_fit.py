"""A profile is held against what converts: what tells, what does nothing, whom it overlooks."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.definitions.yaml_lines import yaml_text
from leadcast.features.tables import TIME, Tables, TimeOrder, empty_events
from leadcast.models.audit.lead_outcomes import LeadOutcomes
from leadcast.models.evaluation.bootstrap import Estimate
from leadcast.models.profile_fit.ideal_profile import (
    IdealProfile,
    check_profile,
    load_profile,
    parse_profile,
)
from leadcast.models.profile_fit.profile_judged import (
    NOTHING,
    TELLS,
    UNKNOWN,
    WRONG_WAY,
    inside_of,
    judge_profile,
    verdict_of,
)
from leadcast.models.profile_fit.profile_suggested import plain_profile, suggest_profile
from leadcast.pipelines.insight.icp import compared_profiles
from leadcast.pipelines.insight.icp_page import icp_page

N = 6_000
TYPES = {"industry": "category", "company_size": "text", "job_title": "text", "country": "category",
         "source": "category"}  # fmt: skip
TITLES = ("CEO", "Head of IT", "Developer", "Intern")
BELIEVED = """
title: What we believe
criteria:
  industry: [software]
  company_size: {read_as: size, range: {min: 51, below: 1001}}
  job_title: {read_as: seniority, in: [student]}
  country: [Germany]
at_least: 2
"""


def world(seed: int = 1) -> tuple[pl.DataFrame, np.ndarray]:
    """Leads whose conversion depends on industry, size and title, and on the country not at all."""
    rng = np.random.default_rng(seed)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    leads = pl.DataFrame(
        {
            "lead_id": [f"L{number:05}" for number in range(N)],
            "created_at": pl.Series(
                [start + timedelta(hours=number) for number in range(N)], dtype=TIME
            ),
            "position": range(N),
            "industry": rng.choice(["software", "retail", "health", "media"], N),
            "company_size": [str(one) for one in rng.choice([5, 80, 400, 3000], N)],
            "job_title": rng.choice(TITLES, N),
            "country": rng.choice(["Germany", "France", "Spain"], N),
            "source": rng.choice(["ads", "fair"], N),
        }
    )
    probability = np.full(N, 0.05)
    probability += 0.20 * leads["industry"].is_in(["software", "health"]).to_numpy()
    probability += 0.10 * leads["company_size"].is_in(["80", "400"]).to_numpy()
    probability += 0.15 * (leads["job_title"] == "CEO").to_numpy()
    return leads, rng.random(N) < probability


def looks(leads: pl.DataFrame, won: np.ndarray) -> pl.DataFrame:
    part = pl.when(pl.col("position") < 0.7 * N).then(pl.lit("train")).otherwise(pl.lit("test"))
    return leads.select(
        "lead_id",
        position=pl.col("created_at").dt.epoch("us"),
        landmark_days=pl.lit(0.0),
        group_id="lead_id",
        mature=pl.lit(value=True),
        converted=pl.Series(won),
        part=part,
    )


@pytest.fixture(scope="module")
def outcomes() -> LeadOutcomes:
    leads, won = world()
    return LeadOutcomes.of(leads, looks(leads, won))


@pytest.fixture(scope="module")
def compared() -> dict[str, Any]:
    leads, won = world()
    tables = Tables(leads, empty_events(), pl.DataFrame(), None, TimeOrder.DATED, TYPES)
    return compared_profiles(parse_profile(BELIEVED), tables, looks(leads, won))


def test_each_criterion_is_told_what_it_does(outcomes: LeadOutcomes) -> None:
    fit = judge_profile(parse_profile(BELIEVED), outcomes)
    told = {one.name: one.verdict for one in fit.criteria}
    assert told == {
        "industry": TELLS, "company_size": TELLS, "job_title": WRONG_WAY, "country": NOTHING,
    }  # fmt: skip
    by_name = {one.name: one.contrast for one in fit.criteria}
    # In truth 10 points lie between sizes in and out.
    difference = by_name["company_size"].difference
    assert difference.low is not None
    assert difference.high is not None
    assert difference.low <= 0.10 <= difference.high
    assert sum(row["leads"] for row in fit.by_met) == fit.known == N


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.01, 0.2, TELLS), (-0.2, -0.01, WRONG_WAY), (-0.02, 0.02, NOTHING), (-0.1, 0.2, UNKNOWN),
     (0.001, 0.02, NOTHING), (None, None, UNKNOWN)],
)  # fmt: skip
def test_a_difference_is_called_by_its_interval(
    low: float | None, high: float | None, expected: str
) -> None:
    assert verdict_of(Estimate(0.0, low, high), Estimate(0.1, 0.09, 0.11)) == expected


def test_few_leads_are_no_proof_that_a_criterion_does_nothing() -> None:
    leads, won = world()
    few = LeadOutcomes.of(leads.head(150), looks(leads, won))
    told = {one.name: one.verdict for one in judge_profile(parse_profile(BELIEVED), few).criteria}
    assert told["country"] == UNKNOWN


def test_who_has_no_value_is_neither_in_nor_out() -> None:
    leads, won = world()
    gone = leads.with_columns(country=pl.when(pl.col("position") % 4 > 0).then("country"))
    profile = parse_profile("criteria: {country: {in: [Germany], not: true}}")
    (fit,) = judge_profile(profile, LeadOutcomes.of(gone, looks(leads, won))).criteria
    assert fit.leads_unknown == N // 4
    inside = gone["country"].is_in(["France", "Spain"])
    assert fit.leads_inside == inside.sum()
    np.testing.assert_array_equal(inside_of(profile, gone)[0], inside.fill_null(value=False))


def test_the_suggestion_is_the_law_of_the_world(compared: dict[str, Any]) -> None:
    suggested = parse_profile(compared["suggested_yaml"])
    criteria = plain_profile(suggested)["criteria"]
    assert criteria["industry"] == ["health", "software"]
    assert criteria["job_title_seniority"] == {
        "attribute": "job_title", "read_as": "seniority", "in": ["chief"],
    }  # fmt: skip
    assert "country" not in criteria
    assert "source" not in criteria, "where leads come from is no profile"
    believed, better = compared["believed_later"], compared["suggested_later"]
    assert better["whole"]["inside"]["value"] > believed["whole"]["inside"]["value"]
    assert better["known"] == believed["known"] == 0.3 * N


def test_a_suggestion_is_read_as_the_next_profile(compared: dict[str, Any]) -> None:
    suggested = parse_profile(compared["suggested_yaml"])
    assert yaml_text(plain_profile(suggested)) == compared["suggested_yaml"]
    leads, _ = world()
    assert check_profile(suggested, leads) == []


def test_later_outcomes_change_nothing_in_the_suggestion(compared: dict[str, Any]) -> None:
    leads, won = world()
    shuffled = won.copy()
    later = int(0.7 * N)
    shuffled[later:] = np.random.default_rng(3).permutation(won[later:])
    tables = Tables(leads, empty_events(), pl.DataFrame(), None, TimeOrder.DATED, TYPES)
    other = compared_profiles(parse_profile(BELIEVED), tables, looks(leads, shuffled))
    assert other["suggested_yaml"] == compared["suggested_yaml"]
    assert [one["words"] for one in other["overlooked"]] == [
        one["words"] for one in compared["overlooked"]
    ]
    assert other["suggested_later"] != compared["suggested_later"]


def test_where_nothing_tells_nothing_is_suggested() -> None:
    leads = world()[0].head(2_000)
    for seed in range(4):
        won = np.random.default_rng(seed).random(N) < 0.15
        found = LeadOutcomes.of(leads, looks(world()[0], won))
        assert suggest_profile(parse_profile(BELIEVED), found, TYPES) is None


def test_leads_that_the_profile_overlooks_are_found(compared: dict[str, Any]) -> None:
    told = {one["words"]: one["holds"] for one in compared["overlooked"]}
    assert told["industry: health"] is True
    assert not any(words.startswith("country") for words in told)


FAULTY = """
criteria:
  indutry: [software]
  company_size: {range: {min: 51}}
  job_title: {read_as: senority, in: [chief]}
  country: {in: [Germany], contains: x}
consider: [sorce]
at_lest: 2
"""


def test_every_fault_is_told_at_once_with_line_and_key() -> None:
    leads, _ = world()
    with pytest.raises(FaultsError) as caught:
        parse_profile(FAULTY, "icp.yaml", leads)
    told = [(fault.line, fault.where.partition(": ")[2]) for fault in caught.value.faults]
    assert told == [
        (3, "criteria.indutry"),
        (4, "criteria.company_size"),
        (5, "criteria.job_title.read_as"),
        (6, "criteria.country"),
        (7, "consider[0]"),
        (8, "at_lest"),
    ]
    assert "Did you mean 'industry'?" in str(caught.value)
    assert "Did you mean 'at_least'?" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the key criteria"),
        ("criteria: {}", "at least one"),
        ("criteria: {a: [x]}\nat_least: 2", "expected at most 1"),
        ("criteria: {a: {is_missing: true}}", "who has none is told apart anyway"),
        ("criteria: {a: {matches: '('}}", "criteria"),
        ("criteria: [", "is not YAML"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, message: str) -> None:
    with pytest.raises(FaultsError, match=message):
        parse_profile(text)


def test_a_value_that_nobody_has_is_a_warning_with_the_nearest() -> None:
    leads, _ = world()
    profile = parse_profile("criteria: {country: [Germny, france]}", leads=leads)
    (fault,) = check_profile(profile, leads)
    assert fault.severity == "warning"
    assert "'Germny', which no lead has" in fault.found
    assert "Did you mean 'Germany'?" in fault.remedy


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(LeadcastError, match="cannot be read"):
        load_profile(tmp_path / "absent.yaml")
    (tmp_path / "latin.yaml").write_bytes("title: Größe".encode("latin-1"))
    with pytest.raises(LeadcastError, match="is not UTF-8"):
        load_profile(tmp_path / "latin.yaml")


def test_the_shipped_profile_is_in_order() -> None:
    shipped = load_profile(Path(__file__).parents[1] / "data/icp/demo.yaml")
    assert isinstance(shipped, IdealProfile)
    assert shipped.needed == 2


def test_the_page_shows_what_was_found_and_escapes_it(compared: dict[str, Any]) -> None:
    about = {"title": "<b>Ours</b>", "profile": "<i>x</i>", "horizon_days": 60.0, "dated": True}
    page = icp_page(compared | about)
    assert "<b>Ours" not in page
    assert "<i>x" not in page
    assert "Whom the profile overlooks" in page
    assert "job_title_seniority:" in page
    nothing: dict[str, Any] = {"suggested_yaml": None, "suggested_later": None, "overlooked": []}
    assert "No suggestion" in icp_page(compared | about | nothing)
