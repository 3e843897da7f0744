"""What an attribute's history is in the table of leads, and what is derived from it.

A lead carries its history itself, in the column `CHANGES`: so it goes wherever the lead goes, into
a partition of a cluster, a piece of a batch or a request.
"""

from collections.abc import Collection, Iterable

import polars as pl

from leadcast.features.tables import CHANGES, TIME

CHANGE = pl.Struct(
    {
        "changed_at": TIME,
        "attribute": pl.String,
        "old_value": pl.String,
        "new_value": pl.String,
    }
)
"""One change. Values are written as text: numbers in Python's notation, flags as true and false,
times as whole microseconds since 1970; null where the attribute is blank."""

N_CHANGES, CHANGED_AT, FILLED_IN = "_changes", "_changed_at", "_filled_in"
DERIVED = {N_CHANGES: "number", CHANGED_AT: "time", FILLED_IN: "flag"}
"""What is derived of an attribute: the endings of the names, each with the attribute type."""


def derived_types(attributes: Iterable[str]) -> dict[str, str]:
    """Name what is derived from the histories of some attributes.

    Parameters
    ----------
    attributes : iterable of str
        Attributes whose changes are known.

    Returns
    -------
    dict of str to str
        Each derived attribute with its type: how often it was changed since creation, when last,
        and whether it was blank at creation and is filled in.

    Examples
    --------
    >>> derived_types(["job_title"])
    {'job_title_changes': 'number', 'job_title_changed_at': 'time', 'job_title_filled_in': 'flag'}
    """
    return {f"{name}{end}": kind for name in attributes for end, kind in DERIVED.items()}


def tracked(attribute_types: Collection[str]) -> list[str]:
    """List the attributes whose changes a source or a bundle knows of.

    Parameters
    ----------
    attribute_types : collection of str
        All attributes, derived ones too.

    Returns
    -------
    list of str
    """
    return [name for name in attribute_types if {*derived_types([name])} <= {*attribute_types}]


def bases_of(wanted: Iterable[str], columns: Collection[str]) -> list[str]:
    """List the attributes of which something is to be derived.

    Parameters
    ----------
    wanted : iterable of str
        Attributes that are read.
    columns : collection of str
        The columns of the leads; what is among them is not derived.

    Returns
    -------
    list of str
        Each once, in order.
    """
    found = {
        name.removesuffix(end): None
        for name in wanted
        if name not in columns
        for end in DERIVED
        if name.endswith(end) and name.removesuffix(end) in columns
    }
    return list(found)


def derived_of(wanted: Iterable[str], leads: pl.DataFrame) -> set[str]:
    """Name what is derived of leads that carry their history.

    Parameters
    ----------
    wanted : iterable of str
        Attributes that are read.
    leads : pl.DataFrame

    Returns
    -------
    set of str
        Empty where leads do not have `CHANGES`.
    """
    if CHANGES not in leads.columns:
        return set()
    return {*derived_types(bases_of(wanted, leads.columns))}
