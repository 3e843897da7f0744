"""What metrics and learners are called and mean, for a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadcast.models.charts.numbers import NBSP, Format, ShownEstimate, decimal, percent


@dataclass(frozen=True)
class MetricWords:
    """How a metric of ``metrics.json`` is told."""

    key: str
    """Its key."""
    heading: str
    """Its name."""
    meaning: str
    """What it says, in one sentence."""
    show: Format
    """From its value to text."""


_THREE = decimal(3)

METRICS: tuple[MetricWords, ...] = (
    MetricWords(
        "base_rate", "Share of customers", "How many of the test's snapshots converted.", percent
    ),
    MetricWords(
        "auc",
        "AUC",
        "How often a customer has a higher probability than a non-customer: 0.5 is a coin's "
        "toss, 1 perfect.",
        _THREE,
    ),
    MetricWords(
        "average_precision",
        "Average precision",
        "The share of customers among those called, averaged over how far one calls; the share "
        "of customers in all is what chance reaches.",
        _THREE,
    ),
    MetricWords(
        "log_loss",
        "Log loss",
        "How surprised the probabilities are by what happened; lower is better, and it counts "
        "ranking and honesty together.",
        _THREE,
    ),
    MetricWords(
        "brier",
        "Brier score",
        "The mean squared distance of the probabilities from what happened; lower is better.",
        decimal(4),
    ),
    MetricWords(
        "brier_reliability",
        "Brier: reliability",
        "The part of it that is due to wrong probabilities; 0 is perfect.",
        decimal(4),
    ),
    MetricWords(
        "brier_resolution",
        "Brier: resolution",
        "The part of it that telling leads apart takes away; higher is better.",
        decimal(4),
    ),
    MetricWords(
        "brier_uncertainty",
        "Brier: uncertainty",
        "What it would be if every lead were told the same share; given by the data.",
        decimal(4),
    ),
    MetricWords(
        "ece",
        "Calibration error (ECE)",
        "How far the probabilities are from what happened, on average over groups of equal size; "
        "chance alone keeps it above 0.",
        percent,
    ),
    MetricWords(
        "ece_if_calibrated",
        "Calibration error by chance",
        "What the calibration error of as many leads would be if every probability were true.",
        percent,
    ),
    MetricWords(
        "calibration_slope",
        "Calibration slope",
        "1 is right; below 1 the probabilities are too extreme, above 1 too cautious.",
        decimal(2),
    ),
    MetricWords(
        "calibration_intercept",
        "Calibration intercept",
        "Where the line with that slope begins, on the log-odds scale; 0 is right.",
        decimal(2),
    ),
    MetricWords(
        "calibration_in_the_large",
        "Calibration in the large",
        "How far all log-odds must be shifted to make the level right; above 0 more became "
        "customers than was predicted.",
        decimal(2),
    ),
    MetricWords(
        "mean_probability",
        "Mean probability",
        "What the model said on average; compare it with the share of customers.",
        percent,
    ),
    *(
        MetricWords(
            f"gain_{share}",
            f"Reached by the top {share}{NBSP}%",
            f"The share of all customers among the {share} % with the highest probabilities.",
            percent,
        )
        for share in (1, 5, 10, 20)
    ),
    *(
        MetricWords(
            f"lift_{share}",
            f"Lift of the top {share}{NBSP}%",
            "How many times as many customers as among as many leads at random.",
            decimal(2),
        )
        for share in (1, 5, 10, 20)
    ),
)
"""The metrics in the order in which they are told."""


def metric_rows(metrics: Mapping[str, Any]) -> list[tuple[MetricWords, str, str]]:
    """Write each metric that is there, with its interval."""
    rows = []
    for words in METRICS:
        if words.key in metrics:
            estimate = ShownEstimate.of(metrics, words.key)
            value = "undefined" if estimate.value is None else words.show(estimate.value)
            rows.append((words, value, estimate.interval(words.show)))
    return rows


def calibration_sentence(metrics: Mapping[str, Any]) -> str:
    """Say in words whether level, slope and error are right; empty where they are unknown."""
    slope = ShownEstimate.of(metrics, "calibration_slope")
    slope_words = "" if slope.value is None else _slope_words(slope)
    said = [_level_words(metrics), slope_words, _error_words(metrics)]
    return " ".join(words for words in said if words)


def _slope_words(slope: ShownEstimate) -> str:
    shown = slope.text(decimal(2))
    if slope.contains(1.0) in (True, None):
        return f"The calibration slope is {shown}; 1 is right."
    side = "extreme" if slope.value is not None and slope.value < 1.0 else "cautious"
    return f"The calibration slope is {shown}, not 1: the probabilities are too {side}."


def _level_words(metrics: Mapping[str, Any]) -> str:
    said, happened = (ShownEstimate.of(metrics, key) for key in ("mean_probability", "base_rate"))
    if said.value is None or happened.value is None:
        return ""
    words = (
        f"On average the model said {percent(said.value)}, and {happened.text(percent)} became "
        "customers"
    )
    shift = ShownEstimate.of(metrics, "calibration_in_the_large")
    if shift.value is None or shift.contains(0.0) is not False:
        return f"{words}."
    return f"{words}: on the whole that was too {'low' if shift.value > 0 else 'high'}."


def _error_words(metrics: Mapping[str, Any]) -> str:
    error, chance = (ShownEstimate.of(metrics, key) for key in ("ece", "ece_if_calibrated"))
    if error.value is None or chance.value is None or chance.high is None:
        return ""
    verdict = "no more than" if error.value <= chance.high else "more than"
    return (
        f"The calibration error is {percent(error.value)}, {verdict} chance gives: if every "
        f"probability were true, it would be {chance.text(percent)}."
    )
