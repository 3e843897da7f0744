"""A result as a run of MLflow tells it: its name, description, parameters as used, and metrics.

MLflow draws a chart for every metric, grouped by what stands before the slash, so metrics are few:
what a model is judged by on the test, each candidate in the backtest, and the comparison with
points. All the others are in the run's ``metrics.json`` and in its report.
"""

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from leadcast.features.base.files import read_json
from leadcast.features.definitions.load import find_definition
from leadcast.models.comparison.comparison_store import NOTHING, RESULT
from leadcast.models.learners.learner_store import learner_words
from leadcast.pipelines.base.params import Params, snapshot_settings, split_settings
from leadcast.pipelines.base.paths import AccountsFolder, RunFolder
from leadcast.pipelines.base.summary import read_amounts, which_is_which

NOTE = "mlflow.note.content"
"""The tag that MLflow shows as the description of an experiment or a run, as Markdown."""
KIND = "mlflow.experimentKind"
"""The tag that tells MLflow 3's pages what an experiment is for."""
MODEL_TRAINING = "custom_model_development"
"""MLflow's own word for it (`ExperimentKind` in its front end)."""
SHORT = {"prior": "base rate", "logistic": "regression", "lightgbm": "trees", "blend": "blend"}
"""The chosen learner in a run's name."""
WITH_INTERVALS = ("auc", "log_loss", "lift_10")
"""The metrics of the test that are told with their intervals."""
ENDS = ("low", "high")
VALUES_ONLY = ("average_precision", "brier", "ece", "calibration_slope")
"""Those whose intervals are in ``metrics.json`` alone."""
OF_THE_RESULT = ("features", "selection", "leakage")
"""Parts of the parameters that a result depends on and that leave nothing to the source."""


def run_name(run: RunFolder, day: date) -> str:
    """Name a run so that a list of them can be read.

    Parameters
    ----------
    run : RunFolder
    day : date
        On which it is logged.

    Returns
    -------
    str
        ``"demo · trees · 2026-11-28"``.
    """
    chosen = str(read_json(run.backtest)["chosen"])
    return f"{run.source} · {SHORT.get(chosen, chosen)} · {day.isoformat()}"


def experiment_note(source: str) -> str:
    """Describe a source's experiment, as Markdown."""
    return (
        f"Lead scoring on the source **{source}**: the probability that a lead becomes a paying "
        "customer within the horizon. One run for each result: `leadcast run` logs it once it is "
        "whole, `report.html` among its artifacts tells it to people, and its model is a version "
        f"of `leadcast-{source}`. What is in use is the version with the alias *champion*."
    )


def run_note(run: RunFolder) -> str:
    """Describe a run, as Markdown: what the scores may be used for, the choice, and the models."""
    backtest, metrics = read_json(run.backtest), read_json(run.metrics)
    compared = _compared(run)
    lines = [metrics["verdict"]["words"], *backtest["notes"]]
    if compared is not None:
        lines.append(compared["headline"]["words"])
    return "\n\n".join(_sentence(line) for line in (*lines, *which_is_which(run)))


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].removesuffix('.')}."


def used_parameters(run: RunFolder, params: Params) -> dict[str, str]:
    """Give the parameters of a result as they were used.

    What `params.yaml` leaves to the source is what the source says, what it leaves to the data is
    what was found; what nothing was set for is left out.

    Parameters
    ----------
    run : RunFolder
        Of a whole result.
    params : Params

    Returns
    -------
    dict of str to str
        By dotted names (``snapshots.horizon_days``), and ``learner``, the one chosen.
    """
    backtest, definition = read_json(run.backtest), find_definition(run.source)
    evaluation = params.evaluation.model_dump(mode="json")
    evaluation["segments"] = params.evaluation.segments or definition.segments or None
    compared = _compared(run)
    used: dict[str, Any] = {
        "learner": backtest["chosen"],
        "seed": params.seed,
        "snapshots": snapshot_settings(run.source, params).model_dump(mode="json"),
        "split": split_settings(run.source, params).model_dump(mode="json"),
        "model": backtest["setup"]["settings"] | {"search_seconds": params.model.search_seconds},
        "evaluation": evaluation,
    }
    used |= {name: getattr(params, name).model_dump(mode="json") for name in OF_THE_RESULT}
    if compared is not None:
        names = ("points_from", "calls_per_week", "call_landmark_days", "replicates")
        used["comparison"] = {name: compared["about"][name] for name in names}
    return {name: _told(value) for name, value in _flat(used) if value not in (None, [], {})}


def told_metrics(run: RunFolder) -> dict[str, float]:
    """Give the metrics of a result, grouped by a prefix.

    Parameters
    ----------
    run : RunFolder
        Of a whole result.

    Returns
    -------
    dict of str to float
        ``test/auc``, ``test/auc_low`` and ``test/auc_high`` (95 %) and so on; ``test/skill``, the
        share of the log loss that the model takes off that of the test's own rate;
        ``comparison/…``, the customers reached at the capacity; ``amounts/…``, where amounts are
        told, how far they err beside the mean, and what calling by expected revenue reaches;
        ``curve/…``, how the curve over time does at each horizon;
        ``accounts/…``, how good the probability of accounts is, and what it spares against the
        noisy-or; and ``segments/…``, where segments were asked for, whether what they have of
        their own is used (1 or 0), of how many of them, and what it gains in the backtest.
    """
    test = read_json(run.metrics)["test"]
    found = {
        f"test/{name}{_end(key)}": test[name][key]
        for name in WITH_INTERVALS
        for key in ("value", *ENDS)
    }
    found |= {f"test/{name}": test[name]["value"] for name in VALUES_ONLY}
    found |= {"test/skill": _skill(test)} | _told_comparison(_compared(run))
    found |= _told_amounts(read_amounts(run)) | _told_curve(run)
    found |= _told_accounts(run) | _told_segments(run)
    return {name: float(value) for name, value in found.items() if value is not None}


