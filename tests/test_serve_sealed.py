"""A resumed batch takes up the bytes that were written, and nothing else."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json, write_json
from leadcast.features.engine import partition as batch_split
from leadcast.serve.batch import inputs as batch_inputs
from leadcast.serve.batch.batch import BatchSettings, BatchSummary, score_files
from leadcast.serve.batch.work import SEAL, Work, clear_broken, seal, sealed_with
from tests.races import at_once, killed_when
from tests.scoring_world import bundle_folder, scoring_world
from tests.test_serve_batch import AS_OF, SMALL, Killed, kill_after

RESUMED = BatchSettings(AS_OF, resume=True, chunk_leads=120)
Change = Callable[[list[Path]], None]


def alter(files: list[Path], at: int = -100) -> None:
    data = bytearray(files[0].read_bytes())
    data[at] ^= 1
    files[0].write_bytes(data)


def truncate(files: list[Path]) -> None:
    files[0].write_bytes(files[0].read_bytes()[:-64])


def swap(files: list[Path], suffixes: tuple[str, ...] = ("",)) -> None:
    for suffix in suffixes:
        first, second = (path.with_name(path.name + suffix) for path in files[:2])
        kept = first.read_bytes()
        first.write_bytes(second.read_bytes())
        second.write_bytes(kept)


def alter_the_seal(files: list[Path]) -> None:
    alter([files[0].with_name(files[0].name + SEAL)], at=-20)


CHANGES: dict[str, Change] = {
    "a byte": alter,
    "the end": truncate,
    "two files swapped": swap,
}
OF_SCORES: dict[str, Change] = CHANGES | {
    "two files swapped with their seals": partial(swap, suffixes=("", SEAL)),
    "the seal": alter_the_seal,
}
CASES = [("scores", name) for name in OF_SCORES]
CASES += [(folder, name) for folder in ("leads", "coded_events") for name in CHANGES]


@dataclass(frozen=True)
class Batch:
    """A batch's files, all that it says of them, and the working folder of one that was killed."""

    files: tuple[Path, Path]
    scores: bytes
    work: Path


@pytest.fixture(scope="module")
def small_pieces() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_inputs, "CODED_BYTES", 0)
        patch.setattr(batch_split, "HELD_BYTES", 0)
        patch.setattr("leadcast.features.engine.coded.STORED_ROWS", 500)
        yield


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory, small_pieces: None) -> Batch:
    folder = tmp_path_factory.mktemp("batch")
    files = folder / "leads.parquet", folder / "events.parquet"
    scoring_world().tables.leads.write_parquet(files[0])
    scoring_world().tables.events.collect().write_parquet(files[1], row_group_size=500)
    score_files(bundle_folder(), *files, folder / "whole.csv", SMALL)
    out = folder / "out.csv"
    with pytest.raises(Killed):
        score_files(bundle_folder(), *files, out, SMALL, kill_after(4))
    return Batch(files, (folder / "whole.csv").read_bytes(), work_of(out))


def work_of(out: Path) -> Path:
    return out.with_name(f".{out.name}.work")


def interrupted(batch: Batch, out: Path) -> Path:
    """Leave beside an output what the killed batch left."""
    shutil.copytree(batch.work, work_of(out))
    return work_of(out)


def resume(batch: Batch, out: Path) -> BatchSummary:
    return score_files(bundle_folder(), *batch.files, out, RESUMED)


def told(done: BatchSummary) -> list[str]:
    return [str(fault) for fault in done.warnings if "working folder" in fault.where]


@pytest.mark.parametrize(("folder", "name"), CASES)
def test_a_part_whose_bytes_changed_is_done_again_and_told(
    batch: Batch, tmp_path: Path, folder: str, name: str
) -> None:
    out = tmp_path / "out.csv"
    work = interrupted(batch, out)
    if folder != "scores":
        # Else nobody reads the leads and events of parts that are done.
        for scores in (work / "scores").iterdir():
            scores.unlink()
    OF_SCORES[name](sorted((work / folder).glob("*.arrow")))
    done = resume(batch, out)
    assert out.read_bytes() == batch.scores
    (line,) = told(done)
    assert folder in line
    assert "done again" in line


