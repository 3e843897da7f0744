"""How often a proxy of a denied column is told, and how often chance is: ``-m benchmarks.proxies``.

Sources of 40 features of which none, or one, follows the denied column (a price, or a protected
attribute of two values) more or less closely; each source is looked at as a run looks at it.
"""

import argparse
from collections.abc import Mapping

import numpy as np
import polars as pl

from benchmarks.results import write_result
from leadcast.features.registry import Feature
from leadcast.models.steering.association import associations
from leadcast.models.steering.deny_checks import COPIES, TOLD

FEATURES = 40
NOISE: Mapping[str, tuple[float, ...]] = {"price": (0.3, 0.5, 1.0, 2.0, 4.0), "sex": ()}
"""Standard deviations of the noise, in those of the price."""
WRONG: Mapping[str, tuple[float, ...]] = {"price": (), "sex": (0.02, 0.05, 0.1, 0.2, 0.3)}
"""Shares of the values that are the other one."""


def one_source(
    rng: np.random.Generator, leads: int, kind: str, noise: float | None
) -> tuple[np.ndarray, pl.Series]:
    """Draw a source's features and its denied column; the first feature follows it."""
    values = rng.normal(size=(leads, FEATURES)).astype(np.float32)
    values[:, FEATURES // 2 :] = rng.integers(0, 3, (leads, FEATURES - FEATURES // 2))
    if kind == "price":
        denied = rng.lognormal(3.0, 0.5, leads)
        if noise is not None:
            values[:, 0] = (denied - denied.mean()) / denied.std() + rng.normal(0, noise, leads)
        return values, pl.Series("denied", denied)
    sex = rng.random(leads) < 0.5
    if noise is not None:
        values[:, 0] = sex ^ (rng.random(leads) < noise)
    return values, pl.Series("denied", np.where(sex, "f", "m"))


def looked_at(
    kind: str, leads: int, noise: float | None, sources: int, seed: int
) -> dict[str, object]:
    """Count the sources in which anything is told, and in which the run would fail."""
    features = [
        Feature(name=f"x{n}", group="fit", dtype="number", words=f"x{n}", inputs=(f"x{n}",))
        for n in range(FEATURES)
    ]
    told = fails = 0
    figures = []
    for number in range(sources):
        rng = np.random.default_rng((seed, number))
        values, denied = one_source(rng, leads, kind, noise)
        best = associations(values, features, denied, number)[0]
        figures.append(best.figure)
        told += best.figure > max(best.chance, TOLD)
        fails += best.figure > max(best.chance, TOLD) and best.figure >= COPIES[best.measure]
    return {
        **{"denied": kind, "leads": leads, "noise": noise, "sources": sources},
        **{"told": told, "fails": fails, "figure": float(np.mean(figures))},
    }


def main() -> None:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=int, default=50, help="Of each kind.")
    parser.add_argument("--leads", type=int, nargs="+", default=[300, 1000, 4000])
    asked = parser.parse_args()
    rows = []
    for leads in asked.leads:
        for kind in NOISE:
            for noise in (None, *NOISE[kind], *WRONG[kind]):
                rows.append(looked_at(kind, leads, noise, asked.sources, 7))
                print(rows[-1], flush=True)
    write_result("proxies", {"features": FEATURES, "rows": rows})


if __name__ == "__main__":
    main()
