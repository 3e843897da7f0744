"""On a Dask cluster of several processes everything is as on one machine."""

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.base.files import write_json
from leadcast.features.engine.partition import ROW
from leadcast.features.tables import TIME
from leadcast.serve.batch.batch import (
    BatchSettings,
    BatchSummary,
    no_progress,
    score_files,
    score_source,
)
from leadcast.serve.batch.deliver import Outputs
from leadcast.serve.batch.inputs import BatchInputs
from leadcast.serve.batch.parts import Progress
from leadcast.serve.cluster.connection import (
    connected,
    refuse_other_versions,
    run_all,
    versions,
)
from leadcast.serve.cluster.matrix import Shuffled, matrix_on_cluster, pieces_of, split_piece
from leadcast.serve.cluster.scoring import OnCluster
from leadcast.serve.reasons import ReasonsAsked
from leadcast.serve.scorer import Scorer
from tests.conftest import NEEDS_DASK
from tests.scoring_world import END, bundle_folder, scoring_world, with_nulls

if TYPE_CHECKING:
    from distributed import Client

# What Dask itself does while processes come and go is not ours to mend.
pytestmark = [
    NEEDS_DASK,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
]
SETTINGS = BatchSettings(as_of=END)
SMALL = 250
"""Rows of a piece: so few that every table has several."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, world = tmp_path_factory.mktemp("tables"), scoring_world()
    tables = {
        "leads": world.tables.leads.drop("position"),
        "events": world.tables.events.collect(),
        "snapshots": world.snapshots.select("lead_id", "as_of"),
    }
    for name, table in tables.items():
        table.write_parquet(folder / f"{name}.parquet")
    write_json(folder / "plan.json", world.plan.to_json())
    return {name: folder / f"{name}.parquet" for name in tables} | {"plan": folder / "plan.json"}


@pytest.fixture(scope="module")
def alone(files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    out = tmp_path_factory.mktemp("alone") / "scores.parquet"
    score_files(bundle_folder(), files["leads"], files["events"], out, SETTINGS)
    return pl.read_parquet(out)


def on_cluster(
    dask_client: "Client",
    files: dict[str, Path],
    out: Path,
    n_parts: int = 5,
    rows_at_once: int = SMALL,
    progress: Progress = no_progress,
) -> pl.DataFrame:
    way = OnCluster(dask_client, bundle_folder(), n_parts, rows_at_once)
    given = (bundle_folder(), files["leads"], files["events"], out, SETTINGS, progress)
    score_files(*given, way=way)
    return pl.read_parquet(out)


def test_every_row_goes_to_the_partition_of_its_lead(tmp_path: Path) -> None:
    table = pl.DataFrame({"lead_id": [f"L{i % 7}" for i in range(50)], "x": range(50)})
    table.write_parquet(tmp_path / "table.parquet")
    pieces = pieces_of([tmp_path / "table.parquet"], 20)
    outs = tuple(tmp_path / f"{number}.parquet" for number in range(len(pieces)))
    for piece, out in zip(pieces, outs, strict=True):
        split_piece(piece, out, n_parts=11)
    parts = [Shuffled(outs).part(number) for number in range(11)]
    homes = [set(part["lead_id"]) for part in parts]
    assert len(pieces) == 3
    assert sum(map(len, homes)) == 7, "a lead is in two partitions"
    assert all(part[ROW].is_sorted() for part in parts)
    again = pl.concat(parts).sort(ROW)
    assert again.drop(ROW).equals(table)
    assert again[ROW].to_list() == list(range(50))


def test_features_equal_those_of_one_machine(
    dask_client: "Client", files: dict[str, Path], tmp_path: Path
) -> None:
    world, out = scoring_world(), tmp_path / "matrix.parquet"
    tables = [[files[name]] for name in ("leads", "events", "snapshots")]
    given = (dask_client, files["plan"], tables, out, tmp_path / "work")
    matrix_on_cluster(*given, n_parts=5, rows_at_once=SMALL)
    matrix = pl.read_parquet(out)
    assert matrix.columns == [feature.name for feature in world.plan.features]
    np.testing.assert_array_equal(matrix.to_numpy(), world.values)


def test_scores_equal_those_of_one_machine(
    dask_client: "Client", files: dict[str, Path], alone: pl.DataFrame, tmp_path: Path
) -> None:
    scores = on_cluster(dask_client, files, tmp_path / "scores.parquet")
    assert scores.equals(alone)
    names = {"scores.parquet", ".scores.parquet.leadcast"}
    assert {path.name for path in tmp_path.iterdir()} == names


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_lead_is_scored_at_each_of_its_moments(
    dask_client: "Client", files: dict[str, Path], tmp_path: Path, suffix: str
) -> None:
    leads = pl.read_parquet(files["leads"])
    moments = [leads.with_columns(as_of=pl.lit(END - timedelta(days=n))) for n in (0, 9)]
    place = tmp_path / f"leads{suffix}"
    asked = pl.concat(moments).with_columns(pl.col("as_of").cast(TIME))
    if suffix == ".csv":
        asked.write_csv(place, datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")
    else:
        asked.write_parquet(place)
    scores = on_cluster(dask_client, files | {"leads": place}, tmp_path / "scores.parquet")
    expected = Scorer.load(bundle_folder()).score(asked, pl.scan_parquet(files["events"]), None, [])
    assert scores.equals(expected)


def test_events_that_lack_something_are_told_as_on_one_machine(
    dask_client: "Client", files: dict[str, Path], alone: pl.DataFrame, tmp_path: Path
) -> None:
    events = pl.read_parquet(files["events"])
    more = tmp_path / "more.parquet"
    pl.concat([with_nulls(events.head(90)), events]).write_parquet(more)
    out = tmp_path / "scores.parquet"
    given = (bundle_folder(), files["leads"], more, out, SETTINGS)
    there = score_files(*given, way=OnCluster(dask_client, bundle_folder(), 5, SMALL))
    assert pl.read_parquet(out).equals(alone)
    here = score_files(*given)
    assert sorted(map(str, there.warnings)) == sorted(map(str, here.warnings))
    assert sum("rows without a value (30 rows)" in fault.found for fault in here.warnings) == 3


def test_all_places_and_the_best_leads_reasons_are_those_of_one_machine(
    dask_client: "Client", files: dict[str, Path], tmp_path: Path
) -> None:
    settings = replace(SETTINGS, reasons=ReasonsAsked("top", 7))
    ways: dict[str, Callable[..., BatchSummary]] = {
        "one": score_files,
        "many": partial(score_files, way=OnCluster(dask_client, bundle_folder())),
    }
    told = []
    for name, score in ways.items():
        outputs = Outputs(tmp_path / name / "out.parquet", history=tmp_path / name / "history")
        given = (bundle_folder(), str(files["leads"]), str(files["events"]), outputs, settings)
        told.append(replace(score(*given), outputs=Outputs()))
    (one, many), kept = ([tmp_path / name for name in ways], "history/*.parquet")
    assert told[0] == told[1]
    assert pl.read_parquet(many / "out.parquet").equals(pl.read_parquet(one / "out.parquet"))
    assert pl.read_parquet(many / "out.parquet")["reasons"].count() == 7
    assert pl.read_parquet(many / kept).equals(pl.read_parquet(one / kept))


def test_an_export_is_read_by_whom_it_is_given(
    dask_client: "Client", files: dict[str, Path], alone: pl.DataFrame, tmp_path: Path
) -> None:
    class Renamed:
        def stamps(self) -> list[object]:
            return []

        def read(self, scorer: Scorer, folder: Path) -> BatchInputs:
            # Of the files' own schema, and not what they hold.
            ids = pl.lit("x") + pl.col("lead_id")
            own, theirs = (pl.scan_parquet(files[name]) for name in ("leads", "events"))
            return BatchInputs([(own.with_columns(lead_id=ids), theirs.with_columns(lead_id=ids))])

    out = tmp_path / "scores.parquet"
    way = OnCluster(dask_client, bundle_folder(), 3)
    scorer = Scorer.load(bundle_folder())
    score_source(scorer, Renamed(), Outputs(out), SETTINGS, way=way)
    assert pl.read_parquet(out).equals(alone.with_columns(lead_id=pl.lit("x") + pl.col("lead_id")))


def test_csv_and_more_partitions_than_leads_are_no_matter(
    dask_client: "Client", files: dict[str, Path], alone: pl.DataFrame, tmp_path: Path
) -> None:
    few = pl.read_parquet(files["leads"]).head(3)
    few.write_csv(tmp_path / "few.csv", datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")
    leads = files | {"leads": tmp_path / "few.csv"}
    scores = on_cluster(dask_client, leads, tmp_path / "scores.parquet", n_parts=8)
    assert scores.equals(alone.head(3))


def test_a_worker_that_is_killed_loses_nothing(
    dask_client: "Client", files: dict[str, Path], alone: pl.DataFrame, tmp_path: Path
) -> None:
    victim = next(iter(dask_client.run(os.getpid).values()))
    killed = threading.Event()

    def kill_in_the_middle(done: int, total: int) -> None:
        if not killed.is_set():
            assert done < total, "it was over before the kill"
            os.kill(victim, signal.SIGKILL)
            killed.set()

    out = tmp_path / "scores.parquet"
    scores = on_cluster(dask_client, files, out, n_parts=12, progress=kill_in_the_middle)
    assert killed.is_set()
    assert victim not in dask_client.run(os.getpid).values()
    assert scores.equals(alone)
    # The next test finds the cluster as this one did.
    dask_client.wait_for_workers(2, timeout=60)


def test_a_task_that_failed_is_tried_again(dask_client: "Client", tmp_path: Path) -> None:
    def stall_once(mark: Path) -> str:
        if mark.exists():
            return "done"
        mark.touch()
        raise OSError("the common folder stalled")

    assert run_all(dask_client, stall_once, [(tmp_path / "tried",)]) == ["done"]


def test_one_lead_with_a_million_events_breaks_no_partition(
    dask_client: "Client", files: dict[str, Path], tmp_path: Path
) -> None:
    n, lead = 1_100_000, scoring_world().tables.leads["lead_id"][0]
    times = pl.datetime_range(END - timedelta(seconds=n), END, "1s", closed="left", eager=True)
    events = pl.DataFrame({"lead_id": lead, "occurred_at": times, "event_type": "call"})
    events = events.with_columns(value=pl.lit(None, dtype=pl.Float64))
    few = pl.concat([pl.read_parquet(files["events"]), events])
    few.write_parquet(tmp_path / "events.parquet")
    own = files | {"events": tmp_path / "events.parquet"}
    score_files(bundle_folder(), own["leads"], own["events"], tmp_path / "one.parquet", SETTINGS)
    scores = on_cluster(
        dask_client, own, tmp_path / "many.parquet", n_parts=3, rows_at_once=1_000_000
    )
    assert scores.equals(pl.read_parquet(tmp_path / "one.parquet"))


def test_faults_of_all_partitions_are_told_at_once(
    dask_client: "Client", files: dict[str, Path], tmp_path: Path
) -> None:
    twice = pl.read_parquet(files["leads"]).head(40)
    pl.concat([twice, twice]).write_parquet(tmp_path / "twice.parquet")
    wrong = files | {"leads": tmp_path / "twice.parquet"}
    with pytest.raises(FaultsError, match="more than once") as alone:
        score_files(
            *(bundle_folder(), wrong["leads"], wrong["events"], tmp_path / "one.parquet"), SETTINGS
        )
    with pytest.raises(FaultsError, match="more than once") as caught:
        on_cluster(dask_client, wrong, tmp_path / "scores.parquet")
    (one,), (many,) = alone.value.faults, caught.value.faults
    assert many.count == one.count == 80, "each partition told its own"
    assert not (tmp_path / "scores.parquet").exists()


def test_ids_that_numbers_hold_are_the_same_leads(
    dask_client: "Client", files: dict[str, Path], tmp_path: Path
) -> None:
    number = pl.col("lead_id").str.extract(r"([0-9]+)$")
    texts, numbers = dict(files), dict(files)
    for name, dtype in (("leads", pl.Float64), ("events", pl.Int64)):
        table = pl.read_parquet(files[name]).with_columns(number)
        texts[name], numbers[name] = tmp_path / f"{name}.parquet", tmp_path / f"{name}_held.parquet"
        table.write_parquet(texts[name])
        table.with_columns(pl.col("lead_id").cast(dtype)).write_parquet(numbers[name])
    out = tmp_path / "one.parquet"
    score_files(bundle_folder(), texts["leads"], texts["events"], out, SETTINGS)
    assert on_cluster(dask_client, numbers, tmp_path / "many.parquet").equals(pl.read_parquet(out))


def test_workers_of_other_versions_are_refused_by_name() -> None:
    refuse_other_versions({"tcp://a:1": versions()})
    with pytest.raises(LeadcastError, match=r"polars 0\.1 on tcp://b:2"):
        refuse_other_versions(
            {"tcp://a:1": versions(), "tcp://b:2": versions() | {"polars": "0.1"}}
        )
    with pytest.raises(LeadcastError, match="no workers"):
        refuse_other_versions({})


def test_nobody_at_the_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadcast.serve.cluster.connection.TIMEOUT_SECONDS", 1)
    with (
        pytest.raises(LeadcastError, match="no Dask scheduler answers"),
        connected("tcp://127.0.0.1:9"),
    ):
        pass
