"""`leadcast today` and what goes with it, on a project of a small source."""

import json
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.tables import Tables
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.commands.cli import app
from leadcast.pipelines.daily.explored import tell_explored
from leadcast.pipelines.daily.handoff import log_calls, take_feedback
from leadcast.pipelines.daily.lead_trials import MissesRequest, tell_misses, tell_what_if
from leadcast.pipelines.daily.today import TodayRequest, tell_today
from leadcast.serve.scorer import Scorer
from leadcast.serve.today.handoff import week_of
from leadcast.serve.today.open_leads import leads_at
from tests.scoring_world import END, START, bundle_folder, scoring_world
from tests.today_world import SOURCE, lay_out

DAY = timedelta(days=1)
EARLY = END - 200 * DAY
FORMULA = "=1+2"


@dataclass(frozen=True)
class Made:
    """A project in which two lists were made, a day apart."""

    run: RunFolder
    first: pl.DataFrame
    words: str
    list: pl.DataFrame


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("project")
    with chdir(folder):
        run = lay_out(folder, with_sales=True)
        tell_today(SOURCE, TodayRequest(EARLY - DAY))
        first = pl.read_parquet(run.today)
        words = tell_today(SOURCE, TodayRequest(EARLY, calls=10, out=Path("leads.csv")))
        yield Made(run, first, words, pl.read_parquet(run.today))


def test_the_list_is_every_open_lead_as_the_scorer_scores_it(made: Made) -> None:
    tables = scoring_world().tables
    won = tables.outcomes.filter(pl.col("won_at") < EARLY)["lead_id"]
    leads = tables.leads.filter(
        pl.col("created_at") <= EARLY, ~pl.col("lead_id").is_in(won.implode())
    )
    scores = Scorer.load(bundle_folder()).score(leads.drop("position"), tables.events, EARLY)
    both = made.list.join(scores, on="lead_id", how="full", suffix="_scorer")
    assert both.height == made.list.height == leads.height
    for name in ("probability", "lower", "upper", "grade", "percentile", "model_version"):
        assert both[name].equals(both[f"{name}_scorer"].alias(name)), name
    assert made.list["probability"].is_sorted(descending=True)


def test_who_is_closed_at_the_very_end_of_the_export_is_not_called() -> None:
    tables = scoring_world().tables
    won = tables.outcomes.drop_nulls("won_at").sort("won_at").row(40, named=True)
    moment = won["won_at"]
    at_end = leads_at(replace(tables, observed_until=moment), moment)
    meanwhile = leads_at(tables, moment)
    assert tables.observed_until is not None
    assert moment < tables.observed_until
    assert set(meanwhile["lead_id"]) - set(at_end["lead_id"]) == {won["lead_id"]}
    closed = leads_at(replace(tables, observed_until=moment), moment, closed=True)
    assert closed.filter(lead_id=won["lead_id"])["state"].item() == "won"
    early = moment - timedelta(microseconds=1)
    assert won["lead_id"] in leads_at(replace(tables, observed_until=moment), early)["lead_id"]


def test_why_it_moved_is_since_the_list_before_and_adds_up(made: Made) -> None:
    assert set(made.list["moved_since"].drop_nulls()) == {EARLY - DAY}
    both = made.list.join(made.first.select("lead_id", before="log_odds"), on="lead_id")
    assert both.height > 10
    for row in both.iter_rows(named=True):
        parts = sum(part["log_odds"] for part in row["moved_parts"])
        assert parts == pytest.approx(row["log_odds"] - row["before"], abs=1e-9)
        assert {part["kind"] for part in row["moved_parts"]} <= {"time", "event"}


def test_a_lead_at_an_untested_age_says_so(made: Made) -> None:
    assert ((made.list["age_days"] <= 7) == made.list["age_tested"]).all()
    assert "are older than 7 days" in made.words


def test_the_same_list_again_says_the_same(made: Made) -> None:
    calls = made.run.path / "today_calls"
    tell_today(SOURCE, TodayRequest(EARLY, calls=10))
    again = pl.read_parquet(made.run.today)
    # What is drawn, told and kept does not depend on how often one asks.
    assert again.equals(made.list)
    logged = pl.read_parquet(calls / f"{week_of(EARLY)}.parquet")
    assert logged["lead_id"].is_unique().all()
    assert (logged["propensity"] > 0).all()
    assert logged.filter(pl.col("call_rank").is_not_null()).height >= 10


