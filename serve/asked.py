"""What a scorer is asked: leads at moments, checked, with every fault told at once.

What a scorer is asked of one lead: plain Python values, checked, every fault told at once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.engine import parts
from leadcast.features.engine.coded import EventTable
from leadcast.features.engine.engine import Row, compute_one, engine_of
from leadcast.features.engine.inputs import CONTEXT, check_events, unknown_column, without_events
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.nonhuman.people_events import people_only
from leadcast.features.tables import ACCOUNT_HISTORY, CHANGES, SALES, TIME, WITHHELD, TimeOrder
from leadcast.features.values.times import FIRST_OF_CRM
from leadcast.models.bundle.bundle import Bundle
from leadcast.serve.plain_tables import canonical_id
from leadcast.serve.served import not_served

CREATION = "leads: column 'created_at'"
"""Where it is told what is odd about when leads came: none, too early, or too long ago."""


@dataclass(frozen=True)
class Asked:
    """What is to be scored.

    Parameters
    ----------
    rows : pl.DataFrame
        ``lead_id`` (String) and ``as_of`` (`tables.TIME`; null where the source is not
        dated and nobody gave one), in the order of the question.
    leads : pl.DataFrame
        The leads, one row each.
    events : EventTable or None
        Their events.
    """

    rows: pl.DataFrame
    leads: pl.DataFrame
    events: EventTable | None


def refuse(
    plan: FeaturePlan,
    leads: pl.DataFrame,
    events: EventTable | None,
    as_of: datetime | None,
    wrong: Sequence[Fault] = (),
) -> None:
    """Refuse what cannot be scored.

    Parameters
    ----------
    plan : FeaturePlan
        What is read.
    leads : pl.DataFrame
        A row for each score: ``lead_id``, ``created_at`` where the source is dated, attributes,
        and perhaps ``as_of``; a lead may then have several rows, with the same attributes.
    events : EventTable or None
        As `leadcast.features.tables.Tables.events`; other leads' events are ignored.
    as_of : datetime or None
        The moment for all, where there is no column; None for now.
    wrong : sequence of Fault
        What was wrong already when the leads were read.

    Raises
    ------
    FaultsError
        With all that cannot be worked around.
    """
    faults = [*wrong, *_wrong_moments(leads, as_of), *_repeated(leads)]
    one_each = _one_row_a_lead(leads)
    faults += _faults_of(lambda: engine_of(plan).check(one_each, None))
    if plan.time_order is TimeOrder.DATED and "created_at" in leads.columns:
        faults += without_creation(one_each["created_at"].null_count())
        faults += _too_early(one_each["created_at"])
    if events is not None and plan.time_order is TimeOrder.DATED:
        faults += _faults_of(lambda: check_events(events))
    if not faults:
        faults += _different(leads, one_each, plan)
    if faults:
        raise FaultsError("leads to score", faults, tell_counts=True)


def asked_of(
    bundle: Bundle,
    leads: pl.DataFrame,
    events: EventTable | None,
    as_of: datetime | None,
    warnings: list[Fault],
) -> Asked:
    """Find each row's moment, where `refuse` found nothing to refuse.

    Parameters
    ----------
    bundle : Bundle
    leads, events, as_of
        As in `refuse`.
    warnings : list of Fault
        What can be worked around is added to it, but for what computing its
        features tells.

    Returns
    -------
    Asked
    """
    plan = bundle.plan
    rows = _rows(leads, as_of, plan)
    warnings += [unknown_column(name, leads.height) for name in unknown(leads.columns, bundle)]
    warnings += not_served(leads, bundle.manifest.origin.serves)
    if plan.time_order is TimeOrder.DATED:
        warnings += _before_creation(leads, rows)
        ages = rows["as_of"] - leads["created_at"].cast(TIME)
        warnings += older_than_tested(bundle, int((ages > _oldest(bundle)).sum()))
    return Asked(rows, _one_row_a_lead(leads), events)


def columns_read(plan: FeaturePlan) -> set[str]:
    """List the columns of leads on which anything of a score depends."""
    judged_by = set() if plan.people is None else {"email"}
    carried = {CHANGES, ACCOUNT_HISTORY}
    return {"lead_id", "created_at", "as_of", *carried, *_attributes(plan), *judged_by}


def people_asked(
    plan: FeaturePlan, leads: pl.DataFrame, events: EventTable | None
) -> EventTable | None:
    """Leave out what people did not do, where the plan asks for it.

    Parameters
    ----------
    plan : FeaturePlan
    leads, events
        As in `refuse`, which let them pass; all events of these leads.

    Returns
    -------
    EventTable or None
        The same events where the plan does not ask.
    """
    if plan.people is None or not isinstance(events, pl.LazyFrame):
        return events
    return people_only(plan.people, leads, events)


def unknown(columns: Iterable[str], bundle: Bundle) -> list[str]:
    """List the columns of leads that nobody has use for.

    Parameters
    ----------
    columns : iterable of str
        All columns.
    bundle : Bundle

    Returns
    -------
    list of str
    """
    types = bundle.manifest.origin.attribute_types
    expected = {*CONTEXT, CHANGES, ACCOUNT_HISTORY, *types, *_attributes(bundle.plan)}
    # What a run keeps beside its leads for sales and for the gate is no surprise.
    kept = (SALES, WITHHELD)
    return [name for name in columns if name not in expected and not name.startswith(kept)]


def reads_values(plan: FeaturePlan) -> bool:
    """Tell whether a plan reads the events' values."""
    return any("events.value" in feature.inputs for feature in plan.features)


