"""Snapshots: each lead at the moments when somebody would have wanted its score, with labels.

A label is given only once it is mature, that is, once its whole window has been watched. One
worked example, used in the comments below (horizon 30 days, reporting lag 0, landmarks 0 and 7
days, outcomes known until 31 March)::

    lead   created   won      at 0 days                      at 7 days
    a      1 Feb     10 Feb   as of 1 Feb: converted         as of 8 Feb: converted
    b      1 Feb     5 Feb    as of 1 Feb: converted         won before 8 Feb: no snapshot
    c      1 Feb     20 Mar   as of 1 Feb: not within 30 d   as of 8 Feb: not within 30 d
    d      1 Mar     9 Mar    as of 1 Mar: window ends on    as of 8 Mar: window ends on
                              31 Mar, mature: converted      7 April, not mature: no label

Lead d's second snapshot stays without a label although its win is already known: keeping early
winners while their slower peers are left out would raise the base rate.

Leads that are not independent: of one account, or of one person by e-mail or telephone. Leads of
one person are one case met again; those of one account are cases of their own with something in
common.
"""

from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator

from leadcast.features.base.errors import LeadcastError
from leadcast.features.registry import DAY_US
from leadcast.features.tables import TIME, Tables, TimeOrder

MOST_LEADS_OF_A_PERSON = 10
"""An e-mail address or a telephone number of more leads than this is not one person's: it is a
switchboard, a placeholder or a test."""

_FEWEST_DIGITS = 7
Integers = npt.NDArray[np.int64]


def group_ids(leads: pl.DataFrame) -> pl.Series:
    """Give each lead the name of the group that it belongs to.

    Leads with the same ``account_id``, e-mail address or telephone number belong together, and so
    do leads that are linked through others.
    """
    return _connected_ids(leads, _person_keys(leads))


def person_ids(leads: pl.DataFrame) -> pl.Series:
    """Give each lead the name of the person that it belongs to.

    As `group_ids`, but for the account: leads with the same e-mail address or telephone number,
    merged or entered twice, are one person's; the other leads of their account are not.

    Parameters
    ----------
    leads : pl.DataFrame
        With ``lead_id``, and ``email`` and ``phone`` where there are any; or with ``person_id``,
        where it is known who they are.

    Returns
    -------
    pl.Series of String, length n_leads
        The smallest ``lead_id`` of each lead's person.
    """
    return _connected_ids(leads, _person_keys(leads) | {"account_id": pl.lit(None, pl.String)})


def _person_keys(leads: pl.DataFrame) -> dict[str, pl.Expr]:
    keys = person_keys(leads)
    if "person_id" not in leads.columns:
        return keys
    nobody = dict.fromkeys(("email", "phone"), pl.lit(None, pl.String))
    return keys | nobody | {"person_id": pl.col("person_id")}


def _connected_ids(leads: pl.DataFrame, by: dict[str, pl.Expr]) -> pl.Series:
    order = leads["lead_id"].arg_sort()
    keys = leads.select("lead_id", **by)[order]
    links = _links(keys)
    label = pl.Series(_connected(leads.height, links["row"].to_numpy(), links["key"].to_numpy()))
    accounts = keys.select("account_id", label=label).drop_nulls()
    named = accounts.group_by("label").agg(account=pl.lit("account:") + pl.col("account_id").min())
    # The smallest label is the row of the smallest lead_id, and names a group without an account.
    groups = pl.DataFrame({"label": label, "first_lead": keys["lead_id"][label]})
    groups = groups.join(named, on="label", how="left", maintain_order="left")
    in_order = groups.select(group_id=pl.coalesce("account", "first_lead"))["group_id"]
    return in_order[order.arg_sort()]


