"""Clocks jump: set back, or ahead for a while. Order is kept, nothing is lost, and it is told."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import polars as pl
import pytest
import sqlalchemy as sa

from leadcast.features.base.errors import LeadcastError
from leadcast.models.bundle.bundle_files import Seen, read_manifest
from leadcast.pipelines.lifecycle import promote
from leadcast.pipelines.lifecycle.promote import roll_back, tell_promotions
from leadcast.serve.batch import work
from leadcast.serve.batch.batch import BatchSettings, BatchSummary, score_files
from leadcast.serve.batch.deliver import Outputs
from leadcast.serve.champion.champion_store import known_versions, read_promotion, version_folder
from leadcast.serve.score_history import history_of
from tests.scoring_world import END, bundle_folder, export, origin, scoring_world
from tests.test_serve_champion_store import put

SetClock = Callable[[datetime], None]
LATER = timedelta(days=1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Set the clock of this machine, as far as batches and promotions look at it."""

    def set_to(moment: datetime) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Self:
                return cls.fromtimestamp(moment.timestamp(), tz)

        for module in (work, promote):
            monkeypatch.setattr(module, "datetime", Clock)

    return set_to


@pytest.fixture(autouse=True)
def _leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scoring_world().tables.leads.head(20).write_parquet("leads.parquet")


def batch(outputs: Outputs, as_of: datetime | None = None) -> BatchSummary:
    return score_files(bundle_folder(), "leads.parquet", None, outputs, BatchSettings(as_of))


def told(done: BatchSummary) -> list[str]:
    return [str(one) for one in done.warnings if "later" in one.found]


def test_a_history_stays_in_the_order_of_time_and_nothing_is_overwritten(clock: SetClock) -> None:
    outputs, history = Outputs(history=Path("history")), Path("history")
    clock(END)
    assert told(batch(outputs)) == []
    (first,) = history.iterdir()
    before = first.read_bytes()
    clock(END - 30 * LATER)
    (words,) = told(batch(outputs))
    assert words.startswith("history history: found scores of 2025-08-29, which is later than now")
    clock(END + LATER)
    assert told(batch(outputs)) == []
    assert len(list(history.iterdir())) == 3
    assert first.read_bytes() == before
    moments = history_of(history, "lead 3")["as_of"].to_list()
    assert moments == [END - 30 * LATER, END, END + LATER]
    # A moment that was asked for may be any.
    assert told(batch(outputs, END - 60 * LATER)) == []


def test_scores_of_a_clock_that_was_ahead_are_told_every_night(
    clock: SetClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/scores.db"
    monkeypatch.setenv("SCORES_URL", url)
    outputs = Outputs(table="scores", database_env="SCORES_URL")
    clock(END + 4_000 * LATER)
    assert told(batch(outputs)) == []
    clock(END)
    (words,) = told(batch(outputs))
    assert words.startswith("table scores: found scores of a later moment, which stay (20 rows)")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        # As it is told: delete what the clock was ahead of.
        assert connection.exec_driver_sql("DELETE FROM scores").rowcount == 20
    assert told(batch(outputs)) == []
    with engine.begin() as connection:
        (moment,) = set(connection.exec_driver_sql("SELECT as_of FROM scores").scalars())
    engine.dispose()
    assert datetime.fromisoformat(moment).replace(tzinfo=UTC) == END


def test_a_clock_by_which_the_model_cannot_have_been_made_is_refused(
    clock: SetClock, tmp_path: Path
) -> None:
    about = origin(scoring_world()).model_copy(
        update={"seen": Seen(snapshots=1, known_until=END), "role": "deployed"}
    )
    export(tmp_path / "seen", about=about)
    leads, out = Path("leads.parquet"), tmp_path / "out.csv"

    def score(as_of: datetime | None = None) -> int:
        return score_files(tmp_path / "seen", leads, None, out, BatchSettings(as_of)).n_rows

    clock(datetime(1970, 1, 2, tzinfo=UTC))
    with pytest.raises(LeadcastError, match=r"says 1970-01-02, .* set the clock, or name"):
        score()
    assert [path.name for path in tmp_path.glob("*out.csv*")] == []
    assert score(END) == 20
    # Leads that have moments of their own need no clock.
    pl.read_parquet(leads).with_columns(as_of=pl.lit(END)).write_parquet("moments.parquet")
    leads = Path("moments.parquet")
    assert score() == 20
    clock(END - LATER)
    leads = Path("leads.parquet")
    assert score() == 20


def test_promotions_keep_their_order_and_numbers_whatever_the_clock_says(
    clock: SetClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promote, "_told_followed", lambda _: "")
    other = tmp_path / "other"
    export(other, about=origin(scoring_world()).model_copy(update={"fingerprint": "other"}))
    one = put(bundle_folder(), 1)
    put(other, 2, one.steps)
    kept = [read_manifest(version_folder("small", version) / "bundle") for version in (1, 2)]
    for year in (1970, 2090, 2000):
        clock(datetime(year, 6, 1, tzinfo=UTC))
        roll_back("small", None, f"in {year}", "ines")
    steps = read_promotion("small").steps
    assert [(step.version, step.at.year) for step in steps] == [
        *((1, 2026), (2, 2026), (1, 1970), (2, 2090), (1, 2000))
    ]
    assert known_versions("small") == [1, 2]
    assert kept == [read_manifest(version_folder("small", number) / "bundle") for number in (1, 2)]
    listed = [line.split()[0][:4] for line in tell_promotions("small").splitlines()[1:6]]
    assert listed == ["2000", "2090", "1970", "2026", "2026"]
