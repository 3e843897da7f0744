"""The features of a lead's account as of a moment: one compiled loop over what the lead carries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.accounts.account_history import EVENT, HISTORY_LIST, LOST, UNTOLD, WHAT, WON
from leadcast.features.accounts.roles import NO_ROLE, ROLES
from leadcast.features.base.compiled import compiled
from leadcast.features.boundary import is_known
from leadcast.features.registry import DAY_US, Feature
from leadcast.features.tables import ACCOUNT_HISTORY

Matrix = npt.NDArray[np.float32]
Row = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]
WINDOWS_DAYS = (7, 30, 90)
_ACTIVE_DAYS = 30
_CODES = {what: code for code, what in enumerate(WHAT)}
_N_ROLES = len(ROLES)
_EVENT, _WON, _LOST = _CODES[EVENT], _CODES[WON], _CODES[LOST]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _feature(name: str, words: str, *, engaged: bool = False) -> Feature:
    group = "engagement" if engaged else "fit"
    return Feature(f"account_{name}", group, "number", (ACCOUNT_HISTORY,), words)  # type: ignore[arg-type]


ACCOUNT_FEATURES: tuple[Feature, ...] = (
    _feature("leads", "other leads of the account"),
    *(
        _feature(f"{role}s" if role != "finance" else role, f"other leads of the account: {words}")
        for role, words in zip(
            ROLES,
            ("decision makers", "champions", "influencers", "users", "finance and purchasing"),
            strict=True,
        )
    ),
    _feature("roles", "roles of the buying group that other leads fill"),
    *(
        _feature(f"events_{days}d", f"events of colleagues in the last {days} days", engaged=True)
        for days in WINDOWS_DAYS
    ),
    _feature("active_30d", "colleagues who did something in the last 30 days", engaged=True),
    _feature("days_since_lead", "days since the account's last other lead"),
    _feature("days_since_event", "days since a colleague's last event", engaged=True),
    _feature("won", "other leads of the account that were won before"),
    _feature("lost", "other leads of the account that were lost before"),
    _feature("days_since_won", "days since another lead of the account was won"),
)
"""What is known of a lead's account, in the order of the loop's columns. Missing where nobody knows
the account; a count of 0 says that it is known and empty."""
_COLUMN = {feature.name: place for place, feature in enumerate(ACCOUNT_FEATURES)}
_AT_ROLES = _COLUMN["account_roles"]
_AT_EVENTS = _COLUMN["account_events_7d"]
_AT_ACTIVE = _COLUMN["account_active_30d"]
_AT_LAST_LEAD = _COLUMN["account_days_since_lead"]
_AT_LAST_EVENT = _COLUMN["account_days_since_event"]
_AT_WON, _AT_LOST = _COLUMN["account_won"], _COLUMN["account_lost"]
_AT_LAST_WON = _COLUMN["account_days_since_won"]
N_FEATURES = len(ACCOUNT_FEATURES)


@dataclass(frozen=True)
class Entries:
    """What leads carry of their accounts, as arrays."""

    starts: Integers
    """Shape (n_leads + 1,): where each lead's entries begin."""
    at_us: Integers
    what: Codes
    who: Integers
    is_told: npt.NDArray[np.bool_]
    """Shape (n_leads,): whether the account is known."""


def entries_of(leads: pl.DataFrame) -> Entries:
    """Take the entries out of the column that leads carry.

    Parameters
    ----------
    leads : pl.DataFrame
        With the column `leadcast.features.tables.ACCOUNT_HISTORY`, or without.

    Returns
    -------
    Entries
    """
    if ACCOUNT_HISTORY not in leads.columns:
        return _no_entries(leads.height)
    column = leads[ACCOUNT_HISTORY].cast(HISTORY_LIST)
    sizes = column.list.len().fill_null(0).cast(pl.Int64).to_numpy()
    rows = column.explode(empty_as_null=False, keep_nulls=False).struct.unnest()
    known = pl.col("what").replace_strict(_CODES, default=-1, return_dtype=pl.Int8)
    dated = pl.col("at").is_not_null()
    read = rows.select(
        at=pl.col("at").to_physical().fill_null(0),
        what=pl.when(dated).then(known).otherwise(pl.lit(-1, pl.Int8)).fill_null(-1),
        who=pl.col("who").fill_null(0),
    )
    starts = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    # Numbers of colleagues may be anything; the loop wants them small.
    who = read["who"].rank("dense").cast(pl.Int64).to_numpy() - 1 if len(rows) else np.empty(0, int)
    told = column.is_not_null().to_numpy()
    return Entries(
        starts, read["at"].to_numpy(), read["what"].to_numpy(), who.astype(np.int64), told
    )


