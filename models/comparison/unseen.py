"""What the comparison cannot see by itself: leads never worked, and leads without points."""

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.models.charts.numbers import percent
from leadcast.models.comparison.compared_rows import Capacities, Compared
from leadcast.models.comparison.groups import share
from leadcast.models.comparison.headline import headline
from leadcast.models.comparison.lists import Segments
from leadcast.models.comparison.result import Measured, Missing, Selection, Subset
from leadcast.models.comparison.score_ranking import measured, rank, replicate
from leadcast.models.data import Floats
from leadcast.models.evaluation.delong import auc_interval

SOME_REPLICATES = 500
"""Of the bootstrap where the comparison is repeated on a part of the leads."""


def on_subset(name: str, part: Compared, capacities: Capacities, seed: int) -> Subset:
    """Repeat the comparison on some leads."""
    listed = part.on_list
    converted = listed.floats("converted")
    if not 0 < converted.sum() < len(converted):
        return Subset(name=name, ranking=None, words="Too few of them to compare on.")
    nothing = Segments.none(len(converted))
    drawn = replicate(listed, capacities, nothing, replicates=SOME_REPLICATES, seed=seed)
    ranking = rank(part, capacities, drawn)
    told = headline(ranking, capacities.calls_per_week, part.per, part.n_weeks)
    return Subset(name=name, ranking=ranking, words=f"{told.words} {told.sure}")


def selection(
    compared: Compared, capacities: Capacities, known_from: str | None, seed: int
) -> Selection:
    """Compare with and without the leads that sales never worked."""
    listed = compared.on_list
    worked = listed.frame["worked"].fill_null(True).to_numpy().astype(bool)
    converted = listed.floats("converted")
    if known_from is None:
        worked = np.ones(len(converted), dtype=bool)
    is_worked = compared.frame["worked"].fill_null(True)
    at_random = compared.frame["random_slice"].fill_null(False)
    only = slice_ = None
    if known_from is not None and not worked.all():
        only = _part("leads that were worked", is_worked, compared, capacities, seed)
    if at_random.any():
        slice_ = _part("leads worked at random", at_random, compared, capacities, seed)
    rates = [_rate(converted, part) for part in (worked, ~worked)]
    return Selection(
        known_from=known_from,
        worked=int(worked.sum()),
        unworked=int((~worked).sum()),
        worked_conversion=rates[0],
        unworked_conversion=rates[1],
        only_worked=only,
        random_slice=slice_,
        words=_words(known_from, worked, rates, only, slice_),
    )


def missing(compared: Compared, capacities: Capacities, seed: int) -> Missing:
    """Report the leads without points."""
    listed = compared.on_list
    has = listed.frame["points"].is_not_null().to_numpy().astype(bool)
    converted = listed.floats("converted")
    without, auc = int((~has).sum()), Measured()
    last = None
    if without > 0:
        rows = compared.filter(compared.frame["points"].is_null())
        scores = (rows.floats("probability"), rows.floats("converted"), rows.group)
        auc = measured(auc_interval(*scores))
    if 0 < without < len(has):
        lowest = float(np.nanmin(compared.floats("points"))) - 1
        filled = compared.frame.with_columns(pl.col("points").fill_null(lowest))
        every = Compared(filled, compared.dimensions, compared.landmark_days, compared.weeks)
        last = on_subset("all leads, those without points last", every, capacities, seed)
    rates = [_rate(converted, part) for part in (has, ~has)]
    p_value = _fisher(converted, has) if 0 < without < len(has) else None
    return Missing(
        leads=len(has),
        without=without,
        conversion_with=rates[0],
        conversion_without=rates[1],
        p_value=p_value,
        auc_without=auc,
        with_them_last=last,
        words=_missing_words(len(has), without, rates, p_value, auc, last),
    )


def _part(name: str, kept: pl.Series, whole: Compared, capacities: Capacities, seed: int) -> Subset:
    part = whole.filter(kept)
    return on_subset(name, part, capacities.for_part(part.on_list, whole.on_list), seed)


def _rate(converted: Floats, part: npt.NDArray[np.bool_]) -> Measured:
    return share(float(converted[part].sum()), float(part.sum()))


def _words(
    known_from: str | None,
    worked: npt.NDArray[np.bool_],
    rates: list[Measured],
    only: Subset | None,
    slice_: Subset | None,
) -> tuple[str, ...]:
    if known_from is None:
        return (
            "The source does not tell which leads sales worked. Leads that were never called "
            "because of their points look like lost ones: where there are many, this comparison "
            "flatters the points. To tell it, map a column as the attribute worked, or set "
            "comparison.worked_from_points, in the source's definition.",
        )
    unworked = int((~worked).sum())
    if not unworked:
        return (f"Every lead on the list was worked ({known_from}).",)
    words = [
        f"{unworked:,} of {len(worked):,} leads on the list were never worked ({known_from}); "
        f"{percent(rates[1].value)} of them became customers, {percent(rates[0].value)} of the "
        "others.",
        "What a call would have made of an unworked lead is not known: it counts as lost where "
        "the learned score would call it, so with them the comparison favours the points; without "
        "them it says nothing of the leads that points held back.",
    ]
    if only is not None:
        words.append(f"Among the worked leads alone: {only.words}")
    if slice_ is not None:
        words.append(f"Among the leads worked at random, where neither is favoured: {slice_.words}")
    return tuple(words)


def _missing_words(
    leads: int,
    without: int,
    rates: list[Measured],
    p_value: float | None,
    auc: Measured,
    last: Subset | None,
) -> tuple[str, ...]:
    if not without:
        return ("Every lead on the list has points.",)
    words = [
        f"{without:,} of {leads:,} leads on the list ({percent(without / leads)}) have no points; "
        f"they are not in the figures above. {percent(rates[1].value)} of them became customers, "
        f"{percent(rates[0].value)} of those with points."
    ]
    if p_value is not None and p_value < 0.05:
        words.append(
            f"Points are not missing at random (p {_p_words(p_value)}): what holds for leads with "
            "points need not hold for the others."
        )
    if auc.value is not None:
        words.append(f"The learned score ranks those without points at an AUC of {auc.value:.3f}.")
    if last is not None:
        words.append(
            f"On all leads, those without points at the end of the points' list: {last.words}"
        )
    return tuple(words)


def _p_words(p_value: float) -> str:
    return "below 0.0001" if p_value < 1e-4 else f"= {p_value:.2g}"


def _fisher(converted: Floats, has: npt.NDArray[np.bool_]) -> float:
    # Only for those who ask, as it is slow to import.
    from scipy.stats import fisher_exact

    won = converted == 1
    table = [[int((won & side).sum()), int((~won & side).sum())] for side in (has, ~has)]
    return float(fisher_exact(table).pvalue)
