"""The keys of a service that runs: read again when their file has changed."""

import logging
import time
from pathlib import Path

from features.errors import LeadcastError
from serve.http.keys import KeyFile, read_keys
from serve.http.logs import FIELDS

SECONDS_BETWEEN_LOOKS = 1.0
_logger = logging.getLogger("leadcast.http")


class Keyring:
    """Tells whose key it is, by a file that may change meanwhile.

    Parameters
    ----------
    path : Path
        The file of keys.

    Raises
    ------
    LeadcastError
        If the file cannot be read when the service starts.
    """

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
