"""Which leads of a source are one person, and which were sold again: ``leadcast identity``."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import polars as pl

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.base.files import why_no_file, write_text_out
from leadcast.features.base.ownership import refuse_foreign_file, refuse_inputs
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.load import find_definition
from leadcast.features.identity.match_errors import THRESHOLDS, measured, pairs_right
from leadcast.features.identity.persons import Resolved, resolve
from leadcast.features.identity.resale import Resales, resales
from leadcast.features.ingest.ingest import check_source
from leadcast.features.readers.opening import files_of
from leadcast.pipelines.base.raw import with_raw

Match = Literal["exact", "probabilistic"]
_KEPT = ("lead_id", "created_at", "vendor")


def tell_persons(
    source: str,
    match: str | None = None,
    out: Path | None = None,
    truth: Path | None = None,
    *,
    force: bool = False,
) -> str:
    """Find out who is one person, straight from a source's raw data."""
    definition = find_definition(source)
    if out is not None:
        refuse_inputs([out], [definition.file, *files_of(definition, definition.readers())])
        refuse_foreign_file(out, force=force, quick=True)
        if out.suffix not in (".csv", ".json"):
            raise LeadcastError(f"--out {out}: expected a file .csv or .json")
    about = definition.identity
    way: Match = "probabilistic" if (match or about.match) == "probabilistic" else "exact"
    leads, merges = _read(definition)
    limits = (about.threshold, about.default_country)
    found = resolve(leads, way, merges, *limits)
    told = measured(leads, found, about.default_country)
    sold = None
    if "vendor" in leads.columns and definition.is_dated:
        sold = resales(leads, found.persons, about.resale_days)
    lines = [*_words(source, way, found), *_thresholds(told, about.threshold)]
    if truth is not None:
        true = _true(truth, leads)
        lines += _errors([(t, resolve(leads, way, merges, t, limits[1])) for t in THRESHOLDS], true)
    lines += [] if sold is None else _sales(sold, about.resale_days)
    if out is not None:
        _write(out, leads, found, told, sold, force=force)
        lines.append(f"written: {out}")
    return "\n".join(lines)


def _read(definition: SourceDefinition) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    with with_raw(definition) as readable:
        checked = check_source(readable)
    if not checked.is_fine or checked.tables is None:
        raise FaultsError(checked.subject, [*checked.faults])
    return checked.tables.leads, checked.merges


def _words(source: str, way: str, found: Resolved) -> list[str]:
    persons = found.persons
    sizes = persons.group_by("person_id").len().filter(pl.col("len") > 1)["len"]
    largest = f", at most {max(sizes)}" if len(sizes) else ""
    counts = (
        persons.drop_nulls("evidence")["evidence"]
        .value_counts()
        .sort("count", "evidence", descending=[True, False])
    )
    return [
        f"{source}: {persons.height:,} leads are {persons['person_id'].n_unique():,} persons "
        f"({way}); {len(sizes):,} have several records{largest}",
        *(f"  {count:>8,}  {evidence}" for evidence, count in counts.iter_rows()),
    ]


def _thresholds(told: Sequence[dict[str, float | int]], used: float) -> list[str]:
    if not told:
        return []
    known = int(told[0]["known"])
    return [
        "",
        "  threshold   links above   wrong by the model   "
        f"found without the address (of {known:,})",
        *(
            f"  {row['threshold']:>9g}   {row['links']:>11,}   {row['expected_wrong']:>18.2%}   "
            + (f"{row['known_found']:.1%}" if known else "nothing to measure by")
            for row in told
        ),
        f"In use: {used:g} (identity.threshold).",
    ]


def _true(path: Path, leads: pl.DataFrame) -> pl.Series:
    if not path.is_file():
        raise LeadcastError(f"--truth {path}: {why_no_file(path)}; expected CSV or Parquet")
    try:
        read = pl.read_parquet(path) if path.suffix in (".parquet", ".pq") else pl.read_csv(path)
        table = read.select(pl.col("lead_id", "person_id").cast(pl.String))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise LeadcastError(
            f"--truth {path}: cannot be read ({error}); expected CSV or Parquet with the columns "
            "lead_id and person_id"
        ) from None
    joined = leads.select("lead_id").join(table.unique("lead_id"), on="lead_id", how="left")
    if joined["person_id"].count() == 0:
        raise LeadcastError(f"--truth {path}: names none of the source's leads; check lead_id")
    return joined["person_id"]


def _errors(found: Sequence[tuple[float, Resolved]], true: pl.Series) -> list[str]:
    known = true.is_not_null()
    lines = ["", f"  measured on {int(known.sum()):,} leads of known persons, by pairs"]
    lines.append("  threshold   precision   recall")
    for threshold, one in found:
        right = pairs_right(one.persons["person_id"].filter(known), true.filter(known))
        lines.append(f"  {threshold:>9g}   {right[0]:>9.4f}   {right[1]:>6.4f}")
    return lines


def _sales(sold: Resales, days: float) -> list[str]:
    rows = [
        f"  {vendor:<24.24} {leads:>7,} {resold:>9,} {share:>9.1%} {others:>10,} {twice:>9,}"
        f" {first:>12,} {'' if delay is None else f'{delay:.1f}':>13}"
        for vendor, leads, resold, others, twice, first, share, delay in sold.vendors.iter_rows()
    ]
    return [
        "",
        f"Bought leads whose person came in the {days:g} days before (identity.resale_days):",
        f"  {'vendor':<24} {'leads':>7} {'had them':>9} {'share':>9} {'of others':>10}"
        f" {'of itself':>9} {'first seller':>12} {'median days':>13}",
        *rows,
    ]


def _write(
    out: Path,
    leads: pl.DataFrame,
    found: Resolved,
    told: Sequence[dict[str, float | int]],
    sold: Resales | None,
    *,
    force: bool,
) -> None:
    beside = leads.select(name for name in _KEPT if name in leads.columns)
    rows = found.persons.join(beside, on="lead_id", how="left", maintain_order="left")
    rows = rows.sort("person_id", "lead_id")
    if out.suffix == ".csv":
        write_text_out(out, rows.write_csv(), force=force)
        return
    content: dict[str, Any] = {"persons": _plain(rows), "thresholds": [*told]}
    if sold is not None:
        content |= {"vendors": _plain(sold.vendors), "resales": _plain(sold.rows)}
    write_text_out(out, json.dumps(content, indent=2, ensure_ascii=False) + "\n", force=force)


def _plain(frame: pl.DataFrame) -> list[dict[str, Any]]:
    times = pl.selectors.temporal().dt.to_string("iso:strict")
    return frame.with_columns(times).to_dicts()
