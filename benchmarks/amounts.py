"""Amounts if won, judged: ``python -m benchmarks.amounts [SOURCE ...]`` (demo and bpi2012).

Needs finished runs. Tells how far amounts err on the test beside the mean of all, how often they
lie in their intervals, what expected revenue adds up to, and what calling by it reaches beside
calling by probability. Of the demo, whose law of amounts is known, it also holds the predicted mean
of each test snapshot against the true one, by the true size of the company, which the export shows
as free text and not always.
"""

import argparse
from typing import Any

import numpy as np
import polars as pl

from benchmarks.results import write_result
from leadcast.demo.outcomes import true_mean_amounts
from leadcast.demo.simulate import true_sizes
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.features.definitions.load import find_definition
from leadcast.pipelines.base.paths import AmountsFolder, RunFolder

SOURCES = ("demo", "bpi2012")
KEPT = ("currency", "known_in_advance", "choice", "learned", "test", "revenue", "words")


def measured(source: str) -> dict[str, Any]:
    """Read what the stage `amounts` measured.

    Parameters
    ----------
    source : str

    Returns
    -------
    dict

    Raises
    ------
    LeadcastError
        If the source has no finished run, or no amounts.
    """
    run = RunFolder(source)
    run.require(run.amounts)
    found = read_json(AmountsFolder(run.amounts).result)
    if found["why"] is not None:
        raise LeadcastError(f"{source}: {found['why']}")
    ranking = found["ranking"]
    if ranking is not None:
        ranking = {name: told for name, told in ranking.items() if name != "curve"}
    return {name: found[name] for name in KEPT} | {"ranking": ranking}


def against_truth(source: str) -> dict[str, Any]:
    """Hold predicted means against the law of the simulated world.

    Parameters
    ----------
    source : str
        One that is simulated.

    Returns
    -------
    dict
        ``log_error`` and ``log_error_of_the_mean`` (root mean squared differences of logarithms
        to the true means, over the test's snapshots), and ``sizes``: for each true size the
        snapshots, the true mean, the mean predicted, and the ratio of both.
    """
    simulation = find_definition(source).simulation
    if simulation is None:
        raise LeadcastError(f"{source}: is not simulated, so nobody knows its law of amounts")
    size = true_sizes(simulation.leads, simulation.seed)
    test = pl.read_parquet(AmountsFolder(RunFolder(source).amounts).test)
    number = test["lead_id"].str.extract(r"(\d+)").cast(pl.Int64).to_numpy()
    truth = true_mean_amounts()[size[number]]
    predicted = test["amount_mean"].to_numpy()
    won = test["converted"].cast(pl.Float64).to_numpy() == 1
    of_all = float(test["amount"].drop_nulls().mean())  # type: ignore[arg-type]
    rows = [
        {
            "size": place,
            "snapshots": int(mine.sum()),
            "true_mean": float(truth[mine][0]),
            "predicted_mean": float(predicted[mine].mean()),
            "ratio": float(predicted[mine].mean() / truth[mine][0]),
        }
        for place in range(len(true_mean_amounts()))
        if (mine := size[number] == place).any()
    ]
    return {
        "log_error": _root(np.log(predicted / truth)),
        "log_error_of_the_mean": _root(np.log(of_all / truth)),
        "log_error_of_won": _root(np.log(predicted / truth)[won]),
        "sizes": rows,
    }


def _root(value: Any) -> float:  # noqa: ANN401 - an array
    return float(np.sqrt((np.asarray(value) ** 2).mean()))


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="*", default=SOURCES, metavar="SOURCE")
    sources = parser.parse_args().sources
    result = {source: measured(source) for source in sources}
    if "demo" in sources:
        result["demo"]["truth"] = against_truth("demo")
    for source, found in result.items():
        print(source, *found["words"], sep="\n  ")
    write_result("amounts", result)


if __name__ == "__main__":
    main()
