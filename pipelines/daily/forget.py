"""``leadcast forget``: a person is taken out of all that Leadcast wrote, and that is proven."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from leadcast.features.accounts.known_accounts import retell_accounts
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.locks import locked
from leadcast.features.base.ownership import RUNS, agrees, known_contents, mark_of
from leadcast.features.definitions.definition import EventOutcomes, SourceDefinition
from leadcast.features.definitions.load import find_definition
from leadcast.features.definitions.table_schema import ExportColumn, FileReader
from leadcast.features.forgetting.person import ID_COLUMNS, Person
from leadcast.features.forgetting.removing import clean_file, clean_folder
from leadcast.features.forgetting.searching import Trace, files_below, search
from leadcast.features.forgetting.tombstone import FORGOTTEN, Tombstones, tombstones_of
from leadcast.features.readers.ledger import Ledger
from leadcast.features.readers.opening import find_files
from leadcast.features.tables import Tables
from leadcast.pipelines.base.paths import RunFolder

Action = Literal["rows", "folder", "remove", "told"]
"""What becomes of a file: rows or entries go, its folder is written anew without the person, it is
removed (a stage makes it again), or it is nobody's to change and only told."""
MADE_AGAIN = ("snapshots.parquet", "matrix.parquet", "out_of_time.parquet")
"""Rows of these are known by their place, so that all three are made again by the stages."""
_TRACKED = ("mlruns", "mlartifacts")


@dataclass(frozen=True)
class ForgetRequest:
    """What ``leadcast forget`` is asked."""

    leads: tuple[str, ...] = ()
    """Ids of leads."""
    emails: tuple[str, ...] = ()
    """E-mail addresses."""
    histories: tuple[Path, ...] = ()
    """Folders of score histories."""
    also: tuple[Path, ...] = ()
    """Further files and folders to search: score files, archives, page caches."""
    yes: bool = False
    """Whether it is done; else it is only told what would be."""


@dataclass(frozen=True)
class Planned:
    """What is to become of a file in which the person stands."""

    found: Trace
    action: Action
    folder: Path | None = None
    """The folder that is written anew."""

    def words(self) -> str:
        """Say it in a line, without naming the person."""
        rows = f" ({self.found.rows:,} rows)" if self.found.rows else ""
        what = {
            "rows": "its rows or entries go",
            "folder": "its rows or entries go",
            "remove": "the file goes; `leadcast run` makes it again",
            "told": "not Leadcast's to change: remove the person there yourself",
        }[self.action]
        if self.found.unreadable:
            what = f"cannot be searched ({self.found.unreadable}); look for yourself"
        return f"  {self.found.path}{rows}: {what}"


@dataclass(frozen=True)
class Forgotten:
    """What came of it."""

    words: str
    stands: int
    """In so many files the person still stands, or may stand."""


def forget(source: str, request: ForgetRequest) -> Forgotten:
    """Take a person out of everything that Leadcast wrote, or tell what that would be.

    Killed at any moment, each file is whole, with the person or without; the same call goes on. The
    canonical tables, by which the person is known, are cleaned last.

    Parameters
    ----------
    source : str
    request : ForgetRequest

    Returns
    -------
    Forgotten

    Raises
    ------
    LeadcastError
        If nobody is named, or the source's ids last no longer than its export.
    """
    if not request.leads and not request.emails:
        raise LeadcastError("forget: found nobody; give --lead ID or --email ADDRESS")
    missing = [str(one) for one in (*request.histories, *request.also) if not one.exists()]
    if missing:
        raise LeadcastError(f"forget: found no {', '.join(missing)}; name files that are there")
    definition = find_definition(source)
    with locked(FORGOTTEN / source, "another process forgets somebody"):
        person = _person(definition, request)
        places = [Path(), *_raw_files(definition), *request.histories, *request.also]
        planned, searched = _plan(definition, request, person, places)
        if not request.yes:
            return _dry(source, person, planned, searched)
        _refuse_passing_ids(definition, person)
        ids = () if definition.tables.leads.columns.lead_id == "row" else person.lead_ids
        tombstones = Tombstones.read(source).adding(ids, person.emails, datetime.now(UTC))
        tombstones.write(source)
        _remove(planned, person)
        left, searched = _plan(definition, request, person, places)
    return _done(source, person, planned, left, searched)


def _person(definition: SourceDefinition, request: ForgetRequest) -> Person:
    run = RunFolder(definition.name)
    columns = (*ID_COLUMNS, *_id_columns(definition))
    if not (run.tables / "leads.parquet").is_file():
        emails = tuple(one.strip().lower() for one in request.emails)
        return Person(request.leads, emails, id_columns=columns)
    person = Person.find(Tables.read(run.tables).leads, request.leads, request.emails)
    return replace(person, id_columns=columns)


def _id_columns(definition: SourceDefinition) -> Iterator[str]:
    tables = definition.tables
    if isinstance(tables.leads.columns.lead_id, ExportColumn):
        yield tables.leads.columns.lead_id.column
    yield from (table.columns.lead_id for table in tables.events)
    for one in tables.outcomes:
        if not isinstance(one, EventOutcomes) and one.columns.lead_id is not None:
            yield one.columns.lead_id


