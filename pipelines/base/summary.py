"""What a run came to, in a dozen lines."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from leadcast.features.base.files import read_json
from leadcast.models.amounts.amount_words import ranking_words
from leadcast.models.bundle.bundle_files import read_manifest
from leadcast.models.leakage import could_not_look, found_of, headline
from leadcast.models.steering.group_report import groups_line
from leadcast.pipelines.base.paths import AmountsFolder, RunFolder

Metric = Mapping[str, float | None]


def summarise(run: RunFolder) -> str:
    """Tell what the scores may be used for, how good the model is and where things lie."""
    metrics = read_json(run.metrics)
    test = metrics["test"]
    backtest = read_json(run.backtest)
    lines = [
        f"{run.source}: {metrics['verdict']['words']}",
        f"  export             {_leads(run)}",
        f"  test               {test['n']:,} snapshots, {test['n_converted']:,} converted, "
        f"never seen in training",
        *(f"  {words:<18} {tell(test[key], form)}" for key, words, form in _SHOWN),
        *(f"  learner            {note}" for note in backtest["notes"]),
        *(f"  leakage            {line}" for line in leakage_lines(run)),
        *(f"  rights             {line}" for line in rights_lines(run)),
        *(f"  how much           {line}" for line in amount_lines(run)),
        f"  report             {run.report}",
        f"  bundle             {run.bundle}",
        f"  judged             {run.judged}",
        *(f"  model              {words}" for words in which_is_which(run)),
    ]
    return "\n".join(lines)


def which_is_which(run: RunFolder) -> tuple[str, ...]:
    """Tell of both bundles what they have seen, and of which one the figures are."""
    return tuple(read_manifest(path).origin.describe() for path in (run.bundle, run.judged))


def read_leakage(run: RunFolder) -> pl.DataFrame:
    """Read what the leakage gate found."""
    return pl.DataFrame(read_json(run.leakage), infer_schema_length=None)


def read_amounts(run: RunFolder) -> dict[str, Any] | None:
    """Read what the stage `amounts` found; None of an older run."""
    path = AmountsFolder(run.amounts).result
    return read_json(path) if path.is_file() else None


def leakage_lines(run: RunFolder) -> list[str]:
    """Tell what the leakage gate found, the worst first; nothing where it found nothing."""
    checks = read_leakage(run)
    if found_of(checks).is_empty():
        return []
    return [headline(checks), *could_not_look(checks)]


def rights_lines(run: RunFolder) -> list[str]:
    """Tell whether payouts change a score, and how far groups are apart; nothing of old runs."""
    if not run.rights.is_file():
        return []
    rights = read_json(run.rights)
    tested = rights["payout_invariance"]
    named = ", ".join(tested["columns"]) or "made up, as the source has none"
    told = "changed no score" if tested["holds"] else "CHANGED SCORES"
    lines = [f"permuted payouts ({named}) {told} of {tested['leads']:,} leads"]
    return [*lines, *([] if rights["groups"] is None else [groups_line(rights["groups"])])]


def amount_lines(run: RunFolder) -> list[str]:
    """Tell what calling by expected revenue reaches, or why nothing is told of amounts."""
    found = read_amounts(run)
    if found is None:
        return []
    if found["why"] is not None:
        return [found["why"]]
    ranking = found["ranking"]
    return [found["words"][0] if ranking is None else ranking_words(ranking, found["currency"])]


_SHOWN = (
    ("auc", "AUC", "{:.3f}"),
    ("log_loss", "log loss", "{:.4f}"),
    ("ece", "calibration error", "{:.3f}"),
    ("lift_10", "lift, top decile", "{:.2f}"),
)


def count_customers(outcomes: pl.DataFrame) -> int:
    """Count the leads that became customers, at any time."""
    won = pl.col("won_at").is_not_null() | pl.col("converted").fill_null(False)
    return int(outcomes.select(won.sum()).item())


def _leads(run: RunFolder) -> str:
    outcomes = pl.read_parquet(run.tables / "outcomes.parquet")
    return f"{outcomes.height:,} leads, {count_customers(outcomes):,} became customers"


def tell(metric: Metric, form: str) -> str:
    """Tell a metric with its interval."""
    value, low, high = (metric[name] for name in ("value", "low", "high"))
    if value is None:
        return "not defined: the test part has one outcome only"
    if low is None or high is None:
        return form.format(value)
    return f"{form.format(value)} (95 %: {form.format(low)} to {form.format(high)})"
