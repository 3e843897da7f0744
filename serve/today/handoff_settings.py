"""The settings of the hand-off, which need nothing to be read."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Grade = Literal["A", "B", "C", "D"]


class HandoffSettings(BaseModel):
    """How the call list is made; ``handoff:`` in ``params.yaml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    calls_per_week: float | None = Field(
        None, ge=0, description="how many leads sales can call; None: as the comparison has it"
    )
    calls_per_owner: float | None = Field(
        None, ge=0, description="how many each owner can call, instead of all together"
    )
    grades: tuple[Grade, ...] = Field(
        ("A", "B", "C", "D"), description="who is called for the score; others only to explore"
    )
    exploration_share: float = Field(
        0.05, ge=0, le=0.5, description="of the calls, given to leads from below the line"
    )
    rank_by: Literal["probability", "expected_value"] = Field(
        "probability", description="by what the list is ordered"
    )
    lifts_for: int = Field(
        300,
        ge=0,
        description="of so many leads below the line it is looked for what would lift them",
    )


class HandoffRules(BaseModel):
    """Who may be called and whose a lead is; from the source's definition.

    Parameters
    ----------
    required : tuple of str
        Attributes without which a lead cannot be called.
    owners : dict of str to tuple of str
        The owners, each with the territories whose leads are theirs where they have no owner.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    required: tuple[str, ...] = ()
    owners: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