def _rows(leads: pl.DataFrame, as_of: datetime | None, plan: FeaturePlan) -> pl.DataFrame:
    moment = as_of or (datetime.now(UTC) if plan.time_order is TimeOrder.DATED else None)
    column = pl.col("as_of") if "as_of" in leads.columns else pl.lit(moment)
    return leads.select(pl.col("lead_id").cast(pl.String), column.cast(TIME).alias("as_of"))


def _one_row_a_lead(leads: pl.DataFrame) -> pl.DataFrame:
    # Without moments of their own, two rows of a lead are a fault, which the engine tells.
    if not {"lead_id", "as_of"} <= set(leads.columns):
        return leads
    return leads.drop("as_of").unique("lead_id", keep="first", maintain_order=True)


def without_creation(count: int) -> list[Fault]:
    """Refuse leads without an age: they are none that the model has seen."""
    expected = "when each lead came to be"
    remedy = "Fill it, or leave such leads out."
    fault = Fault(CREATION, "no time", expected, remedy, count=count)
    return [fault] if count else []


def created_too_early(count: int) -> list[Fault]:
    """Refuse leads that came to be before there were any: what stands there is an empty date."""
    expected = "when each lead came to be, from 1980 on"
    remedy = "Correct it, or leave such leads out."
    fault = Fault(CREATION, "a time before 1980", expected, remedy, count=count)
    return [fault] if count else []


def _too_early(created: pl.Series) -> list[Fault]:
    if not isinstance(created.dtype, pl.Datetime) or created.dtype.time_zone is None:
        return []
    return created_too_early(int((created.cast(TIME) < FIRST_OF_CRM).sum()))


def _wrong_moments(leads: pl.DataFrame, as_of: datetime | None) -> Iterator[Fault]:
    if as_of is not None and as_of.tzinfo is None:
        yield _naive("as_of", f"{as_of}, without a time zone")
    if "as_of" not in leads.columns:
        return
    dtype = leads.schema["as_of"]
    if not isinstance(dtype, pl.Datetime) or dtype.time_zone is None:
        yield _naive("leads: column 'as_of'", f"type {dtype}")
    elif missing := leads["as_of"].null_count():
        expected = "a time in each row, or no such column"
        remedy = "Fill it, or take the column out."
        yield Fault("leads: column 'as_of'", "no time", expected, remedy, count=missing)


def _naive(where: str, found: str) -> Fault:
    return Fault(where, found, "a time with a time zone", "Say which zone it is in, UTC at best.")


def _repeated(leads: pl.DataFrame) -> Iterator[Fault]:
    if not {"lead_id", "as_of"} <= set(leads.columns):
        return
    repeated = leads.filter(leads.select("lead_id", "as_of").is_duplicated())
    if repeated.height:
        found = f"a lead twice at one moment, such as {repeated['lead_id'][0]!r}"
        expected = "each lead once at each moment"
        yield Fault("leads", found, expected, "Take one out.", count=repeated.height)


