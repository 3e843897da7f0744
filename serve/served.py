"""The leads that a model is for, where others have models of their own, and the other leads."""

from collections import Counter
from collections.abc import Mapping, Sequence

import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.values.categories import key

Serves = Mapping[str, Sequence[str]]
"""Attributes, each with the values of the leads that a model is for; empty: all leads."""
SHOWN = 5
"""So many kinds of leads that are left out are named."""
Others = Counter[tuple[tuple[str, str | None], ...]]
"""How many leads were left out, by their values of the attributes that decide."""


def own_leads(leads: pl.LazyFrame, serves: Serves) -> tuple[pl.Expr, Others]:
    """Find the leads that a model is for.

    Parameters
    ----------
    leads : pl.LazyFrame
        With a column for each attribute that decides.
    serves : mapping of str to sequence of str
        Attributes, each with the values of the model's leads.

    Returns
    -------
    tuple of pl.Expr and Counter
        Which are its own, and how many others there are, by their values.
    """
    texts = {name: pl.col(name).cast(pl.String) for name in serves}
    kinds = leads.select(**texts).group_by(list(serves)).len().collect(engine="streaming")
    is_own = pl.lit(value=True)
    for name, text in texts.items():
        fits = _fitting(kinds[name], serves[name])
        is_own &= text.is_in(fits.implode()).fill_null(value=False)
    others: Others = Counter()
    for row in kinds.filter(~is_own).iter_rows(named=True):
        others[tuple((name, row[name]) for name in serves)] += row["len"]
    return is_own, others


def not_served(leads: pl.DataFrame, serves: Serves) -> list[Fault]:
    """Warn of leads that a model is not for, where these are scored all the same.

    Parameters
    ----------
    leads : pl.DataFrame
    serves : mapping of str to sequence of str

    Returns
    -------
    list of Fault
    """
    if not serves or not set(serves) <= set(leads.columns):
        return []
    others = own_leads(leads.lazy(), serves)[1]
    return [_warning(others, serves)] if others else []


def not_served_one(lead: Mapping[str, object], serves: Serves) -> list[Fault]:
    """Warn of one lead that a model is not for.

    Parameters
    ----------
    lead : mapping of str to object
    serves : mapping of str to sequence of str

    Returns
    -------
    list of Fault
    """
    has = {name: str(lead[name]) for name in serves if lead.get(name) is not None}
    if _fits({name: key(value) for name, value in has.items()}, serves):
        return []
    kind: Others = Counter([tuple((name, has.get(name)) for name in serves)])
    return [_warning(kind, serves)]


def _warning(others: Others, serves: Serves) -> Fault:
    wanted = "; ".join(f"{name} {', '.join(values)}" for name, values in serves.items())
    return Fault(
        where="leads",
        found=f"leads that this model is not for ({others_told(others)})",
        expected=wanted,
        remedy="Ask the model that is for them; this one has learned from no such leads.",
        severity="warning",
        count=others.total(),
    )


def others_told(others: Others) -> str:
    """Say which leads a model is not for.

    Parameters
    ----------
    others : Counter

    Returns
    -------
    str
        ``"country FR: 300; country IT: 12"``, the most first.
    """
    nothing = "(none)"
    told = [
        f"{', '.join(f'{name} {value or nothing}' for name, value in kind)}: {count:,}"
        for kind, count in others.most_common(SHOWN)
    ]
    return "; ".join([*told, *(["…"] if len(others) > SHOWN else [])])


def uncovered(others: Others, beside: Sequence[Serves]) -> Others:
    """Find the leads that no model is for.

    Parameters
    ----------
    others : Counter
        Those that one model is not for.
    beside : sequence of mapping
        For which leads the models beside it are.

    Returns
    -------
    Counter
    """
    kept: Others = Counter()
    for kind, count in others.items():
        has = {name: key(value) for name, value in kind if value is not None}
        if not any(_fits(has, serves) for serves in beside):
            kept[kind] = count
    return kept


def _fits(has: Mapping[str, str], serves: Serves) -> bool:
    return all(has.get(name) in {key(one) for one in values} for name, values in serves.items())


def _fitting(values: pl.Series, wanted: Sequence[str]) -> pl.Series:
    keys = {key(value) for value in wanted}
    known = values.drop_nulls().unique()
    fits = [key(value) in keys for value in known]
    return known.filter(pl.Series(fits, dtype=pl.Boolean))
