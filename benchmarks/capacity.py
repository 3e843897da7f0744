"""Does Leadcast make as much of more rows as its peers do? ``python -m benchmarks.capacity``.

Draws tables whose true probabilities are known (``capacity_tables``), of several sizes, and lets
Leadcast's features and learner, and each peer, learn from the same rows. What is told is the regret
on later rows: the expected log loss over that of the true probabilities. Leadcast keeps up where
its regret is at most a tenth, or 0.002, above that of the best peer. What peers made of a table is
kept under ``data/bench``, so that after a change only Leadcast learns again.

A run of all kinds with the default sizes, seeds and methods, or more, writes
``benchmarks/results/capacity.json`` and ``.png``; any other writes them to ``data/bench``.
"""

import argparse
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.capacity_plot import plot_capacity
from benchmarks.capacity_tables import KINDS, Table, draw_table
from benchmarks.fits import LEADCAST, PEER_CODE, PEERS_PYTHON, THREAD_VARIABLES
from benchmarks.peers import PEERS
from benchmarks.projects import FOLDER, digest_of
from benchmarks.results import RESULTS, write_result
from benchmarks.strange_worlds import expected_log_loss
from benchmarks.table_fits import leadcast_says, peers_say
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json, write_json
from leadcast.models.data import Floats

SIZES = (300, 3_000, 30_000)
QUICK_SIZES = (300, 3_000)
LARGEST = 200_000
METHODS = (LEADCAST, "logistic regression", "LightGBM", "CatBoost")
MOST_RELATIVE_EXCESS, MOST_EXCESS = 0.1, 0.002
MOST_SEEDS, ROWS_OF_SEEDS = 4, 6_000
"""Small tables are drawn more often: so many times, or until so many rows were drawn."""
TABLE_CODE = (Path("benchmarks/capacity_tables.py"), *PEER_CODE)


@dataclass(frozen=True)
class World:
    """Which table is drawn.

    Parameters
    ----------
    kind : str
        A name in `capacity_tables.KINDS`.
    drifts : bool
    rows : int
    seed : int
    """

    kind: str
    drifts: bool
    rows: int
    seed: int

    def table(self) -> Table:
        """Draw it."""
        return draw_table(KINDS[self.kind], self.rows, self.drifts, self.seed)


def measure(worlds: Sequence[World], methods: Sequence[str]) -> list[dict[str, Any]]:
    """Let each method learn each table, or take what a peer made of it before.

    Parameters
    ----------
    worlds : sequence of World
    methods : sequence of str
        Leadcast, and names in `benchmarks.peers.PEERS`.

    Returns
    -------
    list of dict
        The world's fields, ``method``, ``regret``, ``log_loss`` (expected) and ``seconds``.

    Raises
    ------
    LeadcastError
        If a peer fails.
    """
    peers = [method for method in methods if method != LEADCAST]
    missing = [
        (world, peer) for world in worlds for peer in peers if not _kept(world, peer).exists()
    ]
    _let_peers_learn(missing)
    rows = [
        asdict(world) | {"method": peer} | read_json(_kept(world, peer))
        for world in worlds
        for peer in peers
    ]
    for world in worlds if LEADCAST in methods else ():
        table, started = world.table(), time.perf_counter()
        said = leadcast_says(table, world.seed)
        seconds = time.perf_counter() - started
        rows.append(asdict(world) | {"method": LEADCAST} | _figures(table, said, seconds))
    return rows


def verdict(rows: pl.DataFrame) -> pl.DataFrame:
    """Compare Leadcast with the best of its peers, kind by kind and size by size.

    Parameters
    ----------
    rows : pl.DataFrame
        With ``kind``, ``drifts``, ``rows``, ``seed``, ``method`` and ``regret``.

    Returns
    -------
    pl.DataFrame
        ``kind``, ``drifts``, ``rows``, ``regret``, ``best_peer``, ``its_regret``, ``allowed`` and
        ``reached``; of the means over seeds.
    """
    keys = ["kind", "drifts", "rows"]
    means = rows.group_by(*keys, "method", maintain_order=True).agg(pl.col("regret").mean())
    ours = means.filter(method=LEADCAST).drop("method")
    best = (
        means.filter(pl.col("method") != LEADCAST)
        .sort("regret", maintain_order=True)
        .group_by(keys, maintain_order=True)
        .first()
        .rename({"method": "best_peer", "regret": "its_regret"})
    )
    allowed = pl.max_horizontal(
        (1 + MOST_RELATIVE_EXCESS) * pl.col("its_regret"), pl.col("its_regret") + MOST_EXCESS
    )
    return (
        ours.join(best, on=keys, maintain_order="left")
        .with_columns(allowed=allowed)
        .with_columns(reached=pl.col("regret") <= pl.col("allowed"))
    )


