"""On the sources as shipped the gate is silent; what they forbid is caught when it is put back."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import polars as pl
import pytest

from leadcast.demo.simulate import simulate
from leadcast.features.definitions.load import load_definition
from leadcast.features.engine.engine import compute
from leadcast.features.engine.fitting import fit_plan
from leadcast.features.ingest.ingest import ingest
from leadcast.features.settings import FeatureSettings
from leadcast.features.snapshots import SnapshotSettings, make_snapshots, microseconds
from leadcast.features.tables import Tables, TimeOrder
from leadcast.models.data import LabelledMatrix
from leadcast.models.leakage import LeakageContext, examine
from leadcast.models.leakage.column_checks import UnexplainedPerformance
from leadcast.models.leakage.time_checks import FutureEvents
from leadcast.models.splits import SplitSettings, split_snapshots
from tests.conftest import PROJECT

X_EDUCATION = {
    "Tags": "category",
    "Lead Quality": "category",
    "Lead Profile": "category",
    "Last Notable Activity": "category",
}


Shipped = Callable[[str], LeakageContext]


@pytest.fixture(scope="module")
def sources(real_data: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADCAST_REAL_DATA", str(real_data.resolve()))
        yield PROJECT / "data" / "sources"


@pytest.fixture(scope="module")
def shipped(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    """Each source as it is shipped, read once."""

    @cache
    def read(name: str) -> LeakageContext:
        definition = (sources / f"{name}.yaml").read_text(encoding="utf-8")
        return context_of(name, definition, tmp_path_factory.mktemp(name))

    return read


def put_back(definition: str, columns: dict[str, str]) -> str:
    """Map forbidden columns as attributes, as somebody would who does not know better."""
    for column, kind in columns.items():
        name = column.lower().replace(" ", "_")
        mapped = f"      {name}: {{column: {column}, type: {kind}}}\n"
        definition = definition.replace("    attributes:\n", "    attributes:\n" + mapped, 1)
        lines = definition.splitlines(keepends=True)
        definition = "".join(line for line in lines if not line.startswith(f"  {column}:"))
    return definition.removesuffix("forbidden:\n").replace("forbidden:\n\n", "")


def context_of(name: str, definition: str, folder: Path) -> LeakageContext:
    file = folder / f"{name}.yaml"
    file.write_text(definition, encoding="utf-8")
    source = load_definition(file)
    ingest(source, folder / "tables")
    tables = Tables.read(folder / "tables")
    settings = SnapshotSettings(**source.snapshots.model_dump(exclude_none=True))
    horizon = settings.horizon_days if tables.time_order is TimeOrder.DATED else None
    split = split_snapshots(make_snapshots(tables, settings, 7), SplitSettings(), horizon)
    return as_context(tables, split, settings, horizon)


def as_context(
    tables: Tables, split: pl.DataFrame, settings: SnapshotSettings, horizon: float | None
) -> LeakageContext:
    train = split.filter(pl.col("part") == "train")
    plan = fit_plan(tables, train, FeatureSettings(), None, settings)
    training = LabelledMatrix(
        values=compute(plan, tables.leads, tables.events, train),
        features=plan.features,
        converted=train["converted"].cast(pl.Float64).to_numpy(),
        position=train["position"].to_numpy(),
        group=train["group_id"].rank("dense").cast(pl.Int64).to_numpy(),
        horizon=microseconds(horizon or 0.0),
    )
    return LeakageContext(
        tables,
        split,
        training,
        allowed_columns=frozenset(tables.attribute_types),
        recompute=partial(compute, plan),
    )


def caught(context: LeakageContext) -> set[str]:
    """The columns that errors name."""
    subjects = [finding.subject for finding in examine(context).errors]
    return {subject.split("'")[1] for subject in subjects if "'" in subject}


@pytest.mark.real
@pytest.mark.parametrize("name", ["x_education", "bank_marketing", "bpi2012"])
def test_silent_on_the_sources_as_shipped(name: str, shipped: Shipped) -> None:
    assert examine(shipped(name)).findings == ()


@pytest.mark.real
@pytest.mark.parametrize("columns", [["Lead Quality"], list(X_EDUCATION)])
def test_what_sales_fills_in_after_contact(
    columns: list[str], sources: Path, tmp_path: Path
) -> None:
    definition = (sources / "x_education.yaml").read_text(encoding="utf-8")
    back = put_back(definition, {column: X_EDUCATION[column] for column in columns})
    names = {column.lower().replace(" ", "_") for column in columns}
    assert caught(context_of("x_education", back, tmp_path)) == names


@pytest.mark.real
def test_the_length_of_the_call_that_decides(sources: Path, tmp_path: Path) -> None:
    definition = (sources / "bank_marketing.yaml").read_text(encoding="utf-8")
    back = put_back(definition, {"duration": "number"})
    assert caught(context_of("bank_marketing", back, tmp_path)) == {"duration"}


@pytest.mark.real
def test_events_counted_at_the_export(sources: Path, tmp_path: Path) -> None:
    definition = (sources / "bpi2012.yaml").read_text(encoding="utf-8")
    back = put_back(definition, {"n_events": "number"})
    assert caught(context_of("bpi2012", back, tmp_path)) == {"n_events"}


@pytest.mark.real
def test_events_until_the_outcome(shipped: Shipped) -> None:
    honest = shipped("bpi2012")
    # The matrix as it would be if events were cut off after the outcome and not at as_of.
    ends = honest.tables.outcomes.select("lead_id", end=pl.min_horizontal("won_at", "lost_at"))
    late = honest.training_snapshots.join(ends, on="lead_id", how="left", maintain_order="left")
    late = late.with_columns(as_of=pl.coalesce(pl.col("end").dt.offset_by("1s"), "as_of"))
    assert honest.recompute is not None
    values = honest.recompute(honest.tables.leads, honest.tables.events, late)
    spoilt = replace(honest, training=replace(honest.training, values=values))
    # What the other checks would say of it takes them long.
    told = examine(spoilt, [UnexplainedPerformance(), FutureEvents()])
    assert {finding.code for finding in told.errors} == {"L003", "L012"}
    unchecked = examine(replace(spoilt, recompute=None), [UnexplainedPerformance()])
    assert [finding.code for finding in unchecked.errors] == ["L003"]


@pytest.mark.slow
def test_the_stage_that_sales_keeps_until_the_export(tmp_path: Path) -> None:
    simulate(3_000, 7, tmp_path / "demo")
    definition = (PROJECT / "data" / "sources" / "demo.yaml").read_text(encoding="utf-8")
    # What was simulated is read as any export is: a simulation writes below a project's data alone.
    here = definition.replace("root: data/demo", f"root: {tmp_path / 'demo'}")
    here = re.sub(r"^simulation: .*\n", "", here, flags=re.MULTILINE)
    back = put_back(here, {"Sales Stage": "category"})
    # Nothing else is named: of its own columns the demo is clean.
    assert caught(context_of("demo", back, tmp_path)) == {"sales_stage"}