def person_keys(leads: pl.DataFrame) -> dict[str, pl.Expr]:
    """Say how accounts, e-mail addresses and telephone numbers are compared.

    Parameters
    ----------
    leads : pl.DataFrame
        The columns that there are.

    Returns
    -------
    dict of str to pl.Expr
        ``account_id``, ``email`` (lower case, trimmed) and ``phone`` (its digits), each null
        where the lead has none that could identify anybody.
    """
    keys = {name: pl.lit(None, dtype=pl.String) for name in ("account_id", "email", "phone")}
    if "account_id" in leads.columns:
        keys["account_id"] = pl.col("account_id").cast(pl.String)
    if leads.schema.get("email") == pl.String:
        email = pl.col("email").str.strip_chars().str.to_lowercase()
        keys["email"] = pl.when(email.str.contains("@", literal=True)).then(email)
    if leads.schema.get("phone") == pl.String:
        digits = pl.col("phone").str.replace_all(r"\D", "")
        keys["phone"] = pl.when(digits.str.len_chars() >= _FEWEST_DIGITS).then(digits)
    return keys


def _links(keys: pl.DataFrame) -> pl.DataFrame:
    # A row for each lead and key that it shares with others. Keys are compared by a hash, because
    # millions of texts are slow to group; two that collide would join two groups, which is safe.
    numbered = keys.with_row_index("row")
    frames = []
    names = [name for name in ("account_id", "email", "phone", "person_id") if name in keys]
    for number, name in enumerate(names):
        hashed = numbered.select("row", key=name).drop_nulls()
        hashed = hashed.with_columns(pl.col("key").hash(number))
        leads = pl.len().over("key")
        has_limit = name in ("email", "phone")
        most = leads <= MOST_LEADS_OF_A_PERSON if has_limit else pl.lit(value=True)
        frames.append(hashed.filter((leads > 1) & most))
    return pl.concat(frames).select(
        pl.col("row").cast(pl.Int64), key=pl.col("key").rank("dense").cast(pl.Int64) - 1
    )


def _connected(n_leads: int, lead: Integers, key: Integers) -> Integers:
    # Each group takes the smallest label among its leads, which spreads through shared keys until
    # nothing changes; following labels to their own labels makes long chains short.
    label = np.arange(n_leads)
    while True:
        of_key = np.full(int(key.max(initial=-1)) + 1, n_leads)
        np.minimum.at(of_key, key, label[lead])
        spread = label.copy()
        np.minimum.at(spread, lead, of_key[key])
        spread = spread[spread]
        if np.array_equal(spread, label):
            return label
        label = spread


_COLUMNS = (
    "lead_id",
    "as_of",
    "landmark_days",
    "position",
    "group_id",
    "person_id",
    "mature",
    "converted",
)


LANDMARKS = "one or more ages of 0 days or more, increasing"
"""What landmarks are, for messages."""


def refuse_landmarks(days: Any) -> Any:  # noqa: ANN401 - of a field that holds other things too
    """Let days pass that can be landmarks, and whatever is said instead of days.

    Parameters
    ----------
    days : tuple of float, or another
        Ages since creation.

    Returns
    -------
    the same

    Raises
    ------
    ValueError
        If they are days, and not what `LANDMARKS` says.
    """
    if not isinstance(days, tuple):
        return days
    if days and days[0] >= 0 and all(a < b for a, b in pairwise(days)):
        return days
    raise ValueError(LANDMARKS)


