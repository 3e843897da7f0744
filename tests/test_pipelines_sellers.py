"""The commands `leadcast sellers` and `leadcast returns`, on a small export."""

import json
import re
from contextlib import chdir
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.features.definitions.load import find_definition
from leadcast.features.definitions.yaml_lines import yaml_text
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.raw import read_anew
from leadcast.pipelines.base.seller_facts import vendors_for_report
from leadcast.pipelines.commands.cli import app
from leadcast.pipelines.daily.returns import ReturnsRequest, tell_returns
from leadcast.pipelines.insight.sellers import SellersRequest, tell_sellers
from leadcast.pipelines.insight.sellers_page import sellers_page
from tests.report_samples import sample_inputs
from tests.source_samples import Keys, changed

LEADS = 500
FORMULA = "=Acme"
DEFINITION: Keys = {
    "name": "shop",
    "title": "Shop <&>",
    "where_to_get": "Export it",
    "root": "data/raw",
    "observed_until": "2025-07-01T00:00:00Z",
    "tables": {
        "leads": {
            "read": {"files": "leads.csv"},
            "columns": {"lead_id": "id", "created_at": "created"},
            "attributes": {
                "vendor": {"column": "vendor", "type": "category"},
                "source": {"column": "source", "type": "category"},
                "size": {"column": "size", "type": "number"},
                "email": {"column": "email", "type": "text"},
                "cost": {"column": "cost", "type": "number"},
            },
        },
        "outcomes": {
            "form": "dates",
            "columns": {"won_at": "won", "lost_at": "lost"},
        },
    },
    "snapshots": {"landmarks_days": ["0", "7"], "horizon_days": "30"},
    "vendors": {
        FORMULA: {"return_days": "90", "reasons": ["invalid_contact", "duplicate", "junk"]},
        "Typo": {"return_days": "7", "reasons": ["duplicate"]},
    },
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "data/sources").mkdir(parents=True)
    (folder / "data/raw").mkdir()
    (folder / "data/sources/shop.yaml").write_text(yaml_text(DEFINITION), encoding="utf-8")
    rng = np.random.default_rng(5)
    size = rng.integers(1, 100, LEADS)
    vendor = rng.choice([FORMULA, "Beta", ""], LEADS, p=[0.3, 0.3, 0.4])
    chance = np.where(vendor == "Beta", 2.0, 1.0) * (0.02 + 0.002 * size)
    won = rng.random(LEADS) < chance
    hours = np.sort(rng.uniform(0, 180 * 24, LEADS))
    created = pl.Series(np.round(hours * 3600).astype(np.int64)).cast(pl.Duration("ms")) * 1000
    start = pl.lit(datetime(2025, 1, 1, tzinfo=UTC)).dt.cast_time_unit("ms")
    frame = pl.DataFrame({"size": size, "vendor": vendor, "won": won}).with_columns(
        id=pl.format("L{}", pl.int_range(LEADS)),
        created=start + created,
        source=pl.Series(rng.choice(["Web", "web ", "Fair"], LEADS)),
        email=pl.when(pl.int_range(LEADS) % 9 == 0)
        .then(pl.lit("+nobody"))
        .otherwise(pl.format("kim{}x@firm{}.de", pl.int_range(LEADS), pl.int_range(LEADS))),
        cost=pl.lit(12.5),
    )
    written = "%Y-%m-%dT%H:%M:%SZ"
    until = pl.lit(datetime(2025, 7, 1, tzinfo=UTC))

    def ended(after_days: int, which: pl.Expr) -> pl.Expr:
        moment = pl.col("created") + pl.duration(days=after_days)
        return pl.when(which & (moment < until)).then(moment.dt.strftime(written))

    frame.with_columns(
        created=pl.col("created").dt.strftime(written),
        won=ended(5, pl.col("won")),
        lost=ended(20, ~pl.col("won")),
    ).write_csv(folder / "data/raw/leads.csv")
    return folder


@pytest.fixture(scope="module")
def told(project: Path) -> str:
    with chdir(project):
        return tell_sellers("shop", SellersRequest(html=Path("s.html"), json=Path("s.json"))).text


def test_a_scorecard_is_told_written_and_drawn(project: Path, told: str) -> None:
    with chdir(project):
        run = RunFolder("shop")
        facts = read_json(run.sellers)
        assert facts == json.loads(Path("s.json").read_text(encoding="utf-8"))
        page = Path("s.html").read_text(encoding="utf-8")
        assert page == run.sellers_page.read_text(encoding="utf-8")
    cards = {one["attribute"]: one["cards"] for one in facts["scorecards"]}
    assert [one["seller"] for one in cards["vendor"]] == ["Beta", FORMULA]
    assert cards["vendor"][0]["ratio"] > cards["vendor"][1]["ratio"]
    assert {one["seller"] for one in cards["source"]} == {"Web", "Fair"}, "spelt alike"
    assert facts["leads"] == LEADS
    assert 0 < facts["known"] < LEADS
    for words in ("Beta", "=Acme", "cost per customer", "Nobody is said to deliver"):
        assert words in told
    assert "Shop &lt;&amp;&gt;" in page
    assert "sellers_vendor-wide" in page or "<svg" in page
    assert "<script" not in page


def test_the_page_of_junk_and_resales_names_them_and_needs_no_cost(
    project: Path, told: str
) -> None:
    assert told
    facts = read_json(project / "data/runs/shop/sellers.json")
    junk = facts["junk"][0] | {"found": True, "hints": [["came at night", 0.5, 0.01]]}
    resold = facts["resales"][0] | {"found": True, "resold": 3, "delay_days": 4.0}
    cards = facts["scorecards"][0]["cards"]
    bare = [
        one | dict.fromkeys(("cost_per_lead", "cost_per_customer", "cost_low", "cost_high"))
        for one in cards
    ]
    accused = facts | {
        "junk": [junk],
        "resales": [resold],
        "scorecards": [facts["scorecards"][0] | {"cards": bare}],
        "horizon_days": None,
    }
    page = sellers_page(accused)
    assert "Talk to your vendors." in page
    assert "came at night: 50" in page
    assert "What it cost" not in page
    assert "Nothing to complain of." in sellers_page(facts)