def _told_accounts(run: RunFolder) -> dict[str, float | None]:
    path = AccountsFolder(run.accounts).result
    test = read_json(path).get("test") if path.is_file() else None
    if test is None:
        return {}
    found = {f"accounts/{name}": test["account"][name]["value"] for name in ("auc", "log_loss")}
    return found | {"accounts/spared_log_loss": test["against"]["noisy_or"]["log_loss"]}


def _told_segments(run: RunFolder) -> dict[str, float | None]:
    found = read_json(run.backtest).get("segments")
    if found is None:
        return {}
    return {
        "segments/used": float(found["used"]),
        "segments/count": float(len(found["told"])),
        "segments/gain": found["gain"],
        "segments/gain_error": found["standard_error"],
    }


def _end(key: str) -> str:
    return "" if key == "value" else f"_{key}"


def _skill(test: Mapping[str, Any]) -> float | None:
    loss = test["log_loss"]["value"]
    rate = float(test["base_rate"]["value"] or 0.0)
    if loss is None or not 0 < rate < 1:
        return None
    return 1 + float(loss) / (rate * math.log(rate) + (1 - rate) * math.log1p(-rate))


def backtest_losses(run: RunFolder) -> list[tuple[str, float, int]]:
    """Give each candidate's log loss at each rolling origin, which MLflow draws as a line.

    Parameters
    ----------
    run : RunFolder
        Of a whole result.

    Returns
    -------
    list of (str, float, int)
        ``backtest/log_loss_lightgbm`` and so on, the loss, and the origin, 0 for the earliest.
    """
    results = read_json(run.backtest)["results"]
    return [
        (f"backtest/log_loss_{one['candidate']}", one["log_loss"], one["origin"]) for one in results
    ]


def _compared(run: RunFolder) -> dict[str, Any] | None:
    """Read the comparison; None where there are no points to compare with."""
    content: dict[str, Any] = read_json(run.comparison / RESULT)
    return None if NOTHING in content else content


def _told_curve(run: RunFolder) -> dict[str, float | None]:
    summary = run.curve / "summary.json"
    test = read_json(summary)["test"] if summary.exists() else None
    if test is None:
        return {}
    names = {"value": "integrated_brier", "marginal": "integrated_brier_of_all"}
    found: dict[str, float | None] = {
        f"curve/{name}": test["integrated"][key] for key, name in names.items()
    }
    for one in test["horizons"]:
        found[f"curve/log_loss_{one['days']:g}d"] = one["log_loss"]
        found[f"curve/told_less_came_{one['days']:g}d"] = one["predicted"] - one["observed"]
    return found


def _told_comparison(compared: dict[str, Any] | None) -> dict[str, float | None]:
    if compared is None:
        return {}
    reached = compared["ranking"]["reached"]
    found = {f"difference{_end(key)}": reached["difference"][key] for key in ("value", *ENDS)}
    found |= {
        "customers": compared["ranking"]["customers"],
        "customers_reached": reached["learned"]["value"],
        "customers_reached_by_points": reached["points"]["value"],
    }
    return {f"comparison/{name}": value for name, value in found.items()}


def _told_amounts(amounts: dict[str, Any] | None) -> dict[str, float | None]:
    if amounts is None or amounts["why"] is not None or amounts["test"] is None:
        return {}
    test, revenue, ranking = (amounts[name] for name in ("test", "revenue", "ranking"))
    found: dict[str, float | None] = {
        "absolute_error": test["model"]["absolute_error"]["value"],
        "absolute_error_of_the_mean": test["mean"]["absolute_error"]["value"],
        "covered_90": test["covered_90"]["value"],
        "expected_over_came": revenue["ratio"]["value"],
    }
    if ranking is not None:
        gap = ranking["money"]["difference"]
        found |= {f"money_difference{_end(key)}": gap[key] for key in ("value", *ENDS)}
    return {f"amounts/{name}": value for name, value in found.items()}


def _flat(nested: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for key, value in nested.items():
        inner = isinstance(value, Mapping)
        flat += _flat(value, f"{prefix}{key}.") if inner else [(f"{prefix}{key}", value)]
    return flat


def _told(value: object) -> str:
    """Write a value as a person reads it in a table."""
    if isinstance(value, list | tuple):
        return ", ".join("all rows alike" if one is None else _told(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def version_note(run: RunFolder) -> str:
    """Describe a version of the registered model, as Markdown."""
    chosen = learner_words(str(read_json(run.backtest)["chosen"]))
    return "\n\n".join((f"Learner: {chosen}.", run_note(run)))
