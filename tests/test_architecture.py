"""The pictures of `docs/architecture.md` against the code."""

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from leadcast.features.definitions.yaml_lines import plain_yaml
from tests.test_house import MODULES, ROOT, folder_imports, name_of

TEXT = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
ARROW = re.compile(r"^\s*(\w+)(?:[\[(].*?[\])])? --> (\w+)", re.MULTILINE)
NODE = re.compile(r'^\s*(\w+)\["([\w/]+)"\]', re.MULTILINE)


def pictures() -> list[str]:
    return re.findall(r"```mermaid\n(.*?)```", TEXT, re.DOTALL)


def reachable(graph: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = list(graph.get(start, ()))
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += graph.get(node, ())
    return found


def reduced(graph: Mapping[str, set[str]]) -> set[tuple[str, str]]:
    """The arrows that do not follow from others (of a graph without cycles)."""
    return {
        (start, end)
        for start, ends in graph.items()
        for end in ends
        if not any(end in reachable(graph, other) for other in ends - {end})
    }


def drawn() -> set[tuple[str, str]]:
    names = dict(NODE.findall(pictures()[1]))
    return {(names[start], names[end]) for start, end in ARROW.findall(pictures()[1])}


def test_every_folder_is_drawn() -> None:
    folders = {name_of(path.parent) for path in MODULES}
    assert set(dict(NODE.findall(pictures()[1])).values()) == folders


def test_the_arrows_are_the_imports() -> None:
    assert drawn() == reduced(folder_imports())


def test_an_arrow_too_many_or_too_few_would_be_seen() -> None:
    graph = folder_imports()
    graph["features"] = {"serve/page"}
    assert drawn() != reduced(graph)
    assert reduced({"a": {"b", "c"}, "b": {"c"}}) == {("a", "b"), ("b", "c")}


def test_the_way_of_a_lead_is_that_of_the_stages() -> None:
    stages = list(plain_yaml((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])
    arrows = [
        (start.removesuffix("_stage"), end.removesuffix("_stage"))
        for start, end in ARROW.findall(pictures()[0])
        if end != "scores" and (start, end) != ("export", "fetch")
    ]
    assert arrows == list(pairwise(stages))


def test_every_file_that_is_named_is_there() -> None:
    named = set(re.findall(r"`((?:features|models|serve|pipelines)/[\w/]+(?:\.py)?)/?`", TEXT))
    assert len(named) > 20
    assert [name for name in sorted(named) if not Path(ROOT / name).exists()] == []


def test_every_test_that_a_document_names_is_there() -> None:
    text = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / f"tests/{name}.py").exists()] == []
