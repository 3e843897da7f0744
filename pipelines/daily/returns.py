"""``leadcast returns``: the leads to send back to their vendors, with deadline and reason."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import why_no_file, written_out, written_whole
from leadcast.features.base.ownership import refuse_foreign_file, refuse_inputs
from leadcast.features.definitions.load import find_definition
from leadcast.features.definitions.vendor_terms import VendorTerms
from leadcast.features.readers.opening import files_of
from leadcast.features.tables import TIME, Tables, moment_words
from leadcast.features.values.categories import key
from leadcast.models.sellers.returns import ReturnList, to_send_back
from leadcast.pipelines.base.paths import RunFolder
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
    sent: Path | None = None
    """A list that was sent: its leads are remembered, and not listed again."""
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
        before, new = returned(source), 0
        if request.sent is not None:
            before, new = _remembered(source, request.sent, before, tables, definition.vendors)
        sent = set(before["lead_id"])
        found = to_send_back(known, definition.vendors, moment, junk, sent, MISSED_DAYS)
    lines = [*_words(source, found, request.due_hours)]
    if before.height:
        lines.append(f"  sent back before, and not listed: {before.height:,}{_at_stake(before)}")
    if request.sent is not None:
        lines.append(
            f"  remembered: {_leads(new)} of {request.sent} ({RunFolder(source).returned})"
        )
    if request.out is not None:
        with written_out(request.out, force=request.force) as temporary:
            write_people_csv(found.frame, temporary)
        lines.append(f"written: {request.out}")
    return ReturnsAnswer("\n".join(lines), found.due(request.due_hours).height)


SENT = pl.Schema(
    {
        "vendor": pl.String(),
        "lead_id": pl.String(),
        "reasons": pl.String(),
        "price": pl.Float64(),
        "sent_at": TIME,
    }
)
"""The columns of the file that remembers what was sent back."""
MISSED_DAYS = 7.0
"""Leads whose deadline passed in so many days, unsent, are told."""


def returned(source: str) -> pl.DataFrame:
    """Read what was sent back before.

    Parameters
    ----------
    source : str

    Returns
    -------
    pl.DataFrame
        `SENT`; empty where nothing was.
    """
    file = RunFolder(source).returned
    return pl.read_parquet(file).cast(SENT) if file.is_file() else pl.DataFrame(schema=SENT)


def _remembered(
    source: str,
    file: Path,
    before: pl.DataFrame,
    tables: Tables,
    vendors: Mapping[str, VendorTerms],
) -> tuple[pl.DataFrame, int]:
    """Add a list that was sent to what is remembered; tell how many of its leads are new."""
    if not file.is_file():
        raise LeadcastError(f"--sent {file}: {why_no_file(file)}; name the list that was sent")
    try:
        raw = pl.read_csv(file, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise LeadcastError(f"--sent {file}: is no CSV file: {error}") from None
    if "lead_id" not in raw.columns:
        raise LeadcastError(
            f"--sent {file}: found the columns {', '.join(raw.columns)}; expected lead_id, as the "
            f"list of `leadcast returns {source} --out` has it"
        )
    # The list's texts may have an apostrophe before what a spreadsheet would run.
    ids = raw.select(pl.col("lead_id").str.strip_prefix("'")).drop_nulls().unique()
    leads = tables.leads.with_columns(pl.col("lead_id").cast(pl.String))
    absent = ids.join(leads, on="lead_id", how="anti")["lead_id"].sort().to_list()
    if absent:
        raise LeadcastError(
            f"--sent {file}: found {len(absent):,} ids that are no leads of {source}, such as "
            f"{absent[0]!r}; expected the list that was sent. Nothing was remembered"
        )
    sold = leads.join(ids, on="lead_id", how="semi").select("lead_id", "vendor")
    prices = {key(name): terms.price for name, terms in vendors.items()}
    agreed = [None if one is None else prices.get(key(one)) for one in sold["vendor"]]
    cost = _column(leads, "cost", pl.Float64)
    told = raw.select(
        pl.col("lead_id").str.strip_prefix("'"), reasons=_column(raw, "reasons", pl.String)
    ).unique("lead_id", keep="first")
    rows = (
        sold.with_columns(agreed=pl.Series(agreed, dtype=pl.Float64), sent_at=datetime.now(UTC))
        .join(leads.select("lead_id", cost=cost), on="lead_id", how="left")
        .join(told, on="lead_id", how="left")
        .with_columns(price=pl.coalesce("agreed", "cost"))
        .select(*SENT)
        .cast(SENT)
        .join(before, on="lead_id", how="anti")
    )
    found = pl.concat([before, rows.sort("vendor", "lead_id")])
    with written_whole(RunFolder(source).returned) as temporary:
        found.write_parquet(temporary)
    return found, rows.height


def _column(frame: pl.DataFrame, name: str, kind: type[pl.DataType]) -> pl.Expr:
    there = name in frame.columns
    return pl.col(name).cast(kind) if there else pl.lit(None, kind)


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
    if found.missed.height:
        yield (
            f"  TOO LATE: {_leads(found.missed.height)}{_at_stake(found.missed)} could have gone "
            f"back; their deadline has passed in the last {MISSED_DAYS:g} days"
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
