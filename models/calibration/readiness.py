"""Whether scores are ready to use, with the reasons, and what would change that.

Three answers, from the verdict and what else the test says:

``ready``
    The scores may be used as probabilities, and nothing speaks against it.
``care``
    They may be used for ranking only; or as probabilities with something to beware of: a fault of
    calibration, a segment in which they are wrong beyond chance, few customers in the test, or what
    the leakage gate found.
``not yet``
    No better ranking than chance was shown, or `FEWEST_CUSTOMERS` customers are not in the test.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from leadcast.models.calibration.verdict import ModelVerdict

Level = Literal["ready", "care", "not yet"]

TITLES: dict[Level, str] = {
    "ready": "Ready to use",
    "care": "Use with care",
    "not yet": "Not yet",
}
FEWEST_CUSTOMERS = 10
"""With fewer customers in the test nothing can be told."""
FEW_CUSTOMERS = 50
"""With fewer, figures are told with care: an AUC's interval is then some 0.15 wide."""


@dataclass(frozen=True)
class ReadinessReason:
    """One thing that speaks for a model, or against it."""

    good: bool
    words: str
    change: str = ""
    """What would change it, where it speaks against."""


@dataclass(frozen=True)
class Readiness:
    """Whether scores are ready to use.

    Parameters
    ----------
    level : {"ready", "care", "not yet"}
    reasons : tuple of ReadinessReason
        What speaks against it first.
    """

    level: Level
    reasons: tuple[ReadinessReason, ...]

    @property
    def title(self) -> str:
        """The answer in words."""
        return TITLES[self.level]

    @property
    def changes(self) -> tuple[str, ...]:
        """What would change the answer."""
        found = tuple(dict.fromkeys(one.change for one in self.reasons if one.change))
        return found or (_IF_IT_FALLS,)

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "level": self.level,
            "title": self.title,
            "reasons": [asdict(one) for one in self.reasons],
            "changes": list(self.changes),
        }


_IF_IT_FALLS = (
    "It would be lost if conversions came otherwise than the scores say, or the leads changed: "
    "leadcast monitor looks for that every night, and each run judges anew."
)
_MORE_OUTCOMES = (
    "More outcomes: wait until more leads have matured, or bring a longer history, and run again."
)


def readiness(
    verdict: ModelVerdict, metrics: Mapping[str, Any], leaks: Sequence[str] = ()
) -> Readiness:
    """Say whether scores are ready to use.

    Parameters
    ----------
    verdict : ModelVerdict
    metrics : mapping
        As ``metrics.json`` and a bundle have them.
    leaks : sequence of str
        What the leakage gate found, in words; empty where nothing.

    Returns
    -------
    Readiness
    """
    test = _part(metrics, "test")
    found = [
        *_customers(test),
        *_ranking(test),
        *_calibration(verdict, test),
        *_loss(metrics),
        *_level(verdict, metrics),
        *_segments(metrics),
        *(ReadinessReason(False, one, _MEND_LEAK) for one in leaks),
    ]
    level: Level = "ready"
    if verdict.beware or any(not one.good for one in found):
        level = "care"
    customers = _customers_of(test)
    if verdict.use == "nothing" or (customers is not None and customers < FEWEST_CUSTOMERS):
        level = "not yet"
    return Readiness(level, tuple(sorted(found, key=lambda one: one.good)))


_MEND_LEAK = (
    "Decide what the leakage gate names: forbid the column in the definition, or vouch for it "
    "(leakage.vouched) once you know that it is known in time."
)


def _customers_of(test: Mapping[str, Any]) -> int | None:
    # Older versions counted snapshots alone: of one customer there may be several.
    found: int | None = test.get("n_customers", test.get("n_converted"))
    return found


def _customers(test: Mapping[str, Any]) -> Iterator[ReadinessReason]:
    customers, leads = _customers_of(test), test.get("n_leads")
    if customers is None:
        return
    of = "" if leads is None else f" of {leads:,} leads"
    words = f"Tested on {customers:,} customers{of} that the model had never seen"
    if customers < FEW_CUSTOMERS:
        yield ReadinessReason(False, f"{words}: too few to tell its quality well.", _MORE_OUTCOMES)
    else:
        yield ReadinessReason(True, f"{words}.")


