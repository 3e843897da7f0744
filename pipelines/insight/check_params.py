"""What of the parameters a source cannot have, so that a run would stop hours later."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from leadcast.features.base.errors import Fault, FaultsError, LeadcastError, did_you_mean
from leadcast.features.base.ownership import PARAMS
from leadcast.features.definitions.load import find_definition
from leadcast.features.engine.fitting import foreseen_features
from leadcast.features.registry import Feature
from leadcast.features.tables import Tables, TimeOrder, moment_words
from leadcast.models.choice.segment_form import segment_features
from leadcast.models.leakage import CHECKS
from leadcast.models.learners.known_features import without_order
from leadcast.models.rules.points_table import load_rules
from leadcast.pipelines.base.params import (
    Params,
    learner_settings,
    snapshot_settings,
    split_settings,
)
from leadcast.pipelines.evaluate import segment_faults

_DAY = timedelta(days=1)
_LATER = "features of single kinds of events and past conversion rates are known after its start"


def param_faults(source: str, tables: Tables, params: Params) -> list[Fault]:
    """Find what a run would stop at, or what would have no effect, before there is a run.

    Parameters
    ----------
    source : str
        Its name.
    tables : Tables
        Its tables; their events are not looked at.
    params : Params

    Returns
    -------
    list of Fault
        A name that is none is a warning where only the run knows all names.
    """
    features = foreseen_features(tables, params.features)
    return [
        *_segments(source, params, features),
        *segment_faults(source, tables, params.evaluation),
        *_monotone(params, features),
        *_rules(source, params),
        *_times(source, tables, params),
        *_vouched(params, tables, features),
    ]


def _segments(source: str, params: Params, features: tuple[Feature, ...]) -> Iterator[Fault]:
    asked = learner_settings(source, params).segments_by
    if not asked:
        return
    try:
        segment_features(features, asked)
    except FaultsError as error:
        yield from error.faults


def _monotone(params: Params, features: tuple[Feature, ...]) -> Iterator[Fault]:
    types = {one.name: one.dtype for one in features}
    for name in params.model.monotone:
        where = f"{PARAMS}: model.monotone: {name!r}"
        if types.get(name) == "category":
            yield without_order(where)
        elif name not in types:
            found = "no feature that is known before a run"
            remedy = f"{did_you_mean(name, types)} A run stops if it is none ({_LATER})."
            yield Fault(where, found, "a feature", remedy, severity="warning")


def _rules(source: str, params: Params) -> Iterator[Fault]:
    definition = find_definition(source)
    path = params.comparison.over(definition.comparison).rules
    if path is None:
        return
    try:
        load_rules(path)
    except FaultsError as error:
        yield from error.faults
    except LeadcastError as error:
        said = params.comparison.rules is not None
        where = f"{PARAMS if said else definition.file}: comparison.rules"
        remedy = f"{error}. Name one that is there, or null."
        yield Fault(where, repr(str(path)), "a points table (YAML)", remedy)


def _times(source: str, tables: Tables, params: Params) -> Iterator[Fault]:
    begin, until = tables.leads["created_at"].min(), tables.observed_until
    if tables.time_order is not TimeOrder.DATED or not isinstance(begin, datetime) or until is None:
        return
    definition = find_definition(source)
    days = snapshot_settings(source, params, tables).horizon_days
    if days * _DAY >= until - begin:
        said = params.snapshots.horizon_days is not None
        yield Fault(
            f"{PARAMS if said else definition.file}: snapshots.horizon_days",
            f"{days:g} days",
            f"fewer than the {(until - begin) / _DAY:.0f} days between the first lead and the end "
            "of the export",
            "Set a shorter horizon: no lead was watched for so long.",
        )
    said = params.split.test_from is not None
    where = f"{PARAMS if said else definition.file}: split.test_from"
    try:
        test_from = split_settings(source, params).test_from
    except FaultsError as error:
        yield from error.faults
        return
    if test_from is not None and not begin < test_from < until:
        yield Fault(
            where,
            moment_words(test_from),
            f"a time between {moment_words(begin)}, the first lead, and {moment_words(until)}, the "
            "end of the export",
            "Set a time from which on there are leads, and before which there are some.",
        )


def _vouched(params: Params, tables: Tables, features: tuple[Feature, ...]) -> Iterator[Fault]:
    codes = {check.code for check in CHECKS}
    names = codes | {one.name for one in features} | {*tables.leads.columns}
    for name in params.leakage.vouched:
        if name not in names:
            yield Fault(
                f"{PARAMS}: leakage.vouched: {name!r}",
                "no check, and no column or feature that is known before a run",
                "a column, a feature or the code of a check",
                f"{did_you_mean(name, names)} It vouches for nothing if it is none ({_LATER}).",
                severity="warning",
            )
