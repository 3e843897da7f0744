"""Accounts through a run: matched, carried by leads through every door, listed and written."""

import json
import re
from collections.abc import Iterator
from contextlib import chdir
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.base.files import read_json
from leadcast.features.definitions.load import find_definition
from leadcast.features.definitions.yaml_lines import plain_yaml, yaml_text
from leadcast.features.tables import ACCOUNT_HISTORY, TIME, Tables
from leadcast.pipelines.accounts import level_that_came, scores_out_of_time
from leadcast.pipelines.base.dataset import learning_snapshots
from leadcast.pipelines.base.paths import AccountsFolder, RunFolder
from leadcast.pipelines.daily.account_list import AccountsRequest, tell_accounts
from leadcast.pipelines.daily.score import ScoreRequest, score_new_leads
from leadcast.pipelines.lifecycle.warm import COMPUTING
from leadcast.serve.accounts.account_crm import COMPANY_FILES
from leadcast.serve.batch.batch import BatchSettings
from leadcast.serve.batch.deliver import Outputs
from leadcast.serve.batch.inputs import WHOLE_BYTES, CanonicalSource, Export, Place
from leadcast.serve.http.app import make_app
from leadcast.serve.http.service import Service
from leadcast.serve.page.router import page_routers
from leadcast.serve.requests.settings import ServeSettings
from leadcast.serve.scorer import Scorer
from tests.service_world import HOST, NO_LIMIT, TestClient
from tests.small_project import ROOT, change_params, hurried, make_project

SOURCE = "demo_accounts"
RUN = RunFolder(SOURCE)
LEADS = 1_000