def test_nothing_is_told_where_nothing_changed(batch: Batch, tmp_path: Path) -> None:
    work = interrupted(batch, tmp_path / "out.csv")
    # As a kill between the seal and the scores leaves it.
    sorted((work / "scores").glob("*.arrow"))[-1].unlink()
    assert told(resume(batch, tmp_path / "out.csv")) == []


def test_a_changed_account_of_the_batch_is_not_resumed(batch: Batch, tmp_path: Path) -> None:
    work = interrupted(batch, tmp_path / "out.csv")
    about = read_json(work / "job.json")
    write_json(work / "job.json", about | {"moment": "2025-01-01T00:00:00+00:00"})
    with pytest.raises(LeadcastError, match=r"job\.json.* without resuming"):
        resume(batch, tmp_path / "out.csv")


def test_a_seal_fits_its_own_file_batch_and_place_only(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text("the same")
        seal(tmp_path / name, "a batch", [name])
    assert clear_broken(tmp_path, "a batch") == []
    assert sealed_with(tmp_path / "two") == ["two"]
    swap([tmp_path / "one", tmp_path / "two"], ("", SEAL))
    assert clear_broken(tmp_path, "a batch") == ["one", "two"]
    (tmp_path / "one").touch()
    seal(tmp_path / "one", "another batch")
    assert clear_broken(tmp_path, "a batch") == ["one"]
    assert not list(tmp_path.iterdir())


def test_parts_of_another_number_of_parts_are_not_taken_up(tmp_path: Path) -> None:
    for resumed, n_parts, kept in ((False, 8, False), (True, 8, True), (True, 4, False)):
        try:
            with Work.opened(tmp_path / "out.csv", {"as_of": None}, resumed) as work:
                work.divide(n_parts)
                assert work.scores_of(0).exists() is kept
                work.keep(0, pl.DataFrame({"row_in_leads": [1]}), [])
                raise Killed
        except Killed:
            continue


BATCH = """
from datetime import datetime
from leadcast.serve.batch.batch import BatchSettings, score_files
bundle, leads, out = map(Path, sys.argv[4:7])
def progress(done, total):
    if {waits} and done == 0:
        barrier()
    if {is_slow} and done:
        time.sleep(100)
settings = BatchSettings(datetime.fromisoformat("2025-07-01T00:00:00Z"), {resume}, 120)
try:
    score_files(bundle, leads, None, out, settings, progress)
except Exception:
    barrier()
    raise
"""


def test_of_two_batches_with_one_output_one_works_and_the_other_is_told(tmp_path: Path) -> None:
    leads, out = tmp_path / "leads.parquet", tmp_path / "out.csv"
    scoring_world().tables.leads.write_parquet(leads)
    # The one that works goes on when the other has been refused.
    program = BATCH.format(waits=True, is_slow=False, resume=False)
    done = at_once(tmp_path / "at once", [program] * 2, bundle_folder(), leads, out)
    assert sorted(code for code, _ in done) == [0, 1]
    (error,) = (error for code, error in done if code)
    assert "another batch writes this output now (process" in error
    assert out.exists()
    assert [path.name for path in tmp_path.glob(".*")] == [".out.csv.leadcast"]


def test_a_batch_that_is_killed_holds_up_nobody_and_goes_on(tmp_path: Path) -> None:
    leads, out = tmp_path / "leads.parquet", tmp_path / "out.csv"
    scoring_world().tables.leads.write_parquet(leads)
    work = tmp_path / ".out.csv.work"
    slow = BATCH.format(waits=False, is_slow=True, resume=False)
    killed_when(slow, lambda: bool(list(work.glob("scores/*.arrow"))), bundle_folder(), leads, out)
    assert not out.exists()
    program = BATCH.format(waits=False, is_slow=False, resume=True)
    assert at_once(tmp_path / "then", [program], bundle_folder(), leads, out) == [(0, "")]
    assert len(out.read_bytes().splitlines()) == 601
    assert [path.name for path in tmp_path.glob(".*")] == [".out.csv.leadcast"], "left behind"