def worlds_of(
    kinds: Sequence[str], sizes: Sequence[int], seeds: int | None, drifts: Sequence[bool]
) -> Iterator[tuple[World, ...]]:
    """Give the tables of a run, those that differ in the seed alone together; large ones first.

    Parameters
    ----------
    kinds : sequence of str
    sizes : sequence of int
        Training rows.
    seeds : int or None
        How often each is drawn; None: small ones more often.
    drifts : sequence of bool
        Without drift, with it, or both.

    Yields
    ------
    tuple of World
    """
    for rows in sorted(sizes, reverse=True):
        times = seeds or min(MOST_SEEDS, max(1, ROWS_OF_SEEDS // rows))
        for kind in kinds:
            for one in drifts:
                yield tuple(World(kind, one, rows, seed) for seed in range(times))


def main() -> None:
    """Measure, print the verdict, write it down and draw it."""
    arguments = _arguments()
    # Processes share the cores, so that each keeps to one.
    os.environ |= dict.fromkeys((*THREAD_VARIABLES, "POLARS_MAX_THREADS"), "1")
    groups = list(worlds_of(arguments.kinds, arguments.rows, arguments.seeds, arguments.drifts))
    rows: list[dict[str, Any]] = []
    refused: list[str] = []
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(arguments.jobs, mp_context=spawn) as pool:
        waiting = {pool.submit(measure, group, arguments.methods): group[0] for group in groups}
        for done, future in enumerate(as_completed(waiting), 1):
            about = waiting[future]
            words = f"{about.kind}{', drifting' if about.drifts else ''}, {about.rows:,} rows"
            try:
                rows += future.result()
                print(f"[{done}/{len(groups)}] {words}: {_told(future.result())}", flush=True)
            except LeadcastError as error:
                refused.append(f"{words}: {error}")
                print(f"REFUSED: {refused[-1]}", flush=True)
    if not rows:
        raise SystemExit("no table could be measured")
    _write(pl.DataFrame(rows), refused, arguments)


def _write(rows: pl.DataFrame, refused: list[str], arguments: argparse.Namespace) -> None:
    rows = rows.sort(
        pl.col("kind").replace_strict(list(KINDS), range(len(KINDS))), "drifts", "rows", "seed"
    )
    whole = (
        set(arguments.kinds) == set(KINDS)
        and set(arguments.rows) >= set(SIZES)
        and set(arguments.methods) >= set(METHODS)
        and arguments.seeds is None
        and len(arguments.drifts) > 1
    )
    folder = RESULTS if whole else FOLDER
    content: dict[str, Any] = {"refused": refused}
    if {LEADCAST} < set(arguments.methods):
        table = verdict(rows)
        with pl.Config(float_precision=4, tbl_rows=-1, tbl_width_chars=160, fmt_str_lengths=30):
            print(table)
        print(f"Leadcast keeps up in {table['reached'].sum()} of {table.height} kinds and sizes")
        content["verdict"] = table.to_dicts()
    write_result("capacity", content | {"tables": rows.to_dicts()}, folder)
    plot_capacity(rows, folder / "capacity.png")
    print(f"and {folder / 'capacity.png'}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--rows", nargs="+", type=int, help="training rows of the tables")
    parser.add_argument("--seeds", type=int, help="tables of each kind and size")
    parser.add_argument("--methods", nargs="+", choices=[LEADCAST, *PEERS], default=METHODS)
    parser.add_argument("--jobs", type=int, default=2, help="tables at once, each on one core")
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument(
        "--quick", action="store_true", help="small tables without drift alone, drawn once"
    )
    sizes.add_argument("--whole", action="store_true", help=f"{LARGEST:,} rows as well")
    arguments = parser.parse_args()
    if arguments.rows is None:
        more = (LARGEST,) if arguments.whole else ()
        arguments.rows = QUICK_SIZES if arguments.quick else (*SIZES, *more)
    arguments.drifts = (False,) if arguments.quick else (False, True)
    if arguments.quick and arguments.seeds is None:
        arguments.seeds = 1
    if set(arguments.methods) != {LEADCAST} and not PEERS_PYTHON.exists():
        parser.error(
            f"{PEERS_PYTHON} is not there: make .venv-peers/ready, or --methods {LEADCAST}"
        )
    return arguments


def _told(rows: Sequence[dict[str, Any]]) -> str:
    means = (
        pl.DataFrame(rows)
        .group_by("method", maintain_order=True)
        .agg(pl.col("regret", "seconds").mean())
    )
    return "; ".join(
        f"{method} {regret:.4f} ({seconds:.0f} s)" for method, regret, seconds in means.iter_rows()
    )


def _figures(table: Table, said: Floats, seconds: float) -> dict[str, float]:
    truth = table.truth[-table.tested :]
    loss = expected_log_loss(said, truth)
    least = expected_log_loss(truth, truth)
    return {"regret": loss - least, "log_loss": loss, "seconds": seconds}


def _kept(world: World, peer: str) -> Path:
    return FOLDER / "capacity" / f"{digest_of(TABLE_CODE, world, peer)}.json"


def _let_peers_learn(missing: Sequence[tuple[World, str]]) -> None:
    tables = {world: world.table() for world, _ in missing}
    jobs = [(tables[world], peer) for world, peer in missing]
    for (world, peer), (said, seconds) in zip(missing, peers_say(jobs), strict=True):
        kept = _kept(world, peer)
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_json(kept, _figures(tables[world], said, seconds), replacing=True)


if __name__ == "__main__":
    main()
