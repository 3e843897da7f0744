"""The small source as a project with its run: tables, both bundles and test scores, untrained."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl

from leadcast.features.definitions.yaml_lines import plain_yaml, yaml_text
from leadcast.features.tables import Tables
from leadcast.pipelines.base.paths import RunFolder
from tests.scoring_world import ScoringWorld, bundle_folder, scoring_world

ROOT = Path(__file__).parents[1]
SOURCE = "small"
DEFINITION = {
    "name": SOURCE,
    "title": "A small source",
    "where_to_get": "the tests make it",
    "root": "data/raw/small",
    "observed_until": "2025-08-29T00:00:00Z",
    "tables": {
        "leads": {
            "read": {"files": "leads.csv"},
            "columns": {"lead_id": "lead_id", "created_at": "created_at"},
            "attributes": {
                "industry": "industry",
                "budget": {"column": "budget", "type": "number"},
            },
        },
        "outcomes": {
            "form": "dates",
            "columns": {"won_at": "won_at"},
        },
    },
    "comparison": {"calls_per_week": 20},
}


def sales_columns(leads: pl.DataFrame) -> pl.DataFrame:
    """Give leads owners and territories, and some of them no consent."""
    number = pl.Series(np.arange(leads.height))
    return leads.with_columns(
        sales_owner=pl.when(number % 3 == 0)
        .then(pl.lit("Anna"))
        .when(number % 3 == 1)
        .then(pl.lit("Ben")),
        sales_territory=pl.when(number % 2 == 0).then(pl.lit("DE")).otherwise(pl.lit("FR")),
        sales_do_not_contact=number % 11 == 0,
    )


def write_tables(tables: Tables, folder: Path) -> None:
    (folder / "events").mkdir(parents=True, exist_ok=True)
    tables.leads.write_parquet(folder / "leads.parquet")
    tables.events.collect().write_parquet(folder / "events" / "part-00000.parquet")
    tables.outcomes.write_parquet(folder / "outcomes.parquet")
    tables.write_about(folder)


def scores_of_test(world: ScoringWorld) -> pl.DataFrame:
    return world.snapshots.select("lead_id", "as_of", "landmark_days", "converted").with_columns(
        probability=pl.Series(world.probability)
    )


def lay_out(folder: Path, with_sales: bool = False, **params: object) -> RunFolder:
    """Write the project into a folder, which is then to be worked in; gives its run."""
    world = scoring_world()
    tables = world.tables
    if with_sales:
        from dataclasses import replace

        tables = replace(tables, leads=sales_columns(tables.leads))
    run = folder / "data" / "runs" / SOURCE
    write_tables(tables, run / "tables")
    for name in ("bundle", "judged"):
        shutil.copytree(bundle_folder(), run / name)
    scores_of_test(world).write_parquet(run / "test_scores.parquet")
    (folder / "data" / "sources").mkdir(parents=True)
    (folder / "data" / "sources" / f"{SOURCE}.yaml").write_text(yaml_text(DEFINITION))
    said = plain_yaml((ROOT / "params.yaml").read_text(encoding="utf-8")) | params
    (folder / "params.yaml").write_text(yaml_text(said))
    return RunFolder(SOURCE)
