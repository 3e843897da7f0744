"""``leadcast reasons``: why leads scored low, and the record of each decision."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import write_text_out, written_out
from leadcast.features.base.ownership import refuse_inputs
from leadcast.features.tables import TIME, Tables
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.daily.today import champion_of, write_people_csv
from leadcast.serve.principal import Decision, decisions
from leadcast.serve.today.open_leads import events_before, leads_at, require_dated, stand

SHOWN = 5
"""Of so many leads the reasons are printed."""


@dataclass(frozen=True)
class ReasonsRequest:
    """What ``leadcast reasons`` is asked."""

    leads: tuple[str, ...] = ()
    """Whose; empty: the open leads below the cut."""
    as_of: datetime | None = None
    """The moment; None: the end of the export."""
    out: Path | None = None
    """The file to write: .jsonl (with the inputs) or .csv."""
    force: bool = False
    """Whether `out` may replace a file that Leadcast did not write."""


def tell_reasons(source: str, request: ReasonsRequest) -> str:
    """Tell at most four principal reasons for each low score, and write the decisions' records.

    Parameters
    ----------
    source : str
        Its name; it must have been run.
    request : ReasonsRequest

    Returns
    -------
    str
    """
    run = RunFolder(source)
    run.require(run.tables)
    if request.out is not None:
        if request.out.suffix not in (".jsonl", ".csv"):
            raise LeadcastError(
                f"--out: found {request.out}; expected a name that ends in .jsonl or .csv"
            )
        refuse_inputs([request.out], run.results)
    champion, tables = champion_of(run), Tables.read(run.tables)
    require_dated(tables, f"reasons {source}")
    moment = request.as_of or tables.observed_until
    if moment is None:
        raise LeadcastError(f"reasons {source}: the end of the export is not told; give --as-of")
    leads = _leads(source, tables, request, moment)
    now = stand(champion.scorer, leads, events_before(tables, leads, moment))
    bundle, rows = champion.scorer.bundle, list(range(leads.height))
    if not request.leads:
        cut = bundle.reference.bounds[0]
        rows = (now.scores["probability"] < cut).arg_true().to_list()
    found = decisions(bundle, leads["lead_id"].gather(rows).to_list(), moment, now.values[rows])
    if request.out is not None:
        _write(found, request.out, force=request.force)
    return _words(found, champion.words, request)


def _leads(source: str, tables: Tables, request: ReasonsRequest, moment: datetime) -> pl.DataFrame:
    leads = leads_at(tables, moment, closed=bool(request.leads))
    missing = [one for one in request.leads if one not in set(leads["lead_id"])]
    if missing:
        raise LeadcastError(
            f"--lead: found no lead {', '.join(map(repr, missing))} among those of {source} that "
            f"were created by {moment:%Y-%m-%d %H:%M} UTC; look it up"
        )
    if request.leads:
        leads = leads.filter(pl.col("lead_id").is_in(list(request.leads)))
    return leads.with_columns(as_of=pl.lit(moment).cast(TIME))


def _write(found: list[Decision], out: Path, *, force: bool) -> None:
    if out.suffix == ".jsonl":
        lines = [json.dumps(one.to_json(), ensure_ascii=False) for one in found]
        write_text_out(out, "".join(f"{line}\n" for line in lines), force=force)
        return
    with written_out(out, force=force) as temporary:
        write_people_csv(pl.DataFrame([one.flat() for one in found]), temporary)


def _words(found: list[Decision], model: str, request: ReasonsRequest) -> str:
    whose = "leads" if request.leads else "open leads below the cut"
    shown = found if request.leads else found[:SHOWN]
    lines = [f"{len(found):,} {whose}, scored with {model}"]
    for one in shown:
        where = "above" if one.above_cut else "below"
        moment = "" if one.as_of is None else f" at {one.as_of:%Y-%m-%d %H:%M} UTC"
        lines.append(
            f"  {one.lead_id}{moment}: {one.probability:.1%}, grade {one.grade}, {where} the cut "
            f"({one.cut:.1%})"
        )
        lines += [
            f"    {reason.contribution:+z.2f} {reason.words}; with that "
            f"{reason.probability_masked:.1%}"
            for reason in one.reasons
        ] or ["    nothing lowers it against a typical customer"]
    if len(shown) < len(found):
        lines.append(f"  {len(found) - len(shown):,} more; --out writes all of them")
    if request.out is not None:
        lines.append(f"written: {request.out}")
    return "\n".join(lines)
