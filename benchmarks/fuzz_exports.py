"""Exports and definitions changed at random: ``python -m benchmarks.fuzz_exports --runs 20000``.

A small export is changed in one to three ways: odd values, columns dropped, doubled, moved or
renamed, rows repeated, other encodings, separators and line ends, other keys of the definition.
Whatever comes out must hold to this: no traceback; no changed count and no changed value without an
issue that tells it; every row that was read is kept, set aside or left out. Ends with 1 where it
does not; a run is repeated by ``--seed N --runs 1``.
"""

import argparse
import csv
import io
import json
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.fuzz_values import FLAGS, KEYS, LIMITS, NAMES, NUMBERS, TEXTS, TIMES, TYPED
from benchmarks.strangers import definition_keys
from leadcast.features.base.errors import Fault, FaultsError, LeadcastError
from leadcast.features.base.letters import TRIMMED
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.load import load_definition
from leadcast.features.definitions.yaml_lines import yaml_text
from leadcast.features.ingest.context import Context, latest_possible
from leadcast.features.ingest.ingest import examine, ingest
from leadcast.features.profile.collector import Collector
from leadcast.features.readers.account import ADDED
from leadcast.features.readers.ledger import Ledger, Quarantine

URL = "FUZZ_URL"
TABLES: dict[str, list[list[Any]]] = {
    "leads": [
        ["id", "created", "revenue", "newsletter", "source"],
        *(
            [f"L{n}", f"2024-01-0{n}T08:00:00Z", f"{1000 + n}.5", "yes" if n % 2 else "no", source]
            for n, source in enumerate(["Google", "Referral", "", "Google", "Fair", "Fair"], 1)
        ),
    ],
    "events": [
        ["id", "at", "type", "seconds"],
        *([f"L{1 + n % 4}", f"2024-01-1{n}T09:00:00Z", "call", f"{n}.25"] for n in range(8)),
    ],
    "outcomes": [
        ["id", "won", "lost", "amount"],
        ["L1", "2024-02-01T00:00:00Z", "", "500.5"],
        ["L2", "", "2024-02-02T00:00:00Z", ""],
        ["L4", "2024-02-04T00:00:00Z", "", "70.25"],
    ],
}
ROLES = {
    **{("leads", 0): "id", ("leads", 1): "time", ("leads", 2): "number", ("leads", 3): "flag"},
    **{("leads", 4): "text", ("events", 0): "id", ("events", 1): "time", ("events", 2): "text"},
    **{("events", 3): "number", ("outcomes", 0): "id", ("outcomes", 1): "time"},
    **{("outcomes", 2): "time", ("outcomes", 3): "number"},
}
CANONICAL = {
    **{("leads", 1): "created_at", ("leads", 2): "revenue", ("leads", 3): "newsletter"},
    **{("leads", 4): "source", ("outcomes", 1): "won_at", ("outcomes", 2): "lost_at"},
    **{("outcomes", 3): "amount"},
}


@dataclass
class Export:
    """An export on its way to be odd."""

    rng: random.Random
    tables: dict[str, list[list[Any]]]
    keys: dict[str, Any]
    door: str
    encoding: str = "utf-8"
    separator: str = ","
    line_end: str = "\n"
    changes: list[str] = field(default_factory=list)
    cells: dict[tuple[str, int, int], Any] = field(default_factory=dict)
    """Values that were put in by table, row and column."""
    has_own_keys: bool = False
    """Whether the definition was changed."""
    is_known: bool = True
    """Whether what must come out is known: only values were changed."""

    def pick_table(self) -> str:
        """Choose a table."""
        return self.rng.choice(sorted(self.tables))


def change_values(export: Export) -> None:
    """Put an odd value into a few rows of a column."""
    table = export.pick_table()
    rows = export.tables[table]
    if len(rows) < 2 or not rows[0]:
        return
    column = export.rng.randrange(len(rows[0]))
    odd = TEXTS + (TYPED if export.door == "SQLite" else ())
    value = export.rng.choice(odd)
    for row in export.rng.sample(range(1, len(rows)), export.rng.randint(1, len(rows) - 1)):
        if column < len(rows[row]):
            rows[row][column] = value
            export.cells[table, row, column] = value
    export.changes.append(f"{table}.{rows[0][column]} = {value!r}")


