"""DVC's YAML files, each text parsed once and each stage's lock written once.

After each stage DVC parses the whole of `dvc.lock` and writes it anew, and for each parameter that
a stage depends on it parses `params.yaml`: that takes longer than all else that it does. Here it
gets what it parsed or wrote itself, while the file's text is still that; it writes the same.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from io import StringIO
from typing import Any, TextIO

Parse = Callable[..., Any]
Dump = Callable[[Any, TextIO], Any]
LOCK = ("schema", "stages")
"""The keys of a lock file, in order."""
_STAGES = "stages:\n"


class KnownYaml:
    """Parses and writes as DVC does, and keeps what came of it.

    Parameters
    ----------
    parse : callable
        DVC's own: takes a text, the file's name and ``"safe"`` or, to write it again, ``"rt"``.
    text_of : callable
        DVC's own: writes data as text.
    """

    def __init__(self, parse: Parse, text_of: Callable[[Any], str]) -> None:
        self._parse, self._text_of = parse, text_of
        self._plain: dict[str, Any] = {}
        self._written: tuple[str, Any] | None = None
        # What is said between two stages belongs to neither.
        self._commented = False
        self._stages: dict[str, tuple[Any, str]] = {}

    def parse(self, text: str, path: Any, typ: str = "safe") -> Any:  # noqa: ANN401 - DVC's
        """Parse a text, as DVC's ``parse_yaml`` does."""
        if typ != "safe":
            written, self._written = self._written, None
            if written is not None and written[0] == text:
                return written[1]
            self._commented = "#" in text
            return self._parse(text, path, typ)
        if text not in self._plain:
            self._plain[text] = self._parse(text, path, typ)
        return deepcopy(self._plain[text])

    def dump(self, data: Any, stream: TextIO) -> None:  # noqa: ANN401
        """Write data, as DVC's ``_dump`` does."""
        is_lock = isinstance(data, dict) and tuple(data) == LOCK and data["stages"]
        text = self._lock(data) if is_lock and not self._commented else self._text_of(data)
        self._written = text, data
        stream.write(text)

    def _lock(self, data: Any) -> str:  # noqa: ANN401
        return f"{self._text_of({'schema': data['schema']})}{_STAGES}" + "".join(
            self._stage(name, content) for name, content in data["stages"].items()
        )

    def _stage(self, name: str, content: Any) -> str:  # noqa: ANN401
        known = self._stages.get(name)
        # DVC puts another object in the place of a stage's lock, and never changes one.
        if known is None or known[0] is not content:
            text = self._text_of({"stages": {name: content}})
            known = self._stages[name] = content, text.removeprefix(_STAGES)
        return known[1]


@contextmanager
def yaml_known() -> Iterator[None]:
    """Let DVC, in this process, parse and write so while the block runs."""
    import dvc.utils.serialize._yaml as yaml
    from dvc.utils import strictyaml

    parse, dump = yaml.parse_yaml, yaml._dump

    def text_of(data: Any) -> str:  # noqa: ANN401
        stream = StringIO()
        dump(data, stream)
        return stream.getvalue()

    known = KnownYaml(parse, text_of)
    yaml._dump, yaml.parse_yaml = known.dump, known.parse
    strictyaml.parse_yaml = known.parse
    try:
        yield
    finally:
        yaml._dump, yaml.parse_yaml = dump, parse
        strictyaml.parse_yaml = parse
