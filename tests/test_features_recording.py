"""Leads from before outcomes were recorded are no losers: the truth comes out of the rest."""

import re
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.delays import OPEN, WON, DelayCurve, delay_curve
from leadcast.features.engine.engine import compute
from leadcast.features.engine.fitting import fit_plan
from leadcast.features.ingest.ingest import check_source, ingest
from leadcast.features.settings import FeatureSettings
from leadcast.features.snapshots import (
    ENDED,
    UNRECORDED,
    SnapshotSettings,
    count_looks,
    make_snapshots,
)
from leadcast.features.tables import Tables
from leadcast.models.choice.fitting import fit_learner
from leadcast.models.choice.setups import Setup
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.snapshots import take_snapshots
from tests.conftest import PROJECT
from tests.late_record import RECORDED, World
from tests.learner_worlds import QUICK
from tests.source_samples import make_source

LANDMARKS = SnapshotSettings(landmarks_days=(0, 20), horizon_days=30)
WORLD = World.of(6000)
ALWAYS = {"outcomes_from": "always"}
BEGIN = {"outcomes_from": "2023-12-01T00:00:00Z"}
DELAYED = {**BEGIN, "before_outcomes": "delayed_entry"}


def read(definition: SourceDefinition, folder: Path) -> Tables:
    ingest(definition, folder / "tables")
    return Tables.read(folder / "tables")


def doubts(definition: SourceDefinition) -> list[tuple[str, str, int]]:
    """What is found, what to do and how many leads, where outcomes seem to begin late."""
    profile = check_source(definition).profile
    assert profile is not None
    return [
        (doubt["found"], doubt["remedy"], doubt["count"])
        for doubt in profile["doubts"]
        if doubt["code"] == "outcomes_begin_late"
    ]


def rates(tables: Tables) -> dict[float, float]:
    """The share of converted snapshots at each age."""
    mature = make_snapshots(tables, LANDMARKS, 0).filter("mature")
    rows = mature.group_by("landmark_days").agg(pl.col("converted").mean())
    return dict(rows.iter_rows())


def probabilities(tables: Tables) -> Floats:
    """What a logistic regression says of the leads that it was taught by."""
    rows = make_snapshots(tables, LANDMARKS, 0).filter(pl.col("mature"), landmark_days=0)
    plan = fit_plan(tables, rows, FeatureSettings(), None, LANDMARKS)
    matrix = LabelledMatrix(
        values=compute(plan, tables.leads, tables.events, rows),
        features=plan.features,
        converted=rows["converted"].cast(pl.Float64).to_numpy(),
        position=rows["position"].to_numpy(),
        group=np.arange(rows.height),
        horizon=0,
    )
    setups = (Setup(None, ((10.0, 1.0),)),)
    learner = fit_learner("logistic", matrix, setups, QUICK.model_copy(update={"periods": 1}))
    return 1 / (1 + np.exp(-learner.log_odds(matrix.values)))


def error_of(share: float, rows: int) -> float:
    """Four standard errors."""
    return 4 * float(np.sqrt(share * (1 - share) / rows))


@pytest.mark.parametrize("keys", [{}, BEGIN, {"outcomes_from": "first"}, DELAYED])
def test_the_base_rate_is_the_true_one(keys: dict[str, str], tmp_path: Path) -> None:
    delayed = "before_outcomes" in keys
    tables = read(WORLD.export(tmp_path, keys, only_open=delayed), tmp_path)
    for age, rate in rates(tables).items():
        truth = World.truth(age, 30)
        assert abs(rate - truth) < error_of(truth, 1000)


def test_the_base_rate_would_be_too_low_if_outcomes_had_always_been_recorded(
    tmp_path: Path,
) -> None:
    told = rates(read(WORLD.export(tmp_path, ALWAYS), tmp_path))
    assert told[0] < 0.75 * World.truth(0, 30)
    # Recorded all along, the same leads have the true rate.
    whole = rates(read(WORLD.export(tmp_path, ALWAYS, recorded=0), tmp_path))
    assert abs(whole[0] - World.truth(0, 30)) < error_of(whole[0], 4000)


