"""The working folder of a batch: one batch at a time, and what the system refuses, in words."""

import errno
import json
import sys
from pathlib import Path

import polars as pl
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import NoRoomError
from leadcast.pipelines.commands.cli import main
from leadcast.serve.batch.work import Work
from tests.scoring_world import bundle_folder, scoring_world

JOB = {"as_of": None}


def test_two_batches_do_not_write_the_same_output_at_once(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    with Work.opened(out, JOB, False) as work:
        (work.folder / "kept").touch()
        for resume in (False, True):
            with (
                pytest.raises(
                    LeadcastError, match=r"another batch writes this output now \(process \d+ on"
                ),
                Work.opened(out, JOB, resume),
            ):
                pass
        assert (work.folder / "kept").exists()
    with Work.opened(out, JOB, False):
        pass


FULL = OSError(errno.ENOSPC, "No space left on device", "scores")
REFUSED = (FULL, pl.exceptions.ComputeError("parquet: No space left on device (os error 28)"))


@pytest.mark.parametrize("refused", REFUSED, ids=["Python's", "Polars'"])
def test_a_full_disk_is_told_and_the_batch_goes_on_when_there_is_room(
    tmp_path: Path, refused: Exception
) -> None:
    out = tmp_path / "out.parquet"

    def fill() -> None:
        with Work.opened(out, JOB, False) as work:
            (work.folder / "kept").touch()
            raise refused

    with pytest.raises(LeadcastError, match=r"out\.parquet.*No space left.*--resume"):
        fill()
    with Work.opened(out, JOB, True) as work:
        assert (work.folder / "kept").exists()


def test_what_passes_keeps_what_was_done_and_what_must_be_mended_does_not(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    for error, is_kept in ((NoRoomError("full"), True), (LeadcastError("a fault"), False)):
        with pytest.raises(LeadcastError), Work.opened(out, JOB, False):
            raise error
        assert out.with_name(f".{out.name}.work").exists() is is_kept


def test_other_errors_of_polars_are_not_taken_for_the_systems(tmp_path: Path) -> None:
    with (
        pytest.raises(pl.exceptions.ComputeError),
        Work.opened(tmp_path / "out.csv", JOB, False),
    ):
        raise pl.exceptions.ComputeError("not enough columns")


@pytest.mark.parametrize("summary", ["text", "json"])
def test_a_place_that_cannot_be_written_is_told_without_a_traceback(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    summary: str,
) -> None:
    scoring_world().tables.leads.write_parquet(tmp_path / "leads.parquet")
    (tmp_path / "file").touch()
    told = ["--bundle", str(bundle_folder()), "--leads", str(tmp_path / "leads.parquet")]
    told += ["--out", str(tmp_path / "file/out.csv"), "--summary", summary]
    monkeypatch.setattr(sys, "argv", ["leadcast", "score", *told])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    streams = capsys.readouterr()
    words = json.loads(streams.out)["error"] if summary == "json" else streams.err
    assert "file/out.csv" in words
    assert "Not a directory" in words
