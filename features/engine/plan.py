"""The feature plan: all that must be remembered from training to compute the same columns later."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, FailFast, Field, Strict, model_validator

from leadcast.features.accounts.account_loop import ACCOUNT_FEATURES
from leadcast.features.base.plain import MOST_COLUMNS, Plain, Text, checked
from leadcast.features.engine.attributes import AttributeColumn
from leadcast.features.engine.engagement import OTHER, loop_features
from leadcast.features.engine.history import History
from leadcast.features.nonhuman.people_rules import PeopleRules
from leadcast.features.registry import Feature, distinct
from leadcast.features.settings import FeatureSettings
from leadcast.features.tables import TimeOrder
from leadcast.features.values.readings import fits, is_attribute_name


@dataclass(frozen=True)
class ColumnPlace:
    """Where a column comes from."""

    feature: Feature
    """The column."""
    part: Literal["attribute", "loop", "history", "account"]
    """Which part of the engine computes it."""
    index: int
    """The number of the attribute's column, the place in the loop's scratch row, the column counted
    over all histories, or the place among the features of accounts."""


MOST_KINDS = 1_000
"""Far below what the code of a kind can hold."""
MOST_ATTRIBUTES = 2_000
"""Of a lead; far more than a CRM exports, and each is a key of every request."""
Texts = Annotated[tuple[Text, ...], FailFast()]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("a time zone of the IANA database")
    return name


class FeaturePlan(Plain):
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
    time_zone : str or None
        Whose clocks tell the hours and weekdays; None: those of UTC.
    people : PeopleRules or None
        By which events that are not people's are left out before anything is computed, by whoever
        asks for scores; None: none are. Tables that are read from a run are without them already.
    pool_history : {"from_known", "from_start"} or None
        From when on the records of one person shared their events; None: they did not.
    account_lag_days : float or None
        So long after it happened an outcome of the account's other leads is known; None: nothing
        is read of accounts.
    other_share : float or None
        Which share of the events in training was of kinds that are not in `kinds`; None: plans of
        before do not tell.
    """

    schema_version: Annotated[int, Strict(), Field(ge=1, le=1)] = 1
    time_order: TimeOrder
    settings: FeatureSettings
    attributes: Annotated[
        tuple[AttributeColumn, ...], FailFast(), Field(max_length=MOST_COLUMNS)
    ] = ()
    kinds: Annotated[Texts, Field(max_length=MOST_KINDS)] = ()
    value_kinds: Annotated[Texts, Field(max_length=MOST_KINDS + 1)] = ()
    histories: Annotated[tuple[History, ...], Field(max_length=MOST_KINDS)] = ()
    columns: Annotated[Texts, Field(max_length=MOST_COLUMNS)] = ()
    time_zone: Annotated[Text, AfterValidator(_known_zone)] | None = None
    people: PeopleRules | None = None
    pool_history: Literal["from_known", "from_start"] | None = None
    account_lag_days: Annotated[float, Field(ge=0, le=36_525)] | None = None
    other_share: Annotated[float, Field(ge=0, le=1)] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        faults = [*self._repeated(), *self._without_time()]
        if foreign := set(self.value_kinds) - {*self.kinds, OTHER}:
            faults.append(f"value_kinds that are no kinds: {sorted(foreign)[:3]}")
        if not faults:
            # Their places depend on all of the above.
            faults += self._wrong_columns()
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _repeated(self) -> Iterator[str]:
        attributes = [history.attribute for history in self.histories]
        lists = {"kinds": self.kinds, "value_kinds": self.value_kinds, "columns": self.columns}
        for name, texts in (lists | {"histories": attributes}).items():
            if len(set(texts)) != len(texts):
                yield f"{name} must not repeat, and one stands there twice"

    def _without_time(self) -> Iterator[str]:
        # Nothing fills the columns of these where there are no dates.
        if self.time_order is TimeOrder.DATED:
            return
        if self.kinds or self.histories or self.account_lag_days is not None:
            yield "a source without dates has no kinds of events, no histories and no accounts"

    def _wrong_columns(self) -> Iterator[str]:
        unknown = sorted(set(self.columns) - set(self.catalogue))
        if unknown:
            yield f"columns that this version does not make: {unknown[:3]}"
            return
        looped = [column for column, place in enumerate(self.places) if place.part == "loop"]
        # The loop writes its columns side by side.
        if looped and looped[-1] - looped[0] != len(looped) - 1:
            yield "columns must keep the catalogue's order: those from events stand apart"

    def unfitting(self, attribute_types: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
        """Find attributes' types with which this plan cannot be computed.

        Parameters
        ----------
        attribute_types : mapping of str to str
            Each attribute's type, as `leadcast.features.tables.Tables` has it.

        Yields
        ------
        tuple of str
            The attribute's name, what was found of it, and what was expected.
        """
        if len(attribute_types) > MOST_ATTRIBUTES:
            yield "", f"{len(attribute_types)} attributes", f"at most {MOST_ATTRIBUTES}"
            return
        for name in attribute_types:
            if not is_attribute_name(name):
                yield name, "this name", "lower-case letters, digits and _, no column's own name"
        told = set()
        for column in self.attributes:
            for name in column.inputs:
                kind = attribute_types.get(name)
                if name not in told and (kind is None or not fits(column.reading, kind)):
                    told.add(name)
                    expected = f"a type that features.json can read as {column.reading}"
                    yield name, kind or "no type", expected

    def __hash__(self) -> int:
        # Engines are remembered by plan; hashing all of a large plan would cost more than a score.
        return hash(self.columns)

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The matrix's columns."""
        return tuple(place.feature for place in self.places)

    @cached_property
    def places(self) -> tuple[ColumnPlace, ...]:
        """Where each of the matrix's columns comes from."""
        return tuple(self.catalogue[name] for name in self.columns)

    @cached_property
    def catalogue(self) -> Mapping[str, ColumnPlace]:
        """Every column that could be made, by its distinct name, in the matrix's order."""
        places = [
            ColumnPlace(column.feature, "attribute", index)
            for index, column in enumerate(self.attributes)
        ]
        if self.time_order is TimeOrder.DATED:
            loop_of = (self.settings, self.kinds, self.value_kinds)
            loop = loop_features(*loop_of, self.time_zone)
            places += [
                ColumnPlace(feature, "loop", index)
                for index, feature in enumerate(loop)
                if feature is not None
            ]
        past = [feature for history in self.histories for feature in history.features]
        places += [ColumnPlace(feature, "history", index) for index, feature in enumerate(past)]
        if self.account_lag_days is not None:
            places += [
                ColumnPlace(feature, "account", index)
                for index, feature in enumerate(ACCOUNT_FEATURES)
            ]
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
        if self.time_zone is None:
            # As plans were written before there were zones.
            del content["time_zone"]
        if self.people is None:
            del content["people"]
        if self.pool_history is None:
            del content["pool_history"]
        if self.account_lag_days is None:
            del content["account_lag_days"]
        if self.other_share is None:
            del content["other_share"]
        return content

    @classmethod
    def from_json(cls, content: object, where: str = "features") -> Self:
        """Read a plan that `to_json` gave.

        Parameters
        ----------
        content : JSON value
            What was read from the file.
        where : str
            The file.

        Returns
        -------
        FeaturePlan

        Raises
        ------
        FaultsError
            If it is not a plan, or one that this version cannot follow; all faults, by their keys.
        """
        subject = "this feature plan cannot be used (export it again with this version)"
        return checked(cls, content, subject, where)
