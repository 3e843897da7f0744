"""Exports that people really have come out right, or are refused in words that name the cause."""

from pathlib import Path

import pytest

from benchmarks.stranger_files import FILES, SCORED, TYPED
from benchmarks.stranger_kinds import TABLES, TEXT_KINDS, Right, Told
from benchmarks.strangers import (
    REFUSED,
    RIGHT,
    UNCLEAR,
    WRONG,
    by_csv,
    changed,
    definition_keys,
    judged,
    read,
    run,
)


def test_each_kind_has_three_variants_and_a_name_of_its_own() -> None:
    told = [(kind.name, len(kind.variants)) for kind in TEXT_KINDS]
    told += [(kind.name, len(kind.variants)) for kind in FILES]
    told += [(kind.name, len(kind.variants)) for kind in TYPED]
    told += [(kind.name, len(kind.variants)) for kind in SCORED]
    assert all(n >= 3 for _, n in told)
    assert len(dict(told)) == len(told)


@pytest.mark.slow
def test_nothing_is_silently_wrong_and_nothing_ends_in_a_traceback() -> None:
    # The benchmark reads them all.
    board = run(one_door=True, every=3)
    assert [(one.outcome, one.kind, one.door, one.number, one.told) for one in board.bad()] == []
    doors = {"CSV", "Parquet", "SQLite", "score_one", "polars", "pandas", "file", "HTTP"}
    assert {one.door for one in board.findings} == doors


@pytest.mark.postgres
def test_postgresql_too(postgres_url: str) -> None:
    board = run(postgres_url, typed_at="PostgreSQL")
    assert [(one.outcome, one.kind, one.door, one.number, one.told) for one in board.bad()] == []
    assert len(board.findings) > 15


@pytest.mark.parametrize(
    ("truth", "outcome"),
    [
        (Right({"revenue": [1000]}), RIGHT),
        (Right({"revenue": [1001]}), WRONG),
        (Right({}, ("a warning",)), WRONG),
        (Right(counts={"open": 3}), WRONG),
        (Told(("anything",)), WRONG),
    ],
)
def test_a_reading_is_held_to_the_truth(tmp_path: Path, truth: Right | Told, outcome: str) -> None:
    keys = changed(definition_keys(tmp_path), by_csv(tmp_path, TABLES))
    assert judged(truth, lambda: read(tmp_path, keys))[0] == outcome


@pytest.mark.parametrize(
    ("truth", "outcome"),
    [
        (Told(("'revenue'", "no such column")), REFUSED),
        (Told(("something else",)), UNCLEAR),
        (Right(), UNCLEAR),
    ],
)
def test_a_refusal_is_held_to_its_words(tmp_path: Path, truth: Right | Told, outcome: str) -> None:
    tables = {**TABLES, "leads": {k: v for k, v in TABLES["leads"].items() if k != "revenue"}}
    keys = changed(definition_keys(tmp_path), by_csv(tmp_path, tables))
    assert judged(truth, lambda: read(tmp_path, keys))[0] == outcome