def test_the_report_shows_vendors_where_terms_were_agreed_with_them(project: Path) -> None:
    with chdir(project):
        definition = find_definition("shop")
        with read_anew(definition) as tables:
            cards, words = vendors_for_report(definition, tables)
            bare = definition.model_copy(update={"vendors": {}})
            assert vendors_for_report(bare, tables) == (None, ())
    assert cards is not None
    assert sample_inputs(sellers=cards, seller_words=words).frame("sellers") is not None
    assert cards["seller"].to_list() == ["Beta", FORMULA]
    assert words == (
        "Said to deliver junk or to resell: nobody. `leadcast sellers shop` tells why",
    )


def test_what_goes_back_is_written_so_that_a_spreadsheet_runs_nothing(project: Path) -> None:
    asked = ["returns", "shop", "--out", "r.csv", "--due-hours", "9000"]
    with chdir(project):
        answer = CliRunner().invoke(app, asked)
        listed = pl.read_csv("r.csv")
    assert answer.exit_code == 4, "a deadline is near"
    assert listed.height > 3
    assert set(listed["vendor"]) == {f"'{FORMULA}"}
    assert listed["evidence"].str.starts_with("e-mail +nobody: ").all()
    assert listed["price"].sum() == 12.5 * listed.height
    assert f"{12.5 * listed.height:,.2f} at stake" in answer.stdout
    assert "no lead is of Typo" in answer.stdout
    assert "Beta" in answer.stdout.splitlines()[-2], "has no terms"
    assert (listed["hours_left"] >= 0).all()


def test_after_the_last_deadline_nothing_goes_back(project: Path) -> None:
    with chdir(project):
        later = tell_returns("shop", ReturnsRequest(as_of=datetime(2025, 12, 1, tzinfo=UTC)))
    assert later.due == 0
    assert "0 leads to send back" in later.text


def test_what_was_sent_is_remembered_and_not_listed_again(project: Path) -> None:
    file = project / RunFolder("shop").returned
    with chdir(project):
        tell_returns("shop", ReturnsRequest(out=Path("all.csv"), force=True))
        every = pl.read_csv("all.csv", infer_schema=False)
        every.head(2).write_csv("sent.csv")
        told = tell_returns("shop", ReturnsRequest(sent=Path("sent.csv"), out=Path("rest.csv")))
        assert "remembered: 2 leads of sent.csv" in told.text
        assert "sent back before, and not listed: 2, 25.00 at stake" in told.text
        rest = pl.read_csv("rest.csv", infer_schema=False)
        assert rest["lead_id"].to_list() == every["lead_id"].to_list()[2:]
        again = tell_returns("shop", ReturnsRequest(sent=Path("sent.csv")))
        assert "remembered: 0 leads" in again.text, "a list that is told twice counts once"
        kept = file.read_bytes()
        pl.DataFrame({"lead_id": ["L1", "nobody"]}).write_csv("wrong.csv")
        with pytest.raises(
            LeadcastError, match="1 ids that are no leads of shop, such as 'nobody'"
        ):
            tell_returns("shop", ReturnsRequest(sent=Path("wrong.csv")))
        every.drop("lead_id").write_csv("wrong.csv")
        with pytest.raises(LeadcastError, match="expected lead_id"):
            tell_returns("shop", ReturnsRequest(sent=Path("wrong.csv")))
        with pytest.raises(LeadcastError, match="no such file"):
            tell_returns("shop", ReturnsRequest(sent=Path("absent.csv")))
        assert file.read_bytes() == kept
        day_after = datetime.fromisoformat(rest["deadline"][0]) + timedelta(days=1)
        late = tell_returns("shop", ReturnsRequest(as_of=day_after))
        due = re.search(r"TOO LATE: (\d) leads?, ([\d.]+) at stake", late.text)
        assert due is not None
        assert float(due[2]) == 12.5 * int(due[1]) > 0
        assert "passed in the last 7 days" in late.text
    assert pl.read_parquet(file)["vendor"].unique().to_list() == [FORMULA]
    file.unlink()


def test_what_is_missing_is_told(project: Path, tmp_path: Path) -> None:
    with chdir(project):
        with pytest.raises(LeadcastError, match="--without: found colour"):
            tell_sellers("shop", SellersRequest(without=("colour",)))
        with pytest.raises(LeadcastError, match="no lead was there"):
            tell_returns("shop", ReturnsRequest(as_of=datetime(2020, 1, 1, tzinfo=UTC)))
        with pytest.raises(LeadcastError, match=r"leads\.csv"):
            tell_returns("shop", ReturnsRequest(out=Path("data/raw/leads.csv"), force=True))
    (tmp_path / "data/sources").mkdir(parents=True)
    changes: Keys = {"tables.leads.attributes": {"size": "size"}, "vendors": None}
    bare = changed(DEFINITION, changes | {"root": str(project / "data/raw")})
    (tmp_path / "data/sources/shop.yaml").write_text(yaml_text(bare), encoding="utf-8")
    with chdir(tmp_path):
        with pytest.raises(LeadcastError, match="has none of vendor, source, campaign"):
            tell_sellers("shop", SellersRequest())
        with pytest.raises(LeadcastError, match="there is no key vendors"):
            tell_returns("shop", ReturnsRequest())
