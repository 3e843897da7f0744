"""Which leads are one person: exact links, merges, then likely ones, as clusters with evidence."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import polars as pl

from leadcast.features.identity.blocking import candidate_pairs
from leadcast.features.identity.clusters import clustered, known_pairs
from leadcast.features.identity.exact import LINKS, MERGES, exact_links, merge_links
from leadcast.features.identity.keys import identity_keys
from leadcast.features.identity.likeness import NameColumns
from leadcast.features.identity.weights import Comparer, Weights, evidence_of
from leadcast.features.tables import TIME

Match = Literal["exact", "probabilistic"]
THRESHOLD = 0.9
"""From this probability on two leads are taken for one person."""
_CLASH = 0.05
_WORTH_KEEPING = 0.01

PERSONS = pl.Schema(
    {
        "lead_id": pl.String(),
        "person_id": pl.String(),
        "probability": pl.Float64(),
        "evidence": pl.String(),
        "known_at": TIME,
    }
)
"""The columns of ``persons.parquet``, a row a lead. ``person_id``: the id of the person's first
lead. ``probability``: of the likeliest link to another lead of the person; 1 for exact links and
merges; null for a lead alone, as ``evidence`` (what that link is) and ``known_at`` (since when the
lead could be known to be one with another)."""
LINKED = pl.Schema({"lead_id": pl.String(), "other_id": pl.String(), "known_at": TIME})
"""The columns of ``linked.parquet``: each two leads of a person, both ways round, and since when
they could be known to be one."""


@dataclass(frozen=True)
class Resolved:
    """Who the leads are."""

    persons: pl.DataFrame
    """`PERSONS`, in the order of the leads."""
    linked: pl.DataFrame
    """`LINKED`."""
    compared: pl.DataFrame
    """The pairs that were compared and are not out of the question: ``a``, ``b`` (rows of the
    leads, sorted by their ids), ``probability`` and ``evidence``; empty where only exact links were
    asked for."""
    weights: Weights | None
    """What agreements say; None likewise."""


def resolve(
    leads: pl.DataFrame,
    match: Match = "exact",
    merges: pl.DataFrame | None = None,
    threshold: float = THRESHOLD,
    default_country: str | None = None,
) -> Resolved:
    """Find out which leads are one person.

    Parameters
    ----------
    leads : pl.DataFrame
        As `leadcast.features.identity.keys.identity_keys` takes them.
    match : {"exact", "probabilistic"}
        Whether names, companies and addresses are compared as well.
    merges : pl.DataFrame, optional
        What the CRM has merged (`leadcast.features.identity.exact.MERGES`).
    threshold : float
        From this probability on two leads are one person.
    default_country : str, optional
        Two letters: the country of telephone numbers of leads that name none.

    Returns
    -------
    Resolved
    """
    # In one order, whatever the table's, so that what is drawn and added up is the same.
    keys = identity_keys(leads, default_country).sort("lead_id")
    people = NameColumns.of(keys)
    links, absent = [exact_links(keys, people)], 0
    if merges is not None:
        of_merges, absent = merge_links(keys, merges.cast(MERGES))
        links.append(of_merges)
    compared, weights = _nothing_compared(), None
    if match == "probabilistic":
        compared, weights = likely_links(keys, people)
        links.append(compared.filter(pl.col("probability") >= threshold).select(LINKS.names()))
    # Two leads may be linked for several reasons: the surest is told, the earliest counts.
    every = (
        pl.concat(links)
        .sort("probability", "known_us", "evidence", descending=[True, False, False])
        .group_by("a", "b", maintain_order=True)
        .agg(pl.col("probability", "evidence").first(), pl.col("known_us").min())
        .select(LINKS.names())
    )
    linked = pl.concat([every["a"], every["b"]]).unique().implode()
    both = pl.col("a").is_in(linked) & pl.col("b").is_in(linked)
    clashes = compared.filter(pl.col("probability") < _CLASH, both)
    root, used = clustered(keys.height + absent, every, clashes)
    found = _resolved(keys, root, every[used], compared, weights)
    order = leads.select(pl.col("lead_id").cast(pl.String))
    persons = order.join(found.persons, on="lead_id", how="left", maintain_order="left")
    return replace(found, persons=persons)


def likely_links(keys: pl.DataFrame, people: NameColumns) -> tuple[pl.DataFrame, Weights]:
    """Compare all pairs that share anything, and tell how probable each is one person.

    Parameters
    ----------
    keys : pl.DataFrame
        As `leadcast.features.identity.keys.identity_keys` gives them.
    people : NameColumns
        Their names.

    Returns
    -------
    compared : pl.DataFrame
        ``a``, ``b``, ``probability``, ``evidence`` and ``known_us``, by rows.
    weights : Weights
        What agreements say, learned from these pairs.
    """
    pairs, comparer = candidate_pairs(keys), Comparer(keys, people)
    a, b = pairs["a"].to_numpy(), pairs["b"].to_numpy()
    found = comparer.compare(a, b)
    weights = Weights(u=comparer.by_chance(), leads=keys.height).learned(found)
    probability = weights.probability(found)
    known = keys["known_us"].to_numpy()
    frame = pairs.with_columns(probability=probability, known_us=np.maximum(known[a], known[b]))
    is_likely = probability >= _WORTH_KEEPING
    words = pl.repeat("", len(a), dtype=pl.String, eager=True)
    words = words.scatter(np.flatnonzero(is_likely), evidence_of(found.only(is_likely)))
    return frame.with_columns(evidence=words).select(*LINKS.names()), weights


def _nothing_compared() -> pl.DataFrame:
    return pl.DataFrame(schema=LINKS)


def _resolved(
    keys: pl.DataFrame,
    root: "np.ndarray[tuple[int], np.dtype[np.int64]]",
    links: pl.DataFrame,
    compared: pl.DataFrame,
    weights: Weights | None,
) -> Resolved:
    n = keys.height
    numbered = keys.select("lead_id", "known_us", root=root[:n])
    # The person is called after its first lead.
    order = ["known_us", "lead_id"]
    person = pl.col("lead_id").sort_by(order).first().over("root")
    persons = numbered.select("lead_id", person_id=person)
    pairs = known_pairs(links).filter((pl.col("a") < n) & (pl.col("b") < n))
    both = pl.concat([links, links.rename({"a": "b", "b": "a"}).select(LINKS.names())])
    best = (
        both.sort("probability", "known_us", "evidence", descending=[True, False, False])
        .group_by("a", maintain_order=True)
        .agg(pl.col("probability", "evidence").first())
    )
    since = pairs.group_by("a").agg(known_at=pl.col("known_us").min().cast(TIME))
    rows = persons.with_row_index("a").with_columns(pl.col("a").cast(pl.Int64))
    rows = rows.join(since, on="a", how="left", maintain_order="left")
    rows = rows.join(best, on="a", how="left", maintain_order="left")
    alone = pl.col("known_at").is_null()
    told = {name: pl.when(~alone).then(name) for name in ("probability", "evidence")}
    ids = keys["lead_id"]
    linked = pl.DataFrame(
        {
            "lead_id": ids.gather(pairs["a"]),
            "other_id": ids.gather(pairs["b"]),
            "known_at": pairs["known_us"].cast(TIME),
        },
        schema=LINKED,
    )
    return Resolved(
        rows.with_columns(**told).select(PERSONS.names()),
        linked.sort("lead_id", "other_id"),
        compared.filter(pl.col("probability") >= _WORTH_KEEPING),
        weights,
    )
