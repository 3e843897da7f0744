"""Which optional parts a bundle may hold, and how they are asked for.

A new part is an entry in `PARTS`: its columns then stand in batches, tables, CRM files, the
service's answers and MLflow's model by the same name.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from leadcast.features.base.errors import LeadcastError
from leadcast.models.amounts.amount_model import AMOUNTS, COLUMNS, AmountModel
from leadcast.models.curve.conversion_curve import CURVE, read_curve
from leadcast.models.extra_columns import ExtraColumn, ExtraPart


@dataclass(frozen=True)
class PartKind:
    """A kind of optional part.

    Parameters
    ----------
    read : callable
        Reads the part from a bundle's folder, whose hashes were verified; raises a LeadcastError
        where it is damaged.
    column : str
        What the names of its columns match, whichever bundle it is of: by it a database's table
        tells that a column is one of these.
    """

    read: Callable[[Path], ExtraPart]
    column: str


PARTS: Mapping[str, PartKind] = {
    CURVE: PartKind(read_curve, r"probability_\d+(_\d+)?d|median_days|cools_after_days"),
    AMOUNTS: PartKind(AmountModel.load, COLUMNS),
}
"""Each kind by its name; a bundle holds it where it has the file ``NAME.json``."""


def part_file(name: str) -> str:
    """Name the file that tells that a bundle holds a part."""
    return f"{name}.json"


def is_extra_column(name: str) -> bool:
    """Tell whether a column is one of an optional part's.

    Parameters
    ----------
    name : str

    Returns
    -------
    bool
    """
    return any(re.fullmatch(kind.column, name) for kind in PARTS.values())


def asked_parts(asked: Iterable[str], held: Mapping[str, ExtraPart]) -> tuple[str, ...]:
    """See that the parts that are asked for are there.

    Parameters
    ----------
    asked : iterable of str
        Names of parts.
    held : mapping of str to ExtraPart
        Those of the bundle.

    Returns
    -------
    tuple of str
        Each once, in the order of `PARTS`.

    Raises
    ------
    LeadcastError
        If one is none of `PARTS`, or the bundle does not hold it; tells which it holds.
    """
    names = set(asked)
    unknown = sorted(names - PARTS.keys())
    if unknown:
        raise LeadcastError(
            f"extra: found {', '.join(map(repr, unknown))}; expected {' or '.join(PARTS)}"
        )
    absent = [name for name in PARTS if name in names and name not in held]
    if absent:
        raise LeadcastError(
            f"extra: this bundle has no {' and no '.join(absent)} (it holds "
            f"{', '.join(held) or 'none of them'}); its source has not what that needs, or an "
            "older Leadcast made it: run the source again, and read what the stage says"
        )
    return tuple(name for name in PARTS if name in names)


def columns_of(names: Iterable[str], held: Mapping[str, ExtraPart]) -> tuple[ExtraColumn, ...]:
    """List the columns of some parts, in order."""
    return tuple(column for name in names for column in held[name].columns)
