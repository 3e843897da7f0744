"""What the peers learn from: raw attributes as the export has them, and the event features."""

import json
from pathlib import Path

import numpy as np
import polars as pl

from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.registry import Feature
from leadcast.features.tables import Tables
from leadcast.features.values.readings import NEVER_FEATURES
from leadcast.models.splits import PARTS

OTHER = "(other)"


def peer_columns(
    tables: Tables, snapshots: pl.DataFrame, plan: FeaturePlan, matrix: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Give the columns that the peers get, a row a snapshot.

    Numbers, flags and categories among the attributes come as they are, every value of a category
    included. The matrix's other columns (event counts, timing, past rates, what is read off free
    text) come as Leadcast has them. So no peer knows less than Leadcast does.

    Parameters
    ----------
    tables : Tables
        The canonical tables.
    snapshots : pl.DataFrame
        With ``lead_id``.
    plan : FeaturePlan
        Describes the matrix.
    matrix : pl.DataFrame
        The features of the snapshots, in their order.

    Returns
    -------
    frame : pl.DataFrame
        Float64 and String columns, null where missing.
    kinds : dict of str to str
        Each column's kind: ``"number"`` or ``"category"``.
    """
    names = [
        name
        for name, kind in tables.attribute_types.items()
        if kind in ("number", "flag", "category") and name not in NEVER_FEATURES
    ]
    raw = snapshots.select("lead_id").join(
        tables.leads.select("lead_id", *names), on="lead_id", how="left", maintain_order="left"
    )
    columns = [_raw(raw[name]) for name in names]
    columns += [
        _readable(matrix[feature.name], feature)
        for feature in plan.features
        if feature.name not in names
    ]
    kinds = {
        column.name: "category" if column.dtype == pl.String else "number" for column in columns
    }
    return pl.DataFrame(columns), kinds


def write_for_peers(folder: Path, project: Path, source: str) -> None:
    """Write what the peers read: ``train.parquet``, ``test.parquet`` and ``columns.json``.

    Parameters
    ----------
    folder : Path
        Where to write.
    project : Path
        A split's project, with its features made.
    source : str
        The source's name.
    """
    run = project / "data/runs" / source
    used = pl.read_parquet(run / "snapshots.parquet").filter(pl.col("part") != "left_out")
    plan = FeaturePlan.from_json(json.loads((run / "plan.json").read_text(encoding="utf-8")))
    matrix = pl.read_parquet(run / "matrix.parquet")
    frame, kinds = peer_columns(Tables.read(run / "tables"), used, plan, matrix)
    frame = frame.with_columns(converted=used["converted"].cast(pl.Float64))
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        frame.filter(used["part"] == part).write_parquet(folder / f"{part}.parquet")
    (folder / "columns.json").write_text(json.dumps(kinds), encoding="utf-8")


def _raw(column: pl.Series) -> pl.Series:
    return column if column.dtype == pl.String else column.cast(pl.Float64).fill_nan(None)


def _readable(column: pl.Series, feature: Feature) -> pl.Series:
    values = column.cast(pl.Float64).fill_nan(None)
    if feature.dtype != "category":
        return values
    names = np.array([OTHER, *feature.levels], dtype=object)
    codes = values.fill_null(0).cast(pl.Int64).to_numpy()
    texts = pl.Series(feature.name, names[codes].tolist(), dtype=pl.String)
    return texts.zip_with(values.is_not_null(), pl.Series([None], dtype=pl.String))
