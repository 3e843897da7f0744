"""Exports that people really have, through every door: ``python -m benchmarks.strangers``.

Each kind (``stranger_kinds``, ``stranger_files``) in each variant is read through each door that it
can come through, and must come out right or be refused with a message that names the column and the
cause. Prints a table of kinds and doors, writes ``benchmarks/results/strangers.md`` and ends with 1
where anything was silently wrong, refused in other words, or ended in a traceback.
"""

import argparse
import csv
import io
import os
import shutil
import sqlite3
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.results import RESULTS
from benchmarks.stranger_files import FILES, TYPED, FileVariant, TypedVariant
from benchmarks.stranger_kinds import TABLES, TEXT_KINDS, Keys, Right, Told, Truth, Variant
from benchmarks.stranger_scores import scored
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json, written_whole
from leadcast.features.definitions.load import load_definition
from leadcast.features.definitions.yaml_lines import yaml_text
from leadcast.features.ingest.ingest import ingest
from leadcast.features.tables import Tables

RIGHT, REFUSED = "right", "refused"
WRONG, UNCLEAR, TRACEBACK = "silently wrong", "refused in other words", "traceback"
COUNTS = {"leads": 4, "events": 4, "won": 1, "lost": 1, "open": 2}
URL = "STRANGERS_URL"
Columns = Mapping[str, Sequence[Any]]
Tabled = Mapping[str, Columns]


@dataclass(frozen=True)
class Finding:
    """What became of one variant at one door."""

    kind: str
    door: str
    number: int
    outcome: str
    told: str


@dataclass
class Board:
    """What became of all."""

    findings: list[Finding] = field(default_factory=list)

    def bad(self) -> list[Finding]:
        """List what is neither right nor refused as it should be."""
        return [one for one in self.findings if one.outcome not in (RIGHT, REFUSED)]

    def table(self) -> str:
        """Tell it as a table in Markdown: kinds below each other, doors beside each other."""
        doors = list(dict.fromkeys(one.door for one in self.findings))
        lines = [f"| kind | {' | '.join(doors)} |", f"|---|{'---|' * len(doors)}"]
        for kind in dict.fromkeys(one.kind for one in self.findings):
            cells = []
            for door in doors:
                mine = (kind, door)
                found = [one for one in self.findings if (one.kind, one.door) == mine]
                counts = Counter(one.outcome for one in found)
                cells.append(", ".join(f"{n} {outcome}" for outcome, n in counts.items()))
            lines.append(f"| {kind} | {' | '.join(cells)} |")
        return "\n".join(lines)


def definition_keys(root: Path) -> dict[str, Any]:
    """Give the keys of a definition that reads `TABLES` from CSV."""
    return {
        "name": "stranger",
        "title": "Strangers",
        "where_to_get": "Ask for it",
        "root": str(root),
        "observed_until": "2024-06-01T00:00:00Z",
        "limits": {"events_before_creation": "1"},
        "tables": {
            "leads": {
                "read": {"files": "leads.csv"},
                "columns": {"lead_id": "id", "created_at": "created"},
                "attributes": {
                    "revenue": {"column": "revenue", "type": "number"},
                    "newsletter": {"column": "newsletter", "type": "flag"},
                    "source": {"column": "source", "type": "category"},
                },
            },
            "events": {
                "read": {"files": "events.csv"},
                "columns": {"lead_id": "id", "occurred_at": "at"}
                | {"event_type": "type", "value": "seconds"},
            },
            "outcomes": {
                "form": "dates",
                "read": {"files": "outcomes.csv"},
                "columns": {"lead_id": "id", "won_at": "won", "lost_at": "lost"}
                | {"amount": "amount"},
            },
        },
    }


def changed(keys: dict[str, Any], changes: Keys) -> dict[str, Any]:
    """Set keys by their paths with dots; None takes one out."""
    for path, value in changes.items():
        *inner, last = path.split(".")
        here = keys
        for part in inner:
            here = here.setdefault(part, {})
        if value is None:
            here.pop(last, None)
        else:
            here[last] = _plain(value)
    return keys


def _plain(value: Any) -> Any:  # noqa: ANN401 - YAML
    # A definition's values are read as they are written.
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [*map(str, value)] if isinstance(value, list | tuple) else str(value)


def cells(variant: Variant) -> dict[str, dict[str, list[Any]]]:
    """Put a variant's values into the tables."""
    tables = {name: {one: [*v] for one, v in table.items()} for name, table in TABLES.items()}
    for place, values in variant.cells.items():
        table, _, column = place.partition(".")
        tables[table][column][: len(values)] = values
    return tables


