"""Principal reasons: why a lead scored low, at most four, each a fact about the model.

A reason is about one thing that is known of the lead: an attribute, or a kind of event. Features
made of it are all set to what a typical customer has (`Baseline`), everything else stays, and
the lead is scored again. What the log-odds then gain is what the reason says that it costs: whoever
masks the same features finds the same number. So a reason is true of this model and this lead by
itself; reasons do not add up, as two of them may cost the same points twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from leadcast.features.base.errors import LeadcastError
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.registry import Feature, humanise, snake
from leadcast.models.bundle.bundle import Bundle
from leadcast.models.bundle.bundle_reference import FeatureRates
from leadcast.models.bundle.feature_words import value_words
from leadcast.models.data import Floats, Matrix
from leadcast.serve.reasons import NEGLIGIBLE

MOST_PRINCIPAL = 4
FEWEST_WON = 30
"""Of fewer customers, the typical lead stands for the typical customer."""


@dataclass(frozen=True)
class PrincipalReason:
    """One thing that lowers a lead's score."""

    about: str
    """The attribute or the kind of event."""
    words: str
    """What the lead has, and what a typical customer has."""
    contribution: float
    """What it adds to the log-odds: negative, as it lowers them. Masking it takes so much away."""
    probability_masked: float
    """The lead's probability if it had what a typical customer has instead."""
    masked: Mapping[str, float | None]
    """The features that are masked, each with the value that is put in its place; None: missing."""


@dataclass(frozen=True)
class Decision:
    """A score with its principal reasons and all that is needed to repeat it."""

    lead_id: str
    as_of: datetime | None
    """The moment at which the lead was looked at."""
    told_at: datetime
    """When the decision was made."""
    source: str
    bundle_id: str
    code_version: str
    probability: float
    grade: str
    cut: float
    """From so much on a lead is above the cut (of grade A)."""
    above_cut: bool
    reasons: tuple[PrincipalReason, ...]
    """The one that costs most first; empty where nothing lowers the score."""
    inputs: Mapping[str, float | str | None]
    """What the model was given: each feature's value, a category by its name."""

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data, times in ISO 8601."""
        content = asdict(self)
        for name in ("as_of", "told_at"):
            content[name] = None if content[name] is None else content[name].isoformat()
        return content

    def flat(self) -> dict[str, Any]:
        """Give it as one row of a table, without the inputs."""
        named = {
            f"reason_{place}{suffix}": None if one is None else getattr(one, key)
            for place in range(1, MOST_PRINCIPAL + 1)
            for suffix, key in (
                ("", "words"),
                ("_contribution", "contribution"),
                ("_probability_masked", "probability_masked"),
            )
            for one in [self.reasons[place - 1] if place <= len(self.reasons) else None]
        }
        content = self.to_json()
        kept = {key: content[key] for key in content if key not in ("reasons", "inputs")}
        return kept | named


class Baseline:
    """What a typical customer has: the median of a number, the most frequent category or flag.

    Parameters
    ----------
    bundle : Bundle
        With its rates, which count the customers of training by the values of each feature.

    Raises
    ------
    LeadcastError
        If the bundle is of an old schema and has none.
    """

    def __init__(self, bundle: Bundle) -> None:
        if bundle.rates is None:
            raise LeadcastError(
                "principal reasons: the bundle holds no counts of customers (schema 1); run the "
                "source again, which exports a new one"
            )
        self.is_of_customers = bundle.rates.won >= FEWEST_WON
        self.values: Matrix = np.array(
            [
                _typical(rates, feature, customers=self.is_of_customers)
                for rates, feature in zip(bundle.rates.features, bundle.plan.features, strict=True)
            ],
            dtype=np.float32,
        )
        self.topics = topics(bundle.plan)

    def masked(self, row: Matrix, columns: Sequence[int]) -> Matrix:
        """Give a row with some columns as a typical customer has them."""
        other = row.copy()
        other[list(columns)] = self.values[list(columns)]
        return other


def _typical(rates: FeatureRates, feature: Feature, *, customers: bool) -> float:
    counts = np.array(rates.won if customers else rates.leads, dtype=np.float64)
    if not counts.sum():
        return np.nan
    if feature.dtype != "number":
        place = int(counts.argmax())
        return np.nan if place == 0 else float(place - 1)
    if counts[0] >= counts.sum() / 2:
        return np.nan
    known = np.cumsum(counts[1:])
    place = int(np.searchsorted(known, known[-1] / 2))
    # Of the last bin the end is not kept, only that it is above all others.
    return float(rates.edges[min(place, len(rates.edges) - 1)]) if rates.edges else 0.0


def topics(plan: FeaturePlan) -> dict[str, tuple[int, ...]]:
    """Put the features together that are made of the same thing.

    Parameters
    ----------
    plan : FeaturePlan

    Returns
    -------
    dict of str to tuple of int
        By the attribute, the kind of event or, of others, the feature's own words, the numbers of
        its columns; each column once.
    """
    kinds = sorted(plan.kinds, key=lambda kind: -len(kind))
    found: dict[str, list[int]] = {}
    for number, feature in enumerate(plan.features):
        found.setdefault(_topic(feature, kinds), []).append(number)
    return {name: tuple(numbers) for name, numbers in found.items()}


def _topic(feature: Feature, kinds: Sequence[str]) -> str:
    read = dict.fromkeys(name.removeprefix("leads.") for name in feature.inputs)
    if len(read) == 1 and feature.inputs[0].startswith("leads."):
        return humanise(next(iter(read)))
    if any(name.startswith("events.") for name in feature.inputs):
        for kind in kinds:
            name = snake(kind)
            if feature.name == name or feature.name.startswith(f"{name}_"):
                return humanise(kind)
    return feature.words


def principal_reasons(bundle: Bundle, values: Matrix) -> list[tuple[PrincipalReason, ...]]:
    """Find why leads score low.

    Parameters
    ----------
    bundle : Bundle
    values : ndarray of float32, shape (n_rows, n_features)
        A row for each lead.

    Returns
    -------
    list of tuple of PrincipalReason
        At most `MOST_PRINCIPAL` for each row, the one that costs most first.

    Raises
    ------
    LeadcastError
        If the bundle is too old.
    """
    baseline = Baseline(bundle)
    return [_of_row(bundle, baseline, row) for row in values]


def _of_row(bundle: Bundle, baseline: Baseline, row: Matrix) -> tuple[PrincipalReason, ...]:
    names = list(baseline.topics)
    masked = np.stack([row, *(baseline.masked(row, baseline.topics[name]) for name in names)])
    log_odds = log_odds_of(bundle, masked)
    probability = bundle.calibrator.probability(bundle.learner.log_odds(masked))
    gains = log_odds[1:] - log_odds[0]
    order = np.argsort(-gains, kind="stable")[:MOST_PRINCIPAL]
    return tuple(
        PrincipalReason(
            about=names[place],
            words=_words(bundle, baseline, row, names[place]),
            contribution=-float(gains[place]),
            probability_masked=float(probability[place + 1]),
            masked={
                bundle.plan.features[column].name: _plain(float(baseline.values[column]))
                for column in baseline.topics[names[place]]
                if not _same(row[column], baseline.values[column])
            },
        )
        for place in order.tolist()
        if gains[place] > NEGLIGIBLE
    )


def log_odds_of(bundle: Bundle, values: Matrix) -> Floats:
    """Give rows' calibrated log-odds, the scale of `PrincipalReason.contribution`."""
    return bundle.calibrator.log_odds(bundle.learner.log_odds(values))


