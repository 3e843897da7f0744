"""What is told reaches its reader, whatever letters the terminal, pipe or file can hold."""

import codecs
import io
import json
import sys
from typing import Any

_ESCAPED = "leadcast-escaped"


def escape_unknown_letters() -> None:
    r"""Let this process write ``\u2192`` where a stream's encoding has no such letter.

    Of an encoding that is not UTF-8 (a locale such as ``de_DE.ISO-8859-1``) Python raises
    otherwise, after the work has been done. What is escaped so is an escape of JSON as well.
    """
    codecs.register_error(_ESCAPED, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPED)


def told_as_json(content: Any, *, indent: int | None = None) -> str:  # noqa: ANN401 - any JSON value
    """Write JSON for the standard output: in ASCII where that is not in UTF-8, as JSON must be.

    Parameters
    ----------
    content : JSON value
    indent : int or None
        As `json.dumps` takes it.

    Returns
    -------
    str
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    is_utf8 = codecs.lookup(encoding).name == "utf-8"
    return json.dumps(content, ensure_ascii=not is_utf8, indent=indent)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return json.dumps(letters)[1:-1], error.end
