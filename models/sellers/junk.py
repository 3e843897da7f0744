"""How likely each lead is junk, without anybody having said of any lead that it was.

Leads are of three classes: honest, paid for (somebody was paid for filling in the form), faked (a
program did). Within a class the signals are taken as independent, each seller has its own shares of
the classes, and what the classes look like is the same for all sellers: a latent class model that
the sellers' different shares identify (Hui and Walter 1980, Biometrics 36, "Estimating the error
rates of diagnostic tests"), fitted by expectation-maximisation (Dempster, Laird and Rubin 1977).

What each class looks like begins from what is known of the mechanisms (`USUAL`), and the source's
own leads move it. Leads that nobody sold hold the honest class to what honest leads are like here.
No outcome is looked at: that a vendor's leads do not convert is another finding, and not the same
one again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from leadcast.models.data import Flags, Floats, Integers
from leadcast.models.sellers.false_discovery import found_with_few_false
from leadcast.models.sellers.signals import FAMILIES, QUALITY, SIGNAL_WORDS, Signals

CLASSES = ("honest", "paid", "faked")
USUAL: Mapping[str, tuple[tuple[float, ...], ...]] = {
    "form_time": ((0.93, 0.06, 0.01), (0.50, 0.42, 0.08), (0.15, 0.15, 0.70)),
    "pasted": ((0.90, 0.06, 0.04), (0.50, 0.20, 0.30), (0.35, 0.10, 0.55)),
    "device": ((0.95, 0.045, 0.005), (0.35, 0.30, 0.35), (0.20, 0.20, 0.60)),
    "address": ((0.93, 0.06, 0.01), (0.40, 0.30, 0.30), (0.30, 0.30, 0.40)),
    "burst": ((0.985, 0.013, 0.002), (0.85, 0.13, 0.02), (0.30, 0.25, 0.45)),
    "night": ((0.93, 0.07), (0.85, 0.15), (0.60, 0.40)),
    "sequence": ((0.998, 0.002), (0.97, 0.03), (0.50, 0.50)),
    "contact": ((0.80, 0.17, 0.03), (0.40, 0.42, 0.18), (0.40, 0.40, 0.20)),
    "after": ((0.80, 0.08, 0.12), (0.30, 0.50, 0.20), (0.05, 0.05, 0.90)),
}
"""By signal and class, the shares of its levels to begin from."""
WORTH_HONEST, WORTH_JUNK = 100.0, 40.0
"""So many leads are these shares worth against the source's own."""
SHARES = (0.90, 0.05, 0.05)
WORTH_SHARES, WORTH_UNSOLD = 6.0, 400.0
SHARES_UNSOLD = (0.99, 0.005, 0.005)
"""A seller's shares of the classes to begin from, and those of leads that nobody sold."""
ABSENT = 0.3
"""Without a hint, junk is at least so many times as frequent as with what honest leads show."""
MOST_ROUNDS, CLOSE = 300, 1e-5
LIMIT = 0.10
"""A seller is found where more than this share of its leads is junk."""
FEWEST_FAMILIES = 2
_FAMILY_CHANCE = 0.005
_EXCESS = 1.5
_STEP = 0.005
_GRID = np.arange(_STEP / 2, 1, _STEP)
"""Shares that are tried, each the middle of a stretch."""
SHARE_SHAPE = (0.5, 4.5)
"""A beta distribution: what is thought of a seller's share of junk before looking."""


@dataclass(frozen=True)
class SellerJunk:
    """What of a seller's leads is junk.

    Parameters
    ----------
    seller : str
    leads : int
    share, low, high : float
        Of junk, with its 95 % interval.
    over_limit : float
        The probability that the share is above `LIMIT`.
    paid, faked : float
        The two kinds' shares.
    families : tuple of str
        What the hints are about that its leads show beyond what others' do.
    hints : tuple of (str, float, float)
        What its leads show, with its share among them and among all other sellers' and unsold
        leads; the most telling first.
    found : bool
        Whether it is said to deliver junk.
    """

    seller: str
    leads: int
    share: float
    low: float
    high: float
    over_limit: float
    paid: float
    faked: float
    families: tuple[str, ...]
    hints: tuple[tuple[str, float, float], ...]
    found: bool


