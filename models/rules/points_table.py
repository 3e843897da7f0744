"""A points table, as marketing teams keep it in their CRM: a frozen model, and reading it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    PrivateAttr,
    Tag,
    model_validator,
)

from leadcast.features.base.errors import Fault, FaultsError, did_you_mean
from leadcast.features.base.files import read_text
from leadcast.features.base.plain import LARGEST
from leadcast.features.definitions.yaml_lines import (
    Key,
    ModelWords,
    ReadYaml,
    read_yaml,
    validated,
    where,
)
from leadcast.models.rules.conditions import (
    Days,
    Name,
    Names,
    Points,
    RuleSection,
    When,
    at_least_one,
)
from leadcast.models.rules.patterns import pattern_faults

Share = Annotated[float, Field(ge=0, le=1)]


class LinearDecay(RuleSection):
    """Points fade evenly, to nothing after so many days."""

    form: Literal["linear"]
    over_days: Days
    """The age at which nothing is left."""


class ExponentialDecay(RuleSection):
    """Points halve every so many days."""

    form: Literal["exponential"]
    half_life_days: Days
    """The half-life."""


class Step(RuleSection):
    """From an age on only a share is left."""

    after_days: Days
    """Of events older than this..."""
    keep: Share
    """...this share of the points is left, 0 to 1."""


class StepDecay(RuleSection):
    """Points fall in steps."""

    form: Literal["step"]
    steps: Annotated[tuple[Step, ...], AfterValidator(at_least_one)]
    """By rising age, each keeping less than the one before."""

    @model_validator(mode="after")
    def _falls(self) -> Self:
        ages = [step.after_days for step in self.steps]
        shares = [1.0, *(step.keep for step in self.steps)]
        if sorted(set(ages)) != ages or sorted(set(shares), reverse=True) != shares:
            raise ValueError("steps whose after_days rise and whose keep falls")
        return self


class Expiry(RuleSection):
    """Points are whole until an age, and gone after it."""

    form: Literal["expiry"]
    after_days: Days
    """The last age at which they count."""


def _form_of(value: object) -> str:
    form = value.get("form") if isinstance(value, dict) else getattr(value, "form", "")
    return f"({form})"


Decay = Annotated[
    Annotated[LinearDecay, Tag("(linear)")]
    | Annotated[ExponentialDecay, Tag("(exponential)")]
    | Annotated[StepDecay, Tag("(step)")]
    | Annotated[Expiry, Tag("(expiry)")],
    Discriminator(
        _form_of,
        custom_error_type="decay_form",
        custom_error_message="form: linear, exponential, step or expiry",
    ),
]


DEFAULT_GROUP = "points"
"""The group of a rule that names none."""


class PointLimits(RuleSection):
    """Between what a sum of points is held; applied in the order of the parameters."""

    negative_limit: Annotated[float, Field(ge=0, le=LARGEST)] | None = None
    """The most that negative points can take away together, as a positive number. With it, a
    prospect who was silent for long and comes back can still reach a threshold."""
    limit: Points | None = None
    """The most that the sum can be."""
    floor: Points | None = None
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

    excluded: Points = 0.0
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
    points: Points
    each: bool = False
    limit: Annotated[float, Field(gt=0, le=LARGEST)] | None = None
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

    points: Points | None = None
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
    bands: Annotated[dict[str, Points], AfterValidator(at_least_one)]
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
        """Tell the line of a key such as ``("rules", 3, "when")``; 0 where there was no text."""
        return 0 if self._read is None else self._read.line_of(key)

    def where(self, key: Key) -> str:
        """Say where a key stands, such as ``rules.yaml line 12: rule 'pricing page'``."""
        line = self.line_of(key)
        place = f"{self._name} line {line}" if line else self._name
        if key[0] == "rules" and len(key) > 1:
            return f"{place}: rule {self.rules[int(key[1])].name!r}"
        if key[0] == "exclusions" and len(key) > 1:
            return f"{place}: exclusion {self.exclusions[int(key[1])].name!r}"
        return f"{place}: {'.'.join(str(part) for part in key)}"

    def key_of_condition(self, when: Key, kind: str, index: int) -> Key:
        """Find a condition's key as the text has it: `when` itself where that holds one only."""
        lines = {} if self._read is None else self._read.lines
        candidates: tuple[Key, ...] = ((*when, kind, index), (*when, index))
        return next((key for key in candidates if key in lines), when)


