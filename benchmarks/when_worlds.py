"""The curve in worlds whose truth is known: ``python -m benchmarks.when_worlds [--worlds N]``.

One world tells how lucky its leads were. Here the demo's simulator makes several of each kind: as
the demo is, with a level that falls before the test, with leads that begin to take longer, and with
a long tail of late customers. Each goes through the pipeline's own stages, with a regression as the
only candidate, so that a world takes some 20 seconds. Then the curve, and a model of the same
recipe made for each horizon (`benchmarks.when`), are held against the true probabilities: by how
much further the expected log loss of the one is from the truth's than that of the other. Worlds are
the units of the interval (Student's t).
"""

import argparse
import pickle
import tempfile
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import stdtrit

from benchmarks.projects import lay_out_source
from benchmarks.results import folder_of, write_result
from benchmarks.when import Later, held_against, made_for, truth_of
from leadcast.demo.law import Law, Risks
from leadcast.demo.parts import Bend
from leadcast.demo.simulate import simulate
from leadcast.features.base.files import written_whole
from leadcast.features.base.ownership import PARAMS, SOURCES
from leadcast.features.definitions.yaml_lines import plain_yaml
from leadcast.features.tables import Tables
from leadcast.models.curve.anchor_fit import Models, with_anchors
from leadcast.models.curve.curve_fit import FEWEST_FOLLOWED, fit_curve
from leadcast.models.curve.person_periods import CurveRows
from leadcast.models.data import Floats
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.learners.learner_store import load_learner
from leadcast.pipelines.base.dataset import read_calibrator, read_plan
from leadcast.pipelines.base.params import change_params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.curve import HorizonModels, Looks, known_before
from leadcast.pipelines.lifecycle.trial import STAGES

SOURCE = "demo"
NAMES = ("ingest", "snapshots", "features", "train", "calibrate")
QUICK = {"candidates": ["prior", "logistic"], "num_threads": 1}
FIRST_SEED = 201
HORIZON_DAYS = 60.0
"""The source's."""
DAYS = (7.0, 30.0, 90.0, 180.0)
"""Horizons other than the source's own, at which both are the same model."""
STEP_DAY = 465
"""About 75 days before the test: seen whole at 7 days, hardly at 60, and not at all at 180."""


def level_falls(law: Law, risks: Risks) -> tuple[Law, Risks]:
    """Let leads of all ages win less often from a day on."""
    is_later = np.arange(len(law.signing)) >= STEP_DAY
    return law._replace(signing=np.where(is_later, 0.65, 1.0) * law.signing), risks


def delays_lengthen(law: Law, risks: Risks) -> tuple[Law, Risks]:
    """Let leads that come from a day on get going later, and about as many win."""
    is_later = risks.first_day >= STEP_DAY
    return law, risks._replace(
        ramp_days=np.where(is_later, 3.0, 1.0) * risks.ramp_days,
        win_factor=np.where(is_later, 1.15, 1.0) * risks.win_factor,
    )


def tail_is_long(law: Law, risks: Risks) -> tuple[Law, Risks]:
    """Let cold leads stay longer, and win more often than they do in the demo."""
    ones = np.ones(len(law.win_per_day))
    colder, lost = ones.copy(), ones.copy()
    colder[0], lost[0] = 4.0, 0.4
    return law._replace(
        win_per_day=colder * law.win_per_day, loss_per_day=lost * law.loss_per_day
    ), risks


KINDS: dict[str, Bend | None] = {
    "as the demo": None,
    "level falls": level_falls,
    "delays lengthen": delays_lengthen,
    "long tail": tail_is_long,
}


def prepared(kind: str, seed: int, leads: int, folder: Path) -> RunFolder:
    """Simulate a world in an empty folder and run the stages; leaves the run's relative folder."""
    definition = plain_yaml((SOURCES / f"{SOURCE}.yaml").read_text(encoding="utf-8"))
    definition.pop("simulation")
    lay_out_source(folder, definition)
    simulate(leads, seed, folder / "data/demo", bend=KINDS[kind])
    with chdir(folder):
        change_params(PARAMS, lambda content: content["model"].update(QUICK))
        for name in NAMES:
            STAGES[name](SOURCE)
    return RunFolder(SOURCE)


@dataclass(frozen=True)
class Lived:
    """A world before its curve: what that is learned from, and what it is held against.

    Parameters
    ----------
    rows, newest : CurveRows
        As `leadcast.pipelines.curve.known_before` gives them.
    later : CurveRows
        From the test's beginning on.
    single, truth : dict of float to ndarray of float64, shape (n,)
        Of these, by horizon: what models made for it say, and the true probabilities.
    scores : ndarray of float64, shape (n,)
        Of `newest`: the tested model's probabilities.
    made : dict of float to tuple of int, int, ndarray of float64 of shape (n,)
        By horizon what the curve's anchors follow: how many outcomes were known, of how many
        customers, and the log-odds of `newest` by the model made for it.
    """

    rows: CurveRows
    newest: CurveRows
    later: CurveRows
    single: dict[float, Floats]
    truth: dict[float, Floats | None]
    scores: Floats
    made: dict[float, tuple[int, int, Floats]]

    def models(self) -> Models:
        """Give the models that the anchors follow."""
        return Models(lambda days: self.made[days][:2], lambda days: lambda _: self.made[days][2])