def _different(leads: pl.DataFrame, one_each: pl.DataFrame, plan: FeaturePlan) -> Iterator[Fault]:
    if one_each is leads:
        return
    read = {"lead_id", *_attributes(plan)}
    n_different = leads.select(name for name in leads.columns if name in read).n_unique()
    n_different -= one_each.height
    if n_different:
        found = "attributes that differ from one moment to the other"
        expected = "the same attributes in all rows of a lead"
        remedy = "Score the moments in separate calls."
        yield Fault("leads", found, expected, remedy, count=n_different)


def _before_creation(leads: pl.DataFrame, rows: pl.DataFrame) -> Iterator[Fault]:
    yield from before_creation(int((rows["as_of"] < leads["created_at"].cast(TIME)).sum()))


def before_creation(early: int) -> Iterator[Fault]:
    """Warn of rows whose lead did not exist yet."""
    if early:
        expected = "moments at which the leads existed"
        remedy = "They are scored, though the model never saw such leads."
        yield Fault("leads", "as_of before created_at", expected, remedy, "warning", early)


def older_than_tested(bundle: Bundle, n_older: int) -> Iterator[Fault]:
    """Tell how many leads are older than any that the model was trained and tested at."""
    if n_older:
        found = f"older than {_oldest(bundle) / timedelta(days=1):g} days when they are scored"
        expected = "ages at which the model was trained and tested"
        remedy = (
            "They are scored, though how good their scores are was never measured. Add landmarks "
            "for their ages (`leadcast check` says which), or leave them out."
        )
        yield Fault(CREATION, found, expected, remedy, "warning", n_older, is_usual=True)


def _oldest(bundle: Bundle) -> timedelta:
    return timedelta(days=bundle.manifest.origin.snapshots.landmarks_days[-1])


def _attributes(plan: FeaturePlan) -> list[str]:
    inputs = (name for feature in plan.features for name in feature.inputs)
    return sorted({name.removeprefix("leads.") for name in inputs if name.startswith("leads.")})


def _faults_of(check: Callable[[], object]) -> list[Fault]:
    try:
        check()
    except FaultsError as error:
        return list(error.faults)
    return []


Event = tuple[datetime, str, float | None]
"""An event of one lead: when, what kind, which value."""
SignedEvent = tuple[datetime, str, float | None, Mapping[str, object]]
"""The same with `leadcast.features.nonhuman.signs.SIGNS`."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ZONE = "a time with a time zone"
_SAY_ZONE = "Say which zone it is in, UTC at best."
_NUMBERS = (int, float, np.integer, np.floating, type(None))


@dataclass(frozen=True)
class AskedOne:
    """One lead to score."""

    lead_id: str
    as_of: datetime | None
    """The moment, in UTC; None where the source is not dated and nobody gave one."""
    values: Row
    """Its features at that moment."""


def check_one(
    plan: FeaturePlan,
    lead: Mapping[str, object],
    events: Sequence[Event],
    as_of: datetime | None,
    wrong: Sequence[Fault] = (),
) -> AskedOne:
    """Check one lead, of which something may be known to be wrong, and compute its features."""
    if wrong:
        carried = (CHANGES, ACCOUNT_HISTORY)
        lead = {name: value for name, value in lead.items() if name not in carried}
    lead_id, is_dated = lead.get("lead_id"), plan.time_order is TimeOrder.DATED
    known_id, problem = canonical_id(lead_id)
    faults = [*wrong, *_wrong_id(lead_id, problem), *_wrong_moment(as_of)]
    created = lead.get("created_at")
    faults += without_creation(int(is_dated and created is None))
    faults += created_too_early(int(is_dated and is_too_early(created)))
    try:
        as_of_us = None if as_of is None else _microseconds(as_of)
        known = [(_microseconds(when), kind, value) for when, kind, value in events]
        values = compute_one(plan, lead, known, as_of_us)
    except (FaultsError, TypeError, ValueError):
        # What is wrong, and with which of the events, is only looked for now.
        faults += _wrong_values(plan, lead, events)
        if not faults:
            raise
    if faults:
        raise FaultsError("lead", faults, tell_counts=True)
    moment = None if as_of is None else as_of.astimezone(UTC)
    return AskedOne(str(known_id), moment, values)


def is_too_early(created: object) -> bool:
    """Tell whether a time of a lead is from before there were any."""
    return isinstance(created, datetime) and _has_zone(created) and created < FIRST_OF_CRM


def age_of_one(bundle: Bundle, asked: AskedOne, created: object) -> Iterator[Fault]:
    """Tell that a lead is not there yet when it is scored, or older than any that was tested."""
    is_dated = bundle.plan.time_order is TimeOrder.DATED
    if is_dated and asked.as_of is not None and isinstance(created, datetime):
        yield from before_creation(int(asked.as_of < created))
        yield from older_than_tested(bundle, int(asked.as_of - created > _oldest(bundle)))


def without_events_of_one(plan: FeaturePlan, events: Sequence[object]) -> list[Fault]:
    """Tell that a lead has no events, where the plan reads some."""
    if events:
        return []
    inputs = (name for feature in plan.features for name in feature.inputs)
    return without_events(int(any(name.startswith("events.") for name in inputs)))


def without_account(plan: FeaturePlan, lead: Mapping[str, object]) -> list[Fault]:
    """Tell that nothing is known of a lead's account, where the plan reads it."""
    reads = any(ACCOUNT_HISTORY in feature.inputs for feature in plan.features)
    if not reads or lead.get(ACCOUNT_HISTORY) is not None:
        return []
    found, expected = "nothing of the lead's account", "its other leads, or an empty list"
    remedy = "What the model reads of accounts counts as missing; add it if it is known."
    return [Fault("lead: account", found, expected, remedy, "warning", 1, is_usual=True)]


