"""What may happen to a model between trainings, and what came of it: policies, figures, plot."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leadcast.models.data import Flags, Floats, Integers
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.evaluation.metrics import expected_calibration_error
from leadcast.models.evaluation.tally import tally
from leadcast.models.monitoring.level_tracker import record_of

REACHED_SHARE = 0.2
QUARTER_WEEKS, MONTH_WEEKS = 13, 4
PLOT = Path("docs/level_tracking.svg")


@dataclass(frozen=True)
class Policy:
    """When a model is trained anew, and whether its level follows in between.

    Parameters
    ----------
    name : str
    retrain_weeks : int
        How old a model becomes; 0 for any age.
    level : bool
        Whether the level is moved every night.
    on_alarm : bool
        Whether an alarm of all conversions has the model trained anew.
    """

    name: str
    retrain_weeks: int = 0
    level: bool = False
    on_alarm: bool = False


NEVER = Policy("never")
POLICIES = (
    NEVER,
    Policy("level only", level=True),
    Policy("quarterly", retrain_weeks=QUARTER_WEEKS),
    Policy("monthly", retrain_weeks=MONTH_WEEKS),
    Policy("on alarm", on_alarm=True),
    Policy("quarterly and level", retrain_weeks=QUARTER_WEEKS, level=True),
)


@dataclass(frozen=True)
class Scored:
    """A policy's scores.

    Parameters
    ----------
    log_odds : ndarray of float64, shape (n,)
    trained : tuple of float
        Weeks after the beginning at which a model was trained anew.
    moved : int
        How often the level was moved.
    """

    log_odds: Floats
    trained: tuple[float, ...]
    moved: int


@dataclass(frozen=True)
class Outcomes:
    """What became of what was scored.

    Parameters
    ----------
    converted : ndarray of float64, shape (n,)
    week : ndarray of int64, shape (n,)
        From 0.
    callable : ndarray of bool, shape (n,)
        The scores that a week's call list is made of: one a lead.
    """

    converted: Floats
    week: Integers
    callable: Flags


def told_of(outcomes: Outcomes, scored: Mapping[str, Scored]) -> dict[str, dict[str, Any]]:
    """Give each policy's figures.

    Parameters
    ----------
    outcomes : Outcomes
    scored : mapping of str to Scored
        By the policy's name; `NEVER` is among them.

    Returns
    -------
    dict
        ``log_loss``, ``calibration_error``, ``gain`` over never with its 95 % interval by weeks,
        ``reached``, ``trained``, ``trained_in_week``, ``levels_moved`` and ``saved``: the summed
        log loss saved by the end of each week.
    """
    weeks = int(outcomes.week.max()) + 1
    rows = np.bincount(outcomes.week, minlength=weeks).astype(np.float64)
    losses = {
        name: np.logaddexp(0.0, one.log_odds) - outcomes.converted * one.log_odds
        for name, one in scored.items()
    }
    by_week = {
        name: np.bincount(outcomes.week, loss, weeks).astype(np.float64)
        for name, loss in losses.items()
    }
    told, some = {}, rows > 0
    for name, one in scored.items():
        record = record_of(by_week[NEVER.name][some], by_week[name][some], rows[some])
        counts = tally(sigmoid(one.log_odds), outcomes.converted)
        told[name] = {
            "log_loss": float(losses[name].mean()),
            "calibration_error": float(expected_calibration_error(counts)),
            "gain": [record.gain, record.low, record.high] if name != NEVER.name else None,
            "reached": reached(outcomes, one.log_odds),
            "trained": len(one.trained),
            "trained_in_week": list(one.trained),
            "levels_moved": one.moved,
            "saved": np.cumsum(by_week[NEVER.name] - by_week[name]).tolist(),
        }
    return told


def reached(outcomes: Outcomes, log_odds: Floats) -> int:
    """Count the customers among the share of each week's leads that is scored highest."""
    found = 0.0
    for one in np.unique(outcomes.week):
        rows = np.flatnonzero((outcomes.week == one) & outcomes.callable)
        calls = round(REACHED_SHARE * len(rows))
        best = rows[np.argsort(-log_odds[rows], kind="stable")[:calls]]
        found += outcomes.converted[best].sum()
    return int(found)


def table(source: str, told: Mapping[str, Mapping[str, Any]]) -> str:
    """Write the figures as a table of Markdown."""
    lines = [
        f"| {source} | log loss | calibration error | gain over never, 95 % by weeks | customers "
        "reached | trained anew | level moved |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, one in told.items():
        gain = ""
        if one["gain"] is not None:
            middle, low, high = one["gain"]
            gain = f"{middle:.4f} ({low:.4f} to {high:.4f})"
        lines.append(
            f"| {name} | {one['log_loss']:.4f} | {one['calibration_error']:.3f} | {gain} | "
            f"{one['reached']:,} | {one['trained']} | {one['levels_moved']} |"
        )
    return "\n".join(lines)


def draw(told: Mapping[str, Mapping[str, Any]], place: Path = PLOT) -> None:
    """Draw what each policy saves against never, week by week, a panel a source.

    Parameters
    ----------
    told : mapping
        By source ``policies``, as `told_of` gives them, and ``marks``: weeks in which something
        happened, with a word for it.
    place : Path
    """
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "level"
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(
        len(told), 1, figsize=(7.5, 2.9 * len(told)), layout="constrained", squeeze=False
    )
    for axes, (source, found) in zip(panels[:, 0], told.items(), strict=True):
        for place_of, name in enumerate(policy.name for policy in POLICIES):
            one = found["policies"][name]
            saved = [0.0, *one["saved"]]
            colour = "black" if name == NEVER.name else f"C{place_of - 1}"
            axes.plot(saved, color=colour, linewidth=1.4, label=name)
            for week in one["trained_in_week"]:
                axes.plot(week, saved[int(week)], "o", color=colour, markersize=3)
        for week, words in found["marks"]:
            axes.axvline(week, color="grey", linestyle=":", linewidth=1)
            axes.annotate(
                words,
                (week, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(3, -4),
                textcoords="offset points",
                va="top",
                fontsize=8,
                color="grey",
            )
        axes.set_title(source, loc="left", fontsize=10)
        axes.set(ylabel="Summed log loss saved")
    panels[-1, 0].set(xlabel="Weeks; a dot: trained anew")
    panels[0, 0].legend(frameon=False, fontsize=8, ncols=2)
    figure.savefig(place, metadata={"Date": None})
    plt.close(figure)
    print(f"drawn: {place}")
