"""The parts of a batch on their way: while the learner has one, features of the next are computed.

The learner takes longest, so that it gets a thread that does nothing else.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple

import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.engine.engine import Matrix
from leadcast.models.data import Floats
from leadcast.serve.asked import Asked, asked_of
from leadcast.serve.batch.output import ROW, by_row
from leadcast.serve.batch.parts import BatchPart
from leadcast.serve.batch.work import Work
from leadcast.serve.reasons import ReasonsAsked
from leadcast.serve.scorer import Scorer
from leadcast.serve.scores import score_rows

Progress = Callable[[int, int], None]
"""Is told how many rows have been scored, and of how many."""


def score_parts(
    scorer: Scorer,
    parts: Sequence[BatchPart],
    moment: datetime | None,
    work: Work,
    *,
    reasons: ReasonsAsked,
    threads: int,
    progress: Progress,
) -> int:
    """Score parts and keep their scores; those that are kept already are left alone."""
    total, done = sum(part.n_rows for part in parts), 0
    progress(0, total)
    with (
        ThreadPoolExecutor(threads) as reading,
        ThreadPoolExecutor(threads) as learner,
        ThreadPoolExecutor(threads) as keeping,
    ):

        def begun(part: BatchPart) -> Future[int]:
            read = reading.submit(_read, scorer, part, moment, work)
            said = learner.submit(_log_odds, scorer, read)
            return keeping.submit(_keep, scorer, part, read, said, work, reasons)

        for n_rows in _ahead(map(begun, parts), threads):
            done += n_rows
            progress(done, total)
    return done


def _ahead(begun: Iterator[Future[int]], ahead: int) -> Iterator[int]:
    """Give results in order; so many more have begun by then, so that memory has a bound."""
    waiting: deque[Future[int]] = deque()
    for one in begun:
        waiting.append(one)
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    for one in waiting:
        yield one.result()


class _Read(NamedTuple):
    rows: pl.Series
    asked: Asked
    values: Matrix
    warnings: list[Fault]


def _read(scorer: Scorer, part: BatchPart, moment: datetime | None, work: Work) -> _Read | None:
    if work.scores_of(part.number).exists():
        return None
    warnings: list[Fault] = []
    leads = by_row(part.leads.collect())
    asked = asked_of(scorer.bundle, leads.drop(ROW), part.events, moment, warnings)
    return _Read(leads[ROW], asked, scorer.features(asked, warnings), warnings)


def _log_odds(scorer: Scorer, read: Future[_Read | None]) -> Floats | None:
    known = read.result()
    return None if known is None else scorer.bundle.learner.log_odds(known.values)


def _keep(
    scorer: Scorer,
    part: BatchPart,
    read: Future[_Read | None],
    said: Future[Floats | None],
    work: Work,
    reasons: ReasonsAsked,
) -> int:
    known, log_odds = read.result(), said.result()
    if known is not None and log_odds is not None:
        scores = score_rows(scorer.bundle, known.asked.rows, known.values, log_odds, reasons)
        work.keep(part.number, scores.with_columns(known.rows), known.warnings)
    return part.n_rows
