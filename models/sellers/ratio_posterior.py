"""Sellers' ratios of observed to expected conversions, drawn towards the mean, with their doubt.

Conversions of a seller are Poisson with mean ``ratio * expected``, and ratios are gamma distributed
around a mean: as for standardised mortality ratios (Clayton and Kaldor 1987, Biometrics 43). The
mean, and how far sellers differ from it, are not known either: they are averaged over, each weighed
by how likely it makes what was seen (negative binomial) and by a prior, so that few sellers give no
false certainty. Ranks are those of draws from the posterior (Goldstein and Spiegelhalter
1996, J. R. Stat. Soc. A 159): a seller with a dozen leads is then neither best nor worst.
"""

from dataclasses import dataclass

import numpy as np

from leadcast.models.data import Floats, Integers

DRAWS = 4_000
SPREADS = np.geomspace(0.03, 2.0, 40)
"""Standard deviations of the ratios, as a share of their mean, that are averaged over."""
USUAL_SPREAD = 0.5
MEANS = np.exp(np.linspace(-1.0, 1.0, 41))
"""Means of the sellers' ratios that are averaged over, as multiples of that of all their leads."""
USUAL_MEAN_SPREAD = 0.5
LEVEL = 0.95


@dataclass(frozen=True)
class RatioDraws:
    """Draws of all sellers' ratios at once.

    Parameters
    ----------
    ratio : ndarray of float64, shape (n_draws, n_sellers)
        From the posterior.
    mean : float
        The ratio of all leads together, to which they are drawn.
    spread : float
        The posterior mean of how far sellers differ, as a share of `mean`.
    """

    ratio: Floats
    mean: float
    spread: float

    def interval(self, values: Floats | None = None) -> tuple[Floats, Floats]:
        """Give the ends of each seller's interval.

        Parameters
        ----------
        values : ndarray of float64, shape (n_draws, n_sellers), optional
            Something computed of the draws; the ratios themselves, if not given.

        Returns
        -------
        low, high : ndarray of float64, shape (n_sellers,)
        """
        drawn = self.ratio if values is None else values
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
        return low, high

    def ranks(self) -> Integers:
        """Rank the sellers in each draw; 1 is the highest ratio.

        Returns
        -------
        ndarray of int64, shape (n_draws, n_sellers)
        """
        order = np.argsort(-self.ratio, axis=1)
        ranks = np.empty_like(order)
        np.put_along_axis(ranks, order, np.arange(1, self.ratio.shape[1] + 1)[None, :], axis=1)
        return ranks


def ratio_draws(
    observed: Floats, expected: Floats, dispersion: float = 1.0, seed: int = 0
) -> RatioDraws:
    """Draw sellers' ratios from their posterior.

    Parameters
    ----------
    observed, expected : ndarray of float64, shape (n_sellers,)
        Conversions that came and that were expected; not negative, at least one expected above 0.
    dispersion : float
        The variance of the conversions as a multiple of a Poisson variable's: what leads of one
        person or account have in common makes it larger, that a lead converts once smaller.
    seed : int
        The same seed gives the same draws.

    Returns
    -------
    RatioDraws
    """
    came, due = observed / dispersion, expected / dispersion
    mean = float((came.sum() + 0.5) / (due.sum() + 0.5))
    size = 1 / np.square(SPREADS)
    means = mean * MEANS
    weight = _log_evidence(came, due, means, size)
    weight -= np.square(np.log(MEANS) / USUAL_MEAN_SPREAD)[:, None] / 2
    # The grid is even in the logarithm, so that the prior's density is multiplied by the spread.
    weight += np.log(SPREADS) - np.square(SPREADS / USUAL_SPREAD) / 2
    weight = np.exp(weight - weight.max())
    weight /= weight.sum()
    rng = np.random.default_rng(seed)
    place, which = np.divmod(rng.choice(weight.size, DRAWS, p=weight.ravel()), len(SPREADS))
    centre, drawn = means[place][:, None], size[which][:, None]
    ratio = rng.gamma(came + drawn, 1 / (due * centre + drawn)) * centre
    return RatioDraws(ratio, mean, float(weight.sum(axis=0) @ SPREADS))


def _log_evidence(came: Floats, due: Floats, means: Floats, size: Floats) -> Floats:
    """Tell how likely each mean and spread make the conversions, but for what is always alike."""
    from scipy.special import gammaln

    a, to_come = size[:, None], np.maximum(means[:, None, None] * due, 1e-12)
    each = gammaln(came + a) - gammaln(a) + a * np.log(a / (a + to_come))
    each = each + came * np.log(to_come / (a + to_come))
    return np.asarray(each.sum(axis=2))


def dispersion_of(converted: Floats, expected: Floats, group: Integers) -> float:
    """Measure how much more conversions vary than independent rare ones.

    Parameters
    ----------
    converted, expected : ndarray of float64, shape (n_leads,)
        0 or 1, and the probability.
    group : ndarray of int64, shape (n_leads,)
        Leads of one group are not independent.

    Returns
    -------
    float
        The variance of the groups' sums as a multiple of the expected conversions; at least 0.5.
    """
    if not expected.sum():
        return 1.0
    rank = np.unique(group, return_inverse=True)[1]
    sums = np.bincount(rank, converted - expected)
    return max(float(np.square(sums).sum() / expected.sum()), 0.5)