def lived(kind: str, seed: int, leads: int) -> Lived:
    """Simulate a world, and learn all but the curve."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = prepared(kind, seed, leads, folder)
        with chdir(folder):
            looks = Looks.of(run, Tables.read(run.tables))
            later = Later.of(run, looks)
            plan, calibrator = read_plan(run), read_calibrator(run)
            rows, newest = known_before(looks, plan, calibrator)
            values = newest.data.values
            models = HorizonModels.of(run, looks, plan, looks.begin_us).as_anchors()
            made = {day: made_for(run, later, day) for day in DAYS}
            return Lived(
                rows,
                newest,
                later.rows,
                {day: sigmoid(one.log_odds(later.rows.data.values)) for day, one in made.items()},
                {day: truth_of(run, later.snapshots, day) for day in (*DAYS, HORIZON_DAYS)},
                calibrator.probability(load_learner(run.learner).log_odds(values)),
                {day: (*models.known(day), models.made_for(day)(values)) for day in DAYS},
            )


def kept(kind: str, seed: int, leads: int, folder: Path | None) -> Lived:
    """Take a world from a folder where it was kept, or live it and keep it there."""
    if folder is None:
        return lived(kind, seed, leads)
    path = folder / f"{kind} {seed} {leads}.pickle".replace(" ", "_")
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as temporary:
            temporary.write_bytes(pickle.dumps(lived(kind, seed, leads)))
    found: Lived = pickle.loads(path.read_bytes())
    return found


def judged(world: Lived) -> dict[str, Any]:
    """Fit a world's curve, and hold it against the others at each horizon that it reaches."""
    choice = fit_curve(world.rows, HORIZON_DAYS, world.newest)
    if choice is None:
        return {}
    newest = world.newest.data
    curve = with_anchors(choice.curve, world.models(), newest.values, world.scores, newest.features)
    later, found = world.later, {}
    for day in DAYS:
        known = later.followed.watched_days >= day
        if day not in curve.days or known.sum() < FEWEST_FOLLOWED:
            continue
        one = held_against(curve, later, world.single[day], world.truth[day], day)
        own = world.truth[HORIZON_DAYS]
        assert own is not None
        one["score_off"] = float(np.log(later.probability[known].mean() / own[known].mean()))
        found[f"{day:g}"] = one
    return found


def summary_of(worlds: list[dict[str, Any]], day: float) -> dict[str, Any]:
    """Tell how the two do at a horizon, over worlds.

    Parameters
    ----------
    worlds : list of dict
        As `judged` gives them.
    day : float

    Returns
    -------
    dict
        ``worlds``, ``difference`` (of the expected log loss, the curve's less the other's) with
        its 95 % interval ``low``, ``high`` (null for a single world), ``nearer``, in how many
        worlds the curve is nearer to the truth, and ``held``, in how many of them what the curve
        told lies in the interval of what came, by weeks; of both, and of the ``score`` of the same
        leads at the source's own horizon, ``off``, the mean of ln(mean told / mean truth), and
        ``off_by``, its root mean square.
    """
    found = [one[f"{day:g}"] for one in worlds if f"{day:g}" in one]
    gains = np.array([one["expected_log_loss"]["difference"] for one in found])
    mean, n = float(gains.mean()), len(found)
    told: dict[str, Any] = {"worlds": n, "difference": mean, "low": None, "high": None}
    if n > 1:
        half = float(stdtrit(n - 1, 0.975) * gains.std(ddof=1) / np.sqrt(n))
        told |= {"low": mean - half, "high": mean + half}
    weeks = [one["came_by_weeks"] | {"told": one["mean"]["curve"]} for one in found]
    told["nearer"] = int((gains < 0).sum())
    told["held"] = sum(bool(one["low"] <= one["told"] <= one["high"]) for one in weeks)
    for name in ("curve", "made_for_it"):
        told[name] = _off([np.log(one["mean"][name] / one["mean"]["truth"]) for one in found])
    return told | {"score": _off([one["score_off"] for one in found])}


def _off(logs: list[float]) -> dict[str, float]:
    off = np.array(logs)
    return {"off": float(off.mean()), "off_by": float(np.sqrt((off**2).mean()))}


def _told(name: str, day: float, one: dict[str, Any]) -> str:
    off = ", ".join(
        f"{key} {one[key]['off']:+.0%} (rms {one[key]['off_by']:.0%})"
        for key in ("curve", "made_for_it", "score")
    )
    ends = "" if one["low"] is None else f" ({one['low']:+.5f} to {one['high']:+.5f})"
    return (
        f"{name}, {day:g} d: curve less made for it {one['difference']:+.5f}{ends}, nearer in "
        f"{one['nearer']} of {one['worlds']} worlds, held in {one['held']}; level off by {off}"
    )


def main() -> None:
    """Print each kind's figures and those of all worlds, and write them down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=12, help="How many, of each kind in turn.")
    parser.add_argument("--leads", type=int, default=6_000, help="In each world.")
    parser.add_argument(
        "--keep", type=Path, help="A folder for all but the curves, so that others are soon tried."
    )
    asked = parser.parse_args()
    result: dict[str, Any] = {"leads": asked.leads}
    kinds = list(KINDS)
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds[: asked.worlds]}
    for number in range(asked.worlds):
        turn, place = divmod(number, len(kinds))
        world = kept(kinds[place], FIRST_SEED + 100 * place + turn, asked.leads, asked.keep)
        found[kinds[place]].append(judged(world))
    for kind, worlds in found.items():
        result[kind] = _by_day(kind, worlds)
    every = [one for worlds in found.values() for one in worlds]
    result |= {"worlds": len(every), "all": _by_day("all", every)}
    write_result("when_worlds", result, folder_of(parser, asked, "keep"))


def _by_day(name: str, worlds: list[dict[str, Any]]) -> dict[str, Any]:
    reached = [day for day in DAYS if any(f"{day:g}" in one for one in worlds)]
    found = {f"{day:g}": summary_of(worlds, day) for day in reached}
    for day, one in found.items():
        print(_told(name, float(day), one), flush=True)
    return found


if __name__ == "__main__":
    main()
