"""``leadcast score``: new leads to scores, from files, queries or a source's export."""

import logging
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from leadcast.features.base.errors import (
    Checks,
    FaultsError,
    LeadcastError,
    in_number,
    system_words,
)
from leadcast.features.base.verbosity import is_quiet
from leadcast.models.bundle.bundle_files import read_manifest
from leadcast.models.bundle.bundle_signature import read_signed_manifest, require_signature
from leadcast.models.calibration.verdict import ModelVerdict
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.stage import progress_bar, tell_compiling
from leadcast.serve.batch.batch import (
    ON_THIS_MACHINE,
    BatchSettings,
    BatchSummary,
    Way,
    score_source,
)
from leadcast.serve.batch.deliver import Outputs
from leadcast.serve.batch.inputs import CanonicalSource, Export, Place, place_of, place_of_source
from leadcast.serve.batch.parts import Progress
from leadcast.serve.scorer import Scorer
from leadcast.serve.served import Others, others_told, uncovered

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScoreRequest:
    """What ``leadcast score`` is asked."""

    bundle: Path
    """The bundle's folder."""
    leads: str
    """A file, a folder of Parquet, a glob, or a query."""
    events: str | None
    """Likewise."""
    outputs: Outputs
    """Where the scores go."""
    settings: BatchSettings
    """How it is done."""
    source: str | None = None
    """The source whose definition maps the files; None where their columns are canonical."""
    database_env: str | None = None
    """The environment variable that holds the URL of the database that is queried."""
    signed_by: Path | None = None
    """The public key with which the bundle must be signed; None where it need not be."""
    outcomes: str | None = None
    """The table that tells which of the leads have ended, as `leads`."""
    changes: str | None = None
    """The table that tells what the leads' attributes said before, as `leads`."""
    beside: tuple[Path, ...] = ()
    """The bundles that score the other leads."""

    @property
    def named(self) -> list[str]:
        """What is read: leads, and events where they are given."""
        return [self.leads, *([self.events] if self.events else [])]

    def places(self) -> list[Place]:
        """Find the leads, and the events where there are any."""
        return [place_of(one, self.database_env) for one in self.named]

    def served_beside(self) -> list[dict[str, tuple[str, ...]]]:
        """Tell for which leads the models beside it are; refuse two that would score the same."""
        if not self.beside:
            return []
        # Reading definitions needs much that scoring does not.
        from leadcast.features.definitions.serving import overlapping

        models = {f"{one}": dict(read_manifest(one).origin.serves) for one in self.bundles}
        faults = [*overlapping(models)]
        if faults:
            raise FaultsError("models side by side", faults)
        return [models[f"{one}"] for one in self.beside]

    @property
    def bundles(self) -> tuple[Path, ...]:
        """The bundle, and those beside it."""
        return (self.bundle, *self.beside)

    def check(self, checks: Checks) -> None:
        """Check what can be checked before any work."""
        checks.of(lambda: read_signed_manifest(self.bundle, self.signed_by), None)
        checks.of(self.served_beside, None)
        find = [partial(place_of, one, self.database_env) for one in self.named]
        more = [one for one in (self.outcomes, self.changes) if one is not None]
        find += [partial(place_of, one, self.database_env) for one in more]
        if self.settings.no_events and self.events:
            checks.of(lambda: _refuse_both("--events", "--no-events"), None)
        if self.settings.closed and self.outcomes:
            checks.of(lambda: _refuse_both("--outcomes", "--closed"), None)
        places = [checks.of(one, None) for one in find]
        if self.source is not None:
            # Reading definitions needs much that scoring does not.
            from leadcast.features.definitions.load import find_definition

            source = self.source
            definition = checks.of(lambda: find_definition(source), None)
            if definition is not None:
                places.append(place_of_source(definition))
        checks.of(self.outputs.refuse_unusable, None)
        checks.of(lambda: self.outputs.refuse_inputs(self.bundle, *places), None)


def _closed_words(n_closed: int | None) -> str:
    if n_closed is None:
        return (
            "\n  won and lost leads may be among them: nothing tells which ended; give --outcomes "
            "to leave them out, or --closed where all are meant"
        )
    if not n_closed:
        return ""
    return f"\n  {n_closed:,} that were won or lost before are left out; --closed scores them too"


def _others_words(others: Others, nobodys: Others | None) -> str:
    if not others:
        return ""
    told = f"\n  {others.total():,} leads that this model is not for are left out"
    told += f" ({others_told(others)})"
    if nobodys:
        told += f"; {nobodys.total():,} of them no model given is for ({others_told(nobodys)})"
    return told


@dataclass(frozen=True)
class ScoreReport:
    """What ``leadcast score`` has done."""

    summary: BatchSummary
    seconds: float
    """How long it took, from reading the bundle on."""
    verdict: ModelVerdict | None = None
    """What the scores may be used for; None where the bundle does not say."""
    nobodys: Others | None = None
    """The leads that none of several models is for; None where one alone is known."""

    def words(self) -> str:
        """Tell it to a person."""
        places = ", ".join(_places(self.summary.outputs))
        warnings = "".join(f"\n  warning: {fault}" for fault in self.summary.warnings)
        verdict = self.verdict
        use = "" if verdict is None or verdict.use == "probability" else f"\n  {verdict.words}"
        scored = in_number(self.summary.n_rows, "lead")
        closed = _closed_words(self.summary.n_closed)
        closed += _others_words(self.summary.others, self.nobodys)
        return f"{scored} scored into {places}{closed}{use}{warnings}"

    def facts(self) -> dict[str, Any]:
        """Tell it to a program."""
        summary = self.summary
        return {
            "status": "scored",
            "n_leads": summary.n_rows,
            "n_closed": summary.n_closed,
            "n_not_served": summary.others.total(),
            "n_served_by_none": None if self.nobodys is None else self.nobodys.total(),
            "n_reasons": summary.n_reasons,
            "grades": summary.grades,
            "as_of": None if summary.as_of is None else summary.as_of.isoformat(),
            "model_version": summary.model_version,
            "verdict": None if self.verdict is None else self.verdict.use,
            "outputs": _places(summary.outputs),
            "seconds": round(self.seconds, 3),
            "leads_per_second": round(summary.n_rows / max(self.seconds, 1e-9), 1),
            "warnings": [asdict(fault) for fault in summary.warnings],
        }


