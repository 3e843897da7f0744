"""How far found persons can be trusted: measured where the truth is known, and as far as it is."""

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.identity.exact import EMAIL, exact_links
from leadcast.features.identity.keys import identity_keys
from leadcast.features.identity.likeness import NameColumns
from leadcast.features.identity.persons import Resolved
from leadcast.features.identity.weights import Comparer, Weights

THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99)


def pairs_right(found: pl.Series, truth: pl.Series) -> tuple[float, float]:
    """Measure found persons against true ones, by pairs of leads.

    Parameters
    ----------
    found, truth : pl.Series, length n_leads
        Whose each lead is said to be, and whose it is.

    Returns
    -------
    precision : float
        Which share of the pairs that are said to be one person are one; 1 where none is said.
    recall : float
        Which share of the pairs that are one person are said to be; 1 where there are none.
    """
    frame = pl.DataFrame({"found": found, "truth": truth})
    both = _pairs(frame, ["found", "truth"])
    said, true = _pairs(frame, ["found"]), _pairs(frame, ["truth"])
    return both / said if said else 1.0, both / true if true else 1.0


def _pairs(frame: pl.DataFrame, by: list[str]) -> int:
    sizes = frame.group_by(by).len()["len"].to_numpy().astype(np.int64)
    return int((sizes * (sizes - 1) // 2).sum())


def measured(
    leads: pl.DataFrame, found: Resolved, default_country: str | None = None
) -> list[dict[str, float | int]]:
    """Tell what each threshold would link, and how far that can be trusted without a truth.

    Parameters
    ----------
    leads : pl.DataFrame
        As `leadcast.features.identity.persons.resolve` takes them.
    found : Resolved
        What it found.
    default_country : str, optional
        As it was given.

    Returns
    -------
    list of dict
        One a threshold: ``threshold``; ``links`` of at least this probability; ``expected_wrong``,
        the share of them that is wrong by the model's own probabilities; ``known_found``: of the
        pairs with one e-mail address, the share that is found at this threshold although the
        address is hidden (a measured recall of names, places and telephones), and ``known`` how
        many such pairs there are. Empty for exact links alone.
    """
    if found.weights is None:
        return []
    hidden, likely = _hidden(leads, found.weights, default_country), found.compared["probability"]
    rows: list[dict[str, float | int]] = []
    for threshold in THRESHOLDS:
        linked = likely.filter(likely >= threshold)
        wrong = 0.0 if linked.is_empty() else 1.0 - float(np.mean(linked.to_numpy()))
        rows.append(
            {
                "threshold": threshold,
                "links": len(linked),
                "expected_wrong": round(wrong, 6),
                "known_found": round(float(np.mean(hidden >= threshold)), 6)
                if len(hidden)
                else 0.0,
                "known": len(hidden),
            }
        )
    return rows


def _hidden(
    leads: pl.DataFrame, weights: Weights, default_country: str | None
) -> npt.NDArray[np.float64]:
    """Compare pairs with one address once more, without it."""
    keys = identity_keys(leads, default_country)
    people = NameColumns.of(keys)
    known = exact_links(keys, people).filter(pl.col("evidence") == EMAIL)
    blind = keys.with_columns(pl.lit(None, pl.String).alias(one) for one in ("email", "local"))
    compared = Comparer(blind, people).compare(known["a"].to_numpy(), known["b"].to_numpy())
    return weights.probability(compared)
