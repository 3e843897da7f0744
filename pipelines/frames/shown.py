"""How a model looks in a notebook."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from leadcast.pipelines.base.summary import tell

_SHOWN = (
    ("auc", "AUC", "{:.3f}"),
    ("average_precision", "average precision", "{:.3f}"),
    ("log_loss", "log loss", "{:.4f}"),
    ("brier", "Brier score", "{:.4f}"),
    ("ece", "calibration error", "{:.3f}"),
    ("lift_10", "lift, top decile", "{:.2f}"),
)


def model_html(metrics: Mapping[str, Any], notes: Sequence[str]) -> str:
    """Show the verdict, the main metrics with their intervals, and how the learner was chosen.

    Parameters
    ----------
    metrics : mapping
        As ``metrics.json`` has them.
    notes : sequence of str

    Returns
    -------
    str
        HTML.
    """
    test = metrics["test"]
    rows = "".join(
        f"<tr><th>{words}</th><td>{escape(tell(test[name], form))}</td></tr>"
        for name, words, form in _SHOWN
    )
    told = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return (
        f"<p><b>{escape(metrics['verdict']['words'])}</b></p>"
        f"<table>{rows}</table>"
        f"<p>Test: {test['n']:,} snapshots, {test['n_converted']:,} converted, never seen in "
        f"training.</p><details><summary>How the learner was chosen</summary><ul>{told}</ul>"
        "</details>"
    )
