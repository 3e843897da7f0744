"""The written world: whole or not at all, the same bytes for the same seed, dirty as told."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from leadcast.demo import world
from leadcast.demo.crm import STAGES
from leadcast.demo.law import NAMES, Law, Risks
from leadcast.demo.origins import RESELLER, VENDORS
from leadcast.demo.outcomes import HORIZONS_DAYS, LANDMARKS_DAYS
from leadcast.demo.parts import Part, draw_part
from leadcast.demo.simulate import simulate
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json, sha256_of

LEADS = 6_000
TIME = pl.Datetime("us", "UTC")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "world"
    simulate(LEADS, 7, out, part_leads=2_500)
    return out


@pytest.fixture(scope="module")
def leads(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "leads.parquet")


@pytest.fixture(scope="module")
def outcomes(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "outcomes.parquet")


@pytest.fixture(scope="module")
def events(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "events" / "*.parquet")


@pytest.fixture(scope="module")
def truth(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "truth.parquet")


def fingerprints(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): sha256_of(path) for path in files}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_world(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        simulate(700, seed, tmp_path / name, part_leads=300)
    first, again, other = (fingerprints(tmp_path / name) for name in "abc")
    assert first == again
    assert all(first[name] != other[name] for name in first)
    assert sum(name.startswith("events/") for name in first) == 3


def test_columns_and_types_are_as_documented(
    leads: pl.DataFrame, events: pl.DataFrame, outcomes: pl.DataFrame, truth: pl.DataFrame
) -> None:
    numbers = {"Annual Revenue": pl.Float64, "Cost": pl.Float64}
    whole = {"Visits Before": pl.Int64, "Lead Points": pl.Int64}
    special = {"Created Date": TIME} | numbers | whole
    assert leads.schema == {name: special.get(name, pl.String) for name in leads.columns}
    assert events.schema == {
        "Lead ID": pl.String,
        "Time": TIME,
        "Type": pl.String,
        "Value": pl.Float64,
    }
    assert outcomes.schema == {
        "Lead ID": pl.String,
        "Won At": TIME,
        "Lost At": TIME,
        "Amount": pl.Float64,
    }
    assert truth.schema == {
        "lead_id": pl.String,
        "landmark_days": pl.Float64,
        "as_of": TIME,
        "horizon_days": pl.Float64,
        "true_probability": pl.Float64,
    }


def test_ids_are_unique_and_every_table_speaks_of_the_same_leads(
    leads: pl.DataFrame, events: pl.DataFrame, outcomes: pl.DataFrame, truth: pl.DataFrame
) -> None:
    assert leads.height == leads["Lead ID"].n_unique() == LEADS
    assert leads["Created Date"].is_sorted()
    assert outcomes["Lead ID"].to_list() == leads["Lead ID"].to_list()
    for ids in (events["Lead ID"], truth["lead_id"]):
        assert ids.is_in(leads["Lead ID"].implode()).all()
    assert set(events["Type"]) == set(NAMES)
    assert not truth.select("lead_id", "landmark_days", "horizon_days").is_duplicated().any()
    assert set(truth["landmark_days"]) == set(map(float, LANDMARKS_DAYS))
    assert set(truth["horizon_days"]) == set(map(float, HORIZONS_DAYS))


def test_all_times_are_inside_the_world(
    leads: pl.DataFrame, events: pl.DataFrame, outcomes: pl.DataFrame
) -> None:
    times = (leads["Created Date"], events["Time"], outcomes["Won At"], outcomes["Lost At"])
    for column in times:
        known = column.drop_nulls()
        assert known.min() >= world.START  # type: ignore[operator]
        assert known.max() < world.OBSERVED_UNTIL  # type: ignore[operator]
    dated = events.join(leads, on="Lead ID")
    assert (dated["Time"] >= dated["Created Date"]).all()
    ended = outcomes.join(leads, on="Lead ID")
    assert (ended["Won At"] > ended["Created Date"]).all()


def test_the_truth_belongs_to_the_moment_at_which_the_lead_has_the_landmark_s_age(
    leads: pl.DataFrame, truth: pl.DataFrame
) -> None:
    both = truth.join(leads, left_on="lead_id", right_on="Lead ID")
    age = both["as_of"] - both["Created Date"]
    assert (age == both["landmark_days"].cast(pl.Int64) * timedelta(days=1)).all()


def test_about_tells_the_seed_the_end_and_the_drifts(folder: Path, events: pl.DataFrame) -> None:
    about = read_json(folder / "about.json")
    assert about["seed"] == 7
    assert about["leads"] == LEADS
    assert about["events"] == events.height
    assert about["observed_until"] == "2026-01-01T00:00:00+00:00"
    assert about["weak_campaign"]["name"] == world.WEAK_CAMPAIGN


def test_progress_adds_up_to_the_leads(tmp_path: Path) -> None:
    told: list[int] = []
    simulate(250, 1, tmp_path / "world", progress=told.append, part_leads=100)
    assert told == [100, 100, 50]


def test_an_interrupted_simulation_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "world"
    simulate(50, 1, out)
    before = fingerprints(out)

    def interrupt(written: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(60, 2, out, progress=interrupt)
    assert fingerprints(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["world"]


@pytest.mark.parametrize(("leads", "seed", "part"), [(0, 1, 10), (10, -1, 10), (10, 1, 0)])
def test_impossible_wishes_are_refused(tmp_path: Path, leads: int, seed: int, part: int) -> None:
    with pytest.raises(LeadcastError, match="expected at least 1, 1 and 0"):
        simulate(leads, seed, tmp_path / "world", part_leads=part)
    assert not list(tmp_path.iterdir())


def test_a_world_of_one_lead_is_legal(tmp_path: Path) -> None:
    simulate(1, 0, tmp_path / "world")
    assert pl.read_parquet(tmp_path / "world" / "leads.parquet").height == 1


def summary(parts: list[Part]) -> dict[str, tuple[float, float]]:
    """Give means and their standard errors of what a world is judged by."""
    columns: dict[str, list[npt.NDArray[Any]]] = {
        "won": [part.endings.won_at >= 0 for part in parts],
        "lost": [part.endings.lost_at >= 0 for part in parts],
        "bought": [part.origins.vendor >= 0 for part in parts],
        "weak": [part.origins.weak for part in parts],
        "fit": [part.people.fit for part in parts],
        "events": [np.bincount(p.log.lead, minlength=len(p.risks.win_factor)) for p in parts],
    }
    joined = {name: np.concatenate(values).astype(float) for name, values in columns.items()}
    return {name: (v.mean(), v.std() / np.sqrt(len(v))) for name, v in joined.items()}


def test_the_size_of_the_parts_does_not_change_the_world_s_law() -> None:
    at_once = summary([draw_part(np.random.default_rng(1), 0, 12_000, 12_000)])
    rng = np.random.default_rng(2)
    in_parts = summary([draw_part(rng, first, 500, 12_000) for first in range(0, 12_000, 500)])
    for name, (mean, error) in at_once.items():
        other, other_error = in_parts[name]
        assert abs(mean - other) < 4.5 * np.hypot(error, other_error), name


def test_the_reseller_s_leads_have_addresses_that_are_there_already(leads: pl.DataFrame) -> None:
    address = leads["Email"].str.to_lowercase()
    again = address.is_not_null() & ~address.is_first_distinct()
    resold = (leads["Vendor"] == VENDORS[RESELLER]).fill_null(False)
    assert again.filter(resold).mean() > 0.2  # type: ignore[operator]
    assert again.filter(~resold).mean() < 0.01  # type: ignore[operator]


def test_what_one_person_s_leads_have_in_common_is_an_account(leads: pl.DataFrame) -> None:
    known = leads.drop_nulls("Email").with_columns(pl.col("Email").str.to_lowercase())
    shared = known.filter(pl.col("Email").is_duplicated())
    assert shared.height > 30
    accounts = shared.group_by("Email").agg(pl.col("Account ID").n_unique())
    assert shared["Account ID"].null_count() == 0
    assert (accounts["Account ID"] == 1).all()


def test_profiles_are_dirty_in_the_ways_that_crms_are(leads: pl.DataFrame) -> None:
    title = leads["Job Title"].drop_nulls()
    assert title.n_unique() > 800
    assert (title == title.str.to_lowercase()).mean() > 0.08  # type: ignore[operator]
    assert title.is_in(["n/a", "-", "asdf"]).any()
    assert title.str.contains("Leiter|Directeur|Jefe").any()
    size = leads["Company Size"].drop_nulls()
    assert size.str.contains(r"^\d+$").any()
    assert size.str.contains("ca. ").any()
    assert size.str.contains("–").any()
    assert (leads["Annual Revenue"] == 0).any()
    gaps = leads.null_count().row(0, named=True)
    for column in ("Job Title", "Company Size", "Annual Revenue", "Industry", "Email", "Phone"):
        assert 0.01 < gaps[column] / LEADS < 0.5, column


def test_the_sales_stage_leaks_the_outcome(leads: pl.DataFrame, outcomes: pl.DataFrame) -> None:
    both = leads.join(outcomes, on="Lead ID")
    assert set(leads["Sales Stage"]) <= set(STAGES)
    closed = both["Sales Stage"] == "Closed Won"
    assert (closed == both["Won At"].is_not_null()).all()


def test_points_rank_better_than_chance_and_plainly_worse_than_the_truth(
    leads: pl.DataFrame, outcomes: pl.DataFrame, truth: pl.DataFrame
) -> None:
    day_one = truth.filter((pl.col("landmark_days") == 1) & (pl.col("horizon_days") == 60))
    both = day_one.join(leads, left_on="lead_id", right_on="Lead ID").join(
        outcomes, left_on="lead_id", right_on="Lead ID"
    )
    delay = both["Won At"] - both["as_of"]
    converted = (delay <= timedelta(days=60)).fill_null(False)
    ceiling = roc_auc_score(converted, both["true_probability"])
    points = roc_auc_score(converted, both["Lead Points"])
    assert 0.78 < ceiling < 0.88
    assert 0.55 < points < ceiling - 0.08


def test_a_bent_law_moves_the_world_and_its_truth_alike(tmp_path: Path) -> None:
    def nobody_wins(law: Law, risks: Risks) -> tuple[Law, Risks]:
        return law._replace(win_per_day=0.0 * law.win_per_day), risks

    simulate(300, 1, tmp_path / "world", bend=nobody_wins)
    assert pl.read_parquet(tmp_path / "world/outcomes.parquet")["Won At"].null_count() == 300
    assert (pl.read_parquet(tmp_path / "world/truth.parquet")["true_probability"] == 0).all()