def test_the_log_keeps_each_lead_as_its_week_first_listed_it(tmp_path: Path) -> None:
    def listed(hour: int, called: list[str], share: float) -> pl.DataFrame:
        ids = ["a", "b", "c", "d"][: 3 + hour]
        is_called = pl.col("lead_id").is_in(called)
        return pl.DataFrame({"lead_id": ids, "week": "2026-W02"}).with_columns(
            as_of=pl.lit(EARLY + timedelta(hours=hour)),
            owner=pl.lit("Anna"),
            hand_off=pl.when(is_called).then(pl.lit("call")).otherwise(pl.lit("nurture")),
            hand_off_why=pl.lit("x"),
            call_rank=pl.when(is_called).then(1),
            explored=pl.lit(value=False),
            propensity=pl.when(is_called).then(1.0).otherwise(share),
            probability=pl.lit(0.1),
            grade=pl.lit("B"),
            model_version=pl.lit("m"),
        )

    with chdir(tmp_path):
        run = RunFolder(SOURCE)
        run.today_calls.mkdir(parents=True)
        log_calls(run, listed(0, ["a"], 0.25))
        path = log_calls(run, listed(1, ["b", "d"], 0.5))
        assert path is not None
        kept = pl.read_parquet(path)
    assert kept["lead_id"].to_list() == ["a", "b", "c", "d"]
    assert kept["propensity"].to_list() == [1.0, 0.25, 0.25, 1.0]
    assert kept["called_later"].is_not_null().to_list() == [False, True, False, False]
    assert kept["call_rank"].is_not_null().to_list() == [True, False, False, True]


def test_explored_tells_of_the_lists_and_without_any_says_what_to_do(
    made: Made, tmp_path: Path
) -> None:
    answer = CliRunner().invoke(app, ["explored", SOURCE])
    assert answer.exit_code == 0, answer.output
    for words in ("above the line", "below the line", "called leads alone", "± 0.5"):
        assert words in answer.output
    told = json.loads(CliRunner().invoke(app, ["explored", SOURCE, "--json"]).output)
    logged = pl.concat([pl.read_parquet(one) for one in made.run.today_calls.glob("*.parquet")])
    assert told["called"] == logged["call_rank"].count()
    assert told["mature"] == told["called"]
    parts = told["rates"]
    rows = {name: one["rows"] for name, one in parts.items()}
    assert rows["all"] == rows["above the line"] + rows["below the line"] == told["called"]
    assert [one["share"] for one in told["precision"]["shares"]] == [0.02, 0.05, 0.10]
    with chdir(tmp_path):
        lay_out(tmp_path)
        with pytest.raises(LeadcastError, match="leadcast today small"):
            tell_explored(SOURCE)


def test_a_list_of_an_earlier_moment_or_of_closed_leads_is_not_todays(made: Made) -> None:
    before = made.run.today.read_bytes()
    for asked in (
        TodayRequest(EARLY - 9 * DAY, out=Path("old.parquet")),
        TodayRequest(EARLY, closed=True, out=Path("closed.parquet")),
    ):
        tell_today(SOURCE, asked)
        assert made.run.today.read_bytes() == before
    assert "written: nothing" in tell_today(SOURCE, TodayRequest(EARLY - 9 * DAY))
    closed = pl.read_parquet("closed.parquet")
    assert set(closed["state"]) == {"open", "won"}
    assert set(closed.filter(state="won")["hand_off"]) == {"none"}
    assert pl.read_parquet("old.parquet")["as_of"].unique().to_list() == [EARLY - 9 * DAY]


def test_a_list_of_a_moment_that_the_export_does_not_know_gives_way(tmp_path: Path) -> None:
    with chdir(tmp_path):
        run, far = lay_out(tmp_path), EARLY + 3_650 * DAY
        for moment, kept in ((far, far), (EARLY, EARLY), (EARLY - 9 * DAY, EARLY)):
            tell_today(SOURCE, TodayRequest(moment))
            assert pl.read_parquet(run.today)["as_of"].unique().to_list() == [kept]


def test_before_the_first_lead_there_is_none(made: Made) -> None:
    words = tell_today(SOURCE, TodayRequest(START - DAY, out=Path("none.csv")))
    assert "0 open leads" in words
    assert "nobody to call" in words
    assert pl.read_csv("none.csv").is_empty()


def test_what_is_no_list_is_never_taken_for_the_one_before(tmp_path: Path) -> None:
    with chdir(tmp_path):
        run = lay_out(tmp_path)
        for content in (b"PAR1", None):
            if content is None:
                pl.DataFrame({"as_of": [EARLY]}).write_parquet(run.today)
            else:
                run.today.write_bytes(content)
            with pytest.raises(LeadcastError, match=r"today\.parquet.*move it away"):
                tell_today(SOURCE, TodayRequest(EARLY))
        with pytest.raises(LeadcastError, match="--calls"):
            tell_today(SOURCE, TodayRequest(EARLY, calls=float("inf")))


