"""``leadcast returns``: the leads to send back to their vendors, with deadline and reason."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import written_out
from leadcast.features.base.ownership import refuse_foreign_file, refuse_inputs
from leadcast.features.definitions.load import find_definition
from leadcast.features.readers.opening import files_of
from leadcast.features.tables import Tables, moment_words
from leadcast.models.sellers.returns import ReturnList, to_send_back
from leadcast.pipelines.base.raw import read_anew
from leadcast.pipelines.base.seller_facts import junk_of
from leadcast.pipelines.daily.today import write_people_csv


@dataclass(frozen=True)
class ReturnsRequest:
    """What ``leadcast returns`` is asked."""

    out: Path | None = None
    """The CSV file to write."""
    as_of: datetime | None = None
    """The moment; None: the end of the export."""
    due_hours: float = 24.0
    """So many hours before its deadline a lead is urgent."""
    force: bool = False
    """Whether the file may replace what Leadcast did not write."""


@dataclass(frozen=True)
class ReturnsAnswer:
    """What goes back."""

    text: str
    due: int
    """So many leads are urgent."""


def tell_returns(source: str, request: ReturnsRequest) -> ReturnsAnswer:
    """List the leads to send back.

    Parameters
    ----------
    source : str
        Its name; its export is read anew, and no run is needed.
    request : ReturnsRequest

    Returns
    -------
    ReturnsAnswer

    Raises
    ------
    LeadcastError
        If its definition has no terms of vendors.
    """
    definition = find_definition(source)
    if not definition.vendors:
        raise LeadcastError(
            f"{definition.file}: there is no key vendors, which tells by when and for which "
            "reasons each vendor takes leads back; data/sources/template.yaml explains it"
        )
    if request.out is not None:
        inputs = [definition.file, *files_of(definition, definition.readers())]
        refuse_inputs([request.out], inputs)
        refuse_foreign_file(request.out, force=request.force, quick=True)
    with read_anew(definition) as tables:
        moment = request.as_of or tables.observed_until
        if moment is None:
            raise LeadcastError(
                f"returns {source}: the end of the export is not told; give --as-of"
            )
        known = _known_at(tables, moment)
        wants_junk = any("junk" in terms.reasons for terms in definition.vendors.values())
        junk = junk_of(definition, known) if wants_junk else None
        found = to_send_back(known, definition.vendors, moment, junk)
    lines = [*_words(source, found, request.due_hours)]
    if request.out is not None:
        with written_out(request.out, force=request.force) as temporary:
            write_people_csv(found.frame, temporary)
        lines.append(f"written: {request.out}")
    return ReturnsAnswer("\n".join(lines), found.due(request.due_hours).height)


def _known_at(tables: Tables, moment: datetime) -> Tables:
    """Take what was known at a moment."""
    leads = tables.leads.filter(pl.col("created_at") <= moment)
    if leads.is_empty():
        raise LeadcastError(f"--as-of: no lead was there at {moment_words(moment)}")
    events = tables.events.filter(pl.col("occurred_at") <= moment)
    return replace(tables, leads=leads, events=events, observed_until=moment)


def _words(source: str, found: ReturnList, due_hours: float) -> Iterator[str]:
    frame, due = found.frame, found.due(due_hours)
    yield (
        f"{source}: {_leads(frame.height)} to send back at {moment_words(found.as_of)}"
        f"{_at_stake(frame)}; {due.height:,} of them within {due_hours:g} hours{_at_stake(due)}"
    )
    for name, within in found.in_window.items():
        own = frame.filter(vendor=name)
        if own.is_empty():
            yield f"  {name}: none of {within:,} that could go back"
            continue
        reasons = own["reasons"].str.split("; ").explode().value_counts(sort=True)
        told = ", ".join(f"{reason} {count:,}" for reason, count in reasons.iter_rows())
        first = own["deadline"].dt.strftime("%Y-%m-%d %H:%M UTC")[0]
        yield (
            f"  {name}: {own.height:,} of {within:,} that could go back{_at_stake(own)}: {told}; "
            f"first deadline {first}"
        )
    if found.unknown:
        yield f"  warning: no lead is of {', '.join(found.unknown)}; vendors: names nobody else so"
    if found.without_terms:
        yield f"  without terms, so nothing is listed: {', '.join(found.without_terms)}"


def _leads(count: int) -> str:
    return f"{count:,} lead{'' if count == 1 else 's'}"


def _at_stake(frame: pl.DataFrame) -> str:
    priced = frame["price"].drop_nulls()
    if not len(priced):
        return ""
    unknown = frame.height - len(priced)
    rest = f" and {unknown:,} of unknown price" if unknown else ""
    return f", {priced.sum():,.2f} at stake{rest}"
