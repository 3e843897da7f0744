"""An export that is not what it was is found out, and one that only grew is not."""

from collections.abc import Callable
from contextlib import chdir
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from leadcast.features.base.errors import FaultsError
from leadcast.features.base.files import write_json
from leadcast.features.tables import Tables, TimeOrder
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.lifecycle.export_change import (
    ExportProfile,
    changes,
    profile_of,
    refuse_other_export,
)

RUN = RunFolder("small")
START = datetime(2025, 1, 1, tzinfo=UTC)
UNTIL = START + timedelta(days=300)
N = 2_000
Frames = dict[str, pl.DataFrame]


def frames(n: int = N) -> Frames:
    """So many leads, two a day; more of them are later ones."""
    draw = np.random.default_rng(3)
    size, source, won = draw.lognormal(3, 1, 9_000), draw.random(9_000), draw.random(9_000) < 0.1
    ids, created = [f"L{number}" for number in range(n)], [START] * n
    created = [START + timedelta(hours=3 * number) for number in range(n)]
    leads = pl.DataFrame(
        {
            "lead_id": ids,
            "created_at": created,
            "position": range(n),
            "employees": size[:n],
            "source": np.where(source[:n] < 0.5, "web", np.where(source[:n] < 0.8, "fair", "ads")),
        }
    )
    outcomes = pl.DataFrame(
        {
            "lead_id": ids,
            "won_at": [moment if one else None for moment, one in zip(created, won, strict=False)],
            "converted": pl.Series([None] * n, dtype=pl.Boolean),
        }
    )
    events = pl.DataFrame(
        {
            "lead_id": ids * 2,
            "occurred_at": created * 2,
            "event_type": ["page"] * n + ["mail"] * n,
            "value": pl.Series([None] * 2 * n, dtype=pl.Float64),
        }
    )
    return {"leads": leads, "outcomes": outcomes, "events": events}


def written(folder: Path, made: Frames, set_aside: int = 0) -> None:
    tables = folder / RUN.tables
    (tables / "events").mkdir(parents=True, exist_ok=True)
    made["leads"].write_parquet(tables / "leads.parquet")
    made["outcomes"].write_parquet(tables / "outcomes.parquet")
    made["events"].write_parquet(tables / "events/part-0.parquet")
    kinds = {"employees": "number", "source": "category"}
    own = {name: kind for name, kind in kinds.items() if name in made["leads"].columns}
    Tables(
        leads=made["leads"],
        events=made["events"].lazy(),
        outcomes=made["outcomes"],
        observed_until=UNTIL,
        time_order=TimeOrder.DATED,
        attribute_types=own,
    ).write_about(tables)
    account = [
        {"table": "leads", "fate": "kept", "reason": "", "rows": made["leads"].height},
        {"table": "leads", "fate": "set aside", "reason": "id repeats", "rows": set_aside},
    ]
    write_json(tables / "quality.json", {"account": account}, replacing=True)


@pytest.fixture
def before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExportProfile:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, frames())
    found = profile_of(RUN, UNTIL)
    return ExportProfile.model_validate_json(found.model_dump_json())


def told(before: ExportProfile) -> list[str]:
    return [
        f"{fault.where}: {fault.found}" for fault in changes(before, profile_of(RUN, UNTIL, before))
    ]


def with_leads(change: Callable[[pl.DataFrame], pl.DataFrame]) -> Frames:
    made = frames()
    return made | {"leads": change(made["leads"])}


def test_an_export_that_only_grew_is_what_it_was(before: ExportProfile, tmp_path: Path) -> None:
    assert told(before) == []
    written(tmp_path, frames(3 * N))
    assert profile_of(RUN, None).leads == 3 * N
    assert told(before) == []


def test_one_that_shrank_to_a_tenth_is_refused_in_words(
    before: ExportProfile, tmp_path: Path
) -> None:
    written(tmp_path, with_leads(lambda leads: leads.gather_every(10)))
    kept = before.model_dump(mode="json")
    with pytest.raises(FaultsError, match=r"leads: found 200 of the past, 0\.10 of before"):
        refuse_other_export("small", kept)
    refuse_other_export("small", kept, accept=True)
    refuse_other_export("small", {})


def test_ids_that_double_are_found_as_new_leads_and_as_rows_set_aside(
    before: ExportProfile, tmp_path: Path
) -> None:
    again = pl.col("lead_id") + "-copy"
    written(tmp_path, with_leads(lambda leads: pl.concat([leads, leads.with_columns(again)])))
    assert [one for one in told(before) if "2.00 of before" in one]
    written(tmp_path, frames(), set_aside=N)
    assert told(before) == ["leads: 50% of the rows set aside (ids that repeat, for example)"]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (pl.col("employees") / 1000, "column 'employees': 100% of the values up to"),
        (pl.lit(None, pl.Float64).alias("employees"), "column 'employees': 100% missing"),
        (pl.col("source").replace("ads", "paid"), "column 'source': no more 'ads'"),
        (
            pl.when(pl.int_range(pl.len()) % 5 < 4).then(pl.lit("web")).otherwise("source"),
            "column 'source': ",
        ),
    ],
)
def test_a_column_that_means_something_else_is_named(
    before: ExportProfile, tmp_path: Path, change: pl.Expr, found: str
) -> None:
    name = "source" if "source" in found else "employees"
    written(tmp_path, with_leads(lambda leads: leads.with_columns(change.alias(name))))
    assert [one[: len(found)] for one in told(before)] == [found]


def test_a_column_and_a_kind_of_event_that_are_gone_are_named(
    before: ExportProfile, tmp_path: Path
) -> None:
    made = with_leads(lambda leads: leads.drop("source"))
    made["events"] = made["events"].with_columns(pl.col("event_type").replace("mail", "e-mail"))
    with chdir(tmp_path):
        written(tmp_path, made)
        assert told(before) == [
            "events 'mail': 0 of these events",
            "column 'source': no such column",
        ]


def test_rare_values_are_not_kept(before: ExportProfile, tmp_path: Path) -> None:
    rare = pl.when(pl.col("position") < 5).then(pl.lit("Jane Roe")).otherwise("source")
    written(tmp_path, with_leads(lambda leads: leads.with_columns(source=rare)))
    assert "Jane Roe" not in profile_of(RUN, UNTIL).model_dump_json()
