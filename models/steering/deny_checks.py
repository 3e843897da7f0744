"""The deny-list at work: by name, by declared meaning and by association.

A run that would use a denied column is refused, with every column and the remedy.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.changes.versions import leads_at
from leadcast.features.definitions.definition import DeniedMeaning
from leadcast.features.tables import WITHHELD
from leadcast.features.values.readings import SOURCE_ROLES
from leadcast.models.leakage.context import Check, Finding, LeakageContext
from leadcast.models.leakage.gate import GateResult, LeakageReport
from leadcast.models.steering.association import Association, associations
from leadcast.models.steering.deny_names import MEANINGS, PAY, denied_by_name

TOLD = 0.1
"""From so much on a column that reproduces a denied one is told, if it is beyond chance."""
COPIES = {"R²": 0.8, "share of its uncertainty": 0.5}
"""From so much on it is refused: what a copy keeps in which one value of ten is another's (of two
values: 1 - 0.47 of the uncertainty), or to which noise of half its spread is added."""
MOST_TOLD = 5


@dataclass(frozen=True)
class SteeringContext(LeakageContext):
    """What the leakage gate looks at, and what the source definition denies and permits.

    Parameters
    ----------
    columns : mapping of str to str
        What the export calls the attributes.
    kinds : tuple of str
        The kinds of events that have features of their own.
    value_columns : tuple of str
        The columns of the export that hold the events' values.
    denied : mapping of str to str
        The denied columns by their names in the canonical leads, each with its meaning.
    permitted : mapping of str to str
        Attributes, columns or features that may be used all the same, each with the reason.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    value_columns: tuple[str, ...] = ()
    denied: Mapping[str, DeniedMeaning] = field(default_factory=dict)
    permitted: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, context: LeakageContext, **about: Any) -> Self:  # noqa: ANN401 - fields of any type
        """Add what a definition denies and permits to what the leakage gate looks at.

        Parameters
        ----------
        context : LeakageContext
        **about
            The further fields by name.

        Returns
        -------
        SteeringContext
        """
        own = {one.name: getattr(context, one.name) for one in fields(LeakageContext)}
        return cls(**own, **about)

    @cached_property
    def carried(self) -> dict[str, DeniedMeaning]:
        """The denied columns that the leads have, what they cost among them."""
        cost: dict[str, DeniedMeaning] = {"cost": "lead_price"}
        known = self.tables.leads.columns
        return {name: one for name, one in (cost | dict(self.denied)).items() if name in known}

    @cached_property
    def association(self) -> dict[str, list[Association]]:
        """How well each feature reproduces each denied column, the best first."""
        # Of a lead its last row, which knows most.
        numbered = self.training_snapshots.with_row_index("row")
        last = numbered.unique("lead_id", keep="last", maintain_order=True)
        leads = leads_at(self.tables.leads, last)
        values = self.training.values[last["row"].to_numpy()]
        return {
            name: associations(values, self.features, leads[name], self.seed)
            for name in self.carried
        }

    def reason_for(self, *names: str) -> str | None:
        """Tell why something is permitted, by any of its names; None where it is not."""
        return next((self.permitted[name] for name in names if name in self.permitted), None)


