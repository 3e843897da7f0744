"""What is told reaches its reader, whatever letters the terminal, pipe or file can hold."""

import codecs
import io
import json
import sys
from pathlib import Path
from typing import Any

from leadcast.features.base.errors import LeadcastError

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


def refuse_unreadable_names() -> None:
    """Refuse to begin where libraries would look for other files than Python.

    Python reads the bytes of a path by the locale, polars by UTF-8.

    Raises
    ------
    LeadcastError
        If the locale is not UTF-8, and the working folder or an argument has letters beyond ASCII.
    """
    encoding = sys.getfilesystemencoding()
    if codecs.lookup(encoding).name == "utf-8":
        return
    odd = [one for one in (str(Path.cwd()), *sys.argv[1:]) if not one.isascii()]
    if odd:
        raise LeadcastError(
            f"{odd[0]}: has letters that this locale writes in {encoding}, and file names are "
            "read in UTF-8; set PYTHONUTF8=1 in the environment, or LC_ALL=C.UTF-8"
        )


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