def change_columns(export: Export) -> None:
    """Drop, double, move or rename a column."""
    export.is_known = False
    table, rng = export.pick_table(), export.rng
    rows = export.tables[table]
    if not rows or not rows[0]:
        return
    column, how = rng.randrange(len(rows[0])), rng.choice(["drop", "double", "move", "rename"])
    export.changes.append(f"{how} {table}.{rows[0][column]}")
    if how == "rename":
        rows[0][column] = rng.choice(NAMES)
        export.changes.append(f"to {rows[0][column]!r}")
        return
    to = rng.randrange(len(rows[0]))
    for row in (one for one in rows if len(one) > max(column, 1)):
        if how == "double":
            row.insert(to, row[column])
        elif how == "drop":
            del row[column]
        elif how == "move":
            row.insert(to, row.pop(column))


def change_rows(export: Export) -> None:
    """Repeat, drop, cut or add rows."""
    export.is_known = False
    table, rng = export.pick_table(), export.rng
    rows = export.tables[table]
    if not rows:
        return
    how = rng.choice(["repeat", "drop", "cut", "header", "foot", "all"])
    row = rng.randrange(len(rows))
    export.changes.append(f"{how} row {row} of {table}")
    if how == "repeat":
        rows.insert(row, [*rows[row]])
    elif how == "drop" and len(rows) > 1:
        del rows[row]
    elif how == "cut" and export.door == "CSV":
        rows[row] = rows[row][: rng.randrange(len(rows[row]) + 1)]
    elif how == "header":
        rows.append([*rows[0]])
    elif how == "foot" and rows[0]:
        foot = rng.choice(["Total", "", "(8 rows affected)", "Sum", "Generated on 2024-01-01"])
        rows.append([foot, *[""] * (len(rows[0]) - 1)])
    elif how == "all":
        del rows[1:]


def change_file(export: Export) -> None:
    """Write the files otherwise; declared or not."""
    if export.door != "CSV":
        return
    export.is_known = False
    rng = export.rng
    export.encoding = rng.choice(["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "latin-1"])
    export.separator = rng.choice([",", ";", "\t", "|", "§"])
    export.line_end = rng.choice(["\n", "\r\n", "\r", "\n\n", "\r\r\n"])
    export.changes.append(f"{export.encoding} {export.separator!r} {export.line_end!r}")
    if rng.random() < 0.6:
        for name in export.tables:
            reader = (export.keys["tables"].get(name) or {}).get("read", {})
            reader |= {"encoding": export.encoding, "separator": export.separator}


def change_definition(export: Export) -> None:
    """Set a key of the definition to something that is right, or not."""
    export.is_known, export.has_own_keys = False, True
    path, values = export.rng.choice(KEYS)
    value = export.rng.choice(values)
    *inner, last = path.split(".")
    here = export.keys
    for part in inner:
        here = here.get(part, {}) if isinstance(here, dict) else {}
    if isinstance(here, dict):
        if value is None and export.rng.random() < 0.5:
            here.pop(last, None)
        else:
            here[last] = value
    export.changes.append(f"{path}: {value!r}")


CHANGES: tuple[tuple[Callable[[Export], None], int], ...] = (
    (change_values, 6),
    (change_columns, 2),
    (change_rows, 2),
    (change_file, 1),
    (change_definition, 3),
)


def odd_export(seed: int) -> Export:
    """Make one export."""
    rng = random.Random(seed)
    tables = {name: [[*row] for row in rows] for name, rows in TABLES.items()}
    export = Export(rng, tables, {}, rng.choice(["CSV", "CSV", "Parquet", "SQLite"]))
    export.keys = definition_keys(Path())
    strict = {"events_before_creation": "1"}
    export.keys["limits"] = strict if rng.random() < 0.3 else dict.fromkeys(LIMITS, "1")
    for name in tables:
        if export.door == "Parquet":
            export.keys["tables"][name]["read"] = {"files": f"{name}.parquet"}
        elif export.door == "SQLite":
            sql = f"SELECT * FROM {name} ORDER BY rowid"
            export.keys["tables"][name]["read"] = {"sql": sql, "url_env": URL, "chunk_rows": "3"}
    changes, weights = zip(*CHANGES, strict=True)
    for change in rng.choices(changes, weights, k=rng.randint(1, 3)):
        change(export)
    return export


def write_export(export: Export, folder: Path) -> None:
    """Write the tables."""
    for name, rows in export.tables.items():
        if not rows:
            continue
        if export.door == "CSV":
            text = io.StringIO(newline="")
            separator = export.separator if export.separator.isascii() else "\x1f"
            csv.writer(text, delimiter=separator, lineterminator=export.line_end).writerows(rows)
            content = text.getvalue().replace("\x1f", export.separator)
            data = content.encode(export.encoding, errors="replace")
            (folder / f"{name}.csv").write_bytes(data)
        elif export.door == "Parquet":
            names = dict.fromkeys(rows[0])
            columns = {
                one: [row[rows[0].index(one)] for row in rows[1:] if len(row) == len(rows[0])]
                for one in names
            }  # Of two columns of a name, Parquet has one.
            pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String)).write_parquet(
                folder / f"{name}.parquet"
            )
    if export.door == "SQLite":
        _write_sqlite(export, folder / "crm.db")


