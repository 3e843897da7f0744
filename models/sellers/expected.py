"""How many of a seller's leads should have converted, by all that is known of them but the seller.

Indirect standardisation: a model that sees neither source nor vendor nor campaign says of each
lead how likely such a lead converts. No lead is judged by a model that has learned from it or from
its person (cross-fitting, as in Chernozhukov and others 2018), and the level is that of all leads
of the same month, so that a seller is not praised for a good season.
"""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.engine.engine import compute
from leadcast.features.engine.fitting import fit_plan
from leadcast.features.settings import FeatureSettings
from leadcast.features.snapshots import SnapshotSettings, make_snapshots, microseconds
from leadcast.features.tables import Tables, TimeOrder
from leadcast.features.values.readings import SOURCE_ROLES
from leadcast.models.choice.fitting import fit_learner
from leadcast.models.choice.setups import Setup
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.models.evaluation.logistic import log_odds_of, sigmoid
from leadcast.models.settings import LearnerSettings

FOLDS = 4
PENALTY = 40.0
_SETUP = (Setup(None, curves=((PENALTY, 1.0),)),)
MONTH_WORTH = 20.0
"""A month's level is drawn to that of all months as if by so many more expected conversions."""


def expected_conversions(
    tables: Tables,
    settings: SnapshotSettings,
    without: Collection[str] = (),
    features: FeatureSettings | None = None,
    seed: int = 0,
) -> pl.DataFrame:
    """Say of each lead whose outcome is known what was to be expected of it when it arrived.

    Parameters
    ----------
    tables : Tables
    settings : SnapshotSettings
        Of its landmarks the first is used.
    without : collection of str
        Attributes beside source, vendor and campaign that tell who brought a lead.
    features : FeatureSettings, optional
    seed : int
        Of the folds.

    Returns
    -------
    pl.DataFrame
        A row a lead with a mature label: ``lead_id``, ``converted`` (Float64), ``expected``
        (Float64, a probability), ``group`` (Int64: leads of one person or account share it).

    Raises
    ------
    LeadcastError
        If no label is mature, or all are alike.
    """
    left_out = {*SOURCE_ROLES, *without}
    unknown = sorted(set(without) - set(tables.attribute_types))
    if unknown:
        raise LeadcastError(
            f"--without: found {', '.join(unknown)}, which is no attribute; there are: "
            f"{', '.join(sorted(tables.attribute_types))}"
        )
    first = settings.model_copy(update={"landmarks_days": settings.landmarks_days[:1]})
    snapshots = make_snapshots(tables, first, seed).filter("mature")
    blind = replace(
        tables,
        leads=tables.leads.drop(left_out, strict=False),
        attribute_types={
            name: kind for name, kind in tables.attribute_types.items() if name not in left_out
        },
    )
    rows = _matrix(blind, snapshots, first, features or FeatureSettings())
    expected = _cross_fitted(rows, seed)
    if tables.time_order is TimeOrder.DATED:
        expected = _at_level(expected, rows.converted, snapshots["as_of"])
    return snapshots.select(
        "lead_id",
        converted=pl.Series(rows.converted),
        expected=pl.Series(expected),
        group=pl.Series(rows.group),
    )


def _matrix(
    tables: Tables, snapshots: pl.DataFrame, settings: SnapshotSettings, features: FeatureSettings
) -> LabelledMatrix:
    plan = fit_plan(tables, snapshots, features, None, settings)
    values = compute(plan, tables.leads, tables.events, snapshots)
    codes = snapshots.select(pl.col("group_id", "person_id").rank("dense").cast(pl.Int64))
    return LabelledMatrix(
        values=np.ascontiguousarray(values, dtype=np.float32),
        features=plan.features,
        converted=snapshots["converted"].cast(pl.Float64).to_numpy(),
        position=snapshots["position"].to_numpy(),
        group=codes["group_id"].to_numpy(),
        horizon=microseconds(settings.horizon_days),
        person=codes["person_id"].to_numpy(),
    )


def _cross_fitted(rows: LabelledMatrix, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    fold = rng.integers(0, FOLDS, int(rows.group.max()) + 1)[rows.group]
    # One level for all times: that of each month is set afterwards.
    settings = LearnerSettings(periods=1, follow_clocks=0)
    expected = np.full(len(rows), float(rows.converted.mean()))
    for one in range(FOLDS):
        learned, judged = rows.rows(fold != one), rows.rows(fold == one)
        if 0 < learned.converted.sum() < len(learned) and len(judged):
            learner = fit_learner("logistic", learned, _SETUP, settings)
            expected[fold == one] = sigmoid(learner.log_odds(judged.values))
    return expected


def _at_level(expected: Floats, converted: Floats, as_of: pl.Series) -> Floats:
    """Move each month's log-odds to where as many are expected as came, or nearly so."""
    months = as_of.dt.truncate("1mo").rank("dense").cast(pl.Int64).to_numpy() - 1
    log_odds = log_odds_of(expected)
    for _ in range(3):
        now = sigmoid(log_odds)
        came, due = (np.bincount(months, part) for part in (converted, now))
        level = converted.sum() / now.sum()
        log_odds += np.log((came + MONTH_WORTH * level) / (due + MONTH_WORTH))[months]
    return sigmoid(log_odds)
