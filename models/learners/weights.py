"""The blend's weights: how far each shape is to be trusted, from out-of-time predictions.

Stacking on the log-odds scale with weights that are not negative (Breiman 1996, "Stacked
regressions"), drawn towards a half each, with an intercept for each origin so that a level that
was missed does not bend them.
"""

import numpy as np
import numpy.typing as npt

from models.data import Floats, Integers

PRIOR_WEIGHT = 0.5
PRIOR_PRECISION = 200.0
"""Strong: the origins are few, and their rows are less alike than independent rows would be."""
LEVEL_PRECISION = 1.0
MOST_STEPS = 50
LONGEST_STEP = 1.0


def blend_weights(level: Floats, shapes: Floats, converted: Floats, origin: Integers) -> Floats:
    """Fit the weights of shapes.

    Parameters
    ----------
    level : ndarray of float64, shape (n,)
        The expected level of each row.
    shapes : ndarray of float64, shape (n, n_shapes)
        What each shape adds.
    converted : ndarray of float64, shape (n,)
    origin : ndarray of int64, shape (n,)
        Which origin's prediction each row is, from 0.

    Returns
    -------
    ndarray of float64, shape (n_shapes,)
        At least 0.
    """
    number = shapes.shape[1]
    design = np.column_stack([shapes, np.eye(int(origin.max()) + 1)[origin]])
    levels = design.shape[1] - number
    precision = np.r_[np.full(number, PRIOR_PRECISION), np.full(levels, LEVEL_PRECISION)]
    centre = np.r_[np.full(number, PRIOR_WEIGHT), np.zeros(levels)]
    free, place = np.ones(len(centre), dtype=bool), centre.copy()
    for _ in range(number + 1):
        place = _fit(level, design, converted, precision, np.where(free, centre, 0.0), free)
        # A weight that came out negative is held at 0 and the rest is fitted again.
        negative = (place < 0) & (np.arange(len(place)) < number)
        if not negative.any():
            break
        free &= ~negative
    return np.asarray(place[:number])


def _fit(
    level: Floats,
    design: Floats,
    converted: Floats,
    precision: Floats,
    centre: Floats,
    free: npt.NDArray[np.bool_],
) -> Floats:
    place, own = centre.copy(), design[:, free]
    for _ in range(MOST_STEPS):
        expected = 1 / (1 + np.exp(-(level + own @ place[free])))
        slope = own.T @ (expected - converted) + precision[free] * (place - centre)[free]
        curvature = (own * (expected * (1 - expected))[:, None]).T @ own
        curvature[np.diag_indices(len(slope))] += precision[free]
        step = np.linalg.solve(curvature, slope)
        place[free] -= step / max(1.0, float(np.abs(step).max()) / LONGEST_STEP)
        if np.abs(step).max() < 1e-9:
            break
    return place
