"""Columns that go missing, hold other values than before, or come to mean something else.

Leads are parted by the month of their creation (by tenths in their order where nothing is dated).
Of each column the cut is sought at which before and since differ most (the largest likelihood
ratio; Page 1957 asks the same of a sequence), and it is told where the difference is large, not
only where it is sure: with many leads everything is.

References
----------
Page, E. S. (1957). On problems in which a change in a parameter occurs at an unknown point.
Biometrika 44, 248-252.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.profile.month_bins import TimeBins, months_of
from leadcast.features.tables import TimeOrder
from leadcast.features.values.distinct import as_numbers
from leadcast.models.audit.audit_finding import AuditFinding
from leadcast.models.audit.lead_outcomes import LeadOutcomes
from leadcast.models.data import Floats, Integers

TENTHS = 10
FEWEST = 100
"""So many leads must lie on either side of a cut."""
MOST_LEVELS = 20
_SURE = 1e-6
"""How unlikely a difference must be where nothing has changed; several cuts are looked at."""
_MISSING_FALL, _MISSING_SHARE = 0.15, 0.7
_MOVED = 0.2
"""Of total variation: so many leads would have to change their value for before and since to be
alike."""
_NEW, _USUAL_NEW = 0.5, 0.25
_SCALE = 5.0
_FEWEST_OF_LEVEL = 50
_TURNED = -0.5


@dataclass(frozen=True)
class Spans:
    """The leads in time's order, in parts."""

    labels: list[str]
    """What each part is called."""
    places: Integers
    """The part of each lead, shape (n_leads,)."""


