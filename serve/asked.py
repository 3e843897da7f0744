"""What a scorer is asked: leads at moments, checked, with every fault told at once."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from features.coded import EventTable
from features.engine import engine_of
from features.errors import Fault, FaultsError
from features.inputs import CONTEXT, check_events, unknown_column
from features.plan import FeaturePlan
from features.tables import TIME, TimeOrder
from models.bundle import Bundle


@dataclass(frozen=True)
class Asked:
    """What is to be scored.

    Parameters
    ----------
    rows : pl.DataFrame
        ``lead_id`` (String) and ``as_of`` (`features.tables.TIME`; null where the source is not
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
    plan: FeaturePlan, leads: pl.DataFrame, events: EventTable | None, as_of: datetime | None
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
        As `features.tables.Tables.events`; other leads' events are ignored.
    as_of : datetime or None
        The moment for all, where there is no column; None for now.

    Raises
    ------
    FaultsError
        With all that cannot be worked around.
    """
    faults = [*_wrong_moments(leads, as_of), *_repeated(leads)]
    one_each = _one_row_a_lead(leads)
    faults += _faults_of(lambda: engine_of(plan).check(one_each, None))
    if plan.time_order is TimeOrder.DATED and "created_at" in leads.columns:
        faults += without_creation(one_each["created_at"].null_count())
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
    if plan.time_order is TimeOrder.DATED:
        warnings += _before_creation(leads, rows)
    return Asked(rows, _one_row_a_lead(leads), events)


def columns_read(plan: FeaturePlan) -> set[str]:
    """List the columns of leads on which anything of a score depends."""
    return {"lead_id", "created_at", "as_of", *_attributes(plan)}


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
    expected = {*CONTEXT, *types, *_attributes(bundle.plan)}
    return [name for name in columns if name not in expected]


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
    """Refuse leads without an age: they are none that the model has seen.

    Parameters
    ----------
    count : int
        How many there are.

    Returns
    -------
    list of Fault
        An error, where there are any.
    """
    expected = "when each lead came to be"
    remedy = "Fill it, or leave such leads out."
    fault = Fault("leads: column 'created_at'", "no time", expected, remedy, count=count)
    return [fault] if count else []


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
    early = int((rows["as_of"] < leads["created_at"].cast(TIME)).sum())
    if early:
        expected = "moments at which the leads existed"
        remedy = "They are scored, though the model never saw such leads."
        yield Fault("leads", "as_of before created_at", expected, remedy, "warning", early)


def _attributes(plan: FeaturePlan) -> list[str]:
    inputs = (name for feature in plan.features for name in feature.inputs)
    return sorted({name.removeprefix("leads.") for name in inputs if name.startswith("leads.")})


def _faults_of(check: Callable[[], object]) -> list[Fault]:
    try:
        check()
    except FaultsError as error:
        return list(error.faults)
    return []
