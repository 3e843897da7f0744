"""Plain data that a stranger may have written: bounded before it is parsed, checked before use.

A bundle's hashes tell that it came over whole, not that its writer meant well. So whatever a
compiled loop takes for an index, a length or a count is declared as a field with a range, and a
file is measured before it is parsed: its bytes, its depth, its values, the digits of its numbers.
"""

import json
import os
import re
import reprlib
import stat
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError

from leadcast.features.base.errors import Fault, FaultsError, LeadcastError
from leadcast.features.base.files import why_no_file

MOST_BYTES = 32 * 2**20
MOST_VALUES = 1_000_000
MOST_DEPTH = 32
MOST_DIGITS = 24
"""A float in JSON has at most 21 digits in a row; a longer number is none of ours."""
MOST_KEYS = 200_000
"""Each unknown key is an error of its own, and of millions the errors would fill the memory."""
MOST_TOLD = 20
"""Of the faults of one file at most so many are told."""
MOST_SHOWN = 300
"""Characters of a key."""
MOST_COUNTED = 2**53
"""Above it not every whole number is a float."""
MOST_COLUMNS = 20_000
LARGEST = 1e40
"""No number that is learned from float32 comes near; far below where products overflow."""
AGAIN = "Copy the bundle again from where it was made, or export it again."

_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_AS_DIGIT = bytes.maketrans(b"123456789E", b"000000000e")
_LONG_NUMBER = b"0" * (MOST_DIGITS + 1)
_LARGE_NUMBER = b"e000"
"""What JSON can write and a double cannot hold becomes an infinity."""
_OPENS, _CLOSES = b"[{", b"]}"
_STEPS = np.zeros(256, np.int8)
_STEPS[list(_OPENS)], _STEPS[list(_CLOSES)] = 1, -1

