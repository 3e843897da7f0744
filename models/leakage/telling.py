"""The gate in a few words, the worst first: for the console, a run's summary and the report."""

from collections.abc import Iterator

import polars as pl

MANY = 6
"""Where so many checks or more could not look, people are told why."""
_MOST_TOLD = 3


def headline(checks: pl.DataFrame) -> str:
    """Say how many findings there are, and which is the worst.

    Parameters
    ----------
    checks : pl.DataFrame
        As `leadcast.models.leakage.LeakageReport.frame` gives it.

    Returns
    -------
    str
        ``"1 error, 2 warnings (1 vouched for); the worst: column 'paid': …"``.
    """
    found = found_of(checks)
    if found.is_empty():
        clean = checks.filter(status="clean").height
        return f"no sign of leakage in {clean} checks, {_not_applicable(checks)} not applicable"
    counts = [
        f"{number} {status}{'' if number == 1 else 's'}"
        for status in ("error", "warning")
        if (number := found.filter(status=status).height)
    ]
    vouched = _vouched(found)
    words = ", ".join(counts) + (f" ({vouched} vouched for)" if vouched else "")
    worst = next(_told(found))
    return f"{words}: {worst}" if found.height == 1 else f"{words}; the worst: {worst}"


def found_of(checks: pl.DataFrame) -> pl.DataFrame:
    """Keep the findings of a gate, the worst first.

    Parameters
    ----------
    checks : pl.DataFrame
        As `headline` takes it.

    Returns
    -------
    pl.DataFrame
    """
    found = checks.filter(pl.col("status").is_in(["error", "warning"]))
    return found.sort(pl.col("status") != "error", maintain_order=True)


def against_use(checks: pl.DataFrame) -> tuple[str, ...]:
    """Tell what the gate found that speaks against using the scores as they are.

    Parameters
    ----------
    checks : pl.DataFrame
        As `headline` takes it.

    Returns
    -------
    tuple of str
        As `leadcast.models.calibration.readiness.readiness` takes it; empty where nothing, or
        where everything is vouched for.
    """
    doubted = checks.filter(~pl.col("vouched").cast(pl.Boolean).fill_null(value=False))
    if found_of(doubted).is_empty():
        return ()
    return (f"The leakage gate found {headline(doubted)}",)


def next_worst(checks: pl.DataFrame) -> list[str]:
    """Tell of what else something was found, a line each, and of how many more.

    Parameters
    ----------
    checks : pl.DataFrame
        As `headline` takes it.

    Returns
    -------
    list of str
    """
    lines = list(_told(found_of(checks).unique("subject", keep="first", maintain_order=True)))[1:]
    more = len(lines) - _MOST_TOLD
    return lines[:_MOST_TOLD] + ([f"{more} more in the report"] if more > 0 else [])


def could_not_look(checks: pl.DataFrame) -> list[str]:
    """Tell which checks are not applicable and why, where they are many.

    Parameters
    ----------
    checks : pl.DataFrame
        As `headline` takes it.

    Returns
    -------
    list of str
        A line for each reason; empty where few checks could not look.
    """
    apart = checks.filter(status="not applicable")
    if apart.height < MANY:
        return []
    by_reason = apart.group_by("found", maintain_order=True).agg(pl.col("code"))
    return [f"not applicable: {', '.join(codes)} ({why})" for why, codes in by_reason.iter_rows()]


def _not_applicable(checks: pl.DataFrame) -> int:
    return checks.filter(status="not applicable").height


def _vouched(found: pl.DataFrame) -> int:
    return int(found["vouched"].sum() or 0) if "vouched" in found.columns else 0


def _told(found: pl.DataFrame) -> Iterator[str]:
    for row in found.iter_rows(named=True):
        weight = row.get("weight")
        weighed = f"; {weight}" if weight else ""
        yield f"{row['subject']}: {row['found']}{weighed} ({row['code']})"
