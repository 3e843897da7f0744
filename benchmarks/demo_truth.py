"""The demo against its truth: ``python -m benchmarks.demo_truth``.

Needs a finished run (``make run``). Compares the probabilities of the test snapshots with the true
ones that the simulator wrote down: in each decile of prediction the mean predicted and the mean
true probability, and the AUC beside that of the truth, which nothing can beat but by luck.
"""

from pathlib import Path

import polars as pl

from benchmarks.results import write_result
from leadcast.features.base.errors import LeadcastError
from leadcast.models.evaluation.metrics import auc
from leadcast.models.evaluation.tally import tally
from leadcast.pipelines.base.paths import RunFolder

TRUTH = Path("data/demo/truth.parquet")
DECILES = 10
BINS = 100


def with_truth(scores: pl.DataFrame, truth: pl.DataFrame, horizon_days: float) -> pl.DataFrame:
    """Put the true probability beside each predicted one.

    Parameters
    ----------
    scores : pl.DataFrame
        ``lead_id``, ``as_of``, ``converted``, ``probability``.
    truth : pl.DataFrame
        ``lead_id``, ``as_of``, ``horizon_days``, ``true_probability``.
    horizon_days : float
        The horizon of the predictions.

    Returns
    -------
    pl.DataFrame
        The scores with ``true_probability``.

    Raises
    ------
    LeadcastError
        If a score has no truth: the run is not of this world.
    """
    of_horizon = truth.filter(pl.col("horizon_days") == horizon_days)
    joined = scores.join(
        of_horizon.select("lead_id", "as_of", "true_probability"),
        on=["lead_id", "as_of"],
        how="left",
    )
    missing = joined["true_probability"].null_count()
    if missing:
        raise LeadcastError(
            f"{missing} of {joined.height} test scores have no true probability at a horizon of "
            f"{horizon_days:g} days; run the demo again: make run"
        )
    return joined


def by_decile(joined: pl.DataFrame) -> pl.DataFrame:
    """Compare the mean predicted with the mean true probability, decile by decile.

    Parameters
    ----------
    joined : pl.DataFrame
        As `with_truth` gives it.

    Returns
    -------
    pl.DataFrame
        ``decile`` (1 is the lowest), ``n``, ``predicted``, ``true``, ``converted``,
        ``difference`` (predicted minus true).
    """
    decile = (pl.col("probability").rank("ordinal") - 1) * DECILES // pl.len() + 1
    return (
        joined.sort("probability", "lead_id", "as_of")
        .group_by(decile=decile.cast(pl.Int64))
        .agg(
            n=pl.len(),
            predicted=pl.col("probability").mean(),
            true=pl.col("true_probability").mean(),
            converted=pl.col("converted").cast(pl.Float64).mean(),
        )
        .with_columns(difference=pl.col("predicted") - pl.col("true"))
        .sort("decile")
    )


def interval_coverage(joined: pl.DataFrame) -> tuple[float, float]:
    """Measure how often leads' intervals hold the true rate of their bin.

    Parameters
    ----------
    joined : pl.DataFrame
        As `with_truth` gives it, with ``lower`` and ``upper``.

    Returns
    -------
    covered : float
        Share of the rows whose interval holds the mean true probability of the hundredth of the
        rows, by predicted probability, that they are in.
    width : float
        The intervals' mean width.
    """
    place = (pl.col("probability").rank("ordinal") - 1) * BINS // pl.len()
    true_rate = pl.col("true_probability").mean().over(place)
    held = true_rate.is_between("lower", "upper")
    covered, width = joined.select(held.mean(), (pl.col("upper") - pl.col("lower")).mean()).row(0)
    return float(covered), float(width)


def main() -> None:
    """Print the table and write it to ``benchmarks/results/demo_truth.json``."""
    run = RunFolder("demo")
    run.require(run.test_scores)
    scores = pl.read_parquet(run.test_scores)
    horizon_days = _horizon_days(run)
    joined = with_truth(scores, pl.read_parquet(TRUTH), horizon_days)
    table = by_decile(joined)
    converted = joined["converted"].cast(pl.Float64).to_numpy()
    covered, width = interval_coverage(joined)
    result = {
        "horizon_days": horizon_days,
        "n": joined.height,
        "auc": auc(tally(joined["probability"].to_numpy(), converted)),
        "auc_of_truth": auc(tally(joined["true_probability"].to_numpy(), converted)),
        "largest_difference": float(table["difference"].abs().max()),  # type: ignore[arg-type]
        "deciles": table.to_dicts(),
        "interval_coverage": covered,
        "interval_width": width,
    }
    with pl.Config(float_precision=4, tbl_rows=DECILES, tbl_hide_dataframe_shape=True):
        print(table)
    print(f"largest difference {result['largest_difference']:.4f} (to reach: at most 0.01)")
    print(f"AUC {result['auc']:.3f}; of the true probabilities {result['auc_of_truth']:.3f}")
    print(
        f"90 % intervals of leads hold their bin's true rate in {covered:.1%} of the cases (to "
        f"reach: 85 % to 95 %); mean width {width:.3f}"
    )
    write_result("demo_truth", result)


def _horizon_days(run: RunFolder) -> float:
    from leadcast.features.base.files import read_json

    return float(read_json(run.bundle / "manifest.json")["origin"]["snapshots"]["horizon_days"])


if __name__ == "__main__":
    main()
