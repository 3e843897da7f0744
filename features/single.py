"""One lead given as plain Python values: checked by name, times as microseconds."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np

from features.errors import Fault, FaultsError
from features.inputs import wrong_value
from features.moments import NO_TIME
from features.readings import Accepts

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TYPES: Mapping[Accepts, tuple[type, ...]] = {
    "number": (float, int, np.integer, np.floating),
    "flag": (bool, np.bool_),
    "time": (datetime,),
    "text": (str,),
    "text or number": (str, float, int, np.integer, np.floating),
    "anything": (object,),
}


def take_values(lead: Mapping[str, object], needs: Mapping[str, Accepts]) -> dict[str, object]:
    """Take what is needed of a lead.

    Parameters
    ----------
    lead : mapping of str to object
        Attributes by name.
    needs : mapping of str to Accepts
        The attributes that are read, each with what it may hold.

    Returns
    -------
    dict of str to object
        Each of `needs`: None where it is missing; a time as microseconds since 1970,
        `features.moments.NO_TIME` where it is missing.

    Raises
    ------
    FaultsError
        If a value is of the wrong type, or a time has no time zone; names them all.
    """
    taken: dict[str, object] = {}
    faults: list[Fault] = []
    for name, accepts in needs.items():
        value = lead.get(name)
        if value is not None and not _fits(value, accepts):
            faults.append(wrong_value(name, value, accepts))
        elif accepts == "time":
            taken[name] = _microseconds(value)
        else:
            taken[name] = value
    if faults:
        raise FaultsError("lead", faults)
    return taken


def _fits(value: object, accepts: Accepts) -> bool:
    # Python counts True as a whole number; here it is none.
    if not isinstance(value, _TYPES[accepts]):
        return False
    if isinstance(value, bool):
        return accepts in ("flag", "anything")
    return not isinstance(value, datetime) or value.tzinfo is not None


def _microseconds(value: object) -> int:
    return (value - _EPOCH) // _MICROSECOND if isinstance(value, datetime) else int(NO_TIME)
