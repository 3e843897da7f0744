"""The picture of the quality benchmark: a panel a source and metric, a dot an origin."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.fits import LEADCAST
from benchmarks.quality_text import WORDS
from benchmarks.splits import ORIGIN_NAMES

PANELS = ("auc", "average_precision", "log_loss", "brier", "ece", "seconds")
MARKERS = ("o", "s", "D")
"""Of the origins, earliest first."""
OWN, OTHERS, MEAN = "#0b6e4f", "#9aa5b1", "#1f2933"
REACH = 2.5
"""A dot is drawn at the edge when it lies so many times further out than the median does."""


def plot_quality(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw the rolling origins' figures.

    Parameters
    ----------
    rows : sequence of dict
        The benchmark's table.
    path : Path
        The PNG to write.
    """
    sources = list(dict.fromkeys(row["source"] for row in rows))
    figure = Figure(figsize=(16, 2.4 * len(sources) + 0.9), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(sources), len(PANELS), squeeze=False, sharey="row")
    for source, line in zip(sources, axes, strict=True):
        own = [row for row in rows if row["source"] == source and row["split"] in ORIGIN_NAMES]
        for metric, axis in zip(PANELS, line, strict=True):
            _panel(axis, own, metric)
        line[0].set_ylabel(source, fontweight="bold")
    for metric, axis in zip(PANELS, axes[0], strict=True):
        better = "higher" if metric in PANELS[:2] else "lower"
        axis.set_title(f"{WORDS.get(metric, metric)} ({better} is better)", fontsize=10)
    figure.suptitle(
        "Leadcast and its peers on rolling origins (earliest circle, then square, then diamond), "
        "with their mean; an arrow is a value further out",
        fontsize=11,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def _panel(axis: Axes, rows: Sequence[dict[str, Any]], metric: str) -> None:
    methods = list(dict.fromkeys(row["method"] for row in rows))[::-1]
    splits = sorted({row["split"] for row in rows})
    limit = _limit([row[metric] for row in rows], metric)
    for row in rows:
        inside = row[metric] <= limit
        marker = MARKERS[splits.index(row["split"]) % len(MARKERS)] if inside else ">"
        colour = OWN if row["method"] == LEADCAST else OTHERS
        place = methods.index(row["method"])
        axis.scatter(min(row[metric], limit), place, color=colour, marker=marker, s=28, zorder=3)
    for place, method in enumerate(methods):
        mean = float(np.mean([row[metric] for row in rows if row["method"] == method]))
        if mean <= limit:
            axis.vlines(mean, place - 0.3, place + 0.3, color=MEAN, lw=1.6, zorder=4)
    axis.set_yticks(range(len(methods)), methods, fontsize=9)
    axis.set_ylim(-0.6, len(methods) - 0.4)
    axis.tick_params(axis="y", length=0)
    axis.tick_params(axis="x", labelsize=8)
    axis.grid(axis="x", color="#e4e7eb", zorder=0)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    if metric == "seconds":
        axis.set_xscale("log")


def _limit(values: Sequence[float], metric: str) -> float:
    if metric in ("auc", "average_precision", "seconds"):
        return float("inf")
    lowest, middle = float(np.min(values)), float(np.median(values))
    return lowest + REACH * max(middle - lowest, 1e-3)
