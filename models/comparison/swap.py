"""The swap set: who would be called instead, how those leads ended and what sets them apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from leadcast.features.registry import Feature
from leadcast.models.charts.numbers import percent, shared_count
from leadcast.models.comparison.compared_rows import Compared
from leadcast.models.comparison.groups import share
from leadcast.models.comparison.result import Swap, SwapLead, SwapSide, Trait
from leadcast.models.comparison.score_ranking import lists_of
from leadcast.models.data import Floats, Integers, Matrix

MOST_LEADS = 100
"""So many leads a side are told one by one."""

MOST_TRAITS = 8
LEAST_DISTANCE = 0.2
"""In standard deviations: what lies closer is no trait (a "small effect", Cohen 1988)."""

ALIKE = 0.7
"""A feature that correlates more with a stronger trait says nothing new."""

Told = Callable[[Integers], Sequence[tuple[str, ...]]]
"""Tells the reasons (or the ledger) of some rows of the call list, in words."""


@dataclass(frozen=True)
class Described:
    """What is known of the leads on the call list beside their scores.

    Parameters
    ----------
    values : ndarray of float32, shape (n_leads, n_features)
    features : tuple of Feature
    reasons, ledger : callable or None
        From rows to words.
    """

    values: Matrix
    features: tuple[Feature, ...]
    reasons: Told | None = None
    ledger: Told | None = None


def swap_set(listed: Compared, capacity: Floats, described: Described | None = None) -> Swap:
    """Compare whom both lists call."""
    learned, points = (each.called(capacity) for each in lists_of(listed))
    only = np.maximum(learned - points, 0.0), np.maximum(points - learned, 0.0)
    both = np.minimum(learned, points)
    sides = [_side(listed, part) for part in (both, 1 - np.maximum(learned, points), *only)]
    traits = () if described is None else _traits(described, only)
    return Swap(
        both=sides[0],
        neither=sides[1],
        only_learned=sides[2],
        only_points=sides[3],
        words=_words(sides[2], sides[3], traits),
        traits=traits,
        leads=_leads(listed, (learned, points), only, described),
    )


def _side(listed: Compared, part: Floats) -> SwapSide:
    converted, amount = listed.floats("converted"), np.nan_to_num(listed.floats("amount"))
    leads, customers = float(part.sum()), float((part * converted).sum())
    known = listed.frame["amount"].count() > 0
    return SwapSide(
        leads=leads,
        customers=customers,
        conversion=share(customers, leads),
        probability=_mean(listed.floats("probability"), part),
        points=_mean(listed.floats("points"), part),
        amount=float((part * converted * amount).sum()) if known else None,
    )


def _mean(value: Floats, part: Floats) -> float | None:
    return float((value * part).sum() / part.sum()) if part.sum() > 0 else None


def _traits(described: Described, only: tuple[Floats, Floats]) -> tuple[Trait, ...]:
    if min(part.sum() for part in only) < 1:
        return ()
    columns = [
        column
        for place, feature in enumerate(described.features)
        for column in _columns(feature, described.values[:, place].astype(np.float64), only)
    ]
    columns.sort(key=lambda one: -abs(one[0].distance))
    chosen: list[tuple[Trait, Floats]] = []
    for trait, value in columns:
        if len(chosen) == MOST_TRAITS or abs(trait.distance) < LEAST_DISTANCE:
            break
        if all(trait.feature != one.feature and not _alike(value, it) for one, it in chosen):
            chosen.append((trait, value))
    return tuple(trait for trait, _ in chosen)


def _columns(
    feature: Feature, value: Floats, only: tuple[Floats, Floats]
) -> list[tuple[Trait, Floats]]:
    if feature.dtype == "number":
        known = np.isfinite(value)
        if min(part[known].sum() for part in only) < 1:
            return []
        filled = np.where(known, value, np.median(value[known]))
        return _trait(feature, feature.words, "mean", filled, [part * known for part in only])
    if feature.dtype == "flag":
        yes = (value == 1).astype(np.float64)
        return _trait(feature, feature.words, "share", yes, only)
    found = []
    for code, level in enumerate(feature.levels, start=1):
        is_level = (value == code).astype(np.float64)
        found += _trait(feature, f"{feature.words} is {level}", "share", is_level, only)
    return found


def _trait(
    feature: Feature, words: str, kind: str, value: Floats, only: Sequence[Floats]
) -> list[tuple[Trait, Floats]]:
    spread = float(value.std())
    if spread == 0:
        return []
    learned, points = (float((value * part).sum() / part.sum()) for part in only)
    trait = Trait(
        feature=feature.name,
        words=words,
        learned=learned,
        points=points,
        kind="mean" if kind == "mean" else "share",
        distance=(learned - points) / spread,
    )
    return [(trait, value)]


def _alike(one: Floats, other: Floats) -> bool:
    return bool(abs(np.corrcoef(one, other)[0, 1]) > ALIKE)


def _leads(
    listed: Compared,
    called: tuple[Floats, Floats],
    only: tuple[Floats, Floats],
    described: Described | None,
) -> tuple[SwapLead, ...]:
    ranks = [each.ranks() for each in lists_of(listed)]
    table = listed.frame.select(
        *("lead_id", "as_of", "week", "converted", "amount", "probability", "points"),
        called_learned=called[0],
        called_points=called[1],
        rank_learned=ranks[0],
        rank_points=ranks[1],
    )
    tellers = (None, None) if described is None else (described.reasons, described.ledger)
    found: list[SwapLead] = []
    for side, part, rank in zip(("learned", "points"), only, ranks, strict=True):
        inside = np.flatnonzero(part > 0)
        first = inside[np.lexsort((rank[inside], -part[inside]))][:MOST_LEADS].astype(np.int64)
        words = [[()] * len(first) if told is None else told(first) for told in tellers]
        rows = table[first.tolist()].iter_rows(named=True)
        for row, reasons, ledger in zip(rows, *words, strict=True):
            row["as_of"] = None if row["as_of"] is None else row["as_of"].isoformat()
            row["week"] = listed.weeks[row["week"]]
            row |= {"only": side, "reasons": reasons, "ledger": ledger}
            found.append(SwapLead.model_validate(row))
    return tuple(found)


def _words(learned: SwapSide, points: SwapSide, traits: Sequence[Trait]) -> tuple[str, ...]:
    if learned.leads < 0.5:
        return ("Both lists call the same leads.",)
    words = [
        f"{shared_count(learned.leads)} leads would be called instead of as many others: "
        f"{shared_count(learned.customers)} of them became customers "
        f"({percent(learned.conversion.value)}), of those they replace "
        f"{shared_count(points.customers)} ({percent(points.conversion.value)})."
    ]
    for more, told in ((True, "More often or higher"), (False, "Less often or lower")):
        named = [_said(trait) for trait in traits if (trait.distance > 0) == more]
        if named:
            words.append(f"{told} among those it would call: {'; '.join(named)}.")
    return tuple(words)


def _said(trait: Trait) -> str:
    if trait.kind == "share":
        return f"{trait.words} ({percent(trait.learned)} against {percent(trait.points)})"
    return f"{trait.words} (on average {trait.learned:.3g} against {trait.points:.3g})"


def reasons_of(
    contributions: Floats, values: Matrix, features: tuple[Feature, ...], most: int = 4
) -> list[tuple[str, ...]]:
    """Say what moves each lead's probability most.

    Parameters
    ----------
    contributions : ndarray of float64, shape (n_rows, n_features)
        To the log-odds, as a learner gives them.
    values : ndarray of float32, shape (n_rows, n_features)
    features : tuple of Feature
    most : int
        How many reasons a lead has at most.

    Returns
    -------
    list of tuple of str
        The strongest first; ``+`` raises the probability, ``−`` lowers it.
    """
    order = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :most]
    return [
        tuple(
            f"{'+' if row[place] > 0 else '−'} {_reading(features[place], known[place])}"
            for place in best
            if row[place] != 0
        )
        for row, known, best in zip(contributions, values, order, strict=True)
    ]


def _reading(feature: Feature, value: np.float32) -> str:
    if np.isnan(value):
        return f"{feature.words}: not known"
    if feature.dtype == "flag":
        return f"{feature.words}: {'yes' if value else 'no'}"
    if feature.dtype == "category":
        known = 0 < value <= len(feature.levels)
        return f"{feature.words}: {feature.levels[int(value) - 1] if known else 'other'}"
    return f"{feature.words}: {float(value):.3g}"
