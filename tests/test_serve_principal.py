"""Principal reasons: at most four, specific, and true: masking one moves the score as it said."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.models.bundle.bundle import Bundle
from leadcast.models.data import Matrix
from leadcast.serve.principal import (
    MOST_PRINCIPAL,
    Baseline,
    decisions,
    log_odds_of,
    principal_reasons,
    topics,
)
from tests.scoring_world import scoring_world
from tests.test_serve_reasons import blended, scorer

ROWS = 40


def bundles() -> list[Bundle]:
    return [scorer().bundle, blended()]


def values() -> Matrix:
    return scoring_world().values[:ROWS]


@pytest.mark.parametrize("bundle", bundles(), ids=["trees", "blend"])
def test_masking_what_a_reason_names_moves_the_score_as_it_said(bundle: Bundle) -> None:
    features = [feature.name for feature in bundle.plan.features]
    before = log_odds_of(bundle, values())
    told = 0
    for row, reasons, own in zip(
        values(), principal_reasons(bundle, values()), before, strict=True
    ):
        assert len(reasons) <= MOST_PRINCIPAL
        for reason in reasons:
            masked = row.copy()
            for name, value in reason.masked.items():
                masked[features.index(name)] = np.nan if value is None else value
            after = log_odds_of(bundle, masked[None])[0]
            # It said that this lowers the score by so much: without it, the score is higher by it.
            assert reason.contribution < 0 < after - own
            assert own - after == pytest.approx(reason.contribution, abs=1e-9)
            probability = 1 / (1 + np.exp(-after))
            assert probability == pytest.approx(reason.probability_masked, abs=1e-9)
            told += 1
        assert list(reasons) == sorted(reasons, key=lambda one: one.contribution)
    assert told > ROWS


def test_the_oracle_can_fail_where_a_reason_overstates() -> None:
    bundle = scorer().bundle
    reason = next(one for row in principal_reasons(bundle, values()) for one in row)
    assert replace(reason, contribution=2 * reason.contribution).contribution != pytest.approx(
        reason.contribution
    )


def test_a_typical_customer_has_no_reason_for_a_low_score() -> None:
    bundle = scorer().bundle
    assert principal_reasons(bundle, Baseline(bundle).values[None]) == [()]


def test_every_feature_is_of_one_topic() -> None:
    bundle = scorer().bundle
    columns = [column for own in topics(bundle.plan).values() for column in own]
    assert sorted(columns) == list(range(len(bundle.plan.features)))


def test_a_decision_can_be_repeated_from_its_record() -> None:
    bundle, moment = scorer().bundle, datetime(2025, 8, 1, tzinfo=UTC)
    (one,) = decisions(bundle, ["lead 1"], moment, values()[:1])
    record = json.loads(json.dumps(one.to_json()))
    assert record["bundle_id"] == bundle.manifest.bundle_id
    assert record["as_of"] == "2025-08-01T00:00:00+00:00"
    assert record["told_at"]
    row: Matrix = np.full((1, len(bundle.plan.features)), np.nan, np.float32)
    for place, feature in enumerate(bundle.plan.features):
        value = record["inputs"][feature.name]
        if isinstance(value, str):
            row[0, place] = feature.levels.index(value) + 1 if value else 0
        elif value is not None:
            row[0, place] = value
    again = bundle.calibrator.probability(bundle.learner.log_odds(row))[0]
    assert again == record["probability"]
    assert record["above_cut"] == (record["probability"] >= record["cut"])
    flat = one.flat()
    assert {f"reason_{place}" for place in range(1, 5)} <= flat.keys()
    assert "inputs" not in flat


def test_a_bundle_without_counts_is_told() -> None:
    with pytest.raises(LeadcastError, match="principal reasons: the bundle holds no counts"):
        principal_reasons(replace(scorer().bundle, rates=None), values())
