"""Models side by side: each lead is scored by one, and what none is for is told."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.definitions.load import load_definition
from leadcast.features.definitions.serving import refuse_rivals, shared_leads
from leadcast.features.ingest.ingest import check_source, ingest
from leadcast.pipelines.daily.score import ScoreReport, ScoreRequest, score_new_leads
from leadcast.serve.batch.batch import BatchSettings
from leadcast.serve.batch.deliver import Outputs
from leadcast.serve.scorer import Scorer
from tests.scoring_world import export, origin, scoring_world
from tests.source_samples import changed, make_source, read_new_leads, sample_keys, write_definition

NOW = datetime(2025, 9, 1, tzinfo=UTC)
LEADS = scoring_world().tables.leads.head(40).drop("position")
COUNTRIES = st.lists(st.sampled_from(["DE", "AT", "CH", "FR"]), min_size=1, unique=True)


@cache
def serving(folder: Path, *industries: str) -> Path:
    """Export the small model for the leads of some industries."""
    about = origin(scoring_world()).model_copy(update={"serves": {"industry": industries}})
    path = folder / "-".join(industries)
    export(path, about=about)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("side_by_side")


def scored(folder: Path, bundle: Path, *beside: Path, file: str = "leads.parquet") -> ScoreReport:
    LEADS.write_parquet(folder / "leads.parquet")
    LEADS.write_csv(folder / "leads.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
    outputs = Outputs(folder / "out.parquet", force=True)
    asked = (bundle, str(folder / file), None, outputs, BatchSettings(NOW, no_events=True))
    return score_new_leads(ScoreRequest(*asked, beside=beside))


@given(one=COUNTRIES, other=COUNTRIES, team=st.booleans())
def test_leads_are_shared_where_some_lead_could_be_both_s(
    one: list[str], other: list[str], team: bool
) -> None:
    mine, theirs = {"country": one}, {"country": [value.lower() for value in other]}
    common = set(one) & set(other)
    more = {"team": ["North"]} if team else {}
    shared = shared_leads(mine | more, theirs)
    assert (shared is None) == (not common)
    assert shared_leads(theirs, mine | more) is None or common
    for value in common:
        assert value in (shared or "")


@pytest.mark.parametrize("file", ["leads.parquet", "leads.csv"])
def test_leads_of_others_are_left_out_and_told(folder: Path, file: str) -> None:
    report = scored(folder, serving(folder, "software", "Retail"), file=file)
    used = LEADS.filter(pl.col("industry").is_in(["software", "retail"]))
    assert pl.read_parquet(folder / "out.parquet")["lead_id"].to_list() == used["lead_id"].to_list()
    assert report.facts()["n_not_served"] == LEADS.height - used.height
    assert "leads that this model is not for are left out (industry " in report.words()
    assert "industry (none): " in report.words()
    assert report.facts()["n_served_by_none"] is None


def test_beside_another_model_those_of_nobody_are_told(folder: Path) -> None:
    report = scored(folder, serving(folder, "software"), serving(folder, "retail"))
    nobodys = LEADS.filter(~pl.col("industry").is_in(["software", "retail"]).fill_null(value=False))
    assert report.facts()["n_served_by_none"] == nobodys.height
    assert f"{nobodys.height} of them no model given is for (industry " in report.words()


def test_two_models_that_would_score_the_same_lead_are_refused(folder: Path) -> None:
    with pytest.raises(FaultsError, match=r"the same leads: industry retail;") as caught:
        scored(folder, serving(folder, "software", "retail"), serving(folder, "retail"))
    assert "each lead scored by one model" in str(caught.value)
    export(folder / "whole")
    with pytest.raises(FaultsError, match="industry software"):
        scored(folder, serving(folder, "software"), folder / "whole")


def test_without_what_decides_nothing_is_scored(folder: Path) -> None:
    LEADS.drop("industry").write_parquet(folder / "lacking.parquet")
    with pytest.raises(LeadcastError, match="the column 'industry' is missing"):
        scored(folder, serving(folder, "software"), file="lacking.parquet")


def test_a_scorer_that_is_asked_all_the_same_says_so(folder: Path) -> None:
    scorer = Scorer.load(serving(folder, "software"))
    warnings: list[object] = []
    for row in LEADS.head(12).to_dicts():
        told: list[object] = []
        scorer.score_one(row, warnings=told, as_of=NOW)  # type: ignore[arg-type]
        is_own = row["industry"] == "software"
        assert any("that this model is not for" in str(one) for one in told) != is_own
        warnings += told
    assert warnings


def test_a_source_learns_from_the_leads_that_it_serves(tmp_path: Path) -> None:
    definition = make_source(tmp_path, {"serves": {"source": "google"}})
    leads = read_new_leads(definition, [tmp_path / "leads.csv"]).leads
    assert leads["lead_id"].to_list() == ["L1", "L3"]


def test_leads_that_are_left_to_others_are_told_by_the_key(tmp_path: Path) -> None:
    found = check_source(make_source(tmp_path, {"serves": {"source": "google"}}))
    told = [fault.found for fault in found.faults if "left out by" in fault.found]
    assert len(told) == 1
    assert "left out by serves: " in told[0]
    assert "where[" not in " ".join(map(str, found.faults))
    with pytest.raises(FaultsError, match=r"serves: column .*leaves none of .* rows") as error:
        ingest(make_source(tmp_path, {"serves": {"source": "Narnia"}}), tmp_path / "tables")
    assert "where[" not in str(error.value)


def test_what_decides_must_be_an_attribute(tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match="'sorce', which is no attribute of the leads"):
        make_source(tmp_path, {"serves": {"sorce": "Google"}})


def test_two_sources_that_would_share_leads_are_refused(tmp_path: Path) -> None:
    keys = sample_keys(tmp_path)
    names = ("google", "others", "referred")
    serves = ["Google"], ["referral", "GOOGLE"], ["Referral"]
    google, others, referred = (
        load_definition(
            write_definition(tmp_path, changed(keys, {"name": name, "serves": {"source": values}}))
        )
        for name, values in zip(names, serves, strict=True)
    )
    with pytest.raises(LeadcastError, match=r"'others'.*some of the same leads \(source Google\)"):
        refuse_rivals(google)
    (tmp_path / "others.yaml").unlink()
    refuse_rivals(google)
    refuse_rivals(referred)
    with pytest.raises(LeadcastError, match="source GOOGLE"):
        refuse_rivals(others)