def test_the_probabilities_are_right_in_the_mean(tmp_path: Path) -> None:
    truth = World.truth(0, 30)
    right = probabilities(read(WORLD.export(tmp_path), tmp_path)).mean()
    assert abs(right - truth) < 0.03
    wrong = probabilities(read(WORLD.export(tmp_path, ALWAYS), tmp_path)).mean()
    assert wrong < truth - 0.06


def test_delayed_entry_uses_more_and_only_what_was_recorded(tmp_path: Path) -> None:
    aside = read(WORLD.export(tmp_path, BEGIN, only_open=True), tmp_path)
    entered = read(WORLD.export(tmp_path, DELAYED, only_open=True), tmp_path)
    few, more = (make_snapshots(one, LANDMARKS, 0) for one in (aside, entered))
    assert more.height > few.height
    begin = entered.outcomes_from
    assert begin is not None
    assert (more["as_of"] >= begin).all()
    # What was there is there: delayed entry adds looks at older leads, and changes no other.
    assert few.join(more, on=few.columns, how="semi", nulls_equal=True).height == few.height
    before, after = (count_looks(one, LANDMARKS) for one in (aside, entered))
    assert before[UNRECORDED] - after[UNRECORDED] == sum(
        after[why] - before[why] for why in ("", ENDED)
    )


@pytest.mark.parametrize("strays", [0, 2])
def test_a_late_record_is_noticed(strays: int, tmp_path: Path) -> None:
    (told,) = doubts(WORLD.export(tmp_path, strays=strays))
    assert f"{strays or 'no'} outcomes before 2023-12-01, where leads are recorded since" in told[0]
    before = int((WORLD.created < RECORDED).sum())
    assert abs(told[2] - before) < 40
    assert "`outcomes_from: 2023-12-01`" in told[1]
    assert "`vouched: {outcomes_begin_late: the reason}`" in told[1]
    result = ingest(WORLD.export(tmp_path, strays=strays), tmp_path / "tables")
    assert "outcomes recorded from 2023-12-01" in str(result)


def test_it_takes_its_own_advice(tmp_path: Path) -> None:
    definition = WORLD.export(tmp_path, BEGIN)
    (told,) = check_source(definition).faults
    assert told.is_usual
    assert doubts(definition) == []
    assert doubts(WORLD.export(tmp_path, ALWAYS)) == []
    vouched = {"vouched": {"outcomes_begin_late": "the older leads were a list that nobody called"}}
    definition = WORLD.export(tmp_path, vouched)
    assert read(definition, tmp_path).outcomes_from is None


def test_wins_that_are_recorded_later_than_losses(tmp_path: Path) -> None:
    wins = WORLD.won >= RECORDED
    late = World(WORLD.created, WORLD.source, np.where(wins, WORLD.won, np.inf), WORLD.lost)
    (told,) = doubts(late.export(tmp_path, recorded=0))
    assert "no wins before 2023-12-01" in told[0]


def test_outcomes_that_take_long_are_no_late_record(tmp_path: Path) -> None:
    # Nobody is won or lost before the 150th day: the first outcome comes long after the first lead.
    slow = World(WORLD.created, WORLD.source, WORLD.won + 150, WORLD.lost + 150)
    assert doubts(slow.export(tmp_path, recorded=0)) == []
    # And few leads in the beginning are none either.
    assert doubts(World.of(100).export(tmp_path, recorded=20)) == []


@pytest.mark.parametrize("seed", range(4))
def test_a_whole_record_raises_no_doubt(seed: int, tmp_path: Path) -> None:
    assert doubts(World.of(1500, seed).export(tmp_path, recorded=0)) == []


def test_the_delay_curve_is_the_true_one(tmp_path: Path) -> None:
    truth = delay_curve(read(WORLD.export(tmp_path, ALWAYS, recorded=0), tmp_path))
    biased = delay_curve(read(WORLD.export(tmp_path, ALWAYS), tmp_path))
    aside = delay_curve(read(WORLD.export(tmp_path), tmp_path))
    entered = delay_curve(read(WORLD.export(tmp_path, DELAYED, only_open=True), tmp_path))
    told = r"recorded from 2023-12-01( [0-9:]{5} UTC)? on; leads from before are left out\.$"
    assert re.search(told, aside.words(30))
    assert entered.words(30).endswith("leads from before are watched from then on.")
    assert truth.note == ""
    for days in (10, 30, 90):
        share = truth.share_won(days)
        assert biased.share_won(days) < share - 0.02
        assert abs(aside.share_won(days) - share) < 0.03
        assert abs(entered.share_won(days) - share) < 0.03


