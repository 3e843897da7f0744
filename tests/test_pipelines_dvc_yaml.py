"""What DVC is given in place of parsing and writing its YAML files is what it would have made."""

from io import StringIO
from typing import Any

import dvc.utils.serialize._yaml as by_dvc
import pytest
from dvc.utils import strictyaml

from leadcast.pipelines.commands.dvc_yaml import yaml_known

ODD: list[Any] = [
    "no",
    "2.0",
    "1e10",
    "0123",
    "a: b",
    "ä # no comment",
    "long " * 40,
    "two\nlines",
    None,
    True,
    0.1,
    [],
    {},
    [1, {"half_lives": [None, 90.0]}],
]
COMMENTED = "schema: '2.0'\nstages:\n  # mine\n  fetch@a:\n    cmd: x\n# the end\n"
EDITED = "schema: '2.0'\nstages:\n  fetch@a:\n    cmd: edited\n"


def lock_of(number: int, odd: Any) -> dict[str, Any]:  # noqa: ANN401 - any YAML value
    out = {"path": f"data/{number}.json", "hash": "md5", "md5": f"{number}e{number}", "size": 3}
    return {"cmd": f"python -m x {number}", "outs": [out], "params": {"params.yaml": {"odd": odd}}}


def written() -> list[str]:
    """Put stages into a lock file one after the other, as DVC does; gives its text after each."""
    texts = [""]
    for turn, odd in enumerate([*ODD, *reversed(ODD)]):
        # Twice somebody else writes the file: DVC keeps what is said in it.
        text = {5: COMMENTED, 9: EDITED}.get(turn, texts[-1])
        data = by_dvc.parse_yaml_for_update(text, "dvc.lock")
        if not data:
            data.update({"schema": "2.0"})
        data["stages"] = data.get("stages", {})
        data["stages"].update({f"stage{turn % 6}@a": lock_of(turn, odd)})
        stream = StringIO()
        by_dvc._dump(data, stream)
        texts.append(stream.getvalue())
    return texts


def test_a_lock_file_is_written_as_dvc_writes_it() -> None:
    expected = written()
    with yaml_known():
        assert written() == expected
    assert "# mine" in expected[8]
    assert "# mine" not in expected[12]


def test_what_is_parsed_once_is_nobodys_to_change() -> None:
    with yaml_known():
        first = by_dvc.parse_yaml("a: [1, 2]", "params.yaml")
        first["a"].append(3)
        assert by_dvc.parse_yaml("a: [1, 2]", "params.yaml") == {"a": [1, 2]}
        assert strictyaml.parse_yaml("", "params.yaml") == {}
        with pytest.raises(by_dvc.YAMLFileCorruptedError, match=r"mine\.yaml"):
            strictyaml.parse_yaml("a: [", "mine.yaml")
    assert strictyaml.parse_yaml is by_dvc.parse_yaml
    assert by_dvc.parse_yaml.__module__ == by_dvc.__name__


def test_what_was_changed_and_never_written_is_read_anew() -> None:
    with yaml_known():
        text = written()[-1]
        by_dvc.parse_yaml_for_update(text, "dvc.lock")["stages"].clear()
        assert by_dvc.parse_yaml_for_update(text, "dvc.lock")["stages"]
