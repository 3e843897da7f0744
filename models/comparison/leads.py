"""The table of leads that a comparison leaves beside its result."""

import polars as pl

from models.comparison.draws import lists_of
from models.comparison.rows import Compared


def lead_frame(compared: Compared) -> pl.DataFrame:
    """Make the table of leads.parquet.

    Parameters
    ----------
    compared : Compared
        Every test snapshot, with and without points.

    Returns
    -------
    pl.DataFrame
        A row a snapshot; ranks are those on the call list within the week (1 is called first,
        tied leads share the mean rank), null for a snapshot that is not on it or has no points.
    """
    frame = compared.frame.with_row_index("row")
    listed = compared.filter(compared.frame["on_list"])
    both = Compared(
        listed.frame.with_row_index("listed_row"), compared.dimensions, None, compared.weeks
    ).with_points
    ranks = [each.ranks() for each in lists_of(both)]
    rows = frame.filter(pl.col("on_list") & pl.col("points").is_not_null())["row"]
    found = pl.DataFrame(
        {"row": rows, "rank_learned": ranks[0], "rank_points": ranks[1]},
        schema_overrides={"rank_learned": pl.Float64, "rank_points": pl.Float64},
    )
    names = list(compared.weeks)
    return (
        frame.join(found, on="row", how="left", maintain_order="left")
        .with_columns(week=pl.col("week").replace_strict(dict(enumerate(names)), default=None))
        .select(
            *("lead_id", "as_of", "week", "converted", "amount", "probability", "lower", "upper"),
            *("grade", "points", "rank_learned", "rank_points", "on_list", "landmark_days"),
            *("worked", "random_slice"),
            *compared.dimensions,
        )
    )