@dataclass(frozen=True)
class JunkFound:
    """Every lead's probability of junk, and every seller's share.

    Parameters
    ----------
    lead_id : pl.Series
    paid, faked : ndarray of float64, shape (n_leads,)
        The probability of each kind.
    sellers : tuple of SellerJunk
        Those of leads that were sold, the largest share first.
    likelihoods : dict of str to ndarray of float64, shape (3, n_levels)
        What each class looks like, as learned.
    signals : Signals
        What was looked at.
    """

    lead_id: pl.Series
    paid: Floats
    faked: Floats
    sellers: tuple[SellerJunk, ...]
    likelihoods: dict[str, Floats]
    signals: Signals

    @property
    def probability(self) -> Floats:
        """How likely each lead is junk."""
        return self.paid + self.faked

    def hints_of_leads(self) -> pl.Series:
        """Tell in words what each lead shows.

        Returns
        -------
        pl.Series of String, length n_leads
            Empty where it shows nothing.
        """
        parts = [
            pl.Series(["", *SIGNAL_WORDS[name]]).gather(np.maximum(level, 0))
            for name, level in self.signals.levels.items()
        ]
        frame = pl.DataFrame({f"{place}": part for place, part in enumerate(parts)})
        told = frame.with_columns(pl.all().replace("", None))
        words = told.select(pl.concat_str(pl.all(), separator=", ", ignore_nulls=True))
        return words.to_series().fill_null("")


def find_junk(signals: Signals, seller: pl.Series, sold: pl.Series) -> JunkFound:
    """Find junk among a source's leads.

    Parameters
    ----------
    signals : Signals
    seller : pl.Series of String, length n_leads
        Who brought each lead; not null.
    sold : pl.Series of Boolean, length n_leads
        Whether a vendor brought it. Where none or all were sold there is no such background.

    Returns
    -------
    JunkFound
    """
    codes = seller.rank("dense").cast(pl.Int64).to_numpy() - 1
    unsold = ~sold.to_numpy()
    names = sorted(seller.unique().to_list())
    is_unsold = np.array([bool(unsold[codes == place].all()) for place in range(len(names))])
    mixed = bool(is_unsold.any() and not is_unsold.all())
    prior = np.tile(np.array(SHARES) * WORTH_SHARES, (len(names), 1))
    if mixed:
        prior[is_unsold] = np.array(SHARES_UNSOLD) * WORTH_UNSOLD
    likelihoods, shares = _fit(*_alike(signals, codes), prior)
    log_of_class = _log_likelihood(signals, likelihoods)
    classes = _posterior(log_of_class, shares[codes])
    told = []
    for place, name in enumerate(names):
        if not (mixed and is_unsold[place]):
            own = codes == place
            others = is_unsold[codes] if mixed else ~own
            told.append(
                _of_seller(name, own, others, signals, log_of_class, shares[place], classes)
            )
    return JunkFound(
        signals.lead_id, classes[:, 1], classes[:, 2], _judged(told), likelihoods, signals
    )


def _alike(signals: Signals, codes: Integers) -> tuple[Signals, Integers, Integers]:
    """Put leads together that no signal tells apart, with how many each of them stands for."""
    code = codes.copy()
    for level in signals.levels.values():
        code = code * 4 + (level + 1)
    _, first, counts = np.unique(code, return_index=True, return_counts=True)
    levels = {name: level[first] for name, level in signals.levels.items()}
    return Signals(signals.lead_id.gather(first), levels), codes[first], counts


def _fit(
    signals: Signals, codes: Integers, leads: Integers, prior: Floats
) -> tuple[dict[str, Floats], Floats]:
    """Learn what the classes look like, and each seller's shares of them."""
    worth = np.array([WORTH_HONEST, WORTH_JUNK, WORTH_JUNK])[:, None]
    begin = {name: np.array(USUAL[name]) for name in signals.levels}
    likelihoods, shares = dict(begin), prior / prior.sum(axis=1, keepdims=True)
    for _ in range(MOST_ROUNDS):
        classes = _posterior(_log_likelihood(signals, likelihoods), shares[codes])
        classes *= leads[:, None]
        counts = np.column_stack(
            [np.bincount(codes, classes[:, k], minlength=len(prior)) for k in range(len(CLASSES))]
        )
        moved = counts + prior
        moved /= moved.sum(axis=1, keepdims=True)
        for name, level in signals.levels.items():
            known = level >= 0
            n_levels = begin[name].shape[1]
            seen = np.array(
                [
                    np.bincount(level[known], classes[known, k], minlength=n_levels)
                    for k in range(len(CLASSES))
                ]
            )
            likelihoods[name] = _ordered(seen + begin[name] * worth)
        step = float(np.abs(moved - shares).max())
        shares = moved
        if step < CLOSE:
            break
    return likelihoods, shares


