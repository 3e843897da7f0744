"""What is answered: scores with their model, and what was worked around."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from leadcast.features.base.errors import Fault
from leadcast.serve.reasons import Reasons


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())


class ScoredLead(_Answer):
    """The score of one lead; see the fields of `leadcast.serve.scores.Score`."""

    lead_id: str
    as_of: datetime | None = Field(description="the moment that the score is for")
    probability: float = Field(
        description="of becoming a customer within the horizon", gt=0, lt=1, examples=[0.173]
    )
    lower: float | None = Field(description="lower end of the probability's interval")
    upper: float | None = Field(description="upper end of the probability's interval")
    score: float = Field(description="100 times the probability, one decimal", examples=[17.3])
    percentile: float = Field(description="in the model's reference population", examples=[88.0])
    grade: str = Field(description="A (the best) to D, by bounds frozen in the model")
    model_version: str
    insufficient_data: bool = Field(description="whether the model is no more than a base rate")
    reasons: Reasons | None = Field(
        None, description="the log-odds of the probability in parts that add up, where asked"
    )


class Warned(_Answer):
    """Something that was worked around."""

    where: str
    found: str
    expected: str
    remedy: str
    count: int = Field(description="how many leads are concerned")

    @classmethod
    def of(cls, fault: Fault) -> "Warned":
        """Tell a warning of the scorer."""
        return cls(
            where=fault.where,
            found=fault.found,
            expected=fault.expected,
            remedy=fault.remedy,
            count=fault.count,
        )


class ScoreAnswer(_Answer):
    """Scores, in the order of the leads."""

    bundle_id: str
    scores: list[ScoredLead]
    warnings: list[Warned]


class OnDisk(_Answer):
    """What stands now where the bundle was read from."""

    state: str = Field(description="same, other, or unreadable", examples=["same"])
    bundle_id: str | None = Field(description="of the bundle that stands there")


class ModelAnswer(_Answer):
    """The model that answers, and what may be asked of it."""

    model_version: str
    bundle_id: str
    code_version: str
    created_at: datetime
    loaded_at: datetime = Field(description="when this service began with it")
    loaded_from: str
    on_disk: OnDisk = Field(description="restart the service to take another bundle")
    source: str
    time_order: str = Field(description="dated where leads are scored at a moment")
    horizon_days: float | None
    attributes: dict[str, str] = Field(description="each attribute's type")
    event_types: list[str] = Field(description="kinds of events with features of their own")
    grade_bounds: dict[str, float] = Field(description="from which probability on")
    reference_leads: int = Field(description="leads in the reference population")
    sizes: dict[str, int] = Field(description="snapshots that went into the model")
    metrics: dict[str, Any] = Field(description="measured on later leads, with 95 % intervals")
    notes: list[str]
    insufficient_data: bool
    limits: dict[str, int | float] = Field(description="what one request may hold, and how many")


class Health(_Answer):
    """Whether the service is well."""

    status: str = Field(examples=["ok"])
