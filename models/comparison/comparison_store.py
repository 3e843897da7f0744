"""Where a comparison lies: its result and its table of leads in one folder, written together."""

from pathlib import Path
from typing import TypeVar

import polars as pl
from pydantic import ValidationError

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json, write_json, written_whole
from leadcast.models.comparison.compared_rows import Compared
from leadcast.models.comparison.points_effects import AgainstEarlier, RuleParts
from leadcast.models.comparison.result import Comparison, ResultPart
from leadcast.models.comparison.score_ranking import lists_of

RESULT, LEADS, RULES = "comparison.json", "leads.parquet", "rules.json"
EARLIER = "earlier.json"
KIND = "comparison"
"""What the folder is marked as."""
Kind = TypeVar("Kind", bound=ResultPart)
NOTHING = "nothing_to_compare"
"""The key of the reason where a source has no points."""


def write_comparison(
    folder: Path,
    comparison: Comparison,
    leads: pl.DataFrame,
    rules: RuleParts | None = None,
    earlier: AgainstEarlier | None = None,
    *,
    is_named: bool = False,
) -> None:
    """Write a comparison, whole or not at all.

    Parameters
    ----------
    folder : Path
        A comparison that stands there is replaced as a whole.
    comparison : Comparison
    leads : pl.DataFrame
        As `leadcast.models.comparison.comparison_store.lead_frame` makes it.
    rules : RuleParts, optional
        What each rule contributes, where the points come from rules.
    earlier : AgainstEarlier, optional
        The points against those of an earlier comparison.
    is_named : bool
        Whether a user named the folder, so that it is no run's.
    """
    with written_whole(folder, KIND, is_named=is_named) as new:
        new.mkdir()
        write_json(new / RESULT, comparison.to_json())
        leads.write_parquet(new / LEADS)
        if rules is not None:
            write_json(new / RULES, rules.to_json())
        if earlier is not None:
            write_json(new / EARLIER, earlier.to_json())


def write_nothing(folder: Path, reason: str) -> None:
    """Write that there is nothing to compare, so that a reader is told why.

    Parameters
    ----------
    folder : Path
    reason : str
        Why, and what to do.
    """
    with written_whole(folder, KIND) as new:
        new.mkdir()
        write_json(new / RESULT, {"schema_version": 1, NOTHING: reason})


def read_comparison(folder: Path) -> Comparison:
    """Read a comparison.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    Comparison

    Raises
    ------
    LeadcastError
        If there is none, there was nothing to compare, or the file is not as written.
    """
    path = folder / RESULT
    content = read_json(path)
    if isinstance(content, dict) and NOTHING in content:
        raise LeadcastError(f"{path}: {content[NOTHING]}")
    try:
        return Comparison.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise LeadcastError(
            f"{path}: {key}: {first['msg']}; run `leadcast compare` again"
        ) from None


def read_rule_parts(folder: Path) -> RuleParts | None:
    """Read what each rule contributes.

    Parameters
    ----------
    folder : Path
        A comparison's.

    Returns
    -------
    RuleParts or None
        None where its points do not come from rules.
    """
    return _read_part(folder / RULES, RuleParts)


def read_against_earlier(folder: Path) -> AgainstEarlier | None:
    """Read how the points do against those of an earlier comparison.

    Parameters
    ----------
    folder : Path
        A comparison's.

    Returns
    -------
    AgainstEarlier or None
        None where there was no earlier one.
    """
    return _read_part(folder / EARLIER, AgainstEarlier)


def _read_part(path: Path, kind: type[Kind]) -> Kind | None:
    return kind.model_validate(read_json(path)) if path.exists() else None


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
