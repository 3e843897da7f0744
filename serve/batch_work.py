"""The working folder of a batch: parts by lead, and what has been done, for `resume`."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from features.errors import Fault, LeadcastError
from features.files import read_json, write_json, written_whole
from serve.batch_output import by_row
from serve.batch_split import Read, split_by_lead


@dataclass(frozen=True)
class Work:
    """A folder beside the output, in which a batch keeps what it has done.

    Parameters
    ----------
    folder : Path
        The folder.
    moment : datetime
        When the batch began, or the moment that was asked for.
    """

    folder: Path
    moment: datetime

    @classmethod
    @contextmanager
    def opened(cls, out: Path, job: Mapping[str, Any], resume: bool) -> Iterator["Work"]:
        """Make the folder, or take up the one that an interrupted batch left.

        It is removed when the block succeeds or ends with an error that a user must mend; what
        else may interrupt (a kill, a full disk) leaves it for `resume`.

        Parameters
        ----------
        out : Path
            The batch's output.
        job : mapping
            All that the scores depend on, as JSON values; ``as_of`` in ISO format, or None for
            now.
        resume : bool
            Whether to go on with an interrupted batch, if there is one.

        Yields
        ------
        Work

        Raises
        ------
        LeadcastError
            If the interrupted batch was another one, another batch is writing there now, or the
            system refuses (no room, no right).
        """
        folder = out.parent / f".{out.name}.work"
        with _told(out), _held(folder, out):
            work = cls(folder, _begin(folder, out, dict(job), resume))
            try:
                yield work
            except LeadcastError:
                work.remove()
                raise
            work.remove()

    def remove(self) -> None:
        """Remove the folder and all in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def split(self, name: str, table: pl.LazyFrame, n_parts: int) -> list[Read]:
        """Split a table by lead into parts of about equal size, in bounded memory.

        Parameters
        ----------
        name : str
            Of the table.
        table : pl.LazyFrame
            With a column ``lead_id``; all rows of a lead go to the same part.
        n_parts : int
            How many parts.

        Returns
        -------
        list of callable
            Each gives a part, its rows in the order of the table.
        """
        return split_by_lead(self.folder / name, table, n_parts)

    def scores_of(self, part: int) -> Path:
        """Give the file of a part's scores.

        Parameters
        ----------
        part : int
            The part's number.

        Returns
        -------
        Path
            It exists once the part is done.
        """
        return self.folder / "scores" / f"{part:06}.arrow"

    def keep(self, part: int, scores: pl.DataFrame, warnings: list[Fault]) -> None:
        """Keep what came out of a part.

        Parameters
        ----------
        part : int
            The part's number.
        scores : pl.DataFrame
            Its scores, with the column `ROW`.
        warnings : list of Fault
            What was worked around.
        """
        path = self.scores_of(part)
        write_json(path.with_suffix(".json"), [asdict(fault) for fault in warnings])
        with written_whole(path) as temporary:
            # When scores are put in order, only batches that hold some of them are read.
            by_row(scores).write_ipc(temporary, compression="lz4", record_batch_size=2_000)

    def warnings_of(self, part: int) -> list[Fault]:
        """Give back the warnings of a part that is done.

        Parameters
        ----------
        part : int
            The part's number.

        Returns
        -------
        list of Fault
        """
        return [Fault(**fault) for fault in read_json(self.scores_of(part).with_suffix(".json"))]


@contextmanager
def _held(folder: Path, out: Path) -> Iterator[None]:
    """Make the folder and keep other batches out of it; a batch that is killed lets go of it."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_there = folder.stat().st_ino == os.fstat(descriptor).st_ino
        except (BlockingIOError, FileNotFoundError):
            # Or it was another batch's until a moment ago, and is removed.
            is_there = False
        if not is_there:
            raise LeadcastError(
                f"{out}: another batch writes this output now; wait for its end, or name another"
            )
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _told(out: Path) -> Iterator[None]:
    """Tell what the system refuses as something that a user can mend."""
    try:
        yield
    except (OSError, pl.exceptions.ComputeError) as error:
        # Polars tells a full disk, and nothing else of the system, by an error of its own.
        if not isinstance(error, OSError) and "os error" not in str(error):
            raise
        raise LeadcastError(
            f"{out}: the batch stopped, because the system refused ({error}); nothing was "
            "written there. Make room, or mend the path or its rights, and go on with --resume"
        ) from None


def _begin(folder: Path, out: Path, job: dict[str, Any], resume: bool) -> datetime:
    """Write or compare what the batch is about; give its moment."""
    about = folder / "job.json"
    if resume and about.exists():
        begun = read_json(about)
        if begun["job"] != job:
            raise LeadcastError(
                f"{out}: the interrupted batch had other inputs, another bundle, moment or chunk "
                "size; run it without resuming"
            )
    else:
        _refuse_foreign(folder)
        # What tells that the folder is a batch's own goes last, should this be interrupted.
        for left in sorted(folder.iterdir(), key=lambda path: path == about):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        begun = {"job": job, "moment": job["as_of"] or datetime.now(UTC).isoformat()}
        write_json(about, begun)
    return datetime.fromisoformat(begun["moment"])


def _refuse_foreign(folder: Path) -> None:
    """Refuse a folder of this name that no batch has made: it is about to be cleared."""
    about = folder / "job.json"
    begun = read_json(about) if about.is_file() else None
    is_own = isinstance(begun, dict) and set(begun) == {"job", "moment"}
    if not is_own and (found := sorted(folder.iterdir())):
        raise LeadcastError(
            f"{folder}: holds {found[0].name}, and no batch has made this folder, which batches "
            "work in; move it away, or name another output"
        )