class SnapshotSettings(BaseModel):
    """When leads are looked at, and for how long after.

    Parameters
    ----------
    landmarks_days : tuple of float
        Ages since creation at which a lead that is still open gets a snapshot, increasing.
    horizon_days : float
        A snapshot's label is whether the lead becomes a customer within so many days.
    reporting_lag_days : float
        How many days an outcome may take to reach the export.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    landmarks_days: tuple[float, ...] = (0.0, 1.0, 7.0, 30.0)
    horizon_days: float = Field(default=90.0, gt=0)
    reporting_lag_days: float = Field(default=0.0, ge=0)

    _landmarks_increase = field_validator("landmarks_days")(refuse_landmarks)


def microseconds(days: float) -> int:
    """Convert days to whole microseconds, the unit of `position` in a dated source.

    Parameters
    ----------
    days : float
        A number of days.

    Returns
    -------
    int
        The nearest number of microseconds.
    """
    return round(days * DAY_US)


def make_snapshots(tables: Tables, settings: SnapshotSettings, seed: int) -> pl.DataFrame:
    """Look at each lead at its landmarks, and label what is mature.

    A lead has a snapshot at ``as_of = created_at + landmark`` where it was still open then
    (neither won nor lost at or before `as_of`) and ``as_of <= observed_until``. Where outcomes were
    recorded from a later day than leads (`Tables.outcomes_from`), leads that were created before
    have none; with delayed entry they have those from that day on. A snapshot is
    mature when ``as_of + horizon + reporting lag <= observed_until``; its label is
    ``as_of < won_at <= as_of + horizon``. A source whose outcome has no date gives one snapshot a
    lead (at the first landmark where it is dated), labelled with the outcome, mature by the same
    rule where the source is dated.

    Parameters
    ----------
    tables : Tables
        The canonical tables.
    settings : SnapshotSettings
        Landmarks, horizon and reporting lag.
    seed : int
        Seeds the order of an unordered source; no other source depends on it.

    Returns
    -------
    pl.DataFrame
        Sorted by position, lead and landmark: ``lead_id`` (String), ``as_of`` (`TIME`, null where
        the source is not dated), ``landmark_days`` (Float64, likewise), ``position`` (Int64:
        `as_of` in microseconds since 1970, else the lead's place in time's order, else its place
        in a seeded permutation), ``group_id`` (String: leads of one account or person share it),
        ``person_id`` (String: leads of one person share it, as `person_ids` gives it), ``mature``
        (Boolean), ``converted`` (Boolean, null where not mature). The order of the
        tables' rows makes no difference.

    Raises
    ------
    LeadcastError
        If no snapshot is mature, or the mature ones hold one outcome only; says the span, the
        horizon and what to change.
    """
    if tables.time_order is TimeOrder.DATED:
        looks = _dated_looks(tables, settings)
    else:
        looks = _undated_looks(tables, seed)
    # The looks come by lead and landmark, so that a stable sort by position is all they need;
    # sorting millions of rows by their identifiers as well would take most of the time.
    snapshots = looks.select(_COLUMNS).sort("position", maintain_order=True).collect()
    _refuse_unlearnable(snapshots, tables, settings)
    return snapshots


NOT_YET, ENDED = "later than outcomes are known", "no longer open then"
UNRECORDED = "before outcomes were recorded"
"""Why a lead has no snapshot at a landmark."""


def count_looks(tables: Tables, settings: SnapshotSettings) -> dict[str, int]:
    """Count the leads at their landmarks by what became of them.

    Parameters
    ----------
    tables : Tables
        The canonical tables.
    settings : SnapshotSettings
        As `make_snapshots` takes them.

    Returns
    -------
    dict of str to int
        ``""`` for those that are snapshots, else why they are none; they add up to the leads times
        the landmarks.
    """
    if tables.time_order is not TimeOrder.DATED:
        return {"": tables.leads.height}
    dated = tables.leads.lazy().select("lead_id", "created_at")
    looks = _all_looks(_with_ends(dated, tables), tables, settings)
    counts = looks.group_by("left_out").len().collect(engine="streaming")
    found = {reason or "": rows for reason, rows in counts.iter_rows()}
    return {reason: found[reason] for reason in ("", UNRECORDED, NOT_YET, ENDED) if reason in found}


def has_undated_outcome(tables: Tables) -> bool:
    """Tell whether a source knows how leads ended, but not when."""
    return bool(tables.outcomes["converted"].is_not_null().any())


def has_dated_outcome(tables: Tables) -> bool:
    """Tell whether a source knows when leads came and when they were won.

    Parameters
    ----------
    tables : Tables
        The canonical tables.

    Returns
    -------
    bool
    """
    return tables.time_order is TimeOrder.DATED and not has_undated_outcome(tables)


def _undated_looks(tables: Tables, seed: int) -> pl.LazyFrame:
    leads = tables.leads
    if tables.time_order is TimeOrder.UNORDERED:
        # Sorted first, so that the permutation hangs on the leads and not on the rows' order.
        shuffled = np.random.default_rng(seed).permutation(leads.height)
        leads = leads.sort("lead_id").with_columns(position=pl.Series(shuffled, dtype=pl.Int64))
    return _with_outcomes(leads, tables).with_columns(
        as_of=pl.lit(None, dtype=TIME),
        landmark_days=pl.lit(None, dtype=pl.Float64),
        mature=pl.col("converted").is_not_null(),
    )


def _dated_looks(tables: Tables, settings: SnapshotSettings) -> pl.LazyFrame:
    undated_outcome = has_undated_outcome(tables)
    label_ends = pl.col("position") + microseconds(settings.horizon_days)
    lag_us = microseconds(settings.reporting_lag_days)
    known = label_ends + lag_us <= _checked_until_us(tables)
    converted = pl.col("converted") if undated_outcome else _won_within(label_ends)
    return (
        _all_looks(_with_outcomes(tables.leads, tables), tables, settings)
        .filter(pl.col("left_out").is_null())
        .with_columns(as_of=pl.col("position").cast(TIME), mature=known & converted.is_not_null())
        .with_columns(converted=pl.when("mature").then(converted))
    )


def _all_looks(leads: pl.LazyFrame, tables: Tables, settings: SnapshotSettings) -> pl.LazyFrame:
    """Look at each lead at each landmark, and say why where it gives no snapshot."""
    landmarks = settings.landmarks_days[: 1 if has_undated_outcome(tables) else None]
    ages = pl.LazyFrame(
        {"landmark_days": landmarks, "landmark_us": [microseconds(days) for days in landmarks]},
        schema={"landmark_days": pl.Float64, "landmark_us": pl.Int64},
    )
    left_out = (
        pl.when(_unrecorded(tables))
        .then(pl.lit(UNRECORDED))
        .when(pl.col("position") > _checked_until_us(tables))
        .then(pl.lit(NOT_YET))
        .when(~(_open("won_at") & _open("lost_at")))
        .then(pl.lit(ENDED))
    )
    return (
        leads.join(ages, how="cross", maintain_order="left_right")
        .with_columns(position=pl.col("created_at").dt.epoch("us") + pl.col("landmark_us"))
        .with_columns(left_out=left_out)
    )


def _unrecorded(tables: Tables) -> pl.Expr:
    """Tell the looks at leads when nobody recorded how leads ended."""
    if tables.outcomes_from is None:
        return pl.lit(value=False)
    moment = pl.col("position" if tables.delayed_entry else "created_at")
    begin = microseconds_of(tables.outcomes_from)
    return (moment if tables.delayed_entry else moment.dt.epoch("us")) < begin


def _with_outcomes(leads: pl.DataFrame, tables: Tables) -> pl.LazyFrame:
    kept = [name for name in ("lead_id", "created_at", "position") if name in leads.columns]
    if tables.persons is not None:
        whose = tables.persons.select("lead_id", "person_id")
        leads = leads.join(whose, on="lead_id", how="left", maintain_order="left")
    group = group_ids(leads)
    person = person_ids(leads) if "account_id" in leads.columns else group
    known = leads.lazy().select(*kept, group_id=group, person_id=person).sort("lead_id")
    return _with_ends(known, tables)


def _with_ends(leads: pl.LazyFrame, tables: Tables) -> pl.LazyFrame:
    outcomes = tables.outcomes.lazy().select("lead_id", "won_at", "lost_at", "converted")
    return leads.join(outcomes, on="lead_id", how="left", maintain_order="left")


def _open(end: str) -> pl.Expr:
    # An end at the very moment of the snapshot is known then: the lead is no longer open.
    end_us = pl.col(end).dt.epoch("us")
    return end_us.is_null() | (end_us > pl.col("position"))


def _won_within(label_ends: pl.Expr) -> pl.Expr:
    # The snapshot is open, so that a win, where there is one, comes after `as_of`.
    won_us = pl.col("won_at").dt.epoch("us")
    return (won_us <= label_ends).fill_null(False)


def _checked_until_us(tables: Tables) -> int:
    missing = tables.leads["created_at"].null_count()
    if missing:
        raise LeadcastError(
            f"{missing} of {tables.leads.height} leads have no creation time in a dated source; "
            "set them aside, or declare the source as ordered (order_by) instead of dated"
        )
    if tables.observed_until is None and has_undated_outcome(tables):
        # Nothing says that any outcome could still change: all of them are taken as final.
        return int(np.iinfo(np.int64).max)
    if tables.observed_until is None:
        raise LeadcastError(
            "the source has dates but does not say until when its outcomes are known; "
            "set observed_until in the source definition"
        )
    return microseconds_of(tables.observed_until)


def microseconds_of(moment: datetime) -> int:
    """Give a moment, with a time zone, in whole microseconds since 1970.

    Parameters
    ----------
    moment : datetime

    Returns
    -------
    int
    """
    # Through polars, which keeps whole microseconds where a float timestamp would round.
    return int(pl.Series([moment], dtype=TIME).dt.epoch("us")[0])


def _refuse_unlearnable(
    snapshots: pl.DataFrame, tables: Tables, settings: SnapshotSettings
) -> None:
    mature = snapshots.filter("mature")
    if mature.is_empty():
        raise LeadcastError(_explain_immature(snapshots, tables, settings))
    converted = int(mature["converted"].sum())
    if 0 < converted < mature.height:
        return
    wins = tables.outcomes["won_at"].count() + int(tables.outcomes["converted"].sum() or 0)
    dated = has_dated_outcome(tables)
    advice = "Check how the source definition maps the outcome"
    if has_undated_outcome(tables) and converted and tables.outcomes["converted"].all():
        advice = (
            "When they were won is not known, nor who was lost: add a column with the day of each "
            "win to the export and map it (columns.closed_at beside a status, or columns.won_at of "
            "`form: dates`), or name the words that mean lost (`lost`)"
        )
    elif dated and wins and converted == 0:
        advice += ", or lengthen horizon_days"
    raise LeadcastError(
        f"nothing to learn from: {'none' if converted == 0 else 'each'} of the {mature.height} "
        "snapshots with a known outcome became a customer"
        + (f" within {settings.horizon_days:g} days" if dated else "")
        + f" ({wins} of {tables.outcomes.height} leads are won in the whole export). {advice}"
    )


def _explain_immature(snapshots: pl.DataFrame, tables: Tables, settings: SnapshotSettings) -> str:
    if tables.time_order is not TimeOrder.DATED or snapshots.is_empty():
        return (
            f"none of the {tables.leads.height} leads was open at a landmark with an outcome that "
            "is known; check how the source definition maps outcomes and creation times"
        )
    first_us, until_us = int(snapshots["position"][0]), _checked_until_us(tables)
    span_days = (until_us - first_us) / DAY_US
    lag_days = settings.reporting_lag_days
    return (
        f"no label is known yet: outcomes are known until {tables.observed_until:%Y-%m-%d}, "
        f"{span_days:.1f} days after the first snapshot ({snapshots['as_of'][0]:%Y-%m-%d}), but a "
        f"label takes {settings.horizon_days + lag_days:g} days (horizon_days "
        f"{settings.horizon_days:g} + reporting_lag_days {lag_days:g}). Set horizon_days well "
        f"below {max(span_days - lag_days, 0):.1f}, or bring an older history"
    )
