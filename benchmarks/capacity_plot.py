"""The picture of the capacity benchmark: a panel a kind and drift, a line a method."""

from pathlib import Path

import polars as pl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from benchmarks.fits import LEADCAST

PANELS_A_ROW = 6
OWN = "#0b6e4f"
OTHERS = ("#b45309", "#2563eb", "#9d174d", "#6b7280", "#0891b2", "#65a30d", "#7c3aed")
MARKERS = "sD^v<>X"


def plot_capacity(rows: pl.DataFrame, path: Path) -> None:
    """Draw the regret by the number of rows, both on logarithmic scales.

    Parameters
    ----------
    rows : pl.DataFrame
        With ``kind``, ``drifts``, ``rows``, ``method`` and ``regret``; the mean over seeds is
        drawn.
    path : Path
        The PNG to write.
    """
    means = rows.group_by("kind", "drifts", "method", "rows", maintain_order=True).agg(
        pl.col("regret").mean()
    )
    panels = means.partition_by("kind", "drifts", maintain_order=True)
    lines = -(-len(panels) // PANELS_A_ROW)
    figure = Figure(figsize=(2.9 * PANELS_A_ROW, 2.6 * lines + 0.9), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(lines, PANELS_A_ROW, squeeze=False, sharex=True, sharey=True).ravel()
    peers = [one for one in means["method"].unique(maintain_order=True) if one != LEADCAST]
    for axis, panel in zip(axes, panels, strict=False):
        _panel(axis, panel, peers)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    # What is lowest of a column shows the sizes, though hidden panels may stand below it.
    for axis in axes[max(0, len(panels) - PANELS_A_ROW) : len(panels)]:
        axis.tick_params(labelbottom=True)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False)
    figure.suptitle(
        "Expected log loss above that of the true probabilities, by rows learned from "
        "(lower is better)",
        fontsize=11,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def _panel(axis: Axes, panel: pl.DataFrame, peers: list[str]) -> None:
    for method in (*peers, LEADCAST):
        line = panel.filter(method=method).sort("rows")
        place = len(MARKERS) if method == LEADCAST else peers.index(method) % len(MARKERS)
        axis.plot(
            line["rows"].to_numpy(),
            line["regret"].to_numpy(),
            color=OWN if method == LEADCAST else OTHERS[place],
            marker="o" if method == LEADCAST else MARKERS[place],
            lw=2.4 if method == LEADCAST else 1.2,
            ms=5 if method == LEADCAST else 4,
            label=method,
        )
    kind, drifts = panel.row(0)[:2]
    axis.set_title(f"{kind}{', drifting' if drifts else ''}", fontsize=9)
    axis.set_xscale("log")
    axis.set_yscale("log")
    sizes = panel["rows"].unique().sort().to_list()
    axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axis.minorticks_off()
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.tick_params(labelsize=8)
    axis.grid(color="#e4e7eb", which="major")
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
