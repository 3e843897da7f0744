"""The result in words: a few sentences and figures, and what each metric is called and means."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
from markupsafe import Markup

from leadcast.models.calibration.readiness import readiness
from leadcast.models.calibration.verdict import ModelVerdict
from leadcast.models.charts.glossary import GLOSSARY
from leadcast.models.charts.numbers import (
    LEVEL,
    NBSP,
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
from leadcast.models.report.blocks import Banner, Figure
from leadcast.models.report.inputs import ReportInputs


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
        GLOSSARY["AUC"],
        _THREE,
    ),
    MetricWords(
        "average_precision",
        "Average precision",
        GLOSSARY["average precision"],
        _THREE,
    ),
    MetricWords(
        "log_loss",
        "Log loss",
        GLOSSARY["log loss"],
        _THREE,
    ),
    MetricWords(
        "brier",
        "Brier score",
        GLOSSARY["Brier score"],
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
        GLOSSARY["calibration error"],
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
        GLOSSARY["calibration slope"],
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
            GLOSSARY["lift"],
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


TOP = 10
"""The share of the list, in per cent, that the summary speaks of."""


def banner(inputs: ReportInputs) -> Banner | None:
    """Give the report's first line: what the scores may be used for; None where nobody judged."""
    told = inputs.metrics.get("verdict")
    if told is None:
        return None
    verdict = ModelVerdict.model_validate(told)
    # Up to its first full stop or colon it says what to do, and then why.
    advice = re.split(r"[.:]", verdict.words, maxsplit=1)[0]
    found = readiness(verdict, inputs.metrics, inputs.leaks)
    return Banner(
        advice,
        verdict.words.removeprefix(advice),
        found.level != "ready",
        found.title,
        [(one.good, one.words) for one in found.reasons],
        found.changes,
    )


def sentences(inputs: ReportInputs) -> list[Markup]:
    """Say what came out, in the order of what matters."""
    said = [_who(inputs), _reach(inputs), _honesty(inputs.frame("reliability")), _how(inputs)]
    return [words for words in said if words]


def tiles(inputs: ReportInputs) -> list[Figure]:
    """Give the figures that stand out, those that are defined."""
    wanted: tuple[tuple[str, str, Format, str], ...] = (
        (
            f"gain_{TOP}",
            f"of customers in the top {percent(TOP / 100)}",
            percent,
            "At random it would be 10 %.",
        ),
        ("auc", "AUC", decimal(3), "How well it ranks: 0.5 is a coin’s toss, 1 is perfect."),
        ("ece", "calibration error", percent, _chance_error(inputs)),
        ("log_loss", "log loss", decimal(3), _log_loss_of_nothing(inputs)),
    )
    return [
        Figure(name, show(estimate.value), estimate.interval(show), words)
        for key, name, show, words in wanted
        if (estimate := inputs.estimate(key)).value is not None
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


def _reach(inputs: ReportInputs) -> Markup:
    gain, lift = inputs.estimate(f"gain_{TOP}"), inputs.estimate(f"lift_{TOP}")
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


def _how(inputs: ReportInputs) -> Markup:
    run, test = inputs.run, inputs.test
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


def _chance_error(inputs: ReportInputs) -> str:
    chance = inputs.estimate("ece_if_calibrated").value
    words = "How far off the probabilities are on average"
    return f"{words}." if chance is None else f"{words}; chance alone gives {percent(chance)}."


def _log_loss_of_nothing(inputs: ReportInputs) -> str:
    without = inputs.metrics.get("without_model")
    if without is None:
        return "Lower is better."
    rate, loss = percent(without["base_rate"]), decimal(3)(without["log_loss"])
    return f"Lower is better; {loss} without a model, by the {rate} known when the test began."
