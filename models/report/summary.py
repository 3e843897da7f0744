"""The result in a few sentences and figures, for somebody who reads nothing else."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
from markupsafe import Markup

from leadcast.models.charts.numbers import (
    LEVEL,
    Format,
    ShownEstimate,
    count,
    counted,
    day,
    decimal,
    duration,
    percent,
    times,
)
from leadcast.models.learners.learner_store import learner_words
from leadcast.models.report.inputs import ReportInputs

TOP = 10
"""The share of the list, in per cent, that the summary speaks of."""


@dataclass(frozen=True)
class Tile:
    """A figure that stands out."""

    value: str
    """The figure."""
    name: str
    """What it is."""
    interval: str
    """Its 95 % interval; empty where there is none."""
    words: str
    """What it means."""


def sentences(inputs: ReportInputs) -> list[Markup]:
    """Say what came out, in the order of what matters."""
    test = inputs.metrics.get("test", {})
    said = [_who(inputs), _reach(test), _honesty(inputs.frame("reliability")), _how(inputs, test)]
    return [words for words in said if words]


def tiles(inputs: ReportInputs) -> list[Tile]:
    """Give the figures that stand out, those that are defined."""
    test = inputs.metrics.get("test", {})
    chance = ShownEstimate.of(test, "base_rate").value
    wanted: tuple[tuple[str, str, Format, str], ...] = (
        (
            f"gain_{TOP}",
            f"of customers in the top {percent(TOP / 100)}",
            percent,
            "At random it would be 10 %.",
        ),
        ("auc", "AUC", decimal(3), "How well it ranks: 0.5 is a coin’s toss, 1 is perfect."),
        ("ece", "calibration error", percent, _chance_error(test)),
        ("log_loss", "log loss", decimal(3), _log_loss_of_nothing(chance)),
    )
    found = [(ShownEstimate.of(test, key), name, show, words) for key, name, show, words in wanted]
    return [
        Tile(show(estimate.value), name, estimate.interval(show), words)
        for estimate, name, show, words in found
        if estimate.value is not None
    ]


def in_hundred(share: float) -> str:
    """Write a share as a number of leads: ``19 in 100``, or ``4 in 1,000`` where it is small."""
    of = 100 if share >= 0.0195 or share == 0 else 1000
    return f"{share * of:.0f} in {count(of)}"


def _who(inputs: ReportInputs) -> Markup:
    run = inputs.run
    share = run.n_customers / run.n_leads if run.n_leads else None
    words = Markup("Of <strong>{}</strong>, <strong>{}</strong> ({}) became customers").format(
        counted(run.n_leads, "lead"), count(run.n_customers), percent(share)
    )
    if run.observed_until is not None:
        words += Markup(" by {}").format(day(run.observed_until))
    return words + Markup(".")


def _reach(test: Mapping[str, Any]) -> Markup:
    gain, lift = ShownEstimate.of(test, f"gain_{TOP}"), ShownEstimate.of(test, f"lift_{TOP}")
    if gain.value is None:
        return Markup("")
    interval = gain.interval(percent)
    words = Markup(
        "Calling the <strong>{}</strong> of leads with the highest probability reaches "
        "<strong>{}</strong> of the customers{}"
    )
    sure = f" ({LEVEL}: {interval})" if interval else ""
    said = words.format(percent(TOP / 100), percent(gain.value), sure)
    if gain.low is not None and gain.low <= TOP / 100:
        return said + Markup(": not clearly more than calling at random.")
    if lift.value is None:
        return said + Markup(".")
    return said + Markup(", {} as many as calling at random.").format(times(lift.value))


def _honesty(groups: pl.DataFrame | None) -> Markup:
    if groups is None:
        return Markup("")
    high = groups.row(-1, named=True)
    words = Markup("When Leadcast says <strong>{}</strong>, <strong>{}</strong> become customers{}")
    said = words.format(percent(high["predicted"]), in_hundred(high["observed"]), _ends(high))
    if groups.height > 2:
        middle = groups.row(groups.height // 2, named=True)
        said += Markup("; when it says {}, {} do{}").format(
            percent(middle["predicted"]), in_hundred(middle["observed"]), _ends(middle)
        )
    return said + Markup(".")


def _ends(row: dict[str, Any]) -> str:
    if row["low"] is None or row["high"] is None:
        return ""
    return f" ({LEVEL}: {percent(row['low'])} to {percent(row['high'])})"


def _how(inputs: ReportInputs, test: Mapping[str, Any]) -> Markup:
    run = inputs.run
    until = "" if run.horizon_days is None else f" within {duration(run.horizon_days)}"
    said = Markup("The number is the probability that a lead becomes a customer{}.").format(until)
    if not isinstance(test.get("n"), int):
        return said
    order = "" if run.time_order == "unordered" else "the latest "
    judged = Markup(
        " The model{} was judged on {}{} (a lead as it stood at one moment) that it had never seen."
    )
    learner = f" ({learner_words(run.learner)})" if run.learner else ""
    return said + judged.format(learner, order, counted(test["n"], "snapshot"))


def _chance_error(test: Mapping[str, Any]) -> str:
    chance = ShownEstimate.of(test, "ece_if_calibrated").value
    words = "How far off the probabilities are on average"
    return f"{words}." if chance is None else f"{words}; chance alone gives {percent(chance)}."


def _log_loss_of_nothing(base_rate: float | None) -> str:
    if base_rate is None or not 0.0 < base_rate < 1.0:
        return "Lower is better."
    entropy = -base_rate * math.log(base_rate) - (1 - base_rate) * math.log(1 - base_rate)
    return f"Lower is better; {decimal(3)(entropy)} without a model."
