"""What evaluation says of people's rights: payout invariance, and the scores group by group."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.files import read_json, write_json
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.engine.engine import compute
from leadcast.features.ingest.leads import withheld_name
from leadcast.features.tables import Tables
from leadcast.models.bundle.bundle_reference import Reference
from leadcast.models.data import Floats
from leadcast.models.evaluation.evaluation import segments_of
from leadcast.models.learners.learner_store import load_learner
from leadcast.models.sellers.lead_facts import spelt_alike
from leadcast.models.steering import PAY, Invariance, report_groups, tried_invariance
from leadcast.models.steering.group_report import groups_line
from leadcast.models.steering.invariance import MOST_LEADS
from leadcast.pipelines.base.dataset import read_calibrator, read_plan
from leadcast.pipelines.base.params import Params
from leadcast.pipelines.base.paths import RunFolder


def judge_rights(run: RunFolder, definition: SourceDefinition, scores: pl.DataFrame,
                 group: npt.ArrayLike, params: Params) -> str:  # fmt: skip
    """Test payout invariance and report groups; write `RunFolder.rights`.

    Parameters
    ----------
    run : RunFolder
    definition : SourceDefinition
        It says which columns are payouts, and which are groups.
    scores : pl.DataFrame
        Of the test, as `RunFolder.test_scores` has them.
    group : array_like, shape (n_rows,)
        The unit that the bootstrap draws.
    params : Params

    Returns
    -------
    str
        What was found, for the stage's lines; empty where nothing is to be told.

    Raises
    ------
    LeadcastError
        If a payout changes a score.
    """
    tables = Tables.read(run.tables)
    invariance = _invariance(run, definition, tables, scores, params.seed)
    labels = _labels(definition, tables, scores["lead_id"])
    content: dict[str, Any] = {"payout_invariance": invariance.to_json(), "groups": None}
    if labels:
        probability = scores["probability"].to_numpy()
        content["groups"] = report_groups(
            probability,
            scores["converted"].cast(pl.Float64).to_numpy(),
            group,
            labels,
            Reference.of(probability).bounds[0],
            seed=params.seed,
            replicates=params.evaluation.slice_replicates,
        )
    write_json(run.rights, content)
    invariance.require(f"evaluate {run.source}")
    return "" if content["groups"] is None else groups_line(content["groups"])


def payout_columns(definition: SourceDefinition) -> list[str]:
    """Name the columns of the canonical leads that say what is paid for a lead.

    Parameters
    ----------
    definition : SourceDefinition

    Returns
    -------
    list of str
        ``cost`` among them, whether or not the leads have it.
    """
    denied = definition.withheld().items()
    return ["cost", *(withheld_name(column) for column, one in denied if one in PAY)]


def _invariance(
    run: RunFolder, definition: SourceDefinition, tables: Tables, scores: pl.DataFrame, seed: int
) -> Invariance:
    plan, learner, calibrator = read_plan(run), load_learner(run.learner), read_calibrator(run)
    places = np.linspace(0, scores.height - 1, min(MOST_LEADS, scores.height)).astype(np.int64)
    # One snapshot a lead, so that a row of leads is a row of scores.
    chosen = scores[places].unique("lead_id", keep="first", maintain_order=True)
    snapshots = chosen.select("lead_id", "as_of")
    events = tables.events.join(snapshots.lazy().select("lead_id"), on="lead_id", how="semi")
    held = events.collect().lazy()
    leads = snapshots.join(tables.leads, on="lead_id", how="left", maintain_order="left")

    def scored(others: pl.DataFrame) -> Floats:
        values = compute(plan, others.drop("as_of"), held, snapshots)
        return calibrator.probability(learner.log_odds(values))

    return tried_invariance(scored, leads, payout_columns(definition), seed)


def _labels(
    definition: SourceDefinition, tables: Tables, lead_id: pl.Series
) -> dict[str, npt.NDArray[np.str_]]:
    names = {column: withheld_name(column) for column in definition.groups}
    rows = lead_id.to_frame().join(
        tables.leads.select("lead_id", *names.values()),
        on="lead_id",
        how="left",
        maintain_order="left",
    )
    return {column: segments_of(_alike(rows[name])) for column, name in names.items()}


def _alike(values: pl.Series) -> pl.Series:
    """Let what differs in case or spaces alone be one group."""
    return spelt_alike(values) if values.dtype == pl.String else values


def read_rights(run: RunFolder) -> dict[str, Any] | None:
    """Read what evaluation said of people's rights; None where an older version evaluated."""
    return dict(read_json(run.rights)) if run.rights.is_file() else None
