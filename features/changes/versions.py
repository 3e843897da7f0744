"""Leads as they stood at moments, for whole tables.

A lead with changes has several *versions*: the one of its creation, and one from each moment of a
change on. An attribute's value in a version is the new value of its last change until then; where
there is none yet, the old value of its next change; and where it was never changed, what the lead
has. What was changed at the lead's creation belongs to it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.compiled import compiled
from leadcast.features.boundary import known_until
from leadcast.features.changes.attribute_changes import (
    CHANGED_AT,
    FILLED_IN,
    N_CHANGES,
    bases_of,
    derived_types,
)
from leadcast.features.tables import CHANGES, TIME

Integers = npt.NDArray[np.int64]
_ROW, _AT = "row of the lead", "changed at"
"""No attribute has spaces in its name."""


@dataclass(frozen=True)
class Versions:
    """Leads in all their versions.

    Parameters
    ----------
    table : pl.DataFrame
        A row a version, lead by lead, the earliest first; without `CHANGES`, with what is derived.
    starts : ndarray of int64, shape (n_leads + 1,)
        Where each lead's versions begin.
    times_us : ndarray of int64, shape (n_versions,)
        From when on each holds, in microseconds since 1970; a lead's first holds from the start.
    """

    table: pl.DataFrame
    starts: Integers
    times_us: Integers

    def rows_at(self, leads: Integers, as_of_us: Integers) -> Integers:
        """Find the versions that were known at moments.

        Parameters
        ----------
        leads : ndarray of int64, shape (n,)
            Rows of leads.
        as_of_us : ndarray of int64, shape (n,)
            The moments.

        Returns
        -------
        ndarray of int64, shape (n,)
            Rows of `table`.
        """
        return _rows_at(self.starts, self.times_us, leads, as_of_us)


@compiled
def _rows_at(starts: Integers, times_us: Integers, leads: Integers, as_of_us: Integers) -> Integers:
    found = np.empty(len(leads), dtype=np.int64)
    for row in range(len(leads)):
        first = starts[leads[row]]
        end = starts[leads[row] + 1]
        found[row] = known_until(times_us, first + 1, end, as_of_us[row]) - 1
    return found


def versions_of(leads: pl.DataFrame, wanted: Iterable[str]) -> Versions:
    """Make all versions of leads.

    Parameters
    ----------
    leads : pl.DataFrame
        With ``created_at`` and the column `CHANGES`, a list of `CHANGE` each.
    wanted : iterable of str
        The attributes that are read, by which it is known what is to be derived.

    Returns
    -------
    Versions
    """
    bases = bases_of(wanted, leads.columns)
    numbered = leads.drop(CHANGES).with_row_index(_ROW)
    changes = _changes(leads)
    created = numbered.select(_ROW, pl.col("created_at").cast(TIME).alias(_AT))
    later = changes.filter(pl.col(_AT) > pl.col("created_at")).select(_ROW, _AT).unique()
    moments = pl.concat([created, later]).sort(_ROW, _AT, nulls_last=False)
    table = moments.join(numbered, on=_ROW, how="left", maintain_order="left")
    names = changes["attribute"].unique(maintain_order=True).to_list()
    for name in dict.fromkeys([*names, *bases]):
        if name in leads.columns:
            own = changes.filter(attribute=name).drop("attribute")
            table = _with_values(table, own, name, derived=name in bases)
    counts = np.bincount(moments[_ROW].to_numpy(), minlength=leads.height)
    starts = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    times = moments[_AT].to_physical().fill_null(0).to_numpy().astype(np.int64)
    columns = [*(name for name in leads.columns if name != CHANGES), *derived_types(bases)]
    return Versions(table.select(columns), starts, times)


def _changes(leads: pl.DataFrame) -> pl.DataFrame:
    """List the changes of all leads in time's order; those of the creation stand at it."""
    given = leads.select("created_at", CHANGES).with_row_index(_ROW)
    rows = given.explode(CHANGES).drop_nulls(CHANGES).unnest(CHANGES)
    created = pl.col("created_at").cast(TIME)
    return (
        rows.drop_nulls("changed_at")
        .filter(pl.col("attribute").is_in(leads.columns))
        .with_columns(created, pl.max_horizontal("changed_at", created).alias(_AT))
        .sort(_ROW, _AT, maintain_order=True)
    )