def _write_sqlite(export: Export, path: Path) -> None:
    connection = sqlite3.connect(path)
    for name, rows in export.tables.items():
        quoted = (
            [] if not rows else [f'"{str(one).replace(chr(34), chr(34) * 2)}"' for one in rows[0]]
        )
        try:
            connection.execute(f"CREATE TABLE {name} ({', '.join(quoted)})")
        except (sqlite3.Error, ValueError):
            # A name that SQLite refuses, or has already.
            continue
        marks = ", ".join("?" * len(quoted))
        whole = [row for row in rows[1:] if len(row) == len(quoted)]
        connection.executemany(f"INSERT INTO {name} VALUES ({marks})", whole)
    connection.commit()
    connection.close()
    os.environ[URL] = f"sqlite:///{path}"


@dataclass(frozen=True)
class Read:
    """What an export was read as."""

    leads: pl.DataFrame
    outcomes: pl.DataFrame
    n_events: int
    warnings: Sequence[Fault]


def read_export(export: Export, folder: Path, *, whole: bool) -> Read:
    """Read an export as the ingest stage does, with all that it writes or without it.

    Raises
    ------
    LeadcastError
        As the stage does.
    """
    export.keys["root"] = str(folder)
    if export.has_own_keys or whole:
        path = folder / "stranger.yaml"
        path.write_text(yaml_text(_plain(export.keys)), encoding="utf-8")
        definition = load_definition(path)
    else:
        definition = SourceDefinition.model_validate(_plain(export.keys))
    if whole:
        ingest(definition, folder / "tables")
    ledger, parts = Ledger(Quarantine(folder / "quarantine")), list[pl.DataFrame]()
    until = latest_possible(definition, datetime.now(UTC))
    context = Context(definition, ledger, until, collector=Collector(definition))
    examined = examine(context, parts.append)
    faults = ledger.faults(definition.limits)
    if examined is None or any(fault.severity == "error" for fault in faults):
        raise FaultsError("export", faults)
    for name in definition.readers():
        lines = ledger.account.lines([name])
        n = sum(-line.rows if line.fate == ADDED else line.rows for line in lines)
        assert n == ledger.total(name), f"rows of {name}: {n} of {ledger.total(name)}: {lines}"
    settled, n_events = examined.settled, sum(part.height for part in parts)
    return Read(settled.leads.frame, settled.outcomes, n_events, faults)


def _plain(value: Any) -> Any:  # noqa: ANN401 - YAML
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [*map(_plain, value)]
    return str(value)


def judged(export: Export, read: Read) -> list[str]:
    """Tell what is not as it must be, where that is known."""
    if not export.is_known:
        return []
    both = read.leads.join(read.outcomes, on="lead_id")
    found = {row["lead_id"]: row for row in both.to_dicts()}
    is_told = bool(read.warnings)
    wrong: list[str] = []
    for table in ("leads", "outcomes"):
        seen = set[str | None]()
        for row, cells in enumerate(export.tables[table][1:], 1):
            lead_id = as_id(cells[0])
            if lead_id in seen or lead_id not in found:
                # Of a lead that stands there twice one row counts.
                wrong += [] if is_told else [f"no word of {cells[0]!r} in {table}"]
                continue
            seen.add(lead_id)
            odd = {column for name, at, column in export.cells if (name, at) == (table, row)}
            wrong += _wrong_cells(table, cells, odd, found[lead_id], is_told=is_told)
    # Events of leads that are set aside, as those are whose end cannot be read, are left out.
    n = len(export.tables["events"]) - 1
    if read.n_events != n and not is_told:
        wrong.append(f"{read.n_events} events of {n}, untold")
    return wrong