def _ranking(test: Mapping[str, Any]) -> Iterator[ReadinessReason]:
    auc = _part(test, "auc")
    if auc.get("value") is None:
        yield ReadinessReason(False, "Whether it ranks leads cannot be told.", _MORE_OUTCOMES)
        return
    low, high = auc.get("low"), auc.get("high")
    ends = "" if low is None or high is None else f" (95 %: {low:.3f} to {high:.3f})"
    words = f"AUC {auc['value']:.3f}{ends}, where 0.5 is a coin's toss"
    if low is None or low <= 0.5:
        change = f"{_MORE_OUTCOMES} Or attributes and events that tell leads apart."
        yield ReadinessReason(False, f"It does not rank leads better than chance: {words}.", change)
    else:
        yield ReadinessReason(True, f"It ranks leads: {words}.")


def _calibration(verdict: ModelVerdict, test: Mapping[str, Any]) -> Iterator[ReadinessReason]:
    error = _part(test, "ece").get("value")
    chance = _part(test, "ece_if_calibrated").get("high")
    if error is None or chance is None:
        return
    if error <= chance:
        words = f"calibration error {_percent(error)}, no more than chance gives"
        yield ReadinessReason(True, f"What it says comes true: {words}.")
        return
    said, came = (
        _part(test, name).get("value") or 0.0 for name in ("mean_probability", "base_rate")
    )
    much = "far off" if verdict.use == "ranking" else "somewhat off"
    words = (
        f"The probabilities are {much}: calibration error {_percent(error)} where chance gives up "
        f"to {_percent(chance)} (it said {_percent(said)} on average, {_percent(came)} came)."
    )
    yield ReadinessReason(False, words, _LEVEL_CHANGE)


_LEVEL_CHANGE = (
    "A level that holds still: newer outcomes (run again, or leadcast recalibrate) where the share "
    "of customers has moved. Ranking needs none of that."
)


def _loss(metrics: Mapping[str, Any]) -> Iterator[ReadinessReason]:
    without, loss = _part(metrics, "without_model"), _part(_part(metrics, "test"), "log_loss")
    if not without or loss.get("value") is None:
        return
    words = f"log loss {loss['value']:.3f}, {without['log_loss']:.3f} with one rate for all leads"
    if without["high"] < 0:
        yield ReadinessReason(True, f"It tells more than one rate for all: {words}.")
    elif without["low"] > 0:
        words = f"It tells less than one rate for all leads: {words}."
        yield ReadinessReason(False, words, _LEVEL_CHANGE)
    else:
        words = f"Whether it tells more than one rate for all leads is not shown: {words}."
        yield ReadinessReason(False, words, _MORE_OUTCOMES)


def _level(verdict: ModelVerdict, metrics: Mapping[str, Any]) -> Iterator[ReadinessReason]:
    doubt = _part(metrics, "level_doubt")
    mean, low, high = (doubt.get(f"mean_{name}") for name in ("probability", "low", "high"))
    if mean is None or low is None or high is None:
        return
    where = f"where it says {_percent(mean)} on average, {_percent(low)} to {_percent(high)}"
    if verdict.use == "ranking" and doubt.get("beyond_errors"):
        words = f"The level of leads to come cannot be told: {where} may come."
        yield ReadinessReason(False, words, _LEVEL_CHANGE)
    else:
        yield ReadinessReason(True, f"Its level has held in the past: {where} may come.")


def _segments(metrics: Mapping[str, Any]) -> Iterator[ReadinessReason]:
    found = _part(metrics, "multicalibration")
    gap, chance = found.get("gap"), found.get("gap_by_chance")
    if gap is None or chance is None:
        return
    if gap <= chance:
        yield ReadinessReason(True, "It is right in each segment as far as chance allows.")
        return
    name = f"{found['attribute']} {found['segment']}"
    words = f"In one segment it is off by more than chance explains: {name}."
    change = f"More leads of {name}, or a closer look at them; elsewhere the scores hold."
    yield ReadinessReason(False, words, change)


def _part(metrics: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    # A bundle's metrics are what its writer put there: an older version's lack some.
    found = metrics.get(name)
    return found if isinstance(found, Mapping) else {}


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
