"""New leads to scores, from files in canonical columns or as a source's export has them."""

from datetime import datetime
from pathlib import Path

from features.errors import Fault
from features.files import written_whole
from features.sources.load import find_definition
from features.sources.new_leads import read_new_leads
from pipelines.console import progress_bar
from pipelines.paths import SOURCES
from serve.batch import BatchSettings, score_files, score_inputs
from serve.batch_inputs import Inputs, stamps
from serve.scorer import Scorer


def score_new_leads(
    bundle: Path,
    leads: Path,
    events: Path | None,
    as_of: datetime | None,
    out: Path,
    source: str | None,
    resume: bool = False,
) -> str:
    """Score the leads of a file with a bundle.

    Parameters
    ----------
    bundle : Path
        The bundle's folder.
    leads, events : Path
        CSV or Parquet.
    as_of : datetime or None
        The moment to score at; None: now, unless the leads have a column ``as_of``.
    out : Path
        The scores, ``.csv`` or ``.parquet``.
    source : str or None
        The source whose definition maps the files; None where their columns are canonical.
    resume : bool
        Whether to go on with a batch that was interrupted.

    Returns
    -------
    str
        What was done, with the warnings.

    Raises
    ------
    LeadcastError
        If the bundle, the files or the output cannot be used.
    """
    scorer = Scorer.load(bundle)
    settings = BatchSettings(as_of=as_of, resume=resume)
    with progress_bar("scoring", "leads") as tell:
        if source is None:
            summary = score_files(scorer, leads, events, out, settings, tell)
        else:
            inputs = _mapped(scorer, source, leads, events, out)
            summary = score_inputs(scorer, inputs, out, settings, tell)
    warnings = "".join(f"\n  warning: {fault}" for fault in summary.warnings)
    return f"{summary.n_rows:,} leads scored into {summary.out}{warnings}"


def _mapped(scorer: Scorer, source: str, leads: Path, events: Path | None, out: Path) -> Inputs:
    files = [leads] if events is None else [leads, events]
    new = read_new_leads(
        find_definition(source, SOURCES),
        [leads],
        files[1:],
        attribute_types=scorer.bundle.manifest.origin.attribute_types,
    )
    warnings = new.warnings
    if new.set_aside.height:
        aside = out.with_name(f"{out.stem}.set_aside.parquet")
        with written_whole(aside) as temporary:
            new.set_aside.write_parquet(temporary)
        warnings += (_set_aside(leads, aside, new.set_aside.height),)
    return Inputs(new.leads.lazy(), new.events, stamps(files), warnings)


def _set_aside(leads: Path, aside: Path, count: int) -> Fault:
    return Fault(
        where=str(leads),
        found=f"{count} rows that could not be used as they are",
        expected="none",
        remedy=f"They are in {aside}, each with its reason.",
        severity="warning",
        count=count,
    )