class _SteeringCheck(Check):
    """A check of the deny-list; it looks at a `SteeringContext`."""

    needs_outcomes = False

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Look for denied columns; see `Check.look`."""
        assert isinstance(context, SteeringContext), "the deny-list needs the definition"
        yield from self._look(context)

    def _look(self, context: SteeringContext) -> Iterator[Finding]:
        raise NotImplementedError

    def _permitted(self, found: Finding, reason: str | None) -> Finding:
        if reason is None:
            return found
        told = f"{found.found} (permitted: {reason})"
        return replace(found, severity="warning", found=told, vouched=True)


class DeniedName(_SteeringCheck):
    """A feature made of a column that is named like pay or like a protected attribute."""

    code = "S001"
    title = "features of columns named like pay or a protected attribute"
    remedy = (
        "Take it out of the attributes and add it to `denied` in the source definition, with its "
        "meaning: it is kept beside the leads and never scored upon."
    )

    def _look(self, context: SteeringContext) -> Iterator[Finding]:
        for attribute in context.attribute_features:
            column = context.columns.get(attribute, attribute)
            yield from self._named(context, f"column {attribute!r}", (attribute, column))
        for kind in context.kinds:
            yield from self._named(context, f"event type {kind!r}", (kind,))
        if any("events.value" in feature.inputs for feature in context.features):
            for column in context.value_columns:
                yield from self._named(context, f"events' value {column!r}", (column,))

    def _named(
        self, context: SteeringContext, subject: str, names: tuple[str, ...]
    ) -> Iterator[Finding]:
        for name in dict.fromkeys(names):
            meaning = denied_by_name(name)
            if meaning is None:
                continue
            found = self.finding(subject, f"its name {name!r} says that it is {MEANINGS[meaning]}")
            if meaning in PAY:
                # What steers by pay is not lifted by a reason.
                advice = "What is paid is never permitted; a column that means something else gets "
                yield replace(found, remedy=f"{self.remedy} {advice}another name in the export.")
            else:
                advice = "If the law allows its use, permit it with the reason (`permitted`)."
                permitted = self._permitted(found, context.reason_for(*names))
                yield replace(permitted, remedy=f"{self.remedy} {advice}")
            return


class DeniedMeaningUsed(_SteeringCheck):
    """A feature made of a column whose declared meaning is denied."""

    code = "S002"
    title = "features of columns that the source definition denies"
    remedy = "Compute the features again with a plan that is fitted on this source definition."

    def _look(self, context: SteeringContext) -> Iterator[Finding]:
        for feature in context.features:
            read = [name.removeprefix("leads.") for name in feature.inputs if "leads." in name]
            secret = [one for one in read if one in context.carried or one.startswith(WITHHELD)]
            if secret:
                named = ", ".join(repr(name) for name in secret)
                yield self.finding(f"column {feature.name!r}", f"it is made of {named}")


_FOLLOWS = (
    "A price that follows where a lead comes from is told, and stops nothing. If the price were to "
    "follow the score, this would steer: see that whoever sets it does not look at scores."
)


class ProxyColumn(_SteeringCheck):
    """A feature that reproduces a denied column, whatever it is called."""

    code = "S003"
    title = "features that reproduce a denied column"
    remedy = (
        "Forbid the column that it is made of, with the reason; or permit it in the source "
        "definition (`permitted`), with the reason why it may be used although it tells this."
    )

    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why it cannot be told; see `Check.not_applicable`."""
        assert isinstance(context, SteeringContext), "the deny-list needs the definition"
        if not context.carried:
            return "the source has no denied column to compare with"
        if not any(context.association.values()):
            return "too few leads have a value of a denied column"
        return super().not_applicable(context)

    def _look(self, context: SteeringContext) -> Iterator[Finding]:
        for name, found in context.association.items():
            beyond = [one for one in found if one.figure > max(one.chance, TOLD)]
            told: set[tuple[str, ...]] = set()
            follow = list[Association]()
            for one in beyond:
                inputs = context.features[one.feature].inputs
                # Of an attribute the feature that reproduces most.
                if inputs in told or len(told) >= MOST_TOLD:
                    continue
                told.add(inputs)
                if _follows(context, name, one):
                    follow.append(one)
                else:
                    yield self._proxy(context, name, one)
            if follow:
                # One price list is one finding, whatever of it the features tell.
                yield self._price_list(context, name, follow)

    def _price_list(
        self, context: SteeringContext, name: str, found: Sequence[Association]
    ) -> Finding:
        first = self._told(context, name, found[0])
        others = ", ".join(
            f"{context.features[one.feature].name} {one.figure:.2f}" for one in found[1:]
        )
        words = f"{first.found}; so do {others}" if others else first.found
        return replace(first, found=words, remedy=_FOLLOWS)

    def _proxy(self, context: SteeringContext, name: str, one: Association) -> Finding:
        found, feature = self._told(context, name, one), context.features[one.feature]
        if one.figure < COPIES[one.measure]:
            return found
        read = tuple(part.removeprefix("leads.") for part in feature.inputs)
        columns = [context.columns.get(part, part) for part in read]
        reason = context.reason_for(feature.name, *read, *columns)
        return self._permitted(replace(found, severity="error"), reason)

    def _told(self, context: SteeringContext, name: str, one: Association) -> Finding:
        return self.finding(
            context.column_of(context.features[one.feature]),
            f"it reproduces {name.removeprefix(WITHHELD)!r} ({MEANINGS[context.carried[name]]}): "
            f"{one.measure} {one.figure:.2f} out of sample, where chance reaches "
            f"{max(one.chance, 0):.2f} ({one.leads:,} leads)",
            "warning",
        )


def _follows(context: SteeringContext, name: str, one: Association) -> bool:
    """Tell a price list: a vendor's is no secret way to the price, the vendor was there first."""
    read = {part.removeprefix("leads.") for part in context.features[one.feature].inputs}
    about = {part for part in read if part in context.attributes}
    return context.carried[name] in PAY and bool(about) and about <= {*SOURCE_ROLES}


CHECKS: tuple[_SteeringCheck, ...] = (DeniedName(), DeniedMeaningUsed(), ProxyColumn())
"""Every check, by code."""


def steer(context: SteeringContext) -> LeakageReport:
    """Enforce the deny-list.

    Parameters
    ----------
    context : SteeringContext

    Returns
    -------
    LeakageReport
        Its errors are what fails the run; `refuse` tells them.
    """
    examined = []
    for check in CHECKS:
        why = check.not_applicable(context)
        found = () if why is not None else tuple(check.look(context))
        examined.append(GateResult(check, why, found))
    return LeakageReport(tuple(examined))


def refuse(report: LeakageReport, subject: str) -> None:
    """Stop where a feature is made of what is denied, or reproduces it.

    Parameters
    ----------
    report : LeakageReport
        As `steer` gives it.
    subject : str
        What was examined.

    Raises
    ------
    FaultsError
        If any finding is an error; tells every finding.
    """
    if not report.errors:
        return
    faults = [
        Fault(
            where=f"{found.subject} ({found.code})",
            found=found.found,
            expected="no feature of what is paid for a lead, or of a protected attribute",
            remedy=found.remedy,
            severity=found.severity,
        )
        for found in report.findings
    ]
    raise FaultsError(subject, faults)


def strongest(context: SteeringContext) -> list[dict[str, object]]:
    """Tell of each denied column what reproduces it most, whether or not it is much.

    Parameters
    ----------
    context : SteeringContext

    Returns
    -------
    list of dict
        ``denied``, ``meaning``, ``feature``, ``figure``, ``chance``, ``measure``, ``leads``; at
        most `MOST_TOLD` for each denied column, the best first.
    """
    return [
        {
            "denied": name.removeprefix(WITHHELD),
            "meaning": context.carried[name],
            "feature": context.features[one.feature].name,
            "figure": round(one.figure, 4),
            "chance": round(float(np.maximum(one.chance, 0)), 4),
            "measure": one.measure,
            "leads": one.leads,
        }
        for name, found in context.association.items()
        for one in found[:MOST_TOLD]
    ]
