"""How much: what leads are worth if they are won, and what may be expected of each."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from leadcast.features.base.files import write_json, written_whole
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.load import find_definition
from leadcast.features.engine.engine import compute
from leadcast.features.snapshots import SnapshotSettings
from leadcast.features.tables import Tables
from leadcast.models.amounts.amount_choice import (
    FEWEST,
    Chosen,
    choose_amounts,
    mean_of_all,
    refit_amounts,
)
from leadcast.models.amounts.amount_judged import RevenueRows, judge_amounts, judge_revenue
from leadcast.models.amounts.amount_model import AmountModel
from leadcast.models.amounts.amount_rows import AmountRows
from leadcast.models.amounts.amount_words import amounts_words
from leadcast.models.amounts.value_ranking import rank_by_value
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.pipelines.base.dataset import (
    LEARNING,
    coded,
    labelled,
    read_parts,
    read_plan,
    used_snapshots,
    worked,
)
from leadcast.pipelines.base.params import (
    ComparisonParams,
    horizon_days,
    load_params,
    snapshot_settings,
)
from leadcast.pipelines.base.paths import AmountsFolder, DeployedFolder, RunFolder
from leadcast.pipelines.base.stage import run_stage

KIND = "amounts"
FEWEST_JUDGED = 5
"""With fewer won leads of known amount in the test nothing is measured on it."""


@dataclass(frozen=True)
class _Source:
    """What the stage reads of a source."""

    run: RunFolder
    definition: SourceDefinition
    tables: Tables
    settings: SnapshotSettings
    params: ComparisonParams
    seed: int

    @classmethod
    def of(cls, source: str) -> "_Source":
        run, params, definition = RunFolder(source), load_params(), find_definition(source)
        tables = Tables.read(run.tables)
        settings = snapshot_settings(source, params)
        told = params.comparison.over(definition.comparison)
        return cls(run, definition, tables, settings, told, params.seed)

    @property
    def currency(self) -> str | None:
        return self.definition.amounts.currency or self.params.currency

    @property
    def known(self) -> str | None:
        return self.definition.amounts.known_in_advance

    @property
    def horizon(self) -> float | None:
        return horizon_days(self.tables, self.settings)

    def amounts(self, snapshots: pl.DataFrame) -> Floats:
        """Give each snapshot's amount, NaN where it is not known."""
        amounts = self.tables.outcomes.select("lead_id", "amount")
        joined = snapshots.select("lead_id").join(
            amounts, on="lead_id", how="left", maintain_order="left"
        )
        return joined["amount"].fill_null(float("nan")).to_numpy()

    def rows(self, data: LabelledMatrix, snapshots: pl.DataFrame) -> AmountRows:
        """Put matrix, amounts and leads of the same snapshots together."""
        lead = snapshots["lead_id"].rank("dense").cast(pl.Int64).to_numpy()
        return AmountRows.of(data, self.amounts(snapshots), lead)

    def in_money(self, chosen: Chosen) -> AmountModel:
        """Give a model the currency and the horizon of this source."""
        return chosen.model.in_money(self.currency, self.horizon)


def learn_amounts(source: str) -> str:
    """Learn what leads are worth, judge it on the test, and fit it again on all that is known."""
    about = _Source.of(source)
    learned = _part(about, LEARNING)
    chosen = choose_amounts(learned, about.seed, about.known)
    if chosen is None:
        why = _why_not(about, learned)
        _write(about.run, {"why": why}, {}, None)
        return why
    deployed = refit_amounts(chosen, _deployed_rows(about), about.seed, about.known)
    found, test = _judged(about, chosen, learned)
    models = {"judged": about.in_money(chosen), "deployed": about.in_money(deployed)}
    content = {
        "why": None,
        "currency": about.currency,
        "known_in_advance": _known_words(about, models["deployed"]),
        "horizon_days": about.horizon,
        "choice": chosen.to_json(),
        "learned": {"leads": deployed.leads, "amount": _total(learned)},
        **found,
    }
    content["words"] = amounts_words(content)
    _write(about.run, content, models, test)
    return "\n".join(content["words"])


