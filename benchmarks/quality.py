"""Leadcast and its peers, side by side: ``python -m benchmarks.quality`` (``make bench-quality``).

Three rolling origins a source, and the splits on which figures of other tools are known. Every
method gets the same rows and columns. What a method said of a split is kept under ``data/bench``,
by a digest of the rows and of its code: a run that was stopped goes on where it was, and after a
change of the learner only Leadcast is fitted again.

The whole run (no --only, --peers or --quick) writes ``benchmarks/results/quality.json``, ``.md``
and ``.png``; any other writes them to ``data/bench``.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.fits import (
    AT_NEWEST_LEVEL,
    LEADCAST,
    PEERS_PYTHON,
    Fitted,
    Prepared,
    fit_leadcast,
    fit_peer,
    prepare,
)
from benchmarks.judgement import MEASURES, judge, metrics_of
from benchmarks.peers import PEERS
from benchmarks.projects import FOLDER, source_stages, test_share_of
from benchmarks.quality_plot import plot_quality
from benchmarks.quality_text import quality_page, standing, targets_of
from benchmarks.results import RESULTS, write_result
from benchmarks.splits import SOURCES, Split, rolling_splits, table_split
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import written_whole
from leadcast.models.data import Floats

PEER_NAMES = tuple(PEERS)
QUICK_PEERS = ("naive Bayes (Odoo)", "logistic regression", "LightGBM")


class Run:
    """What has been measured so far.

    Parameters
    ----------
    peers : sequence of str
        Names in `benchmarks.peers.PEERS`.
    seconds : int
        Budget of the peers that search.
    threads : int
        How many a method may use.
    runs : int
        How often the peers that search are run; their run in the middle counts.
    """

    def __init__(self, peers: Sequence[str], seconds: int, threads: int, runs: int) -> None:
        self.peers, self.seconds, self.threads = tuple(peers), seconds, threads
        self.runs = runs
        self.rows: list[dict[str, Any]] = []
        self.verdicts: list[dict[str, Any]] = []
        self.failures: list[str] = []

    def measure(self, split: Split, place: str) -> None:
        """Fit every method on a split and judge Leadcast; a method that fails is noted.

        Parameters
        ----------
        split : Split
        place : str
            How far the run has come, for the progress told.
        """
        try:
            prepared = prepare(split)
        except LeadcastError as error:
            self._failed(f"{split.source}, {split.name}: {error}")
            return
        said: dict[str, Floats] = {}
        for method in (*self.peers, LEADCAST):
            fitted = self._fitted(prepared, method)
            for name, one in _as_told(method, fitted):
                said[name] = one.probability
                self.rows.append(_row(prepared, name, one))
                print(f"[{place}] {_told(self.rows[-1])}", flush=True)
        if LEADCAST in said and len(said) > 1:
            about = {"source": split.source, "split": split.name}
            self.verdicts += [
                about | judge(said, prepared.converted, prepared.group, measure).to_json()
                for measure in MEASURES
            ]

    def content(self) -> dict[str, Any]:
        """Give everything as plain data."""
        return {
            "search_seconds": self.seconds,
            "search_runs": self.runs,
            "rows": self.rows,
            "verdicts": self.verdicts,
            "averages": standing(self.rows),
            "targets": targets_of(self.rows),
            "failures": self.failures,
        }

    def _fitted(self, prepared: Prepared, method: str) -> Fitted | None:
        try:
            if method == LEADCAST:
                return fit_leadcast(prepared, self.threads)
            return fit_peer(prepared, method, self.seconds, self.threads, self.runs)
        except LeadcastError as error:
            self._failed(f"{prepared.split.source}, {prepared.split.name}, {method}: {error}")
            return None

    def _failed(self, words: str) -> None:
        print(f"FAILED: {words}", flush=True)
        self.failures.append(words)


def splits_to_run(source: str, quick: bool) -> list[Split]:
    """List the splits of a source.

    Parameters
    ----------
    source : str
    quick : bool
        The last origin and the table's split alone.

    Returns
    -------
    list of Split
        Each once.

    Raises
    ------
    LeadcastError
        If its files are not there or at fault, or there is nothing to learn.
    """
    source_stages(source, "ingest")
    rolling, own = rolling_splits(source, test_share_of(source)), table_split(source)
    splits = [*(rolling[-1:] if quick else rolling), *([own] if own else [])]
    return list(dict.fromkeys(splits))


def main() -> None:
    """Measure, print the page and write it."""
    arguments = read_arguments()
    run = Run(arguments.peers, arguments.seconds, arguments.threads, arguments.runs)
    splits: list[Split] = []
    for source in arguments.only:
        try:
            splits += splits_to_run(source, arguments.quick)
        except LeadcastError as error:
            run.failures.append(f"{source} is left out: {error}")
            print(run.failures[-1], flush=True)
    for place, split in enumerate(splits, 1):
        run.measure(split, f"{place}/{len(splits)}")
    if not run.rows:
        raise SystemExit("nothing could be measured")
    whole = not arguments.quick and set(PEER_NAMES) == set(arguments.peers)
    _write(run.content(), whole and set(SOURCES) == {split.source for split in splits})


def read_arguments() -> argparse.Namespace:
    """Read what was asked for on the command line.

    Returns
    -------
    argparse.Namespace
        ``only``, ``peers``, ``seconds``, ``runs``, ``threads`` and ``quick``.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--only",
        type=_sources,
        default=SOURCES,
        metavar="SOURCE[,SOURCE]",
        help=f"names of definitions in data/sources; without it: {','.join(SOURCES)}",
    )
    parser.add_argument("--peers", type=_peers, metavar="A[,B]", help=", ".join(PEER_NAMES))
    parser.add_argument("--seconds", type=int, default=60, help="the budget of those that search")
    parser.add_argument(
        "--runs",
        type=_odd,
        default=1,
        help="how often those that search are run, the run in the middle counting",
    )
    parser.add_argument("--threads", type=int, default=2, help="how many a method may use")
    parser.add_argument("--quick", action="store_true", help="few peers, the last origins only")
    arguments = parser.parse_args()
    if arguments.peers is None:
        arguments.peers = QUICK_PEERS if arguments.quick else PEER_NAMES
    if not PEERS_PYTHON.exists():
        parser.error(f"{PEERS_PYTHON} is not there: make .venv-peers/ready sets it up")
    return arguments


