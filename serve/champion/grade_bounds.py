"""The bounds of a champion's grades: set by people, and kept by every promotion after it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from leadcast.features.base.errors import LeadcastError
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.bundle.bundle_grades import bounds_set, checked_bounds, write_graded
from leadcast.models.bundle.bundle_reference import GRADES
from leadcast.serve.champion.champion_store import (
    PromotionStep,
    champion_bundle,
    champion_judged,
    has_champion,
    promoting,
    put_champion,
    read_promotion,
)

__all__ = ["bounds_of_champion", "bounds_words", "checked_bounds", "graded_as_before", "set_grades"]


def bounds_of_champion(source: str) -> tuple[float, float, float] | None:
    """Give the bounds of the champion's grades; None where nothing was promoted.

    Parameters
    ----------
    source : str

    Returns
    -------
    tuple of float, or None
    """
    if not has_champion(source):
        return None
    return load_bundle(champion_bundle(source)).reference.bounds


def bounds_words(bounds: tuple[float, ...]) -> str:
    """Tell bounds in words.

    Parameters
    ----------
    bounds : tuple of float

    Returns
    -------
    str
    """
    return ", ".join(
        f"{grade} from {100 * one:.3g} %" for grade, one in zip(GRADES, bounds, strict=False)
    )


def set_grades(source: str, bounds: tuple[float, float, float], by: str) -> str:
    """Set the bounds of the champion's grades: a version of its own, which can be rolled back.

    Parameters
    ----------
    source : str
    bounds : tuple of float
        As `checked_bounds` gives them.
    by : str
        Who asks.

    Returns
    -------
    str
        What was done, for a person.

    Raises
    ------
    LeadcastError
        If nothing was promoted yet, or another process is promoting.
    """
    if not has_champion(source):
        raise LeadcastError(
            f"{source}: nothing is promoted whose grades could be kept: leadcast promote {source}"
        )
    with promoting(source):
        now = read_promotion(source)
        bundle = load_bundle(champion_bundle(source))
        before = bundle.reference.bounds
        if bounds == before:
            return f"{source}: its grades have these bounds already ({bounds_words(bounds)})"
        at = datetime.now(UTC)
        with tempfile.TemporaryDirectory(prefix="leadcast-") as folder:
            graded = Path(folder) / "bundle"
            told = {"by": by, "at": at.isoformat()}
            manifest = write_graded(graded, bundle, bounds, told)
            step = PromotionStep(
                version=max(one.version for one in now.steps) + 1,
                kind="graded",
                at=at,
                by=by,
                why=f"{bounds_words(bounds)}; before: {bounds_words(before)}",
                bundle_id=manifest.bundle_id,
            )
            ids = {"bundle_id": manifest.bundle_id, "trained_bundle_id": now.lineage.as_trained}
            lineage = now.lineage.model_copy(update=ids)
            changes = {"version": step.version, "lineage": lineage, "steps": (*now.steps, step)}
            put_champion(now.model_copy(update=changes), graded, champion_judged(source))
    return (
        f"{source}: version {step.version} is the champion, {bounds_words(bounds)}; probabilities "
        "are as they were. Later champions keep these bounds; "
        f"leadcast rollback {source} takes it back"
    )


@contextmanager
def graded_as_before(source: str, bundle: Path) -> Iterator[tuple[Path, str | None]]:
    """Give a challenger's bundle with the bounds that people have set for the champion.

    Parameters
    ----------
    source : str
    bundle : Path
        The challenger.

    Yields
    ------
    folder : Path
        Its bundle: `bundle` itself where nobody has set bounds.
    bundle_id : str or None
        The id of a bundle that was written for it; None where none was.
    """
    champion = load_bundle(champion_bundle(source)) if has_champion(source) else None
    bounds = None if champion is None else bounds_set(champion)
    if champion is None or bounds is None:
        yield bundle, None
        return
    told = champion.metrics["grades_set"]
    with tempfile.TemporaryDirectory(prefix="leadcast-") as folder:
        graded = Path(folder) / "bundle"
        kept = {name: told[name] for name in ("by", "at") if name in told}
        yield graded, write_graded(graded, load_bundle(bundle), bounds, kept).bundle_id