def _microseconds(time: datetime) -> int:
    # Of a time without a zone this is a TypeError.
    return (time - _EPOCH) // _MICROSECOND


def _wrong_id(lead_id: object, problem: str | None) -> Iterator[Fault]:
    if problem is not None:
        found = f"{lead_id!r}" if lead_id is None else f"{lead_id!r}, which {problem}"
        remedy = "Give the lead's id as a text."
        yield Fault("lead: 'lead_id'", found, "a text, or a whole number that is exact", remedy)


def _wrong_moment(as_of: datetime | None) -> Iterator[Fault]:
    if as_of is None:
        return
    if not _has_zone(as_of):
        yield Fault("as_of", f"{as_of}", _ZONE, _SAY_ZONE)
        return
    try:
        as_of.astimezone(UTC)
    except OverflowError:
        yield Fault("as_of", f"{as_of}", "a time of the years 1 to 9999", "Give another time.")


def _wrong_values(
    plan: FeaturePlan, lead: Mapping[str, object], events: Sequence[Event]
) -> Iterator[Fault]:
    no_events: Sequence[parts.Event] = ()
    try:
        compute_one(plan, lead, no_events, 0)
    except FaultsError as error:
        yield from error.faults
    yield from _wrong_events(events)


def _wrong_events(events: Sequence[object]) -> Iterator[Fault]:
    """Tell each kind of fault once, with the first event that has it."""
    whole = [each for each in events if isinstance(each, tuple | list) and len(each) == 3]
    if len(whole) < len(events):
        found, expected = "an event of another form", "(occurred_at, event_type, value)"
        count = len(events) - len(whole)
        yield Fault("events", found, expected, "Give the three of each.", count=count)
    times = [when for when, _, _ in whole if not _has_zone(when)]
    kinds = [kind for _, kind, _ in whole if not isinstance(kind, str | None)]
    values = [value for _, _, value in whole if not isinstance(value, _NUMBERS)]
    for name, wrong, expected, remedy in (
        ("occurred_at", times, _ZONE, _SAY_ZONE),
        ("event_type", kinds, "a text", "Give the event's kind as a text."),
        ("value", values, "a number or None", "Give it as a number, or leave it out."),
    ):
        if wrong:
            where = f"events: {name!r}"
            yield Fault(where, f"{wrong[0]!r}", expected, remedy, count=len(wrong))


def _has_zone(time: object) -> bool:
    return isinstance(time, datetime) and time.tzinfo is not None
