"""The working folder of a batch: parts by lead, and what has been done, for `resume`."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from leadcast.features.base.errors import Fault, LeadcastError
from leadcast.features.base.files import read_json, write_json, written_whole
from leadcast.features.base.locks import locked
from leadcast.serve.batch.output import by_row
from leadcast.serve.batch.sealed import (
    clear_broken,
    digest_of,
    is_sealed,
    remove,
    seal,
    sealed_with,
)
from leadcast.serve.batch.split import Read, split_by_lead

JOB, DIVIDED, SCORES = "job.json", "parts", "scores"
FOLDERS = ("leads", "events", "coded_events")
"""Each is sealed as a whole."""
FOLDERS_OF_FILES = (SCORES, "shuffled-leads", "shuffled-events")
"""Of these, each file."""
_MOST_NAMED = 3


@dataclass(frozen=True)
class Work:
    """A folder beside the output, in which a batch keeps what it has done.

    Parameters
    ----------
    folder : Path
        The folder.
    moment : datetime
        When the batch began, or the moment that was asked for.
    key : str
        Tells the batch apart from others: a digest of all that its scores depend on.
    mended : tuple of Fault
        What an interrupted batch had done and is done again, as it was changed meanwhile.
    """

    folder: Path
    moment: datetime
    key: str
    mended: tuple[Fault, ...] = ()

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
        # A cluster's workers may stand elsewhere.
        folder = out.parent.resolve() / f".{out.name}.work"
        with _told(out), locked(out, "another batch writes this output", patience_seconds=0):
            folder.mkdir(exist_ok=True)
            work = cls._begun(folder, out, dict(job), resume)
            try:
                yield work
            except LeadcastError:
                work.remove()
                raise
            work.remove()

    @classmethod
    def _begun(cls, folder: Path, out: Path, job: dict[str, Any], resume: bool) -> "Work":
        """Write what the batch is about, or take up what an interrupted one has done."""
        about, mended = folder / JOB, tuple[Fault, ...]()
        if resume and about.exists():
            begun = _interrupted(about, out, job)
            mended = tuple(_mended(folder, digest_of(begun)))
        else:
            _refuse_foreign(folder)
            # What tells that the folder is a batch's own goes last, should this be interrupted.
            for left in sorted(folder.iterdir(), key=lambda path: path == about):
                remove(left)
            begun = {"job": job, "moment": job["as_of"] or datetime.now(UTC).isoformat()}
            write_json(about, begun | {"seal": digest_of(begun)})
        return cls(folder, datetime.fromisoformat(begun["moment"]), digest_of(begun), mended)

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
        parts = split_by_lead(self.folder / name, table, n_parts)
        self.seal(name)
        return parts

    def seal(self, name: str) -> None:
        """Seal a folder of parts, if there is one, so that a resumed batch may take it up.

        Parameters
        ----------
        name : str
            One of `FOLDERS`.
        """
        if (self.folder / name).exists() and not is_sealed(self.folder / name):
            seal(self.folder / name, self.key)

    def divide(self, n_parts: int) -> None:
        """Take up what was done in so many parts only; else begin anew.

        On a cluster, another number of workers may ask for another number of parts.

        Parameters
        ----------
        n_parts : int
            How many parts of leads there are.
        """
        kept = self.folder / DIVIDED
        if not (kept.exists() and kept.read_text(encoding="utf-8") == str(n_parts)):
            for name in FOLDERS_OF_FILES:
                remove(self.folder / name)
            with written_whole(kept) as temporary:
                temporary.write_text(str(n_parts), encoding="utf-8")

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
        return self.folder / SCORES / f"{part:06}.arrow"

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
        with written_whole(path) as temporary:
            # When scores are put in order, only batches that hold some of them are read.
            by_row(scores).write_ipc(temporary, compression="lz4", record_batch_size=2_000)
            # Before the scores stand: where they do, the part is done, with its warnings.
            seal(path, self.key, [asdict(fault) for fault in warnings], temporary)

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
        return [Fault(**fault) for fault in sealed_with(self.scores_of(part))]


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


def _interrupted(about: Path, out: Path, job: dict[str, Any]) -> dict[str, Any]:
    """Read what an interrupted batch was about; refuse another one."""
    found = read_json(about)
    begun = {key: found.get(key) for key in ("job", "moment")} if isinstance(found, dict) else {}
    if not begun or found.get("seal") != digest_of(begun):
        raise LeadcastError(
            f"{out}: what the interrupted batch was about ({about}) was changed, or is of another "
            "version of Leadcast; run it without resuming"
        )
    if begun["job"] != job:
        raise LeadcastError(
            f"{out}: the interrupted batch had other inputs, another bundle, moment or chunk "
            "size; run it without resuming"
        )
    return begun


def _mended(folder: Path, key: str) -> Iterator[Fault]:
    """Remove what is not as it was written; tell it."""
    broken = [
        f"{one}/{name}" for one in FOLDERS_OF_FILES for name in clear_broken(folder / one, key)
    ]
    broken += clear_broken(folder, key, FOLDERS)
    if broken:
        more = f" and {len(broken) - _MOST_NAMED} more" if len(broken) > _MOST_NAMED else ""
        yield Fault(
            where=f"working folder {folder}",
            found=f"{', '.join(broken[:_MOST_NAMED])}{more} changed since the interrupted batch",
            expected="what that batch has written",
            remedy="It was done again; look at the disk, and at who else writes there.",
            severity="warning",
        )


def _refuse_foreign(folder: Path) -> None:
    """Refuse a folder of this name that no batch has made: it is about to be cleared."""
    about = folder / JOB
    begun = read_json(about) if about.is_file() else None
    is_own = isinstance(begun, dict) and {"job", "moment"} <= set(begun) <= {
        "job",
        "moment",
        "seal",
    }
    if not is_own and (found := sorted(folder.iterdir())):
        raise LeadcastError(
            f"{folder}: holds {found[0].name}, and no batch has made this folder, which batches "
            "work in; move it away, or name another output"
        )