def test_the_csv_is_for_people_and_safe(made: Made) -> None:
    rows = pl.read_csv("leads.csv", infer_schema=False)
    assert rows.height == made.list.height
    assert {"lead_id", "who", "owner", "why_moved", "reasons_up", "lift"} <= set(rows.columns)
    assert not {"log_odds", "moved_parts", "attributes_known"} & set(rows.columns)
    with pytest.raises(LeadcastError, match=r"name the output \.csv or \.parquet"):
        tell_today(SOURCE, TodayRequest(EARLY, out=Path("x.txt")))


def test_a_lift_is_what_the_scorer_says_of_one_more_event(made: Made) -> None:
    found = made.list.filter(pl.col("lift_crosses").is_not_null())
    line = made.list.filter((pl.col("hand_off") == "call") & ~pl.col("explored"))[
        "probability"
    ].min()
    assert found.height
    assert (found["lift_to"] > found["lift_from"]).all()
    assert ((found["lift_to"] >= line) == found["lift_crosses"]).all()
    lead = found.row(0, named=True)
    kind = lead["lift"].split(":")[0].replace(" ", "_")
    told = json.loads(tell_what_if(SOURCE, lead["lead_id"], (), (kind,), EARLY, as_json=True))
    assert told["before"]["probability"] == pytest.approx(lead["probability"], abs=1e-12)
    # The list adds the kind's usual value, a trial none.
    assert told["after"]["probability"] > told["before"]["probability"]


def test_what_if_tells_both_scores_and_every_fault_at_once(made: Made) -> None:
    lead_id = made.list["lead_id"][0]
    words = tell_what_if(SOURCE, lead_id, ("industry=retail", "budget="), ("call",), EARLY)
    assert "as it stands:" in words
    assert "industry: " in words
    wrong = ("industri=x", "budget=much", "newsletter=maybe", "nothing")
    late = (f"call@{(EARLY + DAY).isoformat()}", "demo", "call@yesterday")
    with pytest.raises(FaultsError) as caught:
        tell_what_if(SOURCE, lead_id, wrong, late, EARLY)
    assert len(caught.value.faults) == 7
    assert "did you mean" in str(caught.value).lower()
    with pytest.raises(LeadcastError, match="no lead 'nobody'"):
        tell_what_if(SOURCE, "nobody", (), ("call",), EARLY)
    with pytest.raises(FaultsError, match="nothing to try"):
        tell_what_if(SOURCE, lead_id, (), (), EARLY)


def test_misses_are_customers_that_were_never_scored_high(made: Made) -> None:
    words = tell_misses(SOURCE, MissesRequest(2, Path("misses.json"), Path("misses.csv")))
    told = json.loads(Path("misses.json").read_text(encoding="utf-8"))
    scores = pl.read_parquet(made.run.test_scores).filter("converted")
    highest = dict(scores.group_by("lead_id").agg(pl.col("probability").max()).iter_rows())
    assert told["customers"] == len(highest)
    assert f"{told['misses']:,} never were more than a C" in words
    rows = pl.DataFrame(told["leads"])
    assert (rows["probability"] == pl.Series([highest[one] for one in rows["lead_id"]])).all()
    assert set(rows.filter(kind="miss")["grade"]) <= {"C", "D"}
    assert set(rows.filter(kind="hit")["grade"]) == {"A"}
    assert rows.group_by("week", "kind").len()["len"].max() <= 2  # type: ignore[operator]
    assert pl.read_csv("misses.csv").height == rows.height


def feedback(rows: list[str], header: str = "lead_id,at,result,amount") -> Path:
    path = Path("feedback.csv")
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_feedback_takes_leads_off_the_list_and_is_kept(tmp_path: Path) -> None:
    with chdir(tmp_path):
        run = lay_out(tmp_path)
        tables = Tables.read(run.tables)
        created = tables.leads.filter(pl.col("created_at") < EARLY - 9 * DAY)
        won = tables.outcomes.filter(pl.col("won_at") < EARLY)["lead_id"].to_list()
        one, two, three = [lead for lead in created["lead_id"] if lead not in won][:3]
        at = (EARLY - DAY).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows = [f"{one},{at},won,500", f"{two},{at},disqualified,", f"{three},{at},Reached,"]
        assert "3 new rows" in take_feedback(SOURCE, feedback(rows))
        assert "0 new rows (3 rows were known already)" in take_feedback(SOURCE, feedback(rows))
        tell_today(SOURCE, TodayRequest(EARLY, calls=500))
        found = pl.read_parquet(run.today)
        assert one not in found["lead_id"].to_list()
        told = {row["lead_id"]: row for row in found.iter_rows(named=True)}
        assert told[two]["hand_off_why"] == "disqualified by sales"
        assert told[three]["feedback"] == "reached"
        assert told[three]["hand_off"] == "call"
        outcomes = pl.read_csv(run.path / "today_feedback_outcomes.csv")
        assert outcomes["lead_id"].to_list() == sorted([one, two])