def score_new_leads(request: ScoreRequest) -> ScoreReport:
    """Score leads with a bundle."""
    began = time.perf_counter()
    scorer = _loaded(request)
    LOG.info("bundle %s loaded (%s)", request.bundle, scorer.bundle.manifest.bundle_id)
    warn_without_events(request, scorer)
    tell_compiling()
    with progress_bar("scoring", "leads") as tell:
        summary = _scored(request, scorer, tell, ON_THIS_MACHINE)
    return _report(request, scorer, summary, began)


def _report(
    request: ScoreRequest, scorer: Scorer, summary: BatchSummary, began: float
) -> ScoreReport:
    beside = request.served_beside()
    nobodys = uncovered(summary.others, beside) if beside else None
    verdict = scorer.bundle.manifest.origin.verdict
    return ScoreReport(summary, time.perf_counter() - began, verdict, nobodys)


SHOWN = 3
"""So many of the features that read events are named."""


def warn_without_events(request: ScoreRequest, scorer: Scorer) -> None:
    """Say aloud that a model reads events and is given none, unless that is meant.

    Parameters
    ----------
    request : ScoreRequest
    scorer : Scorer
    """
    if request.events is not None or request.settings.no_events or is_quiet():
        return
    features = scorer.bundle.plan.features
    reading = [
        one.name for one in features if any(name.startswith("events.") for name in one.inputs)
    ]
    if reading:
        more = ", …" if len(reading) > SHOWN else ""
        print(
            f"warning: no --events: {len(reading)} of the model's {len(features)} features read "
            f"events ({', '.join(reading[:SHOWN])}{more}), so that every lead is scored as one "
            "that has done nothing; give --events FILE, or --no-events if that is meant",
            file=sys.stderr,
        )


def _refuse_both(one: str, other: str) -> None:
    raise LeadcastError(f"{one} and {other}: give one of them")


def score_with_dask(request: ScoreRequest, scheduler: str | None) -> ScoreReport:
    """Score leads as `score_new_leads` does, by partitions on a Dask cluster."""
    from leadcast.serve.cluster.connection import connected
    from leadcast.serve.cluster.scoring import OnCluster

    began = time.perf_counter()
    with connected(scheduler) as client, progress_bar("scoring", "partitions") as tell:
        way, scorer = OnCluster(client, request.bundle), Scorer.load(request.bundle)
        warn_without_events(request, scorer)
        summary = _scored(request, scorer, tell, way)
    return _report(request, scorer, summary, began)


def _scored(request: ScoreRequest, scorer: Scorer, tell: Progress, way: Way) -> BatchSummary:
    outputs, settings = request.outputs, request.settings
    outputs.refuse_unusable()
    own, *theirs = request.places()
    outputs.refuse_inputs(request.bundle, own, *theirs)
    LOG.info("scoring leads of %s, events of %s", request.leads, request.events or "nothing")
    ends = None if request.outcomes is None else place_of(request.outcomes, request.database_env)
    changes = None if request.changes is None else place_of(request.changes, request.database_env)
    outputs.refuse_inputs(request.bundle, ends, changes)
    tables = CanonicalSource(own, theirs[0] if theirs else None, outcomes=ends, changes=changes)
    if request.source is None:
        return score_source(scorer, tables, outputs, settings, tell, way)
    # Reading definitions needs much that scoring does not.
    from leadcast.features.definitions.load import find_definition

    definition = find_definition(request.source)
    outputs.refuse_inputs(None, place_of_source(definition))
    place, force = outputs.place, outputs.force
    run = RunFolder(definition.name).tables
    source = Export.of(tables, definition, place, settings.chunk_leads, force=force, run_tables=run)
    return score_source(scorer, source, outputs, settings, tell, way)


def _loaded(request: ScoreRequest) -> Scorer:
    if request.signed_by is None:
        return Scorer.load(request.bundle)
    # What was verified is what is loaded, whatever happens to the folder meanwhile.
    with tempfile.TemporaryDirectory(prefix="leadcast-bundle-") as folder:
        copy = Path(folder) / "bundle"
        shutil.copytree(request.bundle, copy)
        require_signature(copy, request.signed_by)
        return Scorer.load(copy)


def refusal(error: LeadcastError | OSError) -> dict[str, Any]:
    """Tell a program why nothing was scored."""
    faults = error.faults if isinstance(error, FaultsError) else ()
    told = [asdict(fault) for fault in faults]
    return {"status": "refused", "error": system_words(error), "faults": told}


def _places(outputs: Outputs) -> list[str]:
    table = f"table {outputs.table}" if outputs.table else None
    history = None if outputs.history is None else f"history {outputs.history}"
    file = None if outputs.file is None else str(outputs.file)
    return [place for place in (file, table, history) if place is not None]
