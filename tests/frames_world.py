"""A small demo export as pandas tables, and the model that `leadcast.fit` makes of it."""

from contextlib import chdir
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pandas as pd

import leadcast
from leadcast.demo.simulate import simulate
from leadcast.pipelines.base.params import Params, load_params
from tests.small_project import LEARNER, ROOT, change_params, make_project

LEADS, SEED = 900, 5
UNTIL = "2026-01-01"
COLUMNS = {
    "Lead ID": "lead_id",
    "Created Date": "created_at",
    "Lead Points": "rules_score",
    "Annual Revenue": "revenue",
    "Lead Source": "source",
    "Time": "occurred_at",
    "Type": "event_type",
    "Value": "value",
    "Won At": "won_at",
    "Lost At": "lost_at",
    "Amount": "amount",
}
"""The export's names, where Leadcast has others."""
TYPES = {"company_size": "text"}


@cache
def project() -> Path:
    """A project whose source has the same export; its parameters are what tests fit with."""
    folder = make_project(Path(mkdtemp(prefix="lc-frames-")), LEADS, SEED)
    # Few have won; trees are what most could differ.
    few = {"rounds": [20], "penalties": [40.0], "capacities": ["cautious"], "few_rows": 0}
    few |= {"candidates": ["blend"], "fewest_won_lightgbm": 1}
    change_params(folder, model={**LEARNER, **few})
    return folder


def with_rules(folder: Path) -> None:
    """Put the shipped points table into a project."""
    rules = Path("data/rules/demo_hubspot.yaml")
    (folder / rules).parent.mkdir(exist_ok=True)
    (folder / rules).write_bytes((ROOT / rules).read_bytes())


def params() -> Params:
    with chdir(project()):
        return load_params()


@cache
def raw() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Leads, events and outcomes as the export has them."""
    folder = project() / "data/demo"
    if not folder.exists():
        simulate(LEADS, SEED, folder)
    names = ("leads.parquet", "events", "outcomes.parquet")
    leads, events, outcomes = (pd.read_parquet(folder / name) for name in names)
    return leads, events, outcomes


def said(**more: object) -> dict[str, Any]:
    about = {"forbidden": ["Sales Stage"], "types": TYPES, "name": "demo"}
    about |= {"missing": {"company_size": ["unknown"]}}
    return {"observed_until": UNTIL, "columns": COLUMNS} | about | more


@cache
def data() -> leadcast.LeadData:
    return leadcast.LeadData(*raw(), **said(definition={"segments": ["source", "industry"]}))


@cache
def model() -> leadcast.FittedModel:
    landmarks = (0.0, 1.0, 7.0, 30.0)
    return leadcast.fit(
        data(), horizon_days=60, landmarks_days=landmarks, params=params(), progress=False
    )
