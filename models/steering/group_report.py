"""How the scores are for each group of people: selection, calibration and errors, with intervals.

A diagnostic for those who answer for the scores. It says how figures differ between groups and how
sure that is; what a difference means, and whether it is lawful, it does not say.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.bootstrap import LEVEL, coded, drawn_weights
from leadcast.models.evaluation.evaluation import EMPTY, REST

FEWEST_LEADS = 100
FEWEST_CUSTOMERS = 10
"""Of fewer leads, or customers among them, no figure is told: "too few"."""
FIGURES: Mapping[str, str] = {
    "selection_rate": "share of the snapshots at or above the cut",
    "observed": "share that converted",
    "predicted": "mean probability",
    "calibration_difference": "share that converted less the mean probability; 0 is right",
    "brier": "Brier score: mean squared distance of the probability from what happened",
    "missed_rate": "share of the customers below the cut",
    "false_alarm_rate": "share of those who did not convert at or above the cut",
}
"""Each figure of a group, for a person."""
RATIOS: Mapping[str, str] = {
    "selection_ratio": "its selection rate over that of the largest group",
    "missed_ratio": "its share of customers below the cut over that of the largest group",
    "false_alarm_ratio": "its share of false alarms over that of the largest group",
}
"""Each ratio, for a person."""
_OF_RATIO = {
    "selection_ratio": "selection_rate",
    "missed_ratio": "missed_rate",
    "false_alarm_ratio": "false_alarm_rate",
}
NO_ADVICE = (
    "A diagnostic, and no legal advice: groups may differ for reasons that no score makes, and a "
    "score may be unlawful where no figure differs."
)


def report_groups(
    probability: Floats,
    converted: Floats,
    group: npt.ArrayLike,
    labels: Mapping[str, npt.NDArray[np.str_]],
    cut: float,
    *,
    seed: int = 0,
    replicates: int = 200,
) -> dict[str, Any]:
    """Report the scores by group.

    Parameters
    ----------
    probability : ndarray of float64, shape (n_rows,)
        Calibrated, of leads that no model was trained on.
    converted : ndarray of float64, shape (n_rows,)
        1 for a conversion, else 0.
    group : array_like of int or str, shape (n_rows,)
        The lead (or account) of each row: the unit that the bootstrap draws.
    labels : mapping of str to ndarray of str, shape (n_rows,)
        For each group column the group of each row.
    cut : float
        From which probability on a lead is selected.
    seed : int
        The same seed gives the same intervals.
    replicates : int
        Draws of the bootstrap.

    Returns
    -------
    dict
        ``"cut"``, ``"level"``, ``"words"`` and ``"columns"``: by column, ``"largest"`` (the group
        that ratios are to) and ``"groups"``: by group ``"snapshots"``, ``"leads"``,
        ``"customers"``, ``"too_few"``, and unless there are too few each of `FIGURES` and `RATIOS`
        as ``{"value", "low", "high"}`` (null where it is not defined).

    Raises
    ------
    ValueError
        If the lengths differ.
    """
    codes, _ = coded(group)
    rows = [len(probability), len(converted), len(codes), *(len(one) for one in labels.values())]
    if len(set(rows)) > 1:
        raise ValueError(f"the rows differ in number: {rows}")
    sums = _sums_of_rows(probability, converted, cut)
    columns = {
        name: _column(sums, codes, own, seed=seed, replicates=replicates)
        for name, own in labels.items()
    }
    return {"cut": cut, "level": LEVEL, "words": NO_ADVICE, "columns": columns}


def groups_line(groups: dict[str, Any]) -> str:
    """Tell how far groups' selection rates are apart, in a line.

    Parameters
    ----------
    groups : dict
        As `report_groups` gives it.

    Returns
    -------
    str
    """
    told = []
    for column, about in groups["columns"].items():
        ratios = {
            name: one["selection_ratio"]["value"]
            for name, one in about["groups"].items()
            if one.get("selection_ratio") and one["selection_ratio"]["value"] is not None
        }
        few = sum(one["too_few"] for one in about["groups"].values())
        words = f"{few} of {len(about['groups'])} groups too small" if few else ""
        if ratios:
            name = min(ratios, key=lambda one: ratios[one])
            lowest = f"lowest selection ratio {ratios[name]:.2f} ({name})"
            words = f"{lowest}, {words}" if words else lowest
        told.append(f"{column}: {words or 'one group'}")
    return f"groups: {'; '.join(told)}"


def _sums_of_rows(probability: Floats, converted: Floats, cut: float) -> Floats:
    """List what is summed of each row, shape (7, n_rows)."""
    selected = (probability >= cut).astype(np.float64)
    return np.stack(
        [
            np.ones_like(probability),
            converted,
            probability,
            (probability - converted) ** 2,
            selected,
            selected * converted,
            selected * (1 - converted),
        ]
    )


def _column(
    sums: Floats, codes: Integers, labels: npt.NDArray[np.str_], *, seed: int, replicates: int
) -> dict[str, Any]:
    names, place = np.unique(labels, return_inverse=True)
    counted = [
        (
            int((place == one).sum()),
            len(np.unique(codes[place == one])),
            len(np.unique(codes[(place == one) & (sums[1] > 0)])),
        )
        for one in range(len(names))
    ]
    enough = [leads >= FEWEST_LEADS and won >= FEWEST_CUSTOMERS for _, leads, won in counted]
    # What is put together of several, or has no value, is no group to measure others by.
    is_group = [name not in (REST, EMPTY) for name in names.tolist()]
    leads_of = np.array([leads for _, leads, _ in counted])
    largest = int(np.argmax(np.where(is_group, leads_of, -1)))
    whole = _figures(_totals(sums, place, len(names), np.ones(len(place))), largest)
    draws = [
        _figures(_totals(sums, place, len(names), weight), largest)
        for weight in drawn_weights(codes, replicates, seed)
    ]
    groups = {}
    for one, name in enumerate(names.tolist()):
        snapshots, leads, customers = counted[one]
        about = {"snapshots": snapshots, "leads": leads, "customers": customers}
        groups[name] = about | {"too_few": not enough[one]}
        if enough[one]:
            told = [*FIGURES, *(RATIOS if one != largest and enough[largest] else ())]
            groups[name] |= {
                key: _estimate(float(whole[key][one]), np.array([draw[key][one] for draw in draws]))
                for key in told
            }
    return {"largest": str(names[largest]), "groups": groups}


def _totals(sums: Floats, place: Integers, size: int, weight: Floats) -> Floats:
    return np.stack([np.bincount(place, weights=row * weight, minlength=size) for row in sums])


def _figures(totals: Floats, largest: int) -> dict[str, Floats]:
    rows, won, predicted, squared, selected, found, alarms = totals
    with np.errstate(divide="ignore", invalid="ignore"):
        figures = {
            "selection_rate": selected / rows,
            "observed": won / rows,
            "predicted": predicted / rows,
            "calibration_difference": (won - predicted) / rows,
            "brier": squared / rows,
            "missed_rate": 1 - found / won,
            "false_alarm_rate": alarms / (rows - won),
        }
        for name, of in _OF_RATIO.items():
            figures[name] = figures[of] / figures[of][largest]
    return figures


def _estimate(value: float, draws: Floats) -> dict[str, float | None]:
    if not np.isfinite(value):
        return {"value": None, "low": None, "high": None}
    known = draws[np.isfinite(draws)]
    # What is the same in every draw is not certain, but not told by so few leads.
    if len(known) < max(1.0, 0.8 * len(draws)) or np.ptp(known) == 0:
        return {"value": value, "low": None, "high": None}
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"value": value, "low": float(low), "high": float(high)}
