"""The feature plan: all that must be remembered from training to compute the same columns later."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from features.attributes import AttributeColumn
from features.engagement import loop_features
from features.errors import LeadcastError
from features.history import History
from features.registry import Feature
from features.settings import FeatureSettings
from features.tables import TimeOrder
from features.wording import distinct


@dataclass(frozen=True)
class Place:
    """Where a column comes from.

    Parameters
    ----------
    feature : Feature
        The column.
    part : {"attribute", "loop", "history"}
        Which part of the engine computes it.
    index : int
        The number of the attribute's column, the place in the loop's scratch row, or the column
        counted over all histories.
    """

    feature: Feature
    part: Literal["attribute", "loop", "history"]
    index: int


class FeaturePlan(BaseModel):
    """What was learned from the training rows; plain data.

    Parameters
    ----------
    schema_version : int
        Of this format; another one is refused.
    time_order : TimeOrder
        What the source knows of time; without dates there are attributes only.
    settings : FeatureSettings
        Windows, half-lives and limits.
    attributes : tuple of AttributeColumn
        What can be read off the leads' attributes.
    kinds : tuple of str
        Kinds of events with columns of their own, in the order of their codes.
    value_kinds : tuple of str
        Those that carry values.
    histories : tuple of History
        Past conversion rates.
    columns : tuple of str
        The names of the matrix's columns, in their order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    time_order: TimeOrder
    settings: FeatureSettings
    attributes: tuple[AttributeColumn, ...] = ()
    kinds: tuple[str, ...] = ()
    value_kinds: tuple[str, ...] = ()
    histories: tuple[History, ...] = ()
    columns: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _columns_exist(self) -> Self:
        unknown = sorted(set(self.columns) - set(self.catalogue))
        if unknown or len(set(self.columns)) != len(self.columns):
            raise ValueError(f"columns that this version does not make, or twice: {unknown}")
        return self

    def __hash__(self) -> int:
        # Engines are remembered by plan; hashing all of a large plan would cost more than a score.
        return hash(self.columns)

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The matrix's columns."""
        return tuple(place.feature for place in self.places)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Where each of the matrix's columns comes from."""
        return tuple(self.catalogue[name] for name in self.columns)

    @cached_property
    def catalogue(self) -> Mapping[str, Place]:
        """Every column that could be made, by its distinct name, in the matrix's order."""
        places = [
            Place(column.feature, "attribute", index)
            for index, column in enumerate(self.attributes)
        ]
        if self.time_order is TimeOrder.DATED:
            loop = loop_features(self.settings, self.kinds, self.value_kinds)
            places += [
                Place(feature, "loop", index)
                for index, feature in enumerate(loop)
                if feature is not None
            ]
        past = [feature for history in self.histories for feature in history.features]
        places += [Place(feature, "history", index) for index, feature in enumerate(past)]
        names = distinct(place.feature.name for place in places)
        return {
            name: replace(place, feature=replace(place.feature, name=name))
            for name, place in zip(names, places, strict=True)
        }

    def with_columns(self, columns: tuple[str, ...]) -> Self:
        """Keep some of the catalogue's columns.

        Parameters
        ----------
        columns : tuple of str
            Names from the catalogue, in the catalogue's order.

        Returns
        -------
        FeaturePlan
            Without histories that no column needs.
        """
        used = {self.catalogue[name].feature.name for name in columns}
        histories = tuple(
            history
            for history in self.histories
            if any(feature.name in used for feature in history.features)
        )
        content = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**(content | {"histories": histories, "columns": columns}))

    def to_json(self) -> dict[str, Any]:
        """Give the plan as JSON values."""
        content: dict[str, Any] = self.model_dump(mode="json")
        return content

    @classmethod
    def from_json(cls, content: object) -> Self:
        """Read a plan that `to_json` gave.

        Parameters
        ----------
        content : JSON value
            What was read from the file.

        Returns
        -------
        FeaturePlan

        Raises
        ------
        LeadcastError
            If it is not a plan, or one that this version cannot follow.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the plan"
            raise LeadcastError(
                f"this feature plan cannot be used: {where}: {first['msg']}; export it again with "
                "this version"
            ) from None
