"""Leadcast beside two baselines on the pipeline's own test: ``python -m benchmarks.baselines``.

Logistic regression and LightGBM at their defaults learn from the same training and calibration
snapshots with the same columns as Leadcast, which is trained in the same command by its own
stages. To reach: a log loss at most 0.01 above the better of the two.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from benchmarks.fits import LEADCAST
from benchmarks.judgement import log_loss_difference, metrics_of
from benchmarks.peers import Predict, lightgbm, logistic
from benchmarks.projects import run_stage_in, source_stages
from benchmarks.quality_text import figures_table
from benchmarks.results import RESULTS, write_result
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import written_whole
from leadcast.features.tables import Tables
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.pipelines.base.dataset import LEARNING, read_parts
from leadcast.pipelines.base.params import horizon_days, load_params, snapshot_settings
from leadcast.pipelines.base.paths import RunFolder

SOURCES = ("x_education", "bank_marketing", "bpi2012")
BASELINES: dict[str, Predict] = {"logistic regression": logistic, "LightGBM": lightgbm}
MARGIN = 0.01
ABOUT = """\
The pipeline's own test part. Logistic regression and LightGBM at their defaults, and Leadcast,
trained in one command on the same training and calibration snapshots with the same columns.
Differences are Leadcast's less the better baseline's, with 95 % intervals paired by row and
clustered on leads; to reach: at most 0.01."""


def as_frame(data: LabelledMatrix) -> pd.DataFrame:
    """Give a matrix as the baselines take it.

    Parameters
    ----------
    data : LabelledMatrix

    Returns
    -------
    pd.DataFrame
        A column a feature; codes of categories as categories, a missing one as a value of its own.
    """
    columns = {}
    for feature, values in zip(data.features, data.values.T, strict=True):
        if feature.dtype == "category":
            codes = np.nan_to_num(values, nan=-1.0).astype(int)
            columns[feature.name] = pd.Categorical(codes, range(-1, len(feature.levels) + 1))
        else:
            columns[feature.name] = values.astype(np.float64)
    return pd.DataFrame(columns)


def compare(source: str, threads: int) -> dict[str, Any]:
    """Train Leadcast and the baselines on a source and measure them on its test.

    Parameters
    ----------
    source : str
        The source's name.
    threads : int
        How many LightGBM may use.

    Returns
    -------
    dict
        ``source``, ``rows`` (one a method), ``best_baseline``, ``difference``, ``low``, ``high``,
        ``reached``.

    Raises
    ------
    LeadcastError
        If a stage fails.
    """
    source_stages(source, "features")
    run, params = RunFolder(source), load_params()
    horizon = horizon_days(Tables.read(run.tables), snapshot_settings(source, params))
    learning, test = (read_parts(run, parts, horizon) for parts in (LEARNING, ["test"]))
    said: dict[str, Floats] = {}
    rows = []
    for name, predict in BASELINES.items():
        started = time.perf_counter()
        converted = pd.Series(learning.converted)
        said[name] = predict(as_frame(learning), converted, as_frame(test), 0, threads)
        rows.append(_row(source, name, said[name], learning, test, time.perf_counter() - started))
        _tell(rows[-1])
    seconds = sum(run_stage_in(Path(), stage, source) for stage in ("train", "calibrate"))
    run_stage_in(Path(), "evaluate", source)
    said[LEADCAST] = pl.read_parquet(run.test_scores)["probability"].to_numpy()
    rows.append(_row(source, LEADCAST, said[LEADCAST], learning, test, seconds))
    _tell(rows[-1])
    best = min(rows[:-1], key=lambda row: row["log_loss"])["method"]
    difference = log_loss_difference(said[LEADCAST], said[best], test.converted, test.group)
    about = {"source": source, "rows": rows, "best_baseline": best}
    return about | {
        "difference": difference.value,
        "low": difference.low,
        "high": difference.high,
        "reached": bool(rows[-1]["log_loss"] - min(row["log_loss"] for row in rows) <= MARGIN),
    }


def page(results: list[dict[str, Any]]) -> str:
    """Write the page.

    Parameters
    ----------
    results : list of dict
        As `compare` gives them.

    Returns
    -------
    str
        Markdown.
    """
    lines = [
        f"- {one['source']}: {one['difference']:+.4f} ({one['low']:+.4f} to {one['high']:+.4f}) "
        f"against {one['best_baseline']}: {'reached' if one['reached'] else 'not reached'}"
        for one in results
    ]
    table = figures_table([row for one in results for row in one["rows"]])
    return "\n\n".join(["# Leadcast beside two baselines", ABOUT, table, "\n".join(lines)]) + "\n"


def main() -> None:
    """Print the page and write ``benchmarks/results/baselines.json`` and ``.md``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=2, help="how many LightGBM may use")
    arguments = parser.parse_args()
    try:
        results = [compare(source, arguments.threads) for source in SOURCES]
    except LeadcastError as error:
        raise SystemExit(f"error: {error}") from None
    text = page(results)
    print(text)
    write_result("baselines", {"sources": results})
    with written_whole(RESULTS / "baselines.md", replacing=True) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _row(
    source: str,
    method: str,
    probability: Floats,
    learning: LabelledMatrix,
    test: LabelledMatrix,
    seconds: float,
) -> dict[str, Any]:
    return {
        "source": source,
        "split": "the pipeline's",
        "method": method,
        "n_train": len(learning),
        "n_test": len(test),
        "base_rate": float(test.converted.mean()),
        **metrics_of(probability, test.converted),
        "seconds": seconds,
    }


def _tell(row: dict[str, Any]) -> None:
    figures = f"AUC {row['auc']:.4f}, log loss {row['log_loss']:.4f} ({row['seconds']:.0f} s)"
    print(f"{row['source']}: {row['method']}: {figures}", flush=True)


if __name__ == "__main__":
    main()