@pytest.fixture(scope="module")
def run_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the demo with buying groups, by the simplest model that reads features."""
    folder = make_project(tmp_path_factory.mktemp("accounts"), 10)
    change_params(folder, model={"candidates": ["logistic"], "origins": 2, "half_lives": [None]})
    definition = plain_yaml((ROOT / f"data/sources/{SOURCE}.yaml").read_text(encoding="utf-8"))
    definition["simulation"] |= {"leads": LEADS}
    (folder / f"data/sources/{SOURCE}.yaml").write_text(yaml_text(definition), encoding="utf-8")
    with chdir(folder), hurried():
        for name, stage in COMPUTING.items():
            if name not in ("compare", "audit", "amounts"):
                stage(SOURCE)
    return folder


@pytest.fixture
def project(run_project: Path) -> Iterator[Path]:
    with chdir(run_project):
        yield run_project


@pytest.fixture
def scorer(project: Path) -> Scorer:
    return Scorer.load(project / RUN.bundle)


@pytest.fixture
def client(project: Path, tmp_path: Path) -> Iterator[TestClient]:
    """The service of the run, with its page."""
    bundle = project / RUN.bundle
    settings = ServeSettings(bundle=bundle, named="test", limits=NO_LIMIT, run=project / RUN.path)
    service = Service.open(settings, bundle, tmp_path)
    with TestClient(make_app(service, page_routers(service)), HOST) as asked:
        yield asked


def asked_leads(tables: Tables, n: int = 20) -> pl.DataFrame:
    """Leads with many colleagues, as they stand at the end of the export."""
    sizes = pl.col(ACCOUNT_HISTORY).list.len().fill_null(0)
    known = tables.leads.sort(sizes, "lead_id", descending=[True, False]).head(n)
    return known.vstack(tables.leads.filter(pl.col(ACCOUNT_HISTORY).is_null()).head(2))


def test_leads_are_matched_and_told_by_what(project: Path) -> None:
    tables, counts = Tables.read(RUN.tables), read_json(RUN.tables / "accounts.json")
    assert tables.matches is not None
    by = tables.matches["matched_by"].fill_null("none").value_counts()
    told = {name: count for name, count in counts["matched_by"].items() if count}
    assert told == dict(by.iter_rows())
    assert counts["matched_by"]["domain"] > 0
    assert tables.leads["account_id"].equals(tables.matches["account_id"])
    # By domain leads find the account that the export names for their colleagues.
    truth = pl.read_parquet(f"data/{SOURCE}/accounts_truth.parquet").select("lead_id", "account")
    named = tables.matches.drop_nulls().join(truth.unique(), on="lead_id")
    assert (named.group_by("account_id").agg(pl.col("account").n_unique())["account"] == 1).all()


def test_scores_of_the_past_stand_at_the_level_that_came(project: Path) -> None:
    past = pl.read_parquet(RUN.out_of_time).filter(pl.col("origin") >= 0)
    rows = learning_snapshots(RUN)[past["row"].to_list()].select("lead_id", "as_of")
    scores = scores_out_of_time(RUN)
    known = past.select("origin", "converted").hstack(rows).with_columns(pl.col("as_of").cast(TIME))
    newest = known.filter(pl.col("origin") == pl.col("origin").max())
    told = newest.join(scores, on=["lead_id", "as_of"], validate="1:1")
    assert told["probability"].mean() == pytest.approx(told["converted"].mean(), rel=1e-3)


def missing_by_age(seed: int, missed: dict[float, float]) -> tuple[np.ndarray, pl.DataFrame]:
    """What two origins said of leads of several ages, each of which it missed by so much."""
    rng, n = np.random.default_rng(seed), 60_000
    age, origin = rng.choice(list(missed), n), rng.integers(0, 2, n)
    truth = rng.normal(-2.5, 0.7, n)
    won = rng.random(n) < 1 / (1 + np.exp(-truth))
    wrong = np.array([missed[one] for one in age]) + np.where(origin == 1, 0.3, -0.2)
    columns = {"converted": won.astype(float), "group": np.arange(n), "origin": origin}
    return truth + wrong, pl.DataFrame(columns | {"landmark_days": age})


@pytest.mark.parametrize("missed", [{0.0: -0.3, 7.0: 0.0, 30.0: 0.4}, {0.0: 0.0, 30.0: 0.0}])
def test_scores_of_the_past_are_right_at_each_age(missed: dict[float, float]) -> None:
    said, past = missing_by_age(3, missed)
    found = past.with_columns(probability=1 / (1 + np.exp(-level_that_came(said, past))))
    rate = pl.col("probability").mean() / pl.col("converted").mean()
    by_origin = found.group_by("origin").agg(rate)["probability"]
    assert by_origin.to_list() == pytest.approx([1, 1], rel=1e-6)
    by_age = found.group_by("landmark_days").agg(rate)["probability"]
    assert by_age.to_list() == pytest.approx([1] * len(missed), abs=0.06)


def test_ages_that_differ_by_chance_alone_keep_what_was_said() -> None:
    said, past = missing_by_age(4, {0.0: 0.0, 7.0: 0.0, 30.0: 0.0})
    few, rows = said[:600], past.head(600)
    moved = level_that_came(few, rows) - few
    by_age = (
        pl.DataFrame({"moved": moved, "origin": rows["origin"]})
        .group_by("origin")
        .agg(pl.col("moved").max() - pl.col("moved").min())
    )
    assert by_age["moved"].to_list() == pytest.approx([0, 0], abs=1e-9)


def test_a_batch_pandas_and_one_lead_have_the_same_scores(project: Path, scorer: Scorer) -> None:
    tables = Tables.read(RUN.tables)
    assert tables.observed_until is not None
    as_of, leads = tables.observed_until, asked_leads(tables)
    events = tables.events.join(leads.lazy().select("lead_id"), on="lead_id").collect()
    batch = scorer.score(leads, events, as_of, [])
    alone = [
        scorer.score_one(
            row,
            events.filter(lead_id=row["lead_id"])
            .select("occurred_at", "event_type", "value")
            .rows(),
            as_of,
        ).probability
        for row in leads.to_dicts()
    ]
    np.testing.assert_array_equal(batch["probability"], alone)
    written = [
        None if one is None else json.dumps([{**e, "at": e["at"].isoformat()} for e in one])
        for one in leads[ACCOUNT_HISTORY].to_list()
    ]
    frame = leads.drop(ACCOUNT_HISTORY).to_pandas()
    frame[ACCOUNT_HISTORY] = pd.Series(written, dtype=object)
    by_pandas = scorer.score(frame, events.to_pandas(), as_of, [])
    np.testing.assert_array_equal(batch["probability"], by_pandas["probability"])


@pytest.mark.parametrize("knows_run", [True, False])
def test_leads_of_the_run_given_as_raw_new_leads_have_its_scores(
    project: Path, scorer: Scorer, tmp_path: Path, knows_run: bool
) -> None:
    """A few of them, whose colleagues stand in the run alone."""
    tables, raw = Tables.read(RUN.tables), project / "data" / SOURCE
    few = asked_leads(tables, 40).select("lead_id")
    files = tmp_path / "leads.parquet", tmp_path / "events.parquet"
    for file, there in zip(files, ("leads.parquet", "events/part-*.parquet"), strict=True):
        rows = pl.read_parquet(raw / there)
        rows.join(few, left_on="Lead ID", right_on="lead_id", how="semi").write_parquet(file)
    own_leads, own_events = (Place(file.name, (file,)) for file in files)
    given = CanonicalSource(own_leads, own_events)
    about = (given, find_definition(SOURCE), tmp_path / "scores.parquet", 1_000)
    known = RUN.tables if knows_run else tmp_path
    inputs = Export.of(*about, force=False, run_tables=known).read(scorer, tmp_path / "pieces")
    ((leads, events),) = inputs.pieces
    wanted = tables.leads.join(few, on="lead_id", how="semi").sort("lead_id")
    found = leads.collect().sort("lead_id")
    assert events is not None
    own = tables.events.join(few.lazy(), on="lead_id", how="semi").collect()
    until = tables.observed_until
    expected = scorer.score(wanted, own, until, [])["probability"]
    scores = scorer.score(found, events.collect(), until, [])["probability"]
    warned = any("no run of the source" in fault.found for fault in inputs.warnings)
    if knows_run:
        # On the command line it is found by itself.
        out = tmp_path / "told.parquet"
        asked = (RUN.bundle, str(files[0]), str(files[1]), Outputs(out))
        score_new_leads(ScoreRequest(*asked, BatchSettings(as_of=until), SOURCE))
        told = pl.read_parquet(out).sort("lead_id")["probability"]
        np.testing.assert_array_equal(told, expected)
        assert found["account_id"].equals(wanted["account_id"])
        np.testing.assert_array_equal(scores, expected)
        assert not warned
    else:
        assert (scores.to_numpy() != expected.to_numpy()).any()
        assert warned


def test_what_is_read_in_pieces_has_no_accounts_and_that_is_told(
    project: Path, scorer: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, tables = project / "data" / SOURCE, Tables.read(RUN.tables)
    few = asked_leads(tables, 40)["lead_id"].to_list()
    files = tmp_path / "leads.parquet", tmp_path / "events.parquet"
    for file, there in zip(files, ("leads.parquet", "events/part-*.parquet"), strict=True):
        pl.read_parquet(raw / there).filter(pl.col("Lead ID").is_in(few)).write_parquet(file)
    settings, found = BatchSettings(as_of=tables.observed_until), []
    for most_bytes in (WHOLE_BYTES, 1):
        monkeypatch.setattr("leadcast.serve.batch.inputs.WHOLE_BYTES", most_bytes)
        out = tmp_path / f"{most_bytes}.parquet"
        asked = (RUN.bundle, str(files[0]), str(files[1]), Outputs(out))
        told = score_new_leads(ScoreRequest(*asked, settings, SOURCE))
        assert (ACCOUNT_HISTORY in str(told)) == (most_bytes == 1)
        found.append(pl.read_parquet(out).sort("lead_id"))
    # As where nobody tells of an account.
    leads = tables.leads.filter(pl.col("lead_id").is_in(few)).drop(ACCOUNT_HISTORY)
    alone = scorer.score(leads.sort("lead_id"), tables.events, tables.observed_until, [])
    np.testing.assert_array_equal(found[1]["probability"], alone["probability"])
    assert (found[0]["probability"] != found[1]["probability"]).any()


def test_without_its_account_a_lead_is_scored_and_told(project: Path, scorer: Scorer) -> None:
    tables = Tables.read(RUN.tables)
    leads, warnings = asked_leads(tables), list[Any]()
    scorer.score(leads.drop(ACCOUNT_HISTORY), tables.events, tables.observed_until, warnings)
    assert any(ACCOUNT_HISTORY in fault.where for fault in warnings)
    row, told = leads.drop(ACCOUNT_HISTORY).row(0, named=True), list[Any]()
    scorer.score_one(row, [], tables.observed_until, told)
    assert "account" in str(told)
    with pytest.raises(FaultsError, match="'what'"):
        scorer.score_one(row | {ACCOUNT_HISTORY: [{"at": datetime.now(UTC), "who": 1}]})


def test_a_request_may_tell_of_colleagues(client: TestClient, scorer: Scorer) -> None:
    now = datetime(2025, 9, 1, tzinfo=UTC)
    lead = {"lead_id": "L1", "created_at": (now - timedelta(days=1)).isoformat()}
    colleague = {
        "created_at": (now - timedelta(days=9)).isoformat(),
        "job_title": "CEO",
        "events": [{"occurred_at": (now - timedelta(days=2)).isoformat()}],
    }
    asked = {"leads": [lead | {"account": {"leads": [colleague]}}], "as_of": now.isoformat()}
    answer = client.post("/v1/score", json=asked)
    assert answer.status_code == 200, answer.text
    history = [
        {"at": now - timedelta(days=9), "what": "decision_maker", "who": 0},
        {"at": now - timedelta(days=2), "what": "event", "who": 0},
    ]
    plain = {"lead_id": "L1", "created_at": now - timedelta(days=1), ACCOUNT_HISTORY: history}
    expected = scorer.score_one(plain, [], now).probability
    assert answer.json()["scores"][0]["probability"] == expected
    told = client.post("/v1/score", json={"leads": [lead], "as_of": now.isoformat()}).json()
    assert "account" in json.dumps(told["warnings"])


def test_accounts_are_listed_and_written(project: Path, tmp_path: Path) -> None:
    result = read_json(AccountsFolder(RUN.accounts).result)
    assert result["why"] is None, result["why"]
    earlier = datetime(2025, 12, 1, tzinfo=UTC)
    tell_accounts(SOURCE, AccountsRequest(as_of=earlier))
    told = tell_accounts(SOURCE, AccountsRequest(out=tmp_path / "accounts.csv"))
    assert "accounts with open leads" in told
    found = pl.read_parquet(RUN.listed_accounts)
    assert found["probability"].is_between(0, 1, closed="none").all()
    assert (found["lower"] <= found["probability"]).all()
    assert found["why_moved"].null_count() == 0
    assert found["moved_from"].count() > 0
    said = " ".join(found["why_moved"])
    assert not re.search(r"\b1 (more|fewer|more open)? ?(leads|events)", said)
    assert pl.read_csv(tmp_path / "accounts.csv").height == found.height
    roles = found.select(pl.concat_list("roles", "missing_roles").list.n_unique()).to_series()
    assert (roles == 5).all()
    as_json = json.loads(tell_accounts(SOURCE, AccountsRequest(as_json=True)))
    assert len(as_json["accounts"]) == found.height
    # Made again of the same moment, the list says the same of what moved.
    assert pl.read_parquet(RUN.listed_accounts)["why_moved"].equals(found["why_moved"])


def test_a_moment_without_accounts_replaces_no_list(project: Path) -> None:
    tell_accounts(SOURCE, AccountsRequest())
    before = RUN.listed_accounts.read_bytes()
    told = tell_accounts(SOURCE, AccountsRequest(as_of=datetime(2010, 1, 1, tzinfo=UTC)))
    assert "no account has an open lead" in told
    assert "the export ends" not in told
    assert RUN.listed_accounts.read_bytes() == before


def test_a_list_of_a_moment_that_the_export_does_not_know_is_told_and_not_kept(
    project: Path, tmp_path: Path
) -> None:
    tell_accounts(SOURCE, AccountsRequest())
    before, later = RUN.listed_accounts.read_bytes(), datetime(2025, 12, 31, 23, tzinfo=UTC)
    until = Tables.read(RUN.tables).observed_until
    assert until is not None
    for moment in (until + timedelta(hours=1), datetime(2040, 1, 1, tzinfo=UTC)):
        out = tmp_path / f"{moment:%Y}.parquet"
        told = tell_accounts(SOURCE, AccountsRequest(as_of=moment, out=out))
        assert "warning: the export ends at" in told
        assert "it is not kept" in told
        assert pl.read_parquet(out)["as_of"].to_list()[:1] in ([moment], [])
    # Leads may lie open for years: such a list would stand until then.
    assert RUN.listed_accounts.read_bytes() == before
    as_json = json.loads(tell_accounts(SOURCE, AccountsRequest(as_of=moment, as_json=True)))
    assert "the export ends at" in as_json["warnings"][0]
    # One that was kept all the same gives way.
    kept = pl.read_parquet(RUN.listed_accounts).with_columns(as_of=pl.lit(moment).cast(TIME))
    kept.write_parquet(RUN.listed_accounts)
    tell_accounts(SOURCE, AccountsRequest(as_of=later))
    assert pl.read_parquet(RUN.listed_accounts)["as_of"][0] == later
    tell_accounts(SOURCE, AccountsRequest())


def test_a_file_for_a_crm_has_the_accounts_with_its_ids(project: Path, tmp_path: Path) -> None:
    place = tmp_path / "companies.jsonl"
    told = tell_accounts(SOURCE, AccountsRequest(out=place, crm="hubspot"))
    found = pl.read_parquet(RUN.listed_accounts)
    assert f"{found.height:,} accounts are not in the CRM's file" in told
    named = found.with_columns(account_id=pl.int_range(pl.len()).cast(pl.String))
    body = json.loads(COMPANY_FILES["hubspot"].text(named)[0].splitlines()[0])
    assert body["inputs"][0]["id"] == "0"
    told_of = body["inputs"][0]["properties"]["leadcast_account_probability"]
    assert float(told_of) == pytest.approx(found["probability"][0], abs=1e-6)
    ids = pl.format("001{}", pl.int_range(pl.len()).cast(pl.String).str.zfill(12))
    text, left_out = COMPANY_FILES["salesforce"].text(found.with_columns(account_id=ids))
    assert (len(text.splitlines()), left_out) == (found.height + 1, 0)


@pytest.mark.parametrize("crm", [None, "hubspot"])
def test_what_is_not_leadcasts_is_left_alone(
    project: Path, tmp_path: Path, crm: str | None
) -> None:
    mine = tmp_path / ("mine.csv" if crm is None else "mine.jsonl")
    mine.write_bytes(b"mine")
    with pytest.raises(LeadcastError, match="mine"):
        tell_accounts(SOURCE, AccountsRequest(out=mine, crm=crm))
    assert mine.read_bytes() == b"mine"
    tell_accounts(SOURCE, AccountsRequest(out=mine, crm=crm, force=True))
    assert mine.read_bytes() != b"mine"


def test_the_page_and_the_service_tell_the_list(client: TestClient) -> None:
    tell_accounts(SOURCE, AccountsRequest())
    assert client.get("/accounts").status_code == 200
    found = client.get("/v1/accounts", params={"most": 3}).json()
    assert len(found["accounts"]) == 3
    assert found["total"] == pl.read_parquet(RUN.listed_accounts).height
    assert client.get("/page/accounts").json()["total"] == found["total"]


def test_accounts_are_found_by_name_domain_and_identifier(client: TestClient) -> None:
    tell_accounts(SOURCE, AccountsRequest())
    rows = pl.read_parquet(RUN.listed_accounts)
    last = rows.drop_nulls("domain").row(-1, named=True)
    for word in (last["account_id"], last["domain"].upper(), last["domain"][:-1]):
        found = client.get("/page/accounts", params={"search": word}).json()
        held = pl.concat_str("name", "domain", "account_id", ignore_nulls=True, separator=" ")
        wanted = rows.filter(held.str.to_lowercase().str.contains(word.lower(), literal=True))
        assert [one["account_id"] for one in found["accounts"]] == wanted["account_id"].to_list()
        assert (found["matching"], found["total"]) == (wanted.height, rows.height)
    both = {"search": f"{last['domain']} .no-such-ending", "most": 5}
    assert client.get("/v1/accounts", params=both).json()["accounts"] == []


def test_a_source_that_does_not_ask_for_accounts_says_so(project: Path) -> None:
    from leadcast.pipelines.accounts import learn_accounts

    definition = Path(f"data/sources/{SOURCE}.yaml")
    text = definition.read_text(encoding="utf-8")
    content = plain_yaml(text)
    del content["accounts"]
    definition.write_text(yaml_text(content), encoding="utf-8")
    before = {path: path.read_bytes() for path in RUN.accounts.iterdir()}
    try:
        assert "does not ask for accounts" in learn_accounts(SOURCE)
        with pytest.raises(LeadcastError, match="does not ask"):
            tell_accounts(SOURCE, AccountsRequest())
    finally:
        definition.write_text(text, encoding="utf-8")
        learn_accounts(SOURCE)
    assert {path: path.read_bytes() for path in RUN.accounts.iterdir()} == before
