"""What junk among the leads to learn from changes: ``leadcast sellers NAME --training``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.ownership import PARAMS
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.engine.engine import compute
from leadcast.features.engine.fitting import fit_plan
from leadcast.features.settings import FeatureSettings
from leadcast.features.snapshots import SnapshotSettings, make_snapshots
from leadcast.features.tables import Tables
from leadcast.models.choice.fitting import fit_learner
from leadcast.models.choice.setups import default_setup
from leadcast.models.data import LabelledMatrix
from leadcast.models.learners.learner_store import FittedLearner, learner_words
from leadcast.models.sellers.junk_training import (
    APART_FROM,
    TREATMENT_WORDS,
    training_effects,
)
from leadcast.models.settings import LearnerSettings
from leadcast.models.splits import SplitSettings, split_snapshots
from leadcast.pipelines.base.dataset import coded, labelled
from leadcast.pipelines.base.params import (
    Params,
    horizon_days,
    load_params,
    snapshot_settings,
    split_settings,
)
from leadcast.pipelines.base.seller_facts import junk_on_arrival

LEARNERS = ("logistic", "lightgbm")
ON_ARRIVAL = "known on arrival"


def effects_of_source(definition: SourceDefinition, tables: Tables) -> list[dict[str, Any]]:
    """Measure on a source's later leads what keeping its junk, or not, changes.

    Parameters
    ----------
    definition : SourceDefinition
    tables : Tables
        Read by it.

    Returns
    -------
    list of dict
        As `effects_of_junk` gives them. Later leads are those that are more likely honest.

    Raises
    ------
    LeadcastError
        If there is no telling what is junk, no junk to learn from, or no later customer.
    """
    params = load_params() if PARAMS.exists() else Params()
    junk = junk_on_arrival(definition, tables)
    if not (junk["junk"] >= APART_FROM).any():
        raise LeadcastError(
            f"sellers {definition.name} --training: no lead is likely junk by how it came, so that "
            "there is nothing to set apart"
        )
    settings = snapshot_settings(definition.name, params, tables)
    honest = junk.select("lead_id", honest=pl.col("junk") < APART_FROM)
    model = params.model.model_copy(update={"seed": params.seed})
    split = split_settings(definition.name, params)
    how = (settings, split, params.features, model)
    return effects_of_junk(tables, {ON_ARRIVAL: junk}, honest, how)


def effects_of_junk(
    tables: Tables,
    told: Mapping[str, pl.DataFrame],
    honest: pl.DataFrame,
    how: tuple[SnapshotSettings, SplitSettings, FeatureSettings, LearnerSettings],
) -> list[dict[str, Any]]:
    """Fit learners with junk kept, set apart and down-weighted, and measure them on later leads.

    Parameters
    ----------
    tables : Tables
    told : mapping of str to pl.DataFrame
        By what leads were taken for junk: ``lead_id`` and ``junk``, the probability.
    honest : pl.DataFrame
        ``lead_id`` and ``honest``: whether a lead is measured on.
    how : tuple of settings
        Of the snapshots, of the split, of the features and of the learners.

    Returns
    -------
    list of dict
        As `leadcast.models.sellers.junk_training.TrainingEffect`, with ``learner``.
    """
    moments, split, features, settings = how
    found = split_snapshots(
        make_snapshots(tables, moments, settings.seed), split, horizon_days(tables, moments)
    )
    used = coded(found.filter(pl.col("part") != "left_out"))
    begin: Any = used.filter(part="test")["as_of"].min()
    plan = fit_plan(tables, used.filter(part="train"), features, begin, moments)
    values = compute(plan, tables.leads, tables.events, used)
    rows = labelled(values, plan.features, used, horizon_days(tables, moments))
    learn = (used["part"] == "train").to_numpy()
    is_honest = _of_leads(used, honest, "honest").fill_null(value=True).to_numpy()
    later = rows.rows((used["part"] == "test").to_numpy() & is_honest)
    if not 0 < later.converted.sum() < len(later):
        raise LeadcastError(
            "sellers --training: of the later leads that are likely no junk none was won, or all "
            "were, so that there is nothing to measure on"
        )
    by = {
        name: _of_leads(used, one, "junk").fill_null(0.0).to_numpy()[learn]
        for name, one in told.items()
    }
    result = []
    for kind in LEARNERS:
        setup = (default_setup(settings, kind),)

        def fit(data: LabelledMatrix, kind: str = kind, setup: Any = setup) -> FittedLearner:  # noqa: ANN401
            return fit_learner(kind, data, setup, settings)

        effects = training_effects(rows.rows(learn), by, later, fit)
        result += [one.to_json() | {"learner": kind} for one in effects]
    return result


def _of_leads(snapshots: pl.DataFrame, leads: pl.DataFrame, name: str) -> pl.Series:
    ids = snapshots.select(pl.col("lead_id").cast(pl.String))
    return ids.join(leads, on="lead_id", how="left", maintain_order="left")[name]


def effect_lines(effects: Sequence[Mapping[str, Any]], treatment: str) -> Iterator[str]:
    """Tell it for a person.

    Parameters
    ----------
    effects : sequence of mapping
        As `effects_of_source` gives them.
    treatment : str
        What the definition asks for.

    Yields
    ------
    str
    """
    yield (
        "WHAT JUNK DOES TO TRAINING: on later leads that are likely honest; junk told by how a "
        "lead came. Log loss in nats, lower is better; change against keeping all, with its "
        "standard error by persons"
    )
    heads = f"{'learner':<24} {'junk':<14} {'rows':>9} {'log loss':>9} {'change':>20}"
    yield f"{heads}  customers said, came"
    for one in effects:
        change = "" if not one["junk_by"] else f"{one['change']:+z.5f} ± {one['error']:.5f}"
        yield (
            f"{learner_words(one['learner']):<24} {TREATMENT_WORDS[one['treatment']]:<14} "
            f"{one['rows']:>9,.0f} {one['log_loss']:>9.5f} {change:>20}  "
            f"{one['expected']:,.0f}, {one['observed']:,.0f}"
        )
    yield f"The definition has junk_in_training: {treatment}; docs/sellers.md tells what it does"
