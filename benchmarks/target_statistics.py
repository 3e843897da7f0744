"""Do ordered target statistics pay? ``python -m benchmarks.target_statistics``.

Trains each source twice on its learning part, as Leadcast does and with no booster seeing target
statistics, and compares what the chosen learner said of later rows at the rolling origins of the
backtest. The test parts are not looked at.
"""

import argparse
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.projects import source_stages
from benchmarks.results import write_result
from benchmarks.splits import SOURCES
from leadcast.features.base.errors import LeadcastError
from leadcast.features.tables import Tables
from leadcast.models.choice.backtest import NORMAL_95, paired_error, row_log_loss
from leadcast.models.choice.choice import OutOfTime, choose
from leadcast.models.data import LabelledMatrix
from leadcast.models.learners import boosting
from leadcast.models.settings import LearnerSettings
from leadcast.pipelines.base.dataset import LEARNING, read_parts
from leadcast.pipelines.base.params import horizon_days, load_params, snapshot_settings
from leadcast.pipelines.base.paths import RunFolder


def measure(source: str) -> dict[str, Any]:
    """Train a source with and without target statistics.

    Parameters
    ----------
    source : str
        Its features must be there.

    Returns
    -------
    dict
        ``source``, ``rows``, ``with``, ``without`` (log loss of later rows), ``gain`` and its 95 %
        interval ``low`` to ``high``, paired by row and clustered on leads.
    """
    params, run = load_params(), RunFolder(source)
    horizon = horizon_days(Tables.read(run.tables), snapshot_settings(source, params))
    data = read_parts(run, LEARNING, horizon)
    settings = params.model.model_copy(update={"seed": params.seed, "candidates": ("lightgbm",)})
    having = _out_of_time(data, settings, boosting.sees_statistics)
    lacking = _out_of_time(data, settings, lambda _: False)
    index = having.index
    losses = [row_log_loss(one.log_odds, data.converted[index]) for one in (having, lacking)]
    gains = losses[1] - losses[0]
    gain, error = float(gains.mean()), paired_error(gains, data.group[index])
    return {
        "source": source,
        "rows": len(index),
        "with": float(losses[0].mean()),
        "without": float(losses[1].mean()),
        "gain": gain,
        "low": gain - NORMAL_95 * error,
        "high": gain + NORMAL_95 * error,
    }


def main() -> None:
    """Print a line a source, and write them down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sources", nargs="*", default=SOURCES)
    rows = []
    for source in parser.parse_args().sources:
        try:
            source_stages(source, "features")
        except LeadcastError as error:
            print(f"{source} is left out: {error}")
            continue
        rows.append(measure(source))
        told = rows[-1]
        print(
            f"{source}: log loss {told['with']:.4f} with, {told['without']:.4f} without: gain "
            f"{told['gain']:+.4f} (95 %: {told['low']:+.4f} to {told['high']:+.4f})",
            flush=True,
        )
    write_result("target_statistics", {"sources": rows})


def _out_of_time(
    data: LabelledMatrix, settings: LearnerSettings, sees: Callable[[int], bool]
) -> OutOfTime:
    with patch.object(boosting, "sees_statistics", sees):
        found = choose(data, settings).out_of_time
    if not np.isfinite(found.log_odds).all():
        raise ValueError("a prediction is not finite")
    return found


if __name__ == "__main__":
    main()