def test_delayed_entry_in_a_worked_example() -> None:
    # Four leads; the fourth is watched from the age of 2 days on, after the first was won.
    days, ending = np.array([1.0, 3.0, 5.0, 5.0]), np.array([WON, WON, OPEN, OPEN])
    entry = np.array([-1.0, -1.0, -1.0, 2.0])
    curve = DelayCurve.from_durations(days, ending, np.full(4, 5.0), entry)
    assert curve.at_risk.tolist() == [3, 3, 2]
    # One of three, then one of the three that are watched by then of the two thirds left.
    assert curve.share_won(1) == pytest.approx(1 / 3)
    assert curve.share_won(3) == pytest.approx(1 / 3 + 2 / 3 * 1 / 3)
    whole = DelayCurve.from_durations(days, ending, np.full(4, 5.0), np.full(4, -1.0))
    plain = DelayCurve.from_durations(days, ending, np.full(4, 5.0))
    assert whole.share.tolist() == plain.share.tolist()


def test_past_rates_do_not_count_leads_from_before(tmp_path: Path) -> None:
    def rate(keys: dict[str, str]) -> float:
        tables = read(WORLD.export(tmp_path, keys), tmp_path)
        rows = make_snapshots(tables, LANDMARKS, 0).filter("mature")
        plan = fit_plan(tables, rows, FeatureSettings(), None, LANDMARKS)
        (history,) = plan.histories
        return sum(history.steps[0].won) / sum(history.steps[0].leads)

    truth = World.truth(0, 30)
    assert abs(rate(DELAYED) - truth) < 0.03
    assert abs(rate(BEGIN) - truth) < 0.03
    assert rate(ALWAYS) < truth - 0.06


def test_leads_that_only_look_open_are_told(tmp_path: Path) -> None:
    # The whole list, with those that had ended before anybody wrote it down.
    told = [fault.where for fault in check_source(WORLD.export(tmp_path, DELAYED)).faults]
    assert told == ["outcomes_from", "before_outcomes"]
    undeclared = {"before_outcomes": "delayed_entry"}
    told = [fault.where for fault in check_source(WORLD.export(tmp_path, undeclared)).faults]
    assert told == ["before_outcomes"]
    # Who was open then is what delayed entry is made for.
    fine = check_source(WORLD.export(tmp_path, DELAYED, only_open=True)).faults
    assert [fault.where for fault in fine] == ["outcomes_from"]


def test_the_stage_says_how_much_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = tmp_path / "data" / "sources"
    sources.mkdir(parents=True)
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    short = {"snapshots": {"landmarks_days": ["0", "20"], "horizon_days": "20"}}
    long = {"snapshots": {"landmarks_days": ["0"], "horizon_days": "2000"}}
    for keys in (short, long):
        definition = WORLD.export(sources, keys)
        monkeypatch.chdir(tmp_path)
        ingest(definition, RunFolder("sample").tables)
        if keys is short:
            assert re.search(r"no snapshot of [0-9,]+ before outcomes", take_snapshots("sample"))
            continue
        # Too little is left for so long a horizon, and the message says where the rest is.
        with pytest.raises(LeadcastError, match="more of leads from before outcomes were recorded"):
            take_snapshots("sample")


def test_keys_that_cannot_be_right(tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match="`first` or `always`"):
        make_source(tmp_path, {"outcomes_from": "soon"})
    status = {
        "form": "status",
        "read": {"files": "outcomes.csv"},
        "columns": {"lead_id": "id", "status": "amount"},
        "won": ["500"],
    }
    with pytest.raises(FaultsError, match="`first`, and outcomes without a date"):
        make_source(tmp_path, {"outcomes_from": "first", "tables.outcomes": status})