def csv_bytes(table: Columns) -> bytes:
    """Write a table as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    return text.getvalue().encode()


Door = Callable[[Path, Tabled], Keys]
"""Writes tables into a folder, and gives the keys that read them."""


def by_csv(folder: Path, tables: Tabled) -> Keys:
    """Write CSV."""
    for name, table in tables.items():
        (folder / f"{name}.csv").write_bytes(csv_bytes(table))
    return {}


def by_parquet(folder: Path, tables: Tabled) -> Keys:
    """Write Parquet."""
    for name, table in tables.items():
        pl.DataFrame(table).write_parquet(folder / f"{name}.parquet")
    return {f"tables.{name}.read.files": f"{name}.parquet" for name in tables}


def _queries(tables: Tabled, url: str, prefix: str = "") -> Keys:
    os.environ[URL] = url
    sql = {name: f"SELECT * FROM {prefix}{name} ORDER BY row_number" for name in tables}
    return {f"tables.{name}.read": {"sql": one, "url_env": URL} for name, one in sql.items()}


def by_sqlite(folder: Path, tables: Tabled) -> Keys:
    """Fill a SQLite database, whose columns have no type."""
    connection = sqlite3.connect(folder / "crm.db")
    with connection:
        for name, table in tables.items():
            connection.execute(f"CREATE TABLE {name} (row_number, {', '.join(table)})")
            marks = ", ".join("?" * (len(table) + 1))
            rows = zip(range(len(next(iter(table.values())))), *table.values(), strict=True)
            connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
    connection.close()
    return _queries(tables, f"sqlite:///{folder / 'crm.db'}")


@dataclass
class Postgres:
    """A PostgreSQL server."""

    url: str

    def __post_init__(self) -> None:
        import sqlalchemy as sa

        self.engine = sa.create_engine(self.url)

    def fill(self, tables: Tabled, types: Mapping[str, tuple[str, Sequence[str]]]) -> Keys:
        """Make tables of texts; a column of the leads may have a type, and SQL for its values."""
        with self.engine.begin() as connection:
            for name, table in tables.items():
                own = types if name == "leads" else {}
                columns = [f"{one} {own[one][0] if one in own else 'text'}" for one in table]
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS stranger_{name}")
                connection.exec_driver_sql(
                    f"CREATE TABLE stranger_{name} (row_number int, {', '.join(columns)})"
                )
                for row in range(len(next(iter(table.values())))):
                    given = [one for one in table if one not in own]
                    made = {one: own[one][1][row] if one in own else "%s" for one in table}
                    connection.exec_driver_sql(
                        f"INSERT INTO stranger_{name} VALUES ({row}, {', '.join(made.values())})",
                        tuple(table[one][row] for one in given),
                    )
        return _queries(tables, self.url, "stranger_")

    def door(self, _: Path, tables: Tabled) -> Keys:
        """Fill it with texts."""
        return self.fill(tables, {})


def read(folder: Path, keys: dict[str, Any]) -> tuple[Tables, dict[str, Any], str]:
    """Read a source; give its tables, its counts and its warnings."""
    path = folder / "stranger.yaml"
    path.write_text(yaml_text(keys), encoding="utf-8")
    result = ingest(load_definition(path), folder / "tables")
    tables = Tables.read(folder / "tables")
    told = "\n".join(str(one) for one in result.warnings)
    assert read_json(folder / "tables" / "quality.json")
    return tables, dict(result.counts), told


def judged(truth: Truth, reading: Callable[[], tuple[Tables, dict[str, Any], str]]) -> tuple[
    str, str
]:  # fmt: skip
    """Hold a reading to the truth; give what became of it and what was told."""
    try:
        tables, counts, warned = reading()
    except LeadcastError as error:
        told = str(error)
        if isinstance(truth, Right):
            return UNCLEAR, f"should be right: {told}"
        missing = [word for word in truth.words if word not in told]
        return (UNCLEAR, f"lacks {missing}: {told}") if missing else (REFUSED, told)
    except BaseException:
        return TRACEBACK, traceback.format_exc()
    if isinstance(truth, Told):
        return WRONG, f"should be refused: {truth.words}; {counts}; {warned}"
    found = _canonical(tables)
    wrong = [
        f"{name}: {found[name].head(len(values)).to_list()} instead of {[*values]}"
        for name, values in truth.values.items()
        if not _same(found[name].head(len(values)).to_list(), values)
    ]
    expected = {**COUNTS, **truth.counts}
    wrong += [f"{name}: {counts[name]} instead of {n}" for name, n in expected.items()
              if counts[name] != n]  # fmt: skip
    wrong += [f"no word of {word}" for word in truth.warned if word not in warned]
    return (WRONG, "; ".join(wrong)) if wrong else (RIGHT, warned)


def _same(found: Sequence[Any], values: Sequence[Any]) -> bool:
    return len(found) == len(values) and all(
        one == value and isinstance(one, bool) == isinstance(value, bool)
        for one, value in zip(found, values, strict=True)
    )


def _canonical(tables: Tables) -> pl.DataFrame:
    both = tables.leads.join(tables.outcomes, on="lead_id", maintain_order="left")
    moments = pl.selectors.datetime().dt.to_string("%Y-%m-%dT%H:%M:%S%.f")
    return both.with_columns(moments)


Case = tuple[str, str, int, Truth, Callable[[Path], Keys]]
"""Kind, door, number of the variant, truth, and what writes the export and gives its keys."""


def text_cases(postgres: Postgres | None) -> Iterator[Case]:
    """Take each variant of texts through each door."""
    doors: dict[str, Door] = {"CSV": by_csv, "Parquet": by_parquet, "SQLite": by_sqlite}
    doors |= {} if postgres is None else {"PostgreSQL": postgres.door}
    for kind in TEXT_KINDS:
        for number, variant in enumerate(kind.variants):
            for door, write in doors.items():

                def written(folder: Path, write: Door = write, variant: Variant = variant) -> Keys:
                    return {**write(folder, cells(variant)), **variant.keys}

                yield kind.name, door, number, variant.truth, written


def file_cases() -> Iterator[Case]:
    """Take each variant of files through its door."""
    for kind in FILES:
        for number, variant in enumerate(kind.variants):

            def written(folder: Path, variant: FileVariant = variant) -> Keys:
                by_csv(folder, TABLES)
                files = variant.files((folder / "leads.csv").read_bytes())
                for name, content in files.items():
                    (folder / name).parent.mkdir(exist_ok=True)
                    if content is None:
                        (folder / name).mkdir()
                    else:
                        (folder / name).write_bytes(content)
                return variant.keys

            yield kind.name, variant.door, number, variant.truth, written


def typed_cases(postgres: Postgres | None) -> Iterator[Case]:
    """Take each variant of typed values through the doors that have them."""
    for kind in TYPED:
        for number, variant in enumerate(kind.variants):
            for door, write in _typed_doors(variant, postgres).items():
                yield kind.name, door, number, variant.truth, write


def _typed_doors(
    variant: TypedVariant, postgres: Postgres | None
) -> dict[str, Callable[[Path], Keys]]:
    def tables(values: Sequence[Any] | pl.Series) -> dict[str, dict[str, Any]]:
        whole: dict[str, dict[str, Any]] = {name: {**table} for name, table in TABLES.items()}
        whole["leads"][variant.column] = values
        return whole

    found: dict[str, Callable[[Path], Keys]] = {}
    if (series := variant.parquet) is not None:
        found["Parquet"] = lambda folder: _with(by_parquet(folder, tables(series)), variant)
    if (values := variant.sqlite) is not None:
        found["SQLite"] = lambda folder: _with(by_sqlite(folder, tables(values)), variant)
    if postgres is not None and (typed := variant.postgres) is not None:
        server, types = postgres, {variant.column: typed}
        found["PostgreSQL"] = lambda _: _with(server.fill(tables([None] * 4), types), variant)
    return found


def _with(keys: Keys, variant: TypedVariant) -> Keys:
    gone = [key for key, value in variant.keys.items() if value is None]
    replaced = [key for key, value in variant.keys.items() if isinstance(value, dict)]
    kept = {k: v for k, v in keys.items() if not any(k.startswith(one) for one in gone + replaced)}
    return {**kept, **variant.keys}


def run(
    postgres_url: str | None = None,
    *,
    one_door: bool = False,
    typed_at: str = "",
    every: int = 1,
) -> Board:
    """Read every variant through every door; or each through one by turns; or types at one.

    Of those that go by turns, one of `every` so many is read.
    """
    postgres = None if postgres_url is None else Postgres(postgres_url)
    board = Board()
    texts = [] if typed_at else [*text_cases(postgres), *file_cases()]
    cases = [*texts, *typed_cases(postgres)]
    cases = [case for case in cases if not typed_at or case[1] == typed_at]
    if one_door:
        cases = [*_by_turns(cases)][::every]
    scratch = Path(tempfile.mkdtemp())
    try:
        for at, (kind, door, number, truth, written) in enumerate(cases):
            folder = scratch / str(at)
            folder.mkdir()
            keys = changed(definition_keys(folder), written(folder))
            outcome, told = judged(truth, lambda folder=folder, keys=keys: read(folder, keys))  # type: ignore[misc]
            board.findings.append(Finding(kind, door, number, outcome, told))
            shutil.rmtree(folder)
        if not typed_at:
            (scratch / "scores").mkdir()
            board.findings += [Finding(*one) for one in scored(scratch / "scores")]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if postgres is not None:
            postgres.engine.dispose()
    return board


def _by_turns(cases: Sequence[Case]) -> Iterator[Case]:
    doors: dict[tuple[str, int], list[Case]] = {}
    for case in cases:
        doors.setdefault((case[0], case[2]), []).append(case)
    for turn, mine in enumerate(doors.values()):
        yield mine[turn % len(mine)]


def main() -> None:
    """Run, print and write; the exit code is 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", help="the URL of a PostgreSQL server to fill and read")
    board = run(parser.parse_args().postgres)
    counts = Counter(one.outcome for one in board.findings)
    told = ", ".join(f"{n} {outcome}" for outcome, n in counts.items())
    text = f"# Exports that people really have\n{__doc__}\n{told}\n\n{board.table()}\n"
    print(board.table(), told, sep="\n")
    for one in board.bad():
        print(f"\n{one.outcome}: {one.kind}, {one.door}, variant {one.number + 1}: {one.told}")
    with written_whole(RESULTS / "strangers.md", replacing=True) as path:
        path.write_text(text, encoding="utf-8")
    sys.exit(1 if board.bad() else 0)


if __name__ == "__main__":
    main()
