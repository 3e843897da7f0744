"""Links that need no odds: the same address, the same telephone number, a merge of the CRM.

What several people share links nobody: ``info@``, a switchboard, a family's landline.
"""

import polars as pl

from leadcast.features.identity.likeness import ALIKE, DIFFERENT, SAME, NameColumns

MOST_LEADS, MOST_LEADS_NAMED = 10, 50
"""An address or a number of more leads is not one person's; where names tell that it is, of more
than the second."""
MOST_IDENTITIES = 3
"""Nor is one that goes with more different first names, or different keys of the other kind."""
EMAIL, PHONE, MERGE = "the same e-mail address", "the same telephone", "merged in the CRM"

LINKS = pl.Schema(
    {
        "a": pl.Int64(),
        "b": pl.Int64(),
        "probability": pl.Float64(),
        "evidence": pl.String(),
        "known_us": pl.Int64(),
    }
)
"""Links between the leads at the rows ``a < b``: how sure, why, and since when it could be known
(microseconds since 1970)."""
MERGES = pl.Schema(
    {"canonical_id": pl.String(), "merged_id": pl.String(), "merged_at": pl.Datetime("us", "UTC")}
)
"""A merge of the CRM: the record that stays, the one that went into it, and when."""


def exact_links(keys: pl.DataFrame, people: NameColumns) -> pl.DataFrame:
    """Link leads with the same e-mail address or telephone number, unless it is shared.

    Two different first names on an address or a number are two people. On a number of several
    people, or with different last names, leads are one person's only if their names say so.

    Parameters
    ----------
    keys : pl.DataFrame
        As `leadcast.features.identity.keys.identity_keys` gives them.
    people : NameColumns
        Their names.

    Returns
    -------
    pl.DataFrame
        `LINKS`, known since the later of the two leads came.
    """
    numbered = keys.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    email = _with_names(_same(numbered, "email", "phone", EMAIL), people)
    phone = _with_names(_same(numbered, "phone", "email", PHONE), people)
    clash, names_agree = pl.col("first") == DIFFERENT, pl.min_horizontal("first", "last") >= ALIKE
    of_several = clash.any().over("key")
    one_name = (pl.col("last") != DIFFERENT) | (pl.col("first") == SAME)
    links = pl.concat(
        [email.filter(~clash), phone.filter(~clash & one_name & (~of_several | names_agree))]
    )
    return links.unique(["a", "b"], keep="first", maintain_order=True).select(LINKS.names())


def _with_names(pairs: pl.DataFrame, people: NameColumns) -> pl.DataFrame:
    a, b = pairs["a"].to_numpy(), pairs["b"].to_numpy()
    return pairs.with_columns(
        first=people.first.compare_first(a, b), last=people.last.compare_last(a, b)
    )


def shared(name: str, other: str) -> pl.Expr:
    """Say which values of a key are shared by several people, in a frame of keys."""
    leads, names = pl.len().over(name), pl.col("first_sound").n_unique().over(name)
    named = pl.col("first_sound").is_not_null().all().over(name)
    others = pl.col(other).drop_nulls().n_unique().over(name)
    too_many = (leads > MOST_LEADS_NAMED) | ((leads > MOST_LEADS) & ~named)
    return too_many | (names > MOST_IDENTITIES) | (others > MOST_IDENTITIES)


def _same(numbered: pl.DataFrame, name: str, other: str, evidence: str) -> pl.DataFrame:
    rows = numbered.select("row", "known_us", "first_sound", name, other).drop_nulls(name)
    rows = rows.filter(pl.len().over(name) > 1)
    rows = rows.filter(~shared(name, other)).select("row", "known_us", name)
    pairs = rows.join(rows, on=name, suffix="_b").filter(pl.col("row") < pl.col("row_b"))
    return pairs.select(
        a="row",
        b="row_b",
        probability=pl.lit(1.0),
        evidence=pl.lit(evidence),
        known_us=pl.max_horizontal("known_us", "known_us_b"),
        key=name,
    )


def merge_links(keys: pl.DataFrame, merges: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Link the records that the CRM has merged.

    Parameters
    ----------
    keys : pl.DataFrame
        ``lead_id`` and ``known_us``, as `leadcast.features.identity.keys.identity_keys` gives them.
    merges : pl.DataFrame
        `MERGES`; ``merged_at`` null where nobody knows when.

    Returns
    -------
    links : pl.DataFrame
        `LINKS`; known since the merge, or since the later record came where that was after it.
    absent : int
        How many records are named that the leads' table does not have: they stand at the rows from
        ``keys.height`` on.
    """
    named = pl.concat([merges["canonical_id"], merges["merged_id"].alias("canonical_id")])
    gone = named.unique(maintain_order=True).drop_nulls()
    gone = gone.filter(~gone.is_in(keys["lead_id"].implode()))
    absent = pl.DataFrame({"id": gone}).with_columns(known_us=pl.lit(0, pl.Int64))
    every = pl.concat([keys.select(id="lead_id", known_us="known_us"), absent])
    rows = every.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    links = (
        merges.join(rows, left_on="canonical_id", right_on="id")
        .join(rows, left_on="merged_id", right_on="id", suffix="_b")
        .filter(pl.col("row") != pl.col("row_b"))
        .select(
            a=pl.min_horizontal("row", "row_b"),
            b=pl.max_horizontal("row", "row_b"),
            probability=pl.lit(1.0),
            evidence=pl.lit(MERGE),
            known_us=pl.max_horizontal(
                pl.col("merged_at").to_physical().fill_null(0), "known_us", "known_us_b"
            ),
        )
        .cast(LINKS)
    )
    return links, len(gone)
