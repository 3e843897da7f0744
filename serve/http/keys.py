"""API keys: made once, shown once, kept as hashes, compared in constant time.

A key is ``lc_ID_SECRET``. The secret has 256 random bits, so that one round of SHA-256 keeps it
safe at rest: there is nothing to guess (NIST SP 800-63B, 5.1.1.2, wants slow hashes for secrets
that people choose). A service that runs reads its keys again when their file has changed.
"""

import hashlib
import hmac
import logging
import re
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json, why_no_file, written_whole
from leadcast.features.base.locks import locked
from leadcast.serve.http.telemetry import FIELDS

_ID_BYTES, _SECRET_BYTES = 6, 32
_KEY = re.compile(r"lc_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NOBODY = "0" * 64
SECONDS_BETWEEN_LOOKS = 1.0
_CHANGED = "another process changes these keys"
_logger = logging.getLogger("leadcast.http")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoredKey(_Frozen):
    """A key as the file keeps it."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    """For whom it was made."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """The hash of the whole key, in hexadecimal digits."""
    created_at: datetime
    """When it was made."""


class KeyFile(_Frozen):
    """All keys of a service."""

    keys: dict[Annotated[str, Field(pattern="^[0-9a-f]{12}$")], StoredKey] = {}
    """By id."""

    def id_of(self, key: str) -> str | None:
        """Tell whose key it is."""
        match = _KEY.fullmatch(key)
        key_id = match[1] if match else ""
        stored = self.keys.get(key_id)
        expected = stored.sha256 if stored else _NOBODY
        same = hmac.compare_digest(_hash(key), expected)
        return key_id if same and stored else None


def create_key(path: Path, name: str) -> str:
    """Make a key and add its hash to a file, which is made where there is none.

    Parameters
    ----------
    path : Path
        The file; nobody but its owner can read it.
    name : str
        For whom the key is.

    Returns
    -------
    str
        The key, which nothing can show again.

    Raises
    ------
    LeadcastError
        If the file is not a file of keys, or the name is empty or too long.
    """
    key_id = secrets.token_hex(_ID_BYTES)
    key = f"lc_{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    try:
        entry = StoredKey(name=name, sha256=_hash(key), created_at=datetime.now(UTC))
    except ValidationError:
        raise LeadcastError(f"--name: found {name!r}; expected 1 to 100 letters") from None
    with locked(path, _CHANGED):
        stored = read_keys(path).keys if path.exists() else {}
        _write(path, KeyFile(keys=stored | {key_id: entry}))
    return key


def revoke_key(path: Path, key_id: str) -> None:
    """Take a key out of a file; services that run notice within a second.

    Parameters
    ----------
    path : Path
        The file.
    key_id : str
        The key's id: its twelve digits after ``lc_``.

    Raises
    ------
    LeadcastError
        If there is no such key.
    """
    # Where there is no such file, no lock is made in its place either.
    read_keys(path)
    with locked(path, _CHANGED):
        keys = read_keys(path).keys
        if key_id not in keys:
            known = ", ".join(f"{one} ({stored.name})" for one, stored in keys.items()) or "none"
            raise LeadcastError(f"{path}: there is no key {key_id!r}; there are: {known}")
        _write(path, KeyFile(keys={one: stored for one, stored in keys.items() if one != key_id}))


def read_keys(path: Path) -> KeyFile:
    """Read a file of keys.

    Parameters
    ----------
    path : Path
        The file that `create_key` wrote.

    Returns
    -------
    KeyFile

    Raises
    ------
    LeadcastError
        If there is none, or it is damaged; tells what to do.
    """
    if not path.is_file():
        raise LeadcastError(
            f"{path}: {why_no_file(path)}; make a key with: leadcast api-key create "
            f"--file {path} --name NAME"
        )
    try:
        return KeyFile.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise LeadcastError(f"{path}: is no file of API keys ({where}: {first['msg']})") from None


def _write(path: Path, keys: KeyFile) -> None:
    with written_whole(path, replacing=True) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_text(keys.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class Keyring:
    """Tells whose key it is, by a file that may change meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = _stamp(path)
        self._keys = read_keys(path)
        self._looked = time.monotonic()

    def id_of(self, key: str) -> str | None:
        """Tell whose key it is; None where it is nobody's."""
        if time.monotonic() - self._looked >= SECONDS_BETWEEN_LOOKS:
            self._look()
        return self._keys.id_of(key)

    def _look(self) -> None:
        self._looked = time.monotonic()
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        try:
            self._keys = read_keys(self._path)
            _logger.info("keys read again", extra={FIELDS: {"keys": len(self._keys.keys)}})
        except LeadcastError:
            # A file that is gone or damaged must not let in keys that it may have revoked.
            self._keys = KeyFile()
            _logger.exception("no key is accepted until the file of keys can be read")
        self._stamp = stamp


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