def _wrong_cells(
    table: str, cells: Sequence[Any], odd: set[int], found: dict[str, Any], *, is_told: bool
) -> Iterator[str]:
    for column in range(1, len(cells)):
        name = CANONICAL[table, column]
        expected, value = expected_of(ROLES[table, column], cells[column]), found[name]
        plain = _iso(value) if isinstance(value, datetime) else value
        if plain == expected or (is_told and plain is None):
            continue
        if is_told and isinstance(expected, str) and plain == expected.partition("\r")[0].strip():
            # A bare return ends a row of a CSV; what follows is told as a row of its own.
            continue
        if column in odd or not is_told:
            yield f"{found['lead_id']}: {name} is {plain!r} and not {expected!r}"


def as_id(value: Any) -> str | None:  # noqa: ANN401 - of any type
    """Tell which lead a cell means."""
    if isinstance(value, bytes):
        try:
            return value.decode().strip(TRIMMED)
        except UnicodeDecodeError:
            return f"\\x{value.hex()}"
    if isinstance(value, float):
        return str(int(value)) if value == value and abs(value) < 2**53 else None
    return None if value is None else str(value).strip(TRIMMED)


_OWN_NUMBERS = {
    cell: float(cell)
    for rows in TABLES.values()
    for row in rows[1:]
    for cell in row
    if cell.replace(".", "").isdigit()
}


def expected_of(role: str, value: Any) -> Any:  # noqa: ANN401 - of any type
    """Tell what a cell is in a role; None where it is nothing, or no such thing."""
    if isinstance(value, bytes):
        value = as_id(value)
    if role == "number":
        if isinstance(value, int | float):
            return float(value) if abs(value) < float("inf") else None
        plain = str(value).strip(TRIMMED)
        return NUMBERS.get(str(value), _OWN_NUMBERS.get(plain))
    if role == "flag":
        if isinstance(value, int | float) and value in (0, 1):
            return bool(value)
        words = {"yes": True, "no": False}
        return FLAGS.get(str(value), words.get(str(value)))
    if role == "time":
        plain = str(value)
        is_own = len(plain) == 20 and plain.startswith("2024-0") and "T" in plain
        return TIMES.get(plain, plain[:-1] if is_own else None)
    if isinstance(value, float) and abs(value) < 2**53:
        return as_id(value) if value == round(value, 0) else repr(value)
    return None if isinstance(value, float) else as_id(value) or None


def _iso(moment: datetime) -> str:
    micro = moment.microsecond
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds" if micro else "seconds")


@dataclass
class Tally:
    """What came of the runs."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[dict[str, Any]] = field(default_factory=list)

    def add(self, seed: int, outcome: str, export: Export, words: str) -> None:
        """Count a run, and keep it where something was wrong."""
        self.counts[outcome] += 1
        if outcome in ("traceback", "wrong"):
            about = {"seed": seed, "outcome": outcome, "door": export.door}
            self.faults.append(about | {"changes": export.changes, "words": words})


def run_one(seed: int, scratch: Path) -> tuple[str, Export, str]:
    """Make one export and read it; give what came of it."""
    export, folder = odd_export(seed), scratch / str(seed)
    folder.mkdir()
    try:
        write_export(export, folder)
        wrong = judged(export, read_export(export, folder, whole=seed % 10 == 0))
        return ("wrong", export, "; ".join(wrong)) if wrong else ("read", export, "")
    except LeadcastError as error:
        return "refused", export, str(error)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return "traceback", export, traceback.format_exc()
    finally:
        shutil.rmtree(folder)


def run(runs: int, first_seed: int) -> Tally:
    """Make so many exports."""
    tally, scratch = Tally(), Path(tempfile.mkdtemp())
    try:
        for seed in range(first_seed, first_seed + runs):
            outcome, export, words = run_one(seed, scratch)
            tally.add(seed, outcome, export, words)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return tally


def main() -> None:
    """Run and print; the exit code is 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    started = time.perf_counter()
    tally = run(asked.runs, asked.seed)
    seconds = round(time.perf_counter() - started, 1)
    print(json.dumps({"counts": dict(tally.counts), "seconds": seconds}))
    for fault in tally.faults[:20]:
        print(json.dumps(fault, ensure_ascii=False))
    sys.exit(1 if tally.faults else 0)


if __name__ == "__main__":
    main()
