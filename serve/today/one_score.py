"""One score for all records of a person: that of the newest, which has all that the others know."""

import polars as pl

_OF_THE_SCORE = (
    *("grade", "probability", "lower", "upper", "score", "percentile", "trend", "week_change"),
    *("why_moved", "moved_from", "moved_since", "moved_parts", "reasons_up", "reasons_down"),
    *("reasons", "lift", "lift_from", "lift_to", "lift_crosses", "insufficient_data"),
)


def one_score(frame: pl.DataFrame, persons: pl.DataFrame) -> pl.DataFrame:
    """Give the records of a person the score of the newest one, and tell which that is.

    Parameters
    ----------
    frame : pl.DataFrame
        A row a lead, with ``lead_id``, ``created_at`` and what was said of its score.
    persons : pl.DataFrame
        ``lead_id`` and ``person_id``; a lead without a row is a person of its own.

    Returns
    -------
    pl.DataFrame
        `frame`, its rows in their order, with ``scored_as``: the lead whose score and reasons these
        are. What a lead is worth (``expected_value``) follows the score.
    """
    whose = persons.select("lead_id", "person_id")
    rows = frame.join(whose, on="lead_id", how="left", maintain_order="left")
    person = pl.col("person_id").fill_null(pl.col("lead_id"))
    newest = pl.col("lead_id").sort_by("created_at", "lead_id").last().over(person)
    rows = rows.with_columns(scored_as=newest).drop("person_id")
    said = [name for name in _OF_THE_SCORE if name in frame.columns]
    own = frame.select(pl.col("lead_id").alias("scored_as"), *said)
    told = rows.drop(said).join(own, on="scored_as", how="left", maintain_order="left")
    if {"expected_value", "amount"} <= set(frame.columns):
        value = (pl.col("probability") * pl.col("amount")).round(2)
        told = told.with_columns(expected_value=value)
    return told.select(*frame.columns, "scored_as")
