"""YAML as plain data, each value exactly as it is written, and the line of each key.

Only null is recognised; every other scalar stays a string. So ``no`` is not False, ``01`` is not
1 and a date stays a date, and a value that a definition names is the value that the export has.
"""

from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from ruamel.yaml import YAML, MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.error import YAMLError

from leadcast.features.base.errors import Fault

Plain = str | None | list["Plain"] | dict[str, "Plain"]
Key = tuple[str | int, ...]

MOST_VALUES = 100_000
"""How many values a file may hold, each counted as often as aliases repeat it."""
WIDTH = 100
"""So long are the lines that are written, where a text can be broken."""
_NULLS = frozenset({"", "~", "null"})
_TOO_MANY = f"more than {MOST_VALUES:,} values"


@dataclass
class ReadYaml:
    """What a YAML file holds.

    Parameters
    ----------
    content : str, None, list or dict
        The data.
    lines : dict of tuple to int
        The line of each key path, from 1.
    faults : list of Fault
        What is wrong with the file itself.
    """

    content: Plain = None
    lines: dict[Key, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def line_of(self, key: Key) -> int:
        """Find the line of a key, or of the innermost key around it that the file has.

        Parameters
        ----------
        key : tuple of str and int
            A path.

        Returns
        -------
        int
            From 1.
        """
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)


def read_yaml(text: str, name: str) -> ReadYaml:
    """Read YAML with the line of each key.

    Parameters
    ----------
    text : str
        The file's text.
    name : str
        The file's name, for messages.

    Returns
    -------
    ReadYaml
        With a fault where the text is not YAML, or a mapping has a key twice.
    """
    found = ReadYaml()
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except YAMLError as error:
        found.faults.append(_not_yaml(error, name))
        return found
    except RecursionError:
        found.faults.append(_too_deep(name, 1))
        return found
    if root is not None:
        found.content = _plain(root, (), found, name, depth=0)
    return found


def plain_yaml(text: str) -> Any:  # noqa: ANN401 - any YAML value
    """Read YAML with its own types, as the project's parameters are written."""
    return YAML(typ="safe", pure=True).load(text)


def yaml_text(content: object) -> str:
    """Write plain data as YAML, a line an entry, in the order that it has."""
    yaml, text = YAML(typ="safe", pure=True), StringIO()
    yaml.default_flow_style, yaml.width = False, WIDTH
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(content, text)
    return text.getvalue()


def _plain(node: Node, key: Key, found: ReadYaml, name: str, depth: int) -> Plain:
    found.lines.setdefault(key, node.start_mark.line + 1)
    if depth > 20:
        found.faults.append(_too_deep(name, node.start_mark.line + 1))
        return None
    # A few lines of aliases can stand for billions of values.
    if len(found.lines) > MOST_VALUES:
        if not any(fault.found == _TOO_MANY for fault in found.faults):
            found.faults.append(_too_many(name, node.start_mark.line + 1))
        return None
    if isinstance(node, MappingNode):
        return _mapping(node, key, found, name, depth)
    if isinstance(node, SequenceNode):
        items = enumerate(node.value)
        return [_plain(item, (*key, index), found, name, depth + 1) for index, item in items]
    if isinstance(node, ScalarNode) and node.style is None and node.value in _NULLS:
        return None
    return str(node.value)


def _mapping(
    node: MappingNode, key: Key, found: ReadYaml, name: str, depth: int
) -> dict[str, Plain]:
    content: dict[str, Plain] = {}
    for key_node, value in node.value:
        word = str(key_node.value)
        line = key_node.start_mark.line + 1
        if word in content:
            found.faults.append(_twice(name, line, word, found.lines[*key, word]))
            continue
        found.lines[*key, word] = line
        content[word] = _plain(value, (*key, word), found, name, depth + 1)
    return content


def _twice(name: str, line: int, word: str, first: int) -> Fault:
    return Fault(
        where=f"{name} line {line}",
        line=line,
        found=f"the key {word!r} for the second time (first in line {first})",
        expected="each key once",
        remedy="Remove one of the two, or rename it.",
    )


def _too_many(name: str, line: int) -> Fault:
    return Fault(
        where=f"{name} line {line}",
        line=line,
        found=_TOO_MANY,
        expected="fewer",
        remedy="Write the values out instead of repeating them by aliases, or split the file.",
    )


def _too_deep(name: str, line: int) -> Fault:
    return Fault(
        where=f"{name} line {line}",
        line=line,
        found="more than 20 levels, or an alias that contains itself",
        expected="a few levels",
        remedy="Write the value out where it is needed.",
    )


def _not_yaml(error: YAMLError, name: str) -> Fault:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return Fault(
        where=name if mark is None else f"{name} line {mark.line + 1}",
        line=0 if mark is None else mark.line + 1,
        found=f"text that is not YAML ({problem})",
        expected="YAML",
        remedy="Look at the indentation and the quotation marks there.",
    )
