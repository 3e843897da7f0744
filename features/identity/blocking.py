"""Which pairs of leads are worth a comparison: those that share one of a few combined keys."""

import polars as pl

MOST_IN_BLOCK = 60
"""Leads that share a key with more others are not compared by it: it tells too little."""
BLOCKS: tuple[tuple[str, ...], ...] = (
    ("email",),
    ("phone",),
    ("local",),
    ("first_sound", "last_sound"),
    ("last_sound", "initial", "company"),
    ("last_sound", "initial", "domain"),
    ("last_sound", "initial", "postal"),
    ("first_sound", "phone_end"),
    ("last_sound", "company"),
    ("first_sound", "company"),
    ("first_sound", "street"),
    ("first_sound", "company", "postal"),
    ("street", "postal"),
)
"""Combinations of keys, each of which is enough to be compared; `initial` is that of the first
name, `phone_end` the last seven digits."""


def candidate_pairs(keys: pl.DataFrame) -> pl.DataFrame:
    """List the pairs of leads that share a key.

    Parameters
    ----------
    keys : pl.DataFrame
        As `leadcast.features.identity.keys.identity_keys` gives them.

    Returns
    -------
    pl.DataFrame
        ``a`` and ``b`` (Int64, rows of `keys`, ``a < b``), each pair once, in order.
    """
    numbered = keys.with_row_index("row").with_columns(
        pl.col("row").cast(pl.Int32),
        initial=pl.col("first_sound").str.slice(0, 1),
        phone_end=pl.col("phone").str.slice(-7),
    )
    found = [_pairs(numbered, block) for block in BLOCKS]
    # First and last name in each other's place.
    swapped = numbered.select("row", one="first_sound", two="last_sound").drop_nulls()
    turned = swapped.select("row", one="two", two="one")
    both = pl.concat([swapped.with_columns(turned=False), turned.with_columns(turned=True)])
    few = both.filter(pl.len().over("one", "two").is_between(2, MOST_IN_BLOCK))
    pairs = few.filter(~pl.col("turned")).join(
        few.filter(pl.col("turned")), on=["one", "two"], suffix="_b"
    )
    found.append(pairs.filter(pl.col("row") < pl.col("row_b")).select(a="row", b="row_b"))
    return pl.concat(found).unique().sort("a", "b").cast(pl.Int64)


def _pairs(numbered: pl.DataFrame, block: tuple[str, ...]) -> pl.DataFrame:
    rows = numbered.select("row", *block).drop_nulls()
    # Compared by a hash: two that collide are one comparison too many.
    rows = rows.select("row", key=pl.struct(block).hash())
    rows = rows.filter(pl.len().over("key").is_between(2, MOST_IN_BLOCK))
    pairs = rows.join(rows, on="key", suffix="_b").filter(pl.col("row") < pl.col("row_b"))
    return pairs.select(a="row", b="row_b")
