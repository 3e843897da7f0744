"""What to say of the histories that leads carry: which there are, and what stands without one."""

from collections.abc import Collection, Iterable

import polars as pl

from leadcast.features.changes.attribute_changes import DERIVED, tracked
from leadcast.features.tables import CHANGES, Tables, TimeOrder

SHOWN = 8
"""So many attributes are named."""


def history_words(tables: Tables) -> str:
    """Say whether leads carry a history of their attributes, and how much of it.

    Parameters
    ----------
    tables : Tables

    Returns
    -------
    str
        Empty where the source is not dated, so that there is no moment to look back from.
    """
    if tables.time_order is not TimeOrder.DATED:
        return ""
    names = tracked(tables.attribute_types)
    if CHANGES not in tables.leads.columns or not names:
        return (
            "no history of the attributes was given: each stands as on the day of the export, "
            "whenever the lead is looked at"
        )
    changes = tables.leads.select(n=pl.col(CHANGES).list.len().fill_null(0))["n"]
    of = "1 attribute" if len(names) == 1 else f"{len(names)} attributes"
    rest = without_history(tables.attribute_types, tables.leads.columns)
    others = f"; {some_of(rest)} as on the day of the export" if rest else ""
    return (
        f"the history of {of} was used ({some_of(names)}: {int(changes.sum()):,} changes of "
        f"{int((changes > 0).sum()):,} leads): each is taken as it stood at the moment of the "
        f"score{others}"
    )


def without_history(attribute_types: Collection[str], wanted: Iterable[str]) -> list[str]:
    """List the attributes that stand as they are now, whatever the moment.

    Parameters
    ----------
    attribute_types : collection of str
        All attributes, derived ones too.
    wanted : iterable of str
        Those that are asked about.

    Returns
    -------
    list of str
    """
    known = tracked(attribute_types)
    derived = {f"{name}{end}" for name in known for end in DERIVED}
    return [name for name in wanted if name in attribute_types and name not in {*known, *derived}]


def some_of(names: Collection[str]) -> str:
    """Name a few attributes.

    Parameters
    ----------
    names : collection of str

    Returns
    -------
    str
    """
    shown = [*names][:SHOWN]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"{', '.join(shown)}{more}"
