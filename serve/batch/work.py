"""The working folder of a batch: its parts, and what has been done, sealed, for `resume`.

What a batch has kept is sealed: a resumed one takes up those bytes, or does the part again.
A seal stands beside a file or folder, ``NAME.seal.json``: the length and CRC-32 of each file, the
batch to which it belongs, its own name, and a digest over all of that. Bytes that changed, files
that were cut short or put in each other's place, and parts of another batch do not fit it. It
guards against accidents, for which a checksum does that costs a third of SHA-256; whoever can write
the folder can write seals.
"""

import hashlib
import json
import shutil
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from leadcast.features.base.errors import Fault, LeadcastError, PassingError
from leadcast.features.base.files import read_json, write_json, written_whole
from leadcast.features.base.locks import locked
from leadcast.features.engine.partition import Read, split_by_lead
from leadcast.serve.batch.deliver import write_part

SEAL = ".seal.json"
_BLOCK_BYTES = 262_144


def digest_of(content: Any) -> str:  # noqa: ANN401 - any JSON value
    """Compute the SHA-256 of a JSON value, in hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def seal(path: Path, key: str, about: Any = None, written: Path | None = None) -> None:  # noqa: ANN401
    """Write down what a file, or each file of a folder, holds.

    Parameters
    ----------
    path : Path
        The file or folder.
    key : str
        Tells the batch apart from others.
    about : JSON value
        What is kept with it.
    written : Path, optional
        Where its bytes are, if they are about to be put at `path`.
    """
    content = _content(path, key, about, written or path)
    write_json(_seal_of(path), content | {"seal": digest_of(content)})


def sealed_with(path: Path) -> Any:  # noqa: ANN401 - any JSON value
    """Give what was kept with a file or folder when it was sealed."""
    return read_json(_seal_of(path))["about"]


def is_sealed(path: Path) -> bool:
    """Tell whether a seal stands beside a file or folder."""
    return _seal_of(path).exists()


def clear_broken(folder: Path, key: str, only: Collection[str] | None = None) -> list[str]:
    """Remove what is not as it was sealed, or was never finished."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    broken = []
    for name in sorted({name.removesuffix(SEAL) for name in names}):
        if only is not None and name not in only:
            continue
        path = folder / name
        is_finished = {name, name + SEAL} <= names
        if is_finished and _fits(path, key):
            continue
        if is_finished:
            broken.append(name)
        remove(path)
        remove(_seal_of(path))
    return broken


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _fits(path: Path, key: str) -> bool:
    try:
        found = read_json(_seal_of(path))
        content = _content(path, key, found["about"], path)
        expected: Mapping[str, Any] = content | {"seal": digest_of(content)}
        return bool(found == expected)
    except (LeadcastError, OSError, KeyError, TypeError, RecursionError):
        return False


def _content(path: Path, key: str, about: Any, written: Path) -> dict[str, Any]:  # noqa: ANN401
    place = f"{path.parent.name}/{path.name}"
    files = {str(file.relative_to(written)): _checksum(file) for file in _files(written)}
    return {"batch": key, "place": place, "files": files, "about": about}


def _files(path: Path) -> Iterator[Path]:
    yield from (file for file in path.rglob("*") if file.is_file()) if path.is_dir() else (path,)


def _checksum(file: Path) -> list[int]:
    n_bytes = crc = 0
    block = memoryview(bytearray(_BLOCK_BYTES))
    with file.open("rb", buffering=0) as opened:
        while n_read := opened.readinto(block):
            n_bytes += n_read
            crc = zlib.crc32(block[:n_read], crc)
    return [n_bytes, crc]


def _seal_of(path: Path) -> Path:
    return path.with_name(path.name + SEAL)


JOB, DIVIDED, SCORES = "job.json", "parts", "scores"
FOLDERS = ("leads", "events", "coded_events")
"""Each is sealed as a whole."""
SHUFFLED = ("shuffled-leads", "shuffled-events")
FOLDERS_OF_FILES = (SCORES, *SHUFFLED)
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
        else may interrupt (a kill, a full disk, a database that is gone) leaves it for `resume`.

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
            except PassingError as error:
                raise PassingError(
                    f"{error}. What was scored is kept: go on with --resume"
                ) from None
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
            write_part(scores, temporary)
            # Before the scores stand: where they do, the part is done, with its warnings.
            seal(path, self.key, [asdict(fault) for fault in warnings], temporary)

    def warnings_of(self, part: int) -> list[Fault]:
        """Give back the warnings of a part that is done."""
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