def _refuse_passing_ids(definition: SourceDefinition, person: Person) -> None:
    if definition.tables.leads.columns.lead_id == "row" and not person.emails:
        raise LeadcastError(
            f"{definition.file}: tables.leads.columns.lead_id: row: ids are numbers of rows, which "
            "are other leads' in the next export; expected an id of the export, or --email. Remove "
            "the person from the export, and run the source again"
        )


def _raw_files(definition: SourceDefinition) -> list[Path]:
    ledger, found = Ledger(), []
    for name, reader in definition.readers().items():
        if isinstance(reader, FileReader):
            found += find_files(name, reader, definition.root, definition.where_to_get, ledger)
    return found


def _plan(
    definition: SourceDefinition, request: ForgetRequest, person: Person, places: Iterable[Path]
) -> tuple[list[Planned], int]:
    run, histories = RunFolder(definition.name).path.resolve(), request.histories
    planned, searched = [], 0
    for path in files_below(list(places)):
        # The hashes of who was forgotten are no trace, but by chance.
        if path.resolve() == tombstones_of(definition.name).resolve():
            continue
        searched += 1
        found = search(path, person)
        if found is not None:
            planned.append(_planned(found, run, histories))
    # The tables last: by them the person is known.
    return sorted(planned, key=lambda one: "tables" in one.found.path.parts), searched


def _planned(found: Trace, run: Path, histories: tuple[Path, ...]) -> Planned:
    path = found.path.resolve()
    if found.unreadable:
        return Planned(found, "told")
    if ".dvc" in path.parts and "cache" in path.parts:
        return Planned(found, "remove")
    if path.is_relative_to(run):
        inside = path.relative_to(run)
        folder = run / inside.parts[0]
        if len(inside.parts) > 1 and mark_of(folder)[0]:
            is_bundle = (folder / "manifest.json").exists()
            return Planned(found, "told") if is_bundle else Planned(found, "folder", folder)
        is_table = path.suffix in (".parquet", ".csv", ".json", ".jsonl")
        return Planned(found, "rows" if is_table and inside.name not in MADE_AGAIN else "remove")
    if any(path.is_relative_to(one.resolve()) for one in histories) and path.suffix == ".parquet":
        return Planned(found, "rows")
    if any(part in _TRACKED for part in path.parts) and not path.is_relative_to(RUNS.resolve()):
        return Planned(found, "remove")
    is_own = any(agrees(path, one, quick=False) for one in known_contents(path))
    return Planned(found, "rows" if is_own else "told")


def _remove(planned: list[Planned], person: Person) -> None:
    folders: dict[Path, set[Path]] = {}
    for one in planned:
        path = one.found.path
        if one.action == "remove":
            path.unlink(missing_ok=True)
        elif one.action == "rows":
            # What cannot be cleaned is made again.
            if not clean_file(path, person, is_named=bool(known_contents(path))):
                path.unlink()
        elif one.folder is not None:
            folders.setdefault(one.folder, set()).add(path.resolve())
    for folder in sorted(folders, key=lambda one: one.name == "tables"):
        # Colleagues carry what the person did, without its name.
        finish = retell_accounts if folder.name == "tables" else None
        clean_folder(folder, person, folders[folder], finish)


def _about(person: Person) -> str:
    told = [f"{len(person.lead_ids):,} leads", f"{len(person.emails):,} e-mail addresses"]
    told += [
        f"{len(person.phones):,} telephone numbers",
        f"{len(person.texts):,} names or addresses",
    ]
    return ", ".join(told)


def _limits(person: Person) -> list[str]:
    if not person.short_ids:
        return []
    return [
        f"{len(person.short_ids):,} ids are too short to be told from other text; they were looked "
        "for in columns of ids alone"
    ]


def _dry(source: str, person: Person, planned: list[Planned], searched: int) -> Forgotten:
    head = f"{source}: {_about(person)}; found in {len(planned):,} of {searched:,} files"
    lines = [head, *(one.words() for one in planned), *_limits(person)]
    lines.append("nothing was changed; --yes does it")
    return Forgotten("\n".join(lines), 0)


def _done(
    source: str, person: Person, planned: list[Planned], left: list[Planned], searched: int
) -> Forgotten:
    changed = sum(one.action != "told" for one in planned)
    lines = [
        f"{source}: {_about(person)}; taken out of {changed:,} files, and left out of every ingest "
        f"from now on ({tombstones_of(source)})"
    ]
    if left:
        lines.append(f"searched {searched:,} files again; still in {len(left):,}:")
        lines += [one.words() for one in left]
    else:
        lines.append(f"searched {searched:,} files again: the person stands in none of them")
    lines += _limits(person)
    lines.append(
        f"the models were fitted with the person's rows: `leadcast run {source}` fits anew"
    )
    return Forgotten("\n".join(lines), len(left))