def test_what_sales_tells_after_the_moment_of_the_list_takes_leads_off_it(tmp_path: Path) -> None:
    with chdir(tmp_path):
        run = lay_out(tmp_path)
        until = Tables.read(run.tables).observed_until
        assert until is not None
        tell_today(SOURCE, TodayRequest(calls=500))
        before = pl.read_parquet(run.today)
        won, lost, reached = before["lead_id"].to_list()[:3]
        earlier, later = (f"{until + n * DAY:%Y-%m-%dT%H:%M:%SZ}" for n in (-1, 1))
        rows = [f"{won},{later},won,500", f"{lost},{earlier},disqualified,"]
        said = take_feedback(SOURCE, feedback([*rows, f"{reached},{later},reached,"]))
        assert "whenever that was" in said
        words = tell_today(SOURCE, TodayRequest(calls=500))
        after = pl.read_parquet(run.today)
        assert "left out by sales' own word: won 1, disqualified 1" in words
        assert set(before["lead_id"]) - set(after["lead_id"]) == {won, lost}
        told = {row["lead_id"]: row for row in after.iter_rows(named=True)}
        assert told[reached]["feedback"] == "reached"
        # Of the others nothing has changed but who fills the places.
        kept = before.join(after.select("lead_id"), on="lead_id", how="semi")
        same = ("lead_id", "log_odds", "probability", "why_moved", "week_change", "expected_value")
        assert after.select(same).equals(kept.select(same))
        # With all leads nobody calls them either; a list of before knows nothing of it.
        tell_today(SOURCE, TodayRequest(calls=500, closed=True, out=Path("all.parquet")))
        everyone = pl.read_parquet("all.parquet").filter(pl.col("lead_id").is_in([won, lost]))
        assert set(everyone["hand_off"]) == {"none"}
        words = tell_today(SOURCE, TodayRequest(until - DAY / 2, out=Path("then.parquet")))
        assert "2 rows of feedback are of this moment or later" in words
        assert won in pl.read_parquet("then.parquet")["lead_id"].to_list()


def test_feedback_that_cannot_be_is_refused_with_every_fault(made: Made) -> None:
    lead_id = made.list["lead_id"][0]
    rows = [
        *("nobody,2025-08-01T00:00:00Z,won,1", f"{lead_id},2025-08-01T00:00:00Z,wan,1"),
        *(f"{lead_id},2025-08-01 00:00,won,1", f"{lead_id},2025-08-01T00:00:00Z,won,much"),
        *(f"{lead_id},2020-01-01T00:00:00Z,won,", f"{lead_id},2199-01-01T00:00:00Z,worked,"),
        *(
            f"{lead_id},2025-08-02T00:00:00Z,disqualified,",
            f"{lead_id},2025-08-02T00:00:00Z,won,-5",
        ),
    ]
    with pytest.raises(FaultsError) as caught:
        take_feedback(SOURCE, feedback(rows))
    told = str(caught.value)
    for words in (
        "no such lead",
        "'wan'",
        "with a zone",
        "'much'",
        "before the lead",
        "future",
        "both",
    ):
        assert words in told, words
    below = [f"{lead_id},2025-08-02T00:00:00Z,won,-5"]
    with pytest.raises(FaultsError, match="amount: found '-5'; expected numbers of at least 0"):
        take_feedback(SOURCE, feedback(below))
    with pytest.raises(FaultsError, match="no column at, result"):
        take_feedback(SOURCE, feedback(["x"], header="lead_id"))
    assert not made.run.today_feedback.exists()


def test_a_required_attribute_that_is_none_is_named(made: Made) -> None:
    path = Path("data/sources") / f"{SOURCE}.yaml"
    before = path.read_text(encoding="utf-8")
    path.write_text(f"{before}handoff: {{required: [telephone]}}\n", encoding="utf-8")
    try:
        with pytest.raises(FaultsError, match=r"handoff\.required: found 'telephone'"):
            tell_today(SOURCE, TodayRequest(EARLY))
    finally:
        path.write_text(before, encoding="utf-8")


@pytest.mark.parametrize("command", ["today", "whatif", "misses", "feedback"])
def test_help_has_examples(command: str) -> None:
    told = CliRunner().invoke(app, [command, "--help"])
    assert told.exit_code == 0
    assert f"leadcast {command} demo" in told.stdout


def test_an_undated_source_is_told_what_to_do(tmp_path: Path) -> None:
    with chdir(tmp_path):
        run = lay_out(tmp_path)
        about = json.loads((run.tables / "tables.json").read_text(encoding="utf-8"))
        (run.tables / "tables.json").write_text(json.dumps(about | {"time_order": "ordered"}))
        with pytest.raises(LeadcastError, match="no creation times"):
            tell_today(SOURCE, TodayRequest())