def _ordered(counts: Floats) -> Floats:
    """Give shares of levels of which no hint ever speaks for innocence."""
    shares: Floats = counts / counts.sum(axis=1, keepdims=True)
    for kind in range(1, len(CLASSES)):
        ratio = shares[kind] / shares[0]
        rising = np.maximum.accumulate(ratio)
        # A hint that is rarer among junk than a weaker one is taken to say as much as that one.
        if (rising > ratio).any():
            mended = shares[0] * rising
            shares[kind] = mended / mended.sum()
        # Who takes care leaves no hint: that one is absent says little.
        absent = max(float(shares[kind, 0]), ABSENT * float(shares[0, 0]))
        shares[kind, 1:] *= (1 - absent) / shares[kind, 1:].sum()
        shares[kind, 0] = absent
    return shares


def _log_likelihood(signals: Signals, likelihoods: Mapping[str, Floats]) -> Floats:
    total = np.zeros((len(signals.lead_id), len(CLASSES)))
    for name, level in signals.levels.items():
        known = level >= 0
        total[known] += np.log(likelihoods[name]).T[level[known]]
    return total


def _posterior(log_of_class: Floats, shares: Floats) -> Floats:
    weight = log_of_class + np.log(shares)
    weight = np.exp(weight - weight.max(axis=1, keepdims=True))
    result: Floats = weight / weight.sum(axis=1, keepdims=True)
    return result


def _of_seller(
    name: str,
    own: Flags,
    others: Flags,
    signals: Signals,
    log_of_class: Floats,
    shares: Floats,
    classes: Floats,
) -> SellerJunk:
    from scipy.stats import beta

    kinds = shares[1:] / shares[1:].sum()
    log_junk = np.logaddexp(
        log_of_class[own, 1] + np.log(kinds[0]), log_of_class[own, 2] + np.log(kinds[1])
    )
    honest = log_of_class[own, 0]
    most = np.maximum(log_junk, honest)
    ratio_junk, ratio_honest = np.exp(log_junk - most), np.exp(honest - most)
    fits = np.log(np.outer(_GRID, ratio_junk) + np.outer(1 - _GRID, ratio_honest)).sum(axis=1)
    weight = fits + beta.logpdf(_GRID, *SHARE_SHAPE)
    weight = np.exp(weight - weight.max())
    weight /= weight.sum()
    reached = np.cumsum(weight)
    ends = _GRID[np.minimum(np.searchsorted(reached, (0.025, 0.975)), len(_GRID) - 1)]
    families, hints = _beyond_others(signals, own, others)
    return SellerJunk(
        name,
        int(own.sum()),
        float(weight @ _GRID),
        float(ends[0] - _STEP / 2),
        float(ends[1] + _STEP / 2),
        float(weight[_GRID > LIMIT].sum()),
        float(classes[own, 1].mean()),
        float(classes[own, 2].mean()),
        families,
        hints,
        found=False,
    )


def _beyond_others(
    signals: Signals, own: Flags, others: Flags
) -> tuple[tuple[str, ...], tuple[tuple[str, float, float], ...]]:
    """Tell which hints a seller's leads show that chance, and half as many again, do not make."""
    from scipy.stats import binom

    families, hints = list[str](), list[tuple[float, tuple[str, float, float]]]()
    for name, level in signals.levels.items():
        mine, theirs = level[own & (level >= 0)], level[others & (level >= 0)]
        if not len(mine) or not len(theirs):
            continue
        for rank, words in enumerate(SIGNAL_WORDS[name], start=1):
            usual = ((theirs >= rank).sum() + 0.5) / (len(theirs) + 1)
            seen = int((mine >= rank).sum())
            chance = float(binom.sf(seen - 1, len(mine), min(_EXCESS * usual, 1.0)))
            if chance < _FAMILY_CHANCE:
                families.append(FAMILIES[name])
                hints.append((chance, (words, seen / len(mine), float(usual))))
    hints.sort(key=lambda one: one[0])
    return tuple(dict.fromkeys(families)), tuple(told for _, told in hints)


def _judged(told: list[SellerJunk]) -> tuple[SellerJunk, ...]:
    """Say who delivers junk: whose hints are of more than one kind, and few of them falsely.

    Hints of quality alone make nobody suspect: they weigh, beside others.
    """
    likely = {
        one.seller: one.over_limit
        for one in told
        if len(set(one.families) - {QUALITY}) >= FEWEST_FAMILIES
    }
    found = found_with_few_false(likely)
    judged = [replace(one, found=one.seller in found) for one in told]
    return tuple(sorted(judged, key=lambda one: (-one.share, one.seller)))