TEMPLATE = "data/rules/template.yaml"
_WORDS = ModelWords("a points table", TEMPLATE)


def load_rules(path: Path) -> RuleTable:
    """Read a points table from its file and check it against itself; no data is read.

    Parameters
    ----------
    path : Path
        The YAML file.

    Returns
    -------
    RuleTable

    Raises
    ------
    FaultsError
        With every fault of the file: the line, the key, and the nearest key for a misspelt one.
    LeadcastError
        If the file cannot be read.
    """
    return parse_rules(read_text(path), str(path))


def parse_rules(text: str, name: str = "rules") -> RuleTable:
    """Read a points table from text, as an editor has it.

    Parameters
    ----------
    text : str
        YAML.
    name : str
        What messages call it.

    Returns
    -------
    RuleTable

    Raises
    ------
    FaultsError
        With every fault; `leadcast.features.base.errors.Fault.line` is its line in `text`.
    """
    read = read_yaml(text, name)
    faults = list(read.faults)
    table = None
    if isinstance(read.content, dict):
        faults += pattern_faults(read, name)
        table = validated(RuleTable, read, name, _WORDS, faults)
    elif not faults:
        faults.append(
            Fault(name, "no keys", "the keys of a points table", f"Start from {TEMPLATE}.", line=1)
        )
    if table is not None:
        faults += _faults_of_names(table, read, name)
    if table is None or faults:
        raise FaultsError(f"points table {name}", sorted(faults, key=lambda fault: fault.line))
    table._read, table._name = read, name
    return table


def _faults_of_names(table: RuleTable, read: ReadYaml, name: str) -> Iterator[Fault]:
    def fault(key: Key, found: str, expected: str, remedy: str) -> Fault:
        line = read.line_of(key)
        return Fault(where(read, name, key), found, expected, remedy, line=line)

    for part, names in (
        ("rules", [rule.name for rule in table.rules]),
        ("exclusions", [one.name for one in table.exclusions]),
    ):
        for index in _repeated(names):
            found = f"the name {names[index]!r} for the second time"
            yield fault((part, index, "name"), found, "distinct names", "Rename one of the two.")
    for key, group in _groups_used(table):
        if group not in table.groups:
            remedy = f"{did_you_mean(group, table.groups)} Or add it to groups."
            yield fault(key, f"the group {group!r}", "a group of the table", remedy)
    yield from (fault(*parts) for parts in _faults_of_cells(table))


def _groups_used(table: RuleTable) -> Iterator[tuple[Key, str]]:
    for index, rule in enumerate(table.rules):
        yield ("rules", index, "group"), rule.group
    if table.grid is not None:
        yield ("grid", "fit", "group"), table.grid.fit.group
        yield ("grid", "engagement", "group"), table.grid.engagement.group


def _faults_of_cells(table: RuleTable) -> Iterator[tuple[Key, str, str, str]]:
    cells = [] if table.grid is None else table.grid.cells()
    for name, threshold in table.thresholds.items():
        for cell in threshold.cells or ():
            if cell not in cells:
                remedy = did_you_mean(cell, cells) if cells else "Add a grid, or give points."
                key = ("thresholds", name, "cells")
                yield key, f"the cell {cell!r}", "a cell of the grid", remedy
    if len(set(cells)) != len(cells):
        repeated = cells[next(iter(_repeated(cells)))]
        found = f"two cells that are both called {repeated!r}"
        yield ("grid",), found, "distinct names of cells", "Rename a band."


def _repeated(names: Sequence[str]) -> list[int]:
    return [index for index, name in enumerate(names) if name in names[:index]]
