"""How early a fall of conversions can be found: ``python -m benchmarks.monitoring_limit``.

For falls of 15 to 50 % and sources of 3 to 200 conversions a week, the median weeks until the alarm
of all leads, in worlds of Poisson counts; beside that what the best test could do that knows how
far conversions would fall, that no week shakes and the exact level, and that spends one false alarm
a year on this direction alone (Shiryaev and Roberts' procedure, which has the least mean delay of
all with its rate of false alarms: Pollak and Tartakovsky 2009). Draws a plot for docs.
"""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import write_result
from leadcast.models.data import Floats
from leadcast.models.monitoring.evidence import FEWER, WEEK_DAYS, detect
from leadcast.models.monitoring.streams import FALSE_ALARMS_PER_YEAR, FEWER_SHARES, SHARES, Stream
from leadcast.models.monitoring.thresholds import thresholds_for

FALLS = (0.15, 0.22, 0.25, 0.35, 0.5)
"""The second is that of the demo's price rise."""
A_WEEK = (3, 6, 9, 12, 18, 25, 50, 100, 200)
PATHS, LEARNED_WEEKS, QUIET_WEEKS, LATE_WEEKS, YEAR_WEEKS = 2000, 40, 13, 27, 52
BEST_A_YEAR = 1.0
PLOT = Path("docs/monitoring_delay.svg")


def best_evidence(observed: Floats, expected: Floats, ratio: float) -> Floats:
    """Run the best test of a fall to a known ratio of the level, begun anew on each day.

    Parameters
    ----------
    observed : ndarray of float64, shape (n_streams, n_days)
    expected : ndarray of float64, shape (n_days,)
    ratio : float

    Returns
    -------
    ndarray of float64, shape (n_streams, n_days)
    """
    gains: Floats = np.exp(observed * np.log(ratio) + expected * (1 - ratio))
    evidence, last = np.empty_like(gains), np.zeros(len(gains))
    for day in range(gains.shape[1]):
        # Beyond any threshold it need not grow to infinity.
        last = np.minimum((1 + last) * gains[:, day], 1e100)
        evidence[:, day] = last
    return evidence


def best_threshold(a_week: float, ratio: float, a_year: float = BEST_A_YEAR) -> float:
    """Find what it must reach, so that quiet years have so many false alarms."""
    rng, due = np.random.default_rng(3), np.full(YEAR_WEEKS * WEEK_DAYS, a_week / WEEK_DAYS)
    seen = rng.poisson(due, (PATHS, len(due))).astype(np.float64)
    highest = best_evidence(seen, due, ratio).max(axis=1)
    return float(np.quantile(highest, np.exp(-a_year)))


def median_weeks(evidence: Floats, threshold: float, change: int) -> float:
    """Tell the median weeks from a day on until the evidence suffices; infinite where it does not.

    Streams in which it did before are left out: there counting would have begun anew.

    Parameters
    ----------
    evidence : ndarray of float64, shape (n_streams, n_days)
    threshold : float
    change : int
        The day, from 0.

    Returns
    -------
    float
    """
    quiet = ~(evidence[:, :change] >= threshold).any(axis=1)
    reached = evidence[quiet, change:] >= threshold
    weeks = np.where(reached.any(axis=1), (reached.argmax(axis=1) + 1) / WEEK_DAYS, np.inf)
    return float(np.median(weeks))


def weeks_until_found(a_week: float, fall: float) -> tuple[float, float]:
    """Tell the median weeks until the alarm of all leads, and the best test's."""
    change, days = QUIET_WEEKS * WEEK_DAYS, (QUIET_WEEKS + LATE_WEEKS) * WEEK_DAYS
    due = np.full(days, a_week / WEEK_DAYS)
    moved = due * np.where(np.arange(days) >= change, 1 - fall, 1.0)
    seen = np.random.default_rng(1).poisson(moved, (PATHS, days)).astype(np.float64)
    best = best_evidence(seen, due, 1 - fall)
    least = median_weeks(best, best_threshold(a_week, 1 - fall), change)
    before = np.full(LEARNED_WEEKS * WEEK_DAYS, a_week / WEEK_DAYS)
    # What is learned of shocks in weeks whose counts spread exactly as Poisson counts do.
    luck = np.random.default_rng(2).poisson(before).astype(np.float64)
    stream = Stream("conversions", "", "", due, due, luck, before)
    rate = FALSE_ALARMS_PER_YEAR * SHARES["conversions"]
    fewer = rate * FEWER_SHARES["conversions"]
    settings = (a_week, stream.dispersion, stream.level_variance)
    threshold = thresholds_for(*settings, fewer, rate - fewer).fewer
    own = detect(seen, due[None], stream.dispersion, FEWER)
    return median_weeks(own, threshold, change), least


def draw(found: dict[float, list[tuple[float, float]]], place: Path = PLOT) -> None:
    """Draw the weeks until a fall is found against the conversions a week."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "monitoring"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 4.6), layout="constrained")
    for place_of, (fall, weeks) in enumerate(found.items()):
        colour = f"C{place_of}"
        own, best = np.array(weeks).T
        axes.plot(A_WEEK, own, color=colour, marker="o", markersize=3, label=f"{fall:.0%} fewer")
        axes.plot(A_WEEK, best, color=colour, linestyle="--", linewidth=1)
    axes.plot([], [], color="grey", linestyle="--", linewidth=1, label="the best test, see text")
    axes.axhline(4, color="grey", linewidth=0.8)
    axes.text(A_WEEK[-1], 4.1, "four weeks", ha="right", va="bottom", color="grey")
    axes.set(xscale="log", yscale="log", ylim=(0.4, LATE_WEEKS))
    axes.set_xticks(A_WEEK, [str(one) for one in A_WEEK], minor=False)
    ticks = (0.5, 1, 2, 4, 8, 16)
    axes.set_yticks(ticks, [f"{one:g}" for one in ticks], minor=False)
    axes.minorticks_off()
    axes.set(xlabel="Conversions a week", ylabel="Weeks until the alarm (median)")
    axes.legend(frameon=False, fontsize=9)
    figure.savefig(place, metadata={"Date": None})
    plt.close(figure)
    print(f"drawn: {place}")


def volume_for(weeks: list[float], wanted: float = 4.0) -> float | None:
    """Tell how many conversions a week it takes, between those tried."""
    for place in range(1, len(weeks)):
        high, low = weeks[place - 1], weeks[place]
        if low <= wanted < high:
            if not np.isfinite(high):
                return float(A_WEEK[place])
            share = np.log(high / wanted) / np.log(high / low)
            before, after = np.log(A_WEEK[place - 1]), np.log(A_WEEK[place])
            return float(np.exp(before + share * (after - before)))
    return None


def main() -> None:
    """Measure, draw and write it down."""
    found = {fall: [weeks_until_found(one, fall) for one in A_WEEK] for fall in FALLS}
    result: dict[str, Any] = {"conversions_a_week": list(A_WEEK), "falls": {}}
    for fall, weeks in found.items():
        own, best = (list(part) for part in zip(*weeks, strict=True))
        told = {
            name: {
                "weeks": [one if np.isfinite(one) else None for one in part],
                "conversions_a_week_for_four_weeks": volume_for(part),
            }
            for name, part in (("alarm", own), ("best", best))
        }
        result["falls"][f"{fall:g}"] = told
        print(fall, told, flush=True)
    draw(found)
    write_result("monitoring_limit", result)


if __name__ == "__main__":
    main()