def _with_values(
    table: pl.DataFrame, own: pl.DataFrame, name: str, *, derived: bool
) -> pl.DataFrame:
    """Put in what an attribute said in each version."""
    since = (pl.col(_AT) > pl.col("created_at")).cast(pl.Int64).cum_sum().over(_ROW)
    before = own.select(_ROW, _AT, since=since, new="new_value", is_past=pl.lit(True))
    after = own.select(_ROW, _AT, old="old_value", is_next=pl.lit(True))
    whole = table.join_asof(
        before, on=_AT, by=_ROW, strategy="backward", check_sortedness=False
    ).join_asof(
        after,
        on=_AT,
        by=_ROW,
        strategy="forward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    dtype = table.schema[name]
    value = (
        pl.when("is_past").then(typed("new", dtype))
        .when("is_next").then(typed("old", dtype))
        .otherwise(pl.col(name))
    )  # fmt: skip
    whole = whole.with_columns(value.alias(name))
    if not derived:
        return whole.select(table.columns)
    return _with_derived(whole, own, name).select(*table.columns, *derived_types([name]))


def _with_derived(whole: pl.DataFrame, own: pl.DataFrame, name: str) -> pl.DataFrame:
    number = pl.col("since").fill_null(0).cast(pl.Float64)
    last = own.filter(pl.col(_AT) > pl.col("created_at")).select(_ROW, _AT, last=pl.col(_AT))
    whole = whole.join_asof(last, on=_AT, by=_ROW, strategy="backward", check_sortedness=False)
    is_blank = pl.col(name).is_null()
    filled = is_blank.first().over(_ROW) & ~is_blank
    return whole.with_columns(
        number.alias(f"{name}{N_CHANGES}"),
        pl.col("last").alias(f"{name}{CHANGED_AT}"),
        filled.alias(f"{name}{FILLED_IN}"),
    )


def typed(name: str, dtype: pl.DataType) -> pl.Expr:
    """Read a change's value as an attribute's column holds it."""
    text = pl.col(name)
    if dtype == pl.Boolean:
        return pl.when(text.is_not_null()).then(text == "true")
    if isinstance(dtype, pl.Datetime):
        return text.cast(pl.Int64, strict=False).cast(TIME).cast(dtype)
    return text.cast(dtype, strict=False)


def leads_at(leads: pl.DataFrame, rows: pl.DataFrame, wanted: Iterable[str] = ()) -> pl.DataFrame:
    """Give leads as they stood at moments.

    Parameters
    ----------
    leads : pl.DataFrame
        As `leadcast.features.tables.Tables.leads`.
    rows : pl.DataFrame, shape (n, ...)
        ``lead_id`` and, where leads have a history, ``as_of``.
    wanted : iterable of str
        As `versions_of` takes them.

    Returns
    -------
    pl.DataFrame, shape (n, ...)
        The columns of `leads` without `CHANGES`, and what is derived; a row each, in their order.
        Of leads that are not in the table all but ``lead_id`` is null.
    """
    ids = rows.select(pl.col("lead_id").cast(pl.String))
    if CHANGES not in leads.columns or "as_of" not in rows.columns:
        known = leads.drop(CHANGES, strict=False)
        return ids.join(known, on="lead_id", how="left", maintain_order="left")
    versions = versions_of(leads, wanted)
    places = leads.select("lead_id").with_row_index(_ROW)
    where = ids.join(places, on="lead_id", how="left", maintain_order="left")[_ROW]
    as_of = rows["as_of"].cast(TIME).to_physical().fill_null(0).to_numpy().astype(np.int64)
    lead_rows = where.fill_null(0).to_numpy().astype(np.int64)
    found = versions.table[versions.rows_at(lead_rows, as_of)]
    is_known = pl.lit(where.is_not_null())
    others = [pl.when(is_known).then(pl.col(one)).alias(one) for one in found.columns]
    return found.with_columns(others).with_columns(ids["lead_id"])
