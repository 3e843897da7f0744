"""Reading a points table, with all its faults at once and the line of each."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from leadcast.features.base.errors import Fault, FaultsError, LeadcastError, did_you_mean
from leadcast.features.definitions.yaml_lines import (
    Key,
    ModelWords,
    ReadYaml,
    read_yaml,
    validated,
    where,
)
from leadcast.models.rules.patterns import pattern_faults
from leadcast.models.rules.points_table import RuleTable

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
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise LeadcastError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise LeadcastError(f"{path}: is not UTF-8 text ({error}); save it as UTF-8") from None
    return parse_rules(text, str(path))


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