def _same(one: float, other: float) -> bool:
    return bool(one == other or (np.isnan(one) and np.isnan(other)))


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else value


def _words(bundle: Bundle, baseline: Baseline, row: Matrix, name: str) -> str:
    """Say what the lead has of a thing, by the feature that costs most of those that are masked."""
    columns = [i for i in baseline.topics[name] if not _same(row[i], baseline.values[i])]
    alone = np.stack([baseline.masked(row, [column]) for column in columns])
    worst = columns[int(np.argmax(log_odds_of(bundle, alone)))]
    feature = bundle.plan.features[worst]
    whose = "a typical customer" if baseline.is_of_customers else "a typical lead"
    own = value_words(feature, float(row[worst]))
    theirs = value_words(feature, float(baseline.values[worst]))
    # Rounded alike, a number says how it differs.
    if own == theirs:
        theirs = f"{'more' if baseline.values[worst] > row[worst] else 'less'}"
    words = feature.words.partition(" (")[0] if feature.is_log10 else feature.words
    return f"{words}: {own} ({whose}: {theirs})"


def inputs_of(bundle: Bundle, row: Matrix) -> dict[str, float | str | None]:
    """Name what the model was given of a lead.

    Parameters
    ----------
    bundle : Bundle
    row : ndarray of float32, shape (n_features,)

    Returns
    -------
    dict
        By feature its number (0 or 1 for a flag), the name of its category (``""`` for a rare or
        new one), or None where it is missing.
    """
    found: dict[str, float | str | None] = {}
    for feature, value in zip(bundle.plan.features, row.tolist(), strict=True):
        if np.isnan(value):
            found[feature.name] = None
        elif feature.dtype == "category":
            found[feature.name] = feature.levels[int(value) - 1] if value else ""
        else:
            found[feature.name] = value
    return found


def decisions(
    bundle: Bundle, lead_ids: Sequence[str], as_of: datetime | None, values: Matrix
) -> list[Decision]:
    """Score leads, and tell of each why it scored low.

    Parameters
    ----------
    bundle : Bundle
    lead_ids : sequence of str
    as_of : datetime or None
        The moment of `values`.
    values : ndarray of float32, shape (n_leads, n_features)

    Returns
    -------
    list of Decision
    """
    probability = bundle.calibrator.probability(bundle.learner.log_odds(values))
    grades, cut = bundle.reference.grade(probability), bundle.reference.bounds[0]
    told_at, manifest = datetime.now(UTC), bundle.manifest
    return [
        Decision(
            lead_id=lead_id,
            as_of=as_of,
            told_at=told_at,
            source=manifest.origin.source,
            bundle_id=manifest.bundle_id,
            code_version=manifest.code_version,
            probability=float(own),
            grade=str(grade),
            cut=float(cut),
            above_cut=bool(own >= cut),
            reasons=reasons,
            inputs=inputs_of(bundle, row),
        )
        for lead_id, own, grade, reasons, row in zip(
            lead_ids, probability, grades, principal_reasons(bundle, values), values, strict=True
        )
    ]
