"""The plan as data: read back, refused where it cannot be followed, named without repetition."""

import copy
import json
from typing import Any

import pytest
from pydantic import ValidationError

from leadcast.features.base.errors import LeadcastError
from leadcast.features.engine.attributes import AttributeColumn
from leadcast.features.engine.history import History, Steps
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.settings import FeatureSettings
from leadcast.features.tables import TimeOrder

PLAN = FeaturePlan(
    time_order=TimeOrder.DATED,
    settings=FeatureSettings(),
    attributes=(
        AttributeColumn(name="age_days", reading="number", inputs=("Age, days",)),
        AttributeColumn(name="source", reading="category", inputs=("source",), levels=("Ads",)),
    ),
    kinds=("form", "Form!"),
    value_kinds=("form",),
    histories=(History(attribute="source", values=("Ads",), steps=(Steps(), Steps())),),
)


def kept(*names: str) -> FeaturePlan:
    return PLAN.with_columns(names)


def test_a_plan_survives_json() -> None:
    plan = kept("source", "form_count_7d", "source_past_rate")
    again = FeaturePlan.from_json(json.loads(json.dumps(plan.to_json())))
    assert again == plan
    assert again.features == plan.features


def test_names_that_would_repeat_are_told_apart() -> None:
    assert {"age_days", "age_days_2", "form_count_7d", "form_count_7d_2"} <= set(PLAN.catalogue)
    assert PLAN.catalogue["age_days"].part == "attribute"
    assert PLAN.catalogue["age_days_2"].feature.name == "age_days_2"


def test_a_history_that_no_column_needs_is_left_out() -> None:
    assert kept("source", "age_days").histories == ()
    assert len(kept("source_past_lift").histories) == 1


def test_kinds_without_values_have_no_columns_of_values() -> None:
    assert "form_value_7d" in PLAN.catalogue
    assert "form_value_7d_2" not in PLAN.catalogue


def damaged(change: str) -> Any:  # noqa: ANN401 - JSON
    content: dict[str, Any] = copy.deepcopy(kept("source").to_json())
    match change:
        case "version":
            content["schema_version"] = 99
        case "column":
            content["columns"] = ["source", "no_such_column"]
        case "twice":
            content["columns"] = ["source", "source"]
        case "key":
            content["surprise"] = 1
        case "kind":
            return ["not", "a", "plan"]
    return content


@pytest.mark.parametrize("change", ["version", "column", "twice", "key", "kind"])
def test_a_plan_that_cannot_be_followed_is_refused(change: str) -> None:
    with pytest.raises(LeadcastError, match="this feature plan cannot be used"):
        FeaturePlan.from_json(damaged(change))


@pytest.mark.parametrize(
    "wrong",
    [{"windows_days": (7, 1)}, {"windows_days": (7, 7)}, {"half_lives_days": (0,)},
     {"max_kinds": 0}, {"windows": (1,)}, {"redundancy": 0}],
)  # fmt: skip
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FeatureSettings(**wrong)