def spans_of(leads: pl.DataFrame, order: TimeOrder, zone: str) -> Spans | None:
    """Part leads by time.

    Parameters
    ----------
    leads : pl.DataFrame
    order : TimeOrder
    zone : str
        In which months begin.

    Returns
    -------
    Spans or None
        None where nothing is known of time.
    """
    if order is TimeOrder.UNORDERED or leads.height < TENTHS:
        return None
    if order is TimeOrder.DATED:
        months = months_of(leads["created_at"], zone)
        first, last = months.min(), months.max()
        assert isinstance(first, int)
        assert isinstance(last, int)
        bins = TimeBins.over(first, last)
        return Spans(bins.labels(), bins.places(months).to_numpy())
    ranks = leads["position"].rank("ordinal").cast(pl.Int64) - 1
    labels = [f"tenth {number} of {TENTHS}" for number in range(1, TENTHS + 1)]
    return Spans(labels, (ranks * TENTHS // leads.height).to_numpy())


def audit_columns(
    outcomes: LeadOutcomes, types: Mapping[str, str], columns: Mapping[str, str], spans: Spans
) -> Iterator[AuditFinding]:
    """Look at each column through time.

    Parameters
    ----------
    outcomes : LeadOutcomes
    types, columns : mapping of str to str
        Each attribute's type, and the export's column of it.
    spans : Spans

    Yields
    ------
    AuditFinding
    """
    for name, kind in types.items():
        if name not in outcomes.leads.columns:
            continue
        series, column = outcomes.leads[name], columns.get(name, name)
        yield from _missing(series, column, spans)
        if kind in ("category", "number", "flag") and series.count() >= 2 * FEWEST:
            yield from _values(outcomes, series, column, spans)


def _missing(series: pl.Series, column: str, spans: Spans) -> Iterator[AuditFinding]:
    filled = series.is_not_null().to_numpy()
    counts = _counts(spans, filled.astype(np.int64), 2)
    cut = _best_cut(counts)
    if cut is None:
        return
    before, since = (part.sum(axis=0) for part in (counts[:cut], counts[cut:]))
    was, now = (float(part[1] / part.sum()) for part in (before, since))
    if was - now >= _MISSING_FALL and now <= _MISSING_SHARE * was:
        words = f"filled in {was:.0%} before {spans.labels[cut]}, {now:.0%} since"
        yield AuditFinding("column_goes_missing", column, int(since[0]), int(since.sum()), words)


def _values(
    outcomes: LeadOutcomes, series: pl.Series, column: str, spans: Spans
) -> Iterator[AuditFinding]:
    codes, n_levels = _coded(series)
    given = codes >= 0
    within = Spans(spans.labels, spans.places[given])
    counts = _counts(within, codes[given], n_levels)
    fresh = _fresh_shares(series.filter(pl.Series(given)), within)
    yield from _turned(outcomes, codes, counts, column, spans)
    cut = _best_cut(counts)
    if cut is None:
        return
    others = np.delete(fresh, [0, cut])
    if not series.dtype.is_numeric() and (others > _USUAL_NEW).any():
        # Such as campaigns, of which there are new ones all the time.
        return
    before, since = (part.sum(axis=0) for part in (counts[:cut], counts[cut:]))
    moved = float(np.abs(before / before.sum() - since / since.sum()).sum() / 2)
    if moved < _MOVED:
        return
    label, n = spans.labels[cut], int(since.sum())
    words = _meaning(series, spans.places >= cut, float(fresh[cut]))
    if words is not None:
        told = f"since {label} {words}"
        yield AuditFinding("column_changes_meaning", column, n, int(counts.sum()), told)
        return
    told = f"since {label} {moved:.0%} of the leads would need another value to be as before"
    yield AuditFinding("column_drifts", column, round(moved * n), int(counts.sum()), told)


def _meaning(series: pl.Series, since: npt.NDArray[np.bool_], fresh: float) -> str | None:
    if series.dtype.is_numeric():
        numbers = as_numbers(series)
        parts = (numbers[~since], numbers[since])
        was, now = (float(np.nanmedian(part)) for part in parts)
        ratio = now / was if was > 0 and now > 0 else 1.0
        if max(ratio, 1 / ratio) < _SCALE:
            return None
        return f"the median is {now:g}, {max(ratio, 1 / ratio):.3g} times " + (
            f"more than {was:g}" if ratio > 1 else f"less than {was:g}"
        )
    if fresh < _NEW:
        return None
    return f"{fresh:.0%} of the values are words that were not there before"


def _turned(
    outcomes: LeadOutcomes, codes: Integers, counts: Integers, column: str, spans: Spans
) -> Iterator[AuditFinding]:
    """Find a column whose values convert the other way round than they did."""
    middle = int(np.searchsorted(np.cumsum(counts.sum(axis=1)), counts.sum() / 2)) + 1
    known = outcomes.known & (codes >= 0)
    rates, sizes, p_values = [], [], []
    for half in (spans.places < middle, spans.places >= middle):
        mine = known & half
        n = np.bincount(codes[mine], minlength=counts.shape[1]).astype(np.float64)
        won = np.bincount(codes[mine], outcomes.converted[mine], minlength=counts.shape[1])
        rates.append(won / np.maximum(n, 1))
        sizes.append(n)
    enough = (sizes[0] >= _FEWEST_OF_LEVEL) & (sizes[1] >= _FEWEST_OF_LEVEL)
    if enough.sum() < 2:
        return
    for rate, n in zip(rates, sizes, strict=True):
        p_values.append(_heterogeneity(rate[enough], n[enough]))
    weight = np.minimum(sizes[0], sizes[1])[enough]
    if max(p_values) < 1e-3 and _correlation(rates[0][enough], rates[1][enough], weight) <= _TURNED:
        count = int(sizes[1].sum())
        label = spans.labels[min(middle, len(spans.labels) - 1)]
        words = f"the values that converted best before {label} convert worst since"
        yield AuditFinding("column_turns", column, count, int(known.sum()), words)


def _heterogeneity(rate: Floats, n: Floats) -> float:
    """Give Pearson's p value for all levels having one rate."""
    from scipy.special import chdtrc

    base = float((rate * n).sum() / n.sum())
    if base in (0.0, 1.0):
        return 1.0
    statistic = float((n * (rate - base) ** 2).sum() / (base * (1 - base)))
    return float(chdtrc(len(n) - 1, statistic))


def _correlation(one: Floats, other: Floats, weight: Floats) -> float:
    a, b = (part - np.average(part, weights=weight) for part in (one, other))
    spread = np.sqrt(np.average(a * a, weights=weight) * np.average(b * b, weights=weight))
    return float(np.average(a * b, weights=weight) / spread) if spread > 0 else 0.0


def _coded(series: pl.Series) -> tuple[Integers, int]:
    """Give each value the number of its level or of its tenth; -1 where it is missing."""
    if series.dtype.is_numeric():
        numbers = as_numbers(series)
        known = ~np.isnan(numbers)
        edges = np.unique(np.quantile(numbers[known], np.linspace(0, 1, TENTHS + 1)[1:-1]))
        codes = np.searchsorted(edges, numbers, side="right").astype(np.int64)
        return np.where(known, codes, -1), len(edges) + 1
    texts = series.cast(pl.String)
    counts = texts.drop_nulls().value_counts(name="count")
    counts = counts.sort("count", counts.columns[0], descending=[True, False])
    levels = counts[counts.columns[0]][:MOST_LEVELS].to_list()
    numbered = {level: code for code, level in enumerate(levels)}
    coded = (
        texts.replace_strict(numbered, default=len(levels), return_dtype=pl.Int64)
        .to_numpy()
        .astype(np.int64)
    )
    return np.where(texts.is_not_null().to_numpy(), coded, -1), len(levels) + 1


def _counts(spans: Spans, codes: Integers, n_levels: int) -> Integers:
    n_spans = len(spans.labels)
    flat = np.bincount(spans.places * n_levels + codes, minlength=n_spans * n_levels)
    return flat.reshape(n_spans, n_levels).astype(np.int64)


def _fresh_shares(given: pl.Series, spans: Spans) -> Floats:
    """Give the share of each part's leads whose value no earlier part has."""
    shares = np.zeros(len(spans.labels))
    if given.dtype.is_numeric():
        return shares
    frame = pl.DataFrame({"value": given.cast(pl.String), "place": spans.places})
    first = pl.col("place").min().over("value")
    found = (
        frame.with_columns(is_new=first == pl.col("place"))
        .group_by("place")
        .agg(pl.col("is_new").mean(), pl.len())
    )
    for place, share, n in found.iter_rows():
        shares[place] = share if n >= 2 * TENTHS else 0.0
    return shares


def _best_cut(counts: Integers) -> int | None:
    """Find the first part after the cut at which both sides differ most, if they surely do."""
    from scipy.special import chdtri

    running, total = np.cumsum(counts, axis=0), counts.sum(axis=0)
    best, strongest = None, 0.0
    for cut in range(1, len(counts)):
        before, since = running[cut - 1], total - running[cut - 1]
        if min(before.sum(), since.sum()) < FEWEST:
            continue
        statistic = _likelihood_ratio(before, since)
        if statistic > strongest:
            best, strongest = cut, statistic
    levels = int((total > 0).sum())
    return best if levels > 1 and strongest > chdtri(levels - 1, _SURE) else None


def _likelihood_ratio(one: Integers, other: Integers) -> float:
    both = np.stack([one, other]).astype(np.float64)
    expected = np.outer(both.sum(axis=1), both.sum(axis=0)) / both.sum()
    filled = both > 0
    return float(2 * (both[filled] * np.log(both[filled] / expected[filled])).sum())
