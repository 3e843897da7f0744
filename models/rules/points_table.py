"""A points table, as marketing teams keep it in their CRM, as a frozen model."""

from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, model_validator

from leadcast.features.definitions.yaml_lines import Key, ReadYaml
from leadcast.models.rules.conditions import Name, Names, RuleSection, When, at_least_one
from leadcast.models.rules.decay import Decay

DEFAULT_GROUP = "points"
"""The group of a rule that names none."""


class PointLimits(RuleSection):
    """Between what a sum of points is held; applied in the order of the parameters."""

    negative_limit: Annotated[float, Field(ge=0)] | None = None
    """The most that negative points can take away together, as a positive number. With it, a
    prospect who was silent for long and comes back can still reach a threshold."""
    limit: float | None = None
    """The most that the sum can be."""
    floor: float | None = None
    """The least that the sum can be."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.limit is not None and self.floor is not None and self.limit < self.floor:
            raise ValueError(f"a limit that is not below the floor ({self.floor:g})")
        return self


class Group(PointLimits):
    """Rules that are added up together."""

    title: str = ""
    """Words for people."""


class Total(PointLimits):
    """The sum of the groups."""

    excluded: float = 0.0
    """The points of a lead that an exclusion takes out."""


class Rule(RuleSection):
    """One line of the points table.

    Parameters
    ----------
    name : str
        What it is called; distinct in the table.
    group : str
        The group that it belongs to.
    points : float
        What it gives; negative to take away.
    each : bool
        Whether every event that counts gives the points, instead of all of them once. Then the
        rule has exactly one condition on events.
    limit : float or None
        The most that `each` can give (or take away), as a positive number.
    decay : Decay or None
        How the points fade with the age of the event: of each event, or of the newest that
        counts where the points are given once.
    when : Conditions
        When it gives its points.
    """

    name: Name
    group: Name = DEFAULT_GROUP
    points: float
    each: bool = False
    limit: Annotated[float, Field(gt=0)] | None = None
    decay: Decay | None = None
    when: When

    @model_validator(mode="after")
    def _dated_by_one(self) -> Self:
        events = self.when.events()
        if (self.each or self.decay is not None) and (len(events) != 1 or events[0].negated):
            key = "each" if self.each else "decay"
            raise ValueError(f"exactly one condition on events, without not, where {key} is set")
        if (self.each or self.decay is not None) and self.when.any_of:
            raise ValueError("a list of conditions instead of any, where each or decay is set")
        if self.limit is not None and not self.each:
            raise ValueError("each: true where a rule has a limit; points given once need none")
        return self


class Exclusion(RuleSection):
    """Who gets no points at all."""

    name: Name
    """What it is called."""
    when: When
    """Whom it takes out."""


def _as_threshold(value: object) -> object:
    return {"points": value} if isinstance(value, str | int | float) else value


class Threshold(RuleSection):
    """From when on a lead is called something, such as MQL."""

    points: float | None = None
    """The least total."""
    cells: Names | None = None
    """Or the cells of the grid."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.points is None) == (self.cells is None):
            raise ValueError("a number of points, or cells")
        return self


class Axis(RuleSection):
    """One side of the grid."""

    group: Name
    """The group whose points are read."""
    bands: Annotated[dict[str, float], AfterValidator(at_least_one)]
    """Each band with the least points that it takes, the best band first. A lead below all of them
    is in the last."""

    @model_validator(mode="after")
    def _falls(self) -> Self:
        least = list(self.bands.values())
        if sorted(set(least), reverse=True) != least:
            raise ValueError("bands from the highest points to the lowest")
        return self


class Grid(RuleSection):
    """Fit against engagement, as Eloqua has it: A1 to D4."""

    fit: Axis
    engagement: Axis
    """The two sides; a cell is called by the names of its bands, fit first."""

    def cells(self) -> list[str]:
        """List the cells' names, the best fit first."""
        return [row + column for row in self.fit.bands for column in self.engagement.bands]


class RuleTable(RuleSection):
    """A points table; ``data/rules/template.yaml`` explains each key.

    Parameters
    ----------
    title : str
        What it is.
    groups : dict of str to Group
        The groups; ``points`` where the table has none.
    total : Total
        Limits of the sum.
    rules : tuple of Rule
        The rules.
    exclusions : tuple of Exclusion
        Who gets no points.
    thresholds : dict of str to Threshold
        What a lead is called from when on.
    grid : Grid or None
        Fit against engagement.
    """

    title: str = ""
    groups: Annotated[dict[Name, Group], AfterValidator(at_least_one)] = Field(
        default_factory=lambda: {DEFAULT_GROUP: Group()}
    )
    total: Total = Total()
    rules: Annotated[tuple[Rule, ...], AfterValidator(at_least_one)]
    exclusions: tuple[Exclusion, ...] = ()
    thresholds: dict[Name, Annotated[Threshold, BeforeValidator(_as_threshold)]] = Field(
        default_factory=dict
    )
    grid: Grid | None = None
    _read: ReadYaml | None = PrivateAttr(default=None)
    _name: str = PrivateAttr(default="rules")

    @property
    def file(self) -> str:
        """The name of the file that it was read from, for messages."""
        return self._name

    def line_of(self, key: Key) -> int:
        """Tell the line of a key.

        Parameters
        ----------
        key : tuple of str and int
            Such as ``("rules", 3, "when")``.

        Returns
        -------
        int
            From 1; 0 where the table was not read from a text.
        """
        return 0 if self._read is None else self._read.line_of(key)

    def where(self, key: Key) -> str:
        """Say where a key stands: the file, the line and the rule's name.

        Parameters
        ----------
        key : tuple of str and int
            Such as ``("rules", 3, "when")``.

        Returns
        -------
        str
            ``"rules.yaml line 12: rule 'pricing page'"``.
        """
        line = self.line_of(key)
        place = f"{self._name} line {line}" if line else self._name
        if key[0] == "rules" and len(key) > 1:
            return f"{place}: rule {self.rules[int(key[1])].name!r}"
        if key[0] == "exclusions" and len(key) > 1:
            return f"{place}: exclusion {self.exclusions[int(key[1])].name!r}"
        return f"{place}: {'.'.join(str(part) for part in key)}"

    def key_of_condition(self, when: Key, kind: str, index: int) -> Key:
        """Find the key of a condition as the text has it.

        Parameters
        ----------
        when : tuple of str and int
            The key of its `when`.
        kind : {"all", "any"}
            Of which kind the condition is.
        index : int
            Its place among them.

        Returns
        -------
        tuple of str and int
            `when` itself where it holds one condition only.
        """
        lines = {} if self._read is None else self._read.lines
        candidates: tuple[Key, ...] = ((*when, kind, index), (*when, index))
        return next((key for key in candidates if key in lines), when)
