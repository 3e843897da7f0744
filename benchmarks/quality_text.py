"""The page of the quality benchmark: the table, the verdicts, the figures to reach."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.fits import AT_NEWEST_LEVEL, LEADCAST
from benchmarks.judgement import MEASURES, METRICS, averages
from benchmarks.splits import ORIGIN_NAMES, table_split

Rows = Sequence[dict[str, Any]]
TARGETS: dict[str, dict[str, float]] = {
    "x_education": {"auc": 0.897, "log_loss": 0.389, "ece": 0.02},
    "bank_marketing": {"auc": 0.755, "log_loss": 0.555, "ece": 0.08},
    "bpi2012": {"auc": 0.692, "log_loss": 0.570},
}
"""What Leadcast is to reach on the latest fifth without a gap: AUC at least, the others at most."""
WORDS = {
    "auc": "AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier",
    "ece": "ECE",
}
ABOUT = """\
Each test part is a fifth of a source's mature snapshots (a tenth or a twentieth where the history
is so short against the horizon that less would be learned from than is tested); what comes after it
is as if it had not happened yet, and labels that were not known when the test begins are left out
of training. "no gap": the latest fifth, the rest to learn from
whatever is known of its labels, leads looked at one day after they came. All methods learn from the
same rows. The peers get numbers, flags and categories as the export has them (every value of a
category) and, with them, all other columns of Leadcast's feature matrix: event counts, timing, past
rates, what is read off free text. The peers stand at their defaults; FLAML,
AutoGluon and "CatBoost (searched)" (its defaults, then parameters at random, judged on the newest
fifth of the rows and fitted on all) may search for {seconds} s. What they find differs from run to
run: {runs}. "newest level": the same peer, its log-odds moved by what a fit without the newest
fifth of the rows lacked in level on it, as a careful practitioner would against drift; it counts as
a peer. FLAML and AutoGluon have none, because a second search would double their time. Leadcast is
what `make run` does: its choice among candidates by its own backtest, then its calibration. ECE: 15
bins of equal mass. Seconds: fitting (for the peers, predicting too, and where their level is moved
the second fit), without reading and computing features.
Differences are Leadcast's less the best peer's, which is found on the test itself, with 95 %
intervals paired by row and clustered on leads."""


def standing(rows: Rows) -> list[dict[str, Any]]:
    """Average each source's rolling origins and say whether Leadcast is first.

    Parameters
    ----------
    rows : sequence of dict
        The benchmark's table.

    Returns
    -------
    list of dict
        ``source``, ``measure``, ``means`` (by method, best first), ``first``.
    """
    found = []
    for source in dict.fromkeys(row["source"] for row in rows):
        own = [row for row in rows if row["source"] == source and row["split"] in ORIGIN_NAMES]
        for measure in MEASURES if own else ():
            # Who is moved to another level ranks as before.
            as_before = AT_NEWEST_LEVEL if measure == "auc" else ()
            means = averages([row for row in own if not row["method"].endswith(as_before)], measure)
            first = next(iter(means)) == LEADCAST
            found.append({"source": source, "measure": measure, "means": means, "first": first})
    return found


def targets_of(rows: Rows) -> list[dict[str, Any]]:
    """Compare Leadcast's figures on the table's own splits with those to reach.

    Parameters
    ----------
    rows : sequence of dict
        The benchmark's table.

    Returns
    -------
    list of dict
        ``source``, ``metric``, ``to_reach``, ``found``, ``reached``.
    """
    found = []
    for source, targets in TARGETS.items():
        split = table_split(source)
        own = [
            row
            for row in rows
            if split is not None
            and (row["source"], row["split"], row["method"]) == (source, split.name, LEADCAST)
        ]
        for metric, target in targets.items() if own else ():
            value = own[0][metric]
            reached = value >= target if metric == "auc" else value <= target
            about = {"source": source, "metric": metric, "to_reach": target}
            found.append(about | {"found": value, "reached": bool(reached)})
    return found


def quality_page(content: dict[str, Any]) -> str:
    """Write the page.

    Parameters
    ----------
    content : dict
        What ``quality.json`` holds.

    Returns
    -------
    str
        Markdown.
    """
    parts = ["# Quality, against peers", _about(content)]
    parts += ["## Verdicts", _table(_verdict_rows(content["verdicts"]))]
    parts += ["## Averages over the rolling origins", _averages(content["averages"])]
    if content["targets"]:
        parts += ["## Figures to reach, on the latest fifth without a gap"]
        parts += [_table(_target_rows(content["targets"]))]
    parts += ["## All figures", figures_table(content["rows"])]
    if content["search_runs"] > 1:
        parts += ["## How the runs of those that search differ", _runs_table(content["rows"])]
    if content["failures"]:
        parts += ["## What failed", "\n".join(f"- {words}" for words in content["failures"])]
    return "\n\n".join(parts) + "\n"


def _about(content: dict[str, Any]) -> str:
    runs = content["search_runs"]
    told = (
        f"of {runs} runs, the one in the middle by log loss counts"
        if runs > 1
        else "one run counts"
    )
    return ABOUT.format(seconds=content["search_seconds"], runs=told)


def _runs_table(rows: Rows) -> str:
    head = ["source", "split", "method", "lowest log loss", "in the middle", "highest"]
    lines = [
        [
            *(row["source"], row["split"], row["method"]),
            *(f"{f(row['run_losses']):.4f}" for f in (min, median, max)),
        ]
        for row in rows
        if len(row["run_losses"]) > 1
    ]
    return _table([head, *lines])


def figures_table(rows: Rows) -> str:
    """Lay out what was measured, a line a method and split.

    Parameters
    ----------
    rows : sequence of dict
        The benchmark's table.

    Returns
    -------
    str
        A Markdown table.
    """
    head = ["source", "split", "learned from", "tested on", "base rate", "method"]
    lines = [
        [
            row["source"],
            row["split"],
            f"{row['n_train']:,}",
            f"{row['n_test']:,}",
            f"{row['base_rate']:.1%}",
            f"**{LEADCAST}**" if row["method"] == LEADCAST else row["method"],
            *(f"{row[name]:.4f}" for name in METRICS),
            f"{row['seconds']:.1f}",
        ]
        for row in rows
    ]
    return _table([[*head, *(WORDS[name] for name in METRICS), "seconds"], *lines])


def _verdict_rows(verdicts: Rows) -> list[list[str]]:
    head = ["source", "split", "measure", "best peer", "difference", "95 % interval", "Leadcast is"]
    return [head] + [
        [
            one["source"],
            one["split"],
            WORDS[one["measure"]],
            one["best_peer"],
            f"{one['difference']:+.4f}",
            f"{one['low']:+.4f} to {one['high']:+.4f}",
            one["words"],
        ]
        for one in verdicts
    ]


def _averages(found: Rows) -> str:
    lines = []
    for measure in MEASURES:
        of_measure = [one for one in found if one["measure"] == measure]
        first = sum(one["first"] for one in of_measure)
        lines.append(
            f"{WORDS[measure]}: Leadcast is first on {first} of {len(of_measure)} sources (to "
            "reach: all)."
        )
        lines += [f"- {one['source']}: {_listed(one['means'])}" for one in of_measure]
        lines.append("")
    return "\n".join(lines).strip()


def _listed(means: dict[str, float]) -> str:
    return ", ".join(
        f"**{method} {value:.4f}**" if method == LEADCAST else f"{method} {value:.4f}"
        for method, value in means.items()
    )


def _target_rows(targets: Rows) -> list[list[str]]:
    return [["source", "metric", "to reach", "found", ""]] + [
        [
            one["source"],
            WORDS[one["metric"]],
            f"{'≥' if one['metric'] == 'auc' else '≤'} {one['to_reach']:g}",
            f"{one['found']:.4f}",
            "reached" if one["reached"] else "not reached",
        ]
        for one in targets
    ]


def _table(rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])
