"""What is wrong with a source and what is odd about it, before any work: ``leadcast check``."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from leadcast.features.base.errors import FaultsError
from leadcast.features.base.files import write_text_out
from leadcast.features.base.ownership import PARAMS, refuse_foreign_file, refuse_inputs
from leadcast.features.base.streams import told_as_json
from leadcast.features.definitions.load import find_definition
from leadcast.features.ingest.ingest import CheckResult, check_source
from leadcast.features.landmarks import landmarks_of, open_ages, untested_words
from leadcast.features.profile.profile_text import profile_text
from leadcast.features.readers.opening import files_of
from leadcast.features.tables import Tables
from leadcast.models.imported.import_path import check_candidates
from leadcast.models.report.profile_page import render_profile
from leadcast.pipelines.base.params import Params, load_params, snapshot_settings
from leadcast.pipelines.base.raw import with_raw
from leadcast.pipelines.insight.check_params import param_faults
from leadcast.pipelines.snapshots import foresee_split

STDOUT = Path("-")


@dataclass(frozen=True)
class CheckAnswer:
    """What a check answers."""

    text: str
    """What to print."""
    error: FaultsError | None
    """The errors, where there are any; the text then is what could be read all the same."""


def check_named(
    source: str,
    html: Path | None = None,
    json_file: Path | None = None,
    *,
    force: bool = False,
    encoding: str | None = "utf-8",
) -> CheckAnswer:
    """Read a source's definition and data and tell what is there, what is wrong, and what is odd.

    Writes nothing but the files that are named: a simulated source whose data are not there yet is
    simulated into a folder that is removed at the end.

    Parameters
    ----------
    source : str
        Its name.
    html, json_file : Path or None
        Where to write the profile as a page and as JSON; of the latter ``-`` is the answer itself.
    force : bool
        Whether they may replace files that Leadcast did not write.
    encoding : str or None
        What the terminal can show.

    Returns
    -------
    CheckAnswer
    """
    definition = find_definition(source)
    check_candidates(tuple(_params().model.estimators.values()))
    files = [path for path in (html, json_file) if path is not None and path != STDOUT]
    refuse_inputs(files, [definition.file, *files_of(definition, definition.readers())])
    for path in files:
        refuse_foreign_file(path, force=force, quick=True)
    with with_raw(definition) as readable:
        found = check_source(readable)
    if found.tables is not None:
        more = param_faults(source, found.tables, _params())
        found = replace(found, faults=(*found.faults, *more))
    aside = f"Simulated for this check alone; `leadcast run {source}` writes {definition.root}"
    foreseen = None if found.tables is None else foresee_split(source, found.tables, _params())
    lines = [] if foreseen is None else foreseen.splitlines()
    about = ["\n  ".join(["Snapshots of a run", *lines])] if lines else []
    older = None if found.tables is None else _too_old(source, found.tables)
    about += [] if older is None else [f"Leads to score\n  {older}"]
    about += [] if readable is definition else [aside]
    plain = found.as_plain() | {"split": lines, "open_leads": older}
    content = json.dumps(plain, ensure_ascii=False, indent=2)
    if json_file in files and json_file is not None:
        write_text_out(json_file, f"{content}\n", force=force)
        about.append(f"written: {json_file}")
    if html is not None and found.profile is not None:
        write_text_out(html, render_profile(found.as_plain()), force=force)
        about.append(f"written: {html}")
    error = None if found.is_fine else FaultsError(found.subject, found.faults)
    if json_file == STDOUT:
        return CheckAnswer(told_as_json(plain, indent=2), error)
    return CheckAnswer("\n\n".join([*_told(found, encoding), *about]), error)


def _too_old(source: str, tables: Tables) -> str | None:
    """Warn of open leads at ages at which no run would train or test."""
    settings = snapshot_settings(source, _params(), tables)
    possible = landmarks_of(tables, settings.horizon_days)
    return untested_words(open_ages(tables), settings.landmarks_days, possible)


def _params() -> Params:
    # A source can be checked where there is no project yet.
    return load_params() if PARAMS.exists() else Params()


def _told(found: CheckResult, encoding: str | None) -> list[str]:
    # Errors are told by whoever takes the answer.
    issues = [str(found)] if found.is_fine else []
    profile = [] if found.profile is None else [profile_text(found.profile, encoding)]
    return [*issues, *profile]
