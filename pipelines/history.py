"""A lead's score over time, from the score history."""

from pathlib import Path

from features.errors import LeadcastError
from serve.score_history import history_of, trend_of


def tell_history(lead: str, folder: Path) -> str:
    """Tell a lead's scores over time and where they are heading.

    Parameters
    ----------
    lead : str
        The lead's id.
    folder : Path
        The history that ``leadcast score --history`` wrote.

    Returns
    -------
    str
        A line a score, then the trend.

    Raises
    ------
    LeadcastError
        If the folder is no history, or the lead is not in it.
    """
    history = history_of(folder, lead)
    if history.is_empty():
        raise LeadcastError(f"{folder}: lead {lead!r} was never scored here; check the id")
    lines = [f"{'as_of':<20} {'score':>5} {'change':>6} grade  model_version"]
    for row in history.iter_rows(named=True):
        change = "" if row["change"] is None else f"{row['change']:+.1f}"
        moment = f"{row['as_of']:%Y-%m-%d %H:%M}Z"
        score, grade, version = row["score"], row["grade"], row["model_version"]
        lines.append(f"{moment:<20} {score:>5.1f} {change:>6} {grade:<5}  {version}")
    return "\n".join([*lines, f"trend: {trend_of(history)}"])