def _sources(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for one in text.split(",") if (name := one.strip())))


def _odd(text: str) -> int:
    if not text.isdigit() or int(text) % 2 == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no odd number: one run has to be the middle")
    return int(text)


def _peers(text: str) -> tuple[str, ...]:
    names = {name.lower(): name for name in PEER_NAMES}
    asked = [one.strip().lower() for one in text.split(",")]
    if unknown := sorted(set(asked) - set(names)):
        raise argparse.ArgumentTypeError(f"no peers: {unknown}; there are {list(PEER_NAMES)}")
    return tuple(names[one] for one in asked)


def _as_told(method: str, fitted: Fitted | None) -> list[tuple[str, Fitted]]:
    moved = None if fitted is None else fitted.at_newest_level()
    both = ((method, fitted), (f"{method}{AT_NEWEST_LEVEL}", moved))
    return [(name, one) for name, one in both if one is not None]


def _row(prepared: Prepared, method: str, fitted: Fitted) -> dict[str, Any]:
    return {
        "source": prepared.split.source,
        "split": prepared.split.name,
        "method": method,
        "n_train": prepared.n_train,
        "n_test": len(prepared.converted),
        "base_rate": float(prepared.converted.mean()),
        **metrics_of(fitted.probability, prepared.converted),
        "seconds": fitted.seconds,
        "run_losses": list(fitted.run_losses),
    }


def _told(row: dict[str, Any]) -> str:
    return (
        f"{row['source']}, {row['split']}: {row['method']}: AUC {row['auc']:.4f}, "
        f"log loss {row['log_loss']:.4f}, ECE {row['ece']:.4f} ({row['seconds']:.0f} s)"
    )


def _write(content: dict[str, Any], whole: bool) -> None:
    folder = RESULTS if whole else FOLDER
    page = quality_page(content)
    print(page)
    write_result("quality", content, folder)
    with written_whole(folder / "quality.md", replacing=True) as temporary:
        temporary.write_text(page, encoding="utf-8")
    plot_quality(content["rows"], Path(folder / "quality.png"))
    print(f"and {folder / 'quality.md'}, {folder / 'quality.png'}")


if __name__ == "__main__":
    main()