def entries_of_one(entries: Sequence[Mapping[str, Any]] | None) -> Entries:
    """Do as `entries_of` to what one lead carries; None where nobody knows its account."""
    if entries is None:
        return _no_entries(1)
    numbers = {who: number for number, who in enumerate(sorted({one["who"] for one in entries}))}
    return Entries(
        np.array([0, len(entries)]),
        np.array([(one["at"] - _EPOCH) // _MICROSECOND for one in entries], np.int64),
        np.array([_CODES.get(one["what"], -1) for one in entries], np.int8),
        np.array([numbers[one["who"]] for one in entries], np.int64),
        np.array([True]),
    )


def _no_entries(n_leads: int) -> Entries:
    none = np.empty(0, np.int64)
    starts = np.zeros(n_leads + 1, np.int64)
    return Entries(starts, none, none.astype(np.int8), none, np.zeros(n_leads, np.bool_))


def account_values(entries: Entries, rows: Integers, as_of_us: Integers, lag_us: int) -> Matrix:
    """Compute what is known of leads' accounts at moments.

    Parameters
    ----------
    entries : Entries
        What leads carry.
    rows : ndarray of int64, shape (n,)
        The lead of each row.
    as_of_us : ndarray of int64, shape (n,)
        The moments, in microseconds since 1970.
    lag_us : int
        An outcome is known so long after it happened.

    Returns
    -------
    ndarray of float32, shape (n, len(ACCOUNT_FEATURES))
    """
    out = np.full((len(rows), N_FEATURES), np.nan, dtype=np.float32)
    seen = np.full(int(entries.who.max(initial=-1)) + 1, -1, np.int64)
    windows = np.array(WINDOWS_DAYS, np.int64) * DAY_US
    _fill(
        out, rows, as_of_us, entries.starts, entries.at_us, entries.what, entries.who,
        entries.is_told, seen, windows, lag_us,
    )  # fmt: skip
    return out


@compiled
def _fill(
    out: Matrix, rows: Integers, as_of_us: Integers, starts: Integers, at_us: Integers,
    what: Codes, who: Integers, is_told: npt.NDArray[np.bool_], seen: Integers,
    windows: Integers, lag_us: int,
) -> None:  # fmt: skip
    for row in range(len(rows)):
        lead, now = rows[row], as_of_us[row]
        if not is_told[lead]:
            continue
        own = out[row]
        own[:_AT_LAST_LEAD] = 0
        own[_AT_WON] = own[_AT_LOST] = 0
        for entry in range(starts[lead], starts[lead + 1]):
            kind = what[entry]
            since_us = now - at_us[entry]
            lag = lag_us if kind >= _WON else 0
            if kind < 0 or not is_known(at_us[entry] + lag, now):
                continue
            if kind < _EVENT:
                _add_arrival(own, kind, since_us)
            elif kind > _EVENT:
                _add_end(own, kind, since_us)
            else:
                _add_event(own, since_us, windows)
                if since_us <= _ACTIVE_DAYS * DAY_US and seen[who[entry]] != row:
                    seen[who[entry]] = row
                    own[_AT_ACTIVE] += 1


@compiled
def _add_arrival(own: Row, kind: int, since_us: int) -> None:
    own[0] += 1
    _nearer(own, _AT_LAST_LEAD, since_us / DAY_US)
    if kind < _N_ROLES:
        own[_AT_ROLES] += own[1 + kind] == 0
        own[1 + kind] += 1


@compiled
def _add_event(own: Row, since_us: int, windows: Integers) -> None:
    _nearer(own, _AT_LAST_EVENT, since_us / DAY_US)
    for number in range(len(windows)):
        own[_AT_EVENTS + number] += since_us <= windows[number]


@compiled
def _add_end(own: Row, kind: int, since_us: int) -> None:
    if kind == _WON:
        own[_AT_WON] += 1
        _nearer(own, _AT_LAST_WON, since_us / DAY_US)
    elif kind == _LOST:
        own[_AT_LOST] += 1
    else:
        # Whatever else is known of ends adds to what is missing, and is missing itself.
        own[_AT_WON] = own[_AT_LOST] = np.nan


@compiled
def _nearer(own: Row, place: int, days: float) -> None:
    if not own[place] <= days:
        own[place] = days


# The loop tells arrivals, events and ends by the order of their codes.
assert (*ROLES, NO_ROLE, EVENT, WON, LOST, UNTOLD) == WHAT