def _part(about: _Source, parts: tuple[str, ...]) -> AmountRows:
    data = read_parts(about.run, parts, about.horizon)
    snapshots = used_snapshots(about.run).filter(pl.col("part").is_in(parts))
    return about.rows(data, snapshots)


def _deployed_rows(about: _Source) -> AmountRows:
    """Compute the won snapshots' features by the deployed plan: only they tell amounts."""
    plan = read_plan(DeployedFolder(about.run.deployed))
    snapshots = coded(worked(pl.read_parquet(about.run.snapshots))).filter("mature")
    won = snapshots.filter(pl.col("converted").cast(pl.Float64) == 1)
    values = compute(plan, about.tables.leads, about.tables.events, won)
    return about.rows(labelled(values, plan.features, won, about.horizon), won)


def _judged(
    about: _Source, chosen: Chosen, learned: AmountRows
) -> tuple[dict[str, Any], pl.DataFrame]:
    """Measure amounts, revenue and the ranking by it on the test."""
    data, model = read_parts(about.run, ["test"], about.horizon), chosen.model
    snapshots = coded(used_snapshots(about.run).filter(part="test"))
    scores = pl.read_parquet(about.run.test_scores)
    told, probability = model.predict(data.values), scores["probability"].to_numpy()
    amount, won = about.amounts(snapshots), about.rows(data, snapshots)
    drawn = {"replicates": about.params.replicates // 2, "seed": about.seed}
    rows = RevenueRows(probability, told.mean, data.converted, amount, data.group)
    test = snapshots.select(
        *("lead_id", "as_of", "landmark_days", "position", "group", "converted"),
        amount=pl.Series(amount).fill_nan(None),
        probability=scores["probability"],
        amount_median=pl.Series(told.median),
        amount_mean=pl.Series(told.mean),
        amount_low=pl.Series(told.low),
        amount_high=pl.Series(told.high),
        expected_revenue=pl.Series(rows.expected),
    )
    if won.leads < FEWEST_JUDGED:
        return {"test": None, "revenue": None, "ranking": None}, test
    mean = mean_of_all(learned, about.seed)
    # As the comparison with the points: leads stand on the list once their points are known.
    after = about.definition.comparison.points_after_days
    listed = test.filter((pl.col("landmark_days") >= after).fill_null(value=True))
    return {
        "test": judge_amounts(model, mean.model, won, **drawn),
        "revenue": judge_revenue(rows, mean.model.mean_amount, **drawn),
        "ranking": rank_by_value(
            listed, about.params.calls_per_week, about.params.call_landmark_days, **drawn
        ),
    }, test


def _why_not(about: _Source, learned: AmountRows) -> str:
    """Say why nothing is told of amounts."""
    if not about.tables.outcomes["amount"].count():
        return (
            "No outcome has an amount, so nothing is told of how much: map the column of amounts "
            f"as tables.outcomes.columns.amount in {about.definition.file}, or name an attribute "
            "that tells them as amounts.known_in_advance"
        )
    return (
        f"{learned.leads:.0f} leads that were won within the horizon before the test have an "
        f"amount above 0; nothing is told of how much with fewer than {FEWEST}"
    )


def _known_words(about: _Source, model: AmountModel) -> str | None:
    if about.known is None:
        return None
    if model.known is None:
        return (
            f"{about.known} was to tell amounts in advance, and is no feature of this model: "
            "amounts are predicted"
        )
    return (
        f"{about.known} is known before a lead is won and is what it is worth then: where it is "
        "there it is taken as it is, without an interval"
    )


def _total(rows: AmountRows) -> float:
    return float(rows.amount @ rows.weight)


def _write(
    run: RunFolder,
    content: dict[str, Any],
    models: dict[str, AmountModel],
    test: pl.DataFrame | None,
) -> None:
    with written_whole(run.amounts, KIND) as temporary:
        temporary.mkdir()
        folder = AmountsFolder(temporary)
        write_json(folder.result, content)
        for name, model in models.items():
            model.save(temporary / name)
        if test is not None:
            test.write_parquet(folder.test)


if __name__ == "__main__":
    run_stage("amounts", learn_amounts)