Count = Annotated[int, Strict(), Field(ge=0, le=MOST_COUNTED)]
Column = Annotated[int, Strict(), Field(ge=0, lt=MOST_COLUMNS)]
"""A column of the matrix; that the matrix has it is checked by whoever knows its width."""
Number = Annotated[float, Strict(), Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
NotNegative = Annotated[float, Strict(), Field(ge=0, le=LARGEST, allow_inf_nan=False)]
Positive = Annotated[float, Strict(), Field(ge=1 / LARGEST, le=LARGEST, allow_inf_nan=False)]
Share = Annotated[float, Strict(), Field(ge=0, le=1, allow_inf_nan=False)]
Truth = Annotated[bool, Strict()]
Text = Annotated[str, Strict(), Field(max_length=100_000)]
FileName = Annotated[str, Strict(), Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")]
"""One plain name, without folders; none that begins with a dot, which bundles do not list."""

Model = TypeVar("Model", bound=BaseModel)


class Plain(BaseModel):
    """What all declared plain data share: frozen, and without keys that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def read_plain(path: Path, most_bytes: int = MOST_BYTES) -> Any:  # noqa: ANN401 - any JSON value
    """Read a JSON file that a stranger may have written.

    Parameters
    ----------
    path : Path
        The file to read.
    most_bytes : int
        How long it may be.

    Returns
    -------
    JSON value
        At most `MOST_DEPTH` deep, of at most `MOST_VALUES` values, without NaN and infinities.

    Raises
    ------
    LeadcastError
        If it is no such file; names it, and tells what was found.
    """
    content = read_bytes(path, most_bytes)
    bare = _TEXT.sub(b"", content)
    n_values = sum(map(bare.count, (b",", b"[", b"{")))
    if n_values > MOST_VALUES:
        _refuse(path, f"{n_values} values", f"at most {MOST_VALUES}")
    if bare.count(b":") > MOST_KEYS:
        _refuse(path, f"{bare.count(b':')} keys", f"at most {MOST_KEYS}")
    steps = _STEPS[np.frombuffer(bare, np.uint8)]
    depth = int(np.cumsum(steps[steps != 0], dtype=np.int32).max(initial=0))
    if depth > MOST_DEPTH:
        _refuse(path, f"lists and objects {depth} deep", f"at most {MOST_DEPTH}")
    numbers = bare.translate(_AS_DIGIT, b"+")
    if _LONG_NUMBER in numbers:
        _refuse(path, f"a number of more than {MOST_DIGITS} digits", "numbers that were computed")
    if _LARGE_NUMBER in numbers:
        _refuse(path, "a number beyond 1e100", "numbers that were computed")
    try:
        text = content.decode("utf-8")
        found = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_once)
        if "\\u" in text:
            # Half of a surrogate pair is no text: it could neither be shown nor written.
            json.dumps(found, ensure_ascii=False).encode()
    except ValueError as error:
        raise LeadcastError(f"{path}: is not valid JSON ({error}); write it again") from None
    return found


def read_bytes(path: Path, most_bytes: int) -> bytes:
    """Read a regular file that is not too long.

    Parameters
    ----------
    path : Path
        The file to read.
    most_bytes : int
        How long it may be.

    Returns
    -------
    bytes

    Raises
    ------
    LeadcastError
        If it is missing, too long, or no regular file (a pipe would never end); names it.
    """
    try:
        # Without O_NONBLOCK, opening a pipe waits for a writer.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        raise LeadcastError(f"{path}: {why_no_file(path)}") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        # Of a folder no file can be made.
        os.close(handle)
        _refuse(path, "no regular file", "a file")
    try:
        with os.fdopen(handle, "rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise LeadcastError(f"{path}: cannot be read ({error.strerror}). {AGAIN}") from None
    if len(content) > most_bytes:
        _refuse(path, f"more than {most_bytes} bytes", "fewer")
    return content


def inside(folder: Path, name: str) -> Path:
    """Find what has a plain name in a folder, and is in it.

    Parameters
    ----------
    folder : Path
    name : str
        A `FileName`.

    Returns
    -------
    Path

    Raises
    ------
    LeadcastError
        If it is a symbolic link, which could lead anywhere.
    """
    path = folder / name
    if path.is_symlink():
        _refuse(path, "a symbolic link", "what the bundle itself holds")
    return path


def checked(kind: type[Model], content: object, subject: str, where: str) -> Model:
    """Check plain data against what is declared.

    Parameters
    ----------
    kind : type of Model
        The declaration.
    content : JSON value
    subject : str
        What is examined, for the error's first line.
    where : str
        The file, for the error's other lines.

    Returns
    -------
    Model

    Raises
    ------
    FaultsError
        If it does not fit: every fault with its key (of a list, its first wrong item).
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise FaultsError(subject, faults_of(error, where)) from None


def faults_of(error: ValidationError, where: str) -> list[Fault]:
    """Tell a validation's errors as faults.

    Parameters
    ----------
    error : ValidationError
    where : str
        The file.

    Returns
    -------
    list of Fault
        At most `MOST_TOLD`.
    """
    faults = []
    for each in error.errors(include_url=False, include_context=False)[:MOST_TOLD]:
        key = shown(".".join(map(str, each["loc"]))) or "the whole"
        # Whether a key is missing or too much, its value says nothing.
        is_about_key = each["type"] in ("missing", "extra_forbidden")
        found = each["type"].replace("_", " ") if is_about_key else _short(each["input"])
        expected = shown(each["msg"].removeprefix("Value error, "))
        faults.append(Fault(f"{where}: {key}", found, expected, AGAIN))
    return faults


def rises(numbers: list[float] | tuple[float, ...]) -> bool:
    """Tell whether numbers rise strictly, which bisecting them and joining them by lines needs."""
    return bool((np.diff(numbers) > 0).all())


def joins(points: list[float], heights: list[float]) -> bool:
    """Tell whether lines through points, which rise, have slopes that are numbers."""
    with np.errstate(over="ignore"):
        return bool(np.isfinite(np.diff(heights) / np.diff(points)).all())


def shown(text: str) -> str:
    """Make a stranger's text one that writes no lines of its own into a log.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        At most `MOST_SHOWN` characters, `?` for what cannot be printed.
    """
    return "".join(one if one.isprintable() else "?" for one in text[:MOST_SHOWN])


def _short(value: object) -> str:
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    return f"a list of {len(value)}" if isinstance(value, list | tuple) else reprlib.repr(value)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Of two alike each reader would take another one.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _refuse(path: Path, found: str, expected: str) -> NoReturn:
    raise LeadcastError(str(Fault(f"{path}", found, expected, AGAIN)))
