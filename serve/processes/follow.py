"""A service that goes over to another bundle while it answers, without losing a request.

The supervisor looks now and then which bundle is wanted. A new one is copied and verified beside
the old one, and only then pointed to; each worker loads it, lets it score its own example, and
answers the next request with it. What was being answered is answered with the old one. What cannot
be used is told in the log, and the service goes on as before.
"""

import asyncio
import json
import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import write_json
from leadcast.features.base.plain import read_plain
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.bundle.bundle_files import MANIFEST, of_one_version
from leadcast.models.bundle.bundle_signature import require_signature
from leadcast.serve.http.telemetry import FIELDS
from leadcast.serve.requests.settings import ASKED

if TYPE_CHECKING:
    from fastapi import FastAPI

    from leadcast.serve.http.service import Service

POINTER = "current.json"
_LOOK_SECONDS = 1.0
_ASKED_SECONDS = 0.25
"""How often it is seen whether somebody asks to look at once."""
_KEPT = 2
"""The one that answers, and the one before, which a worker may just be reading."""
_logger = logging.getLogger("leadcast.http")


class Followed(Protocol):
    """A place where the bundle that is wanted may become another one."""

    def key(self) -> str:
        """Tell which one is wanted now."""

    def fetch(self, folder: Path) -> Path:
        """Give the folder of the one that is wanted now; `folder` is there to put it in."""


class FollowedFolder:
    """A folder that is replaced whole.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def key(self) -> str:
        """Read which bundle stands there.

        Raises
        ------
        LeadcastError
            If none does.
        """
        content = read_plain(self.path / MANIFEST)
        if not isinstance(content, dict):
            raise LeadcastError(f"{self.path / MANIFEST}: is not the manifest of a bundle")
        return str(content.get("bundle_id"))

    def fetch(self, folder: Path) -> Path:  # noqa: ARG002 - it is there already
        """Give the folder itself."""
        return self.path


class Following:
    """What the supervisor does beside watching its workers.

    Parameters
    ----------
    followed : Followed
    folder : Path
        The service's own, with the bundle that was copied at the start.
    first : Path
        That bundle.
    signed_by : Path or None
        The key by which each must be signed.
    """

    def __init__(
        self, followed: Followed, folder: Path, first: Path, signed_by: Path | None
    ) -> None:
        self.followed, self.folder, self.signed_by = followed, folder, signed_by
        self._source = load_bundle(first).manifest.origin.source
        self._copies, self._key, self._told = [first], "", ""

    def begin(self, key: str, seconds: float) -> Callable[[], None]:
        """Look again and again, in a thread of its own, and at once where that is asked for.

        Parameters
        ----------
        key : str
            What the service began with.
        seconds : float
            How long to wait in between.

        Returns
        -------
        callable
            Ends it.
        """
        self._key, ended = key, threading.Event()

        def look() -> None:
            next_look = time.monotonic() + seconds
            while not ended.wait(min(seconds, _ASKED_SECONDS)):
                if self._is_asked() or time.monotonic() >= next_look:
                    self.look()
                    next_look = time.monotonic() + seconds

        threading.Thread(target=look, daemon=True, name="leadcast-follow").start()
        return ended.set

    def _is_asked(self) -> bool:
        # Taken away before it is looked: who asks meanwhile is not overheard.
        try:
            (self.folder / ASKED).unlink()
        except FileNotFoundError:
            return False
        return True

    def look(self) -> None:
        """Look once; whatever is wrong is told once, and changes nothing."""
        try:
            key = self.followed.key()
            if key != self._key:
                self._take(key)
            self._told = ""
        except Exception as error:
            if str(error) != self._told:
                fields = {"why": str(error)}
                _logger.warning("the bundle that is wanted is not used", extra={FIELDS: fields})
            self._told = str(error)

    def _take(self, key: str) -> None:
        number = len(self._copies)
        copy, work = self.folder / f"bundle-{number}", self.folder / f"fetched-{number}"
        for place in (copy, work):
            shutil.rmtree(place, ignore_errors=True)
        work.mkdir()
        of_one_version(self.followed.fetch(work), lambda bundle: _copied(bundle, copy))
        shutil.rmtree(work, ignore_errors=True)
        if self.signed_by is not None:
            require_signature(copy, self.signed_by)
        manifest = load_bundle(copy).manifest
        if manifest.origin.source != self._source:
            raise LeadcastError(
                f"bundle {manifest.bundle_id[:12]}: is of source {manifest.origin.source!r}, and "
                f"this service answers for {self._source!r}; start another one"
            )
        write_json(self.folder / POINTER, {"bundle": copy.name}, replacing=True)
        self._copies.append(copy)
        self._key = key
        for old in self._copies[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        fields = {"bundle_id": manifest.bundle_id}
        _logger.info("another bundle is wanted", extra={FIELDS: fields})


def _copied(bundle: Path, copy: Path) -> None:
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(bundle, copy)


def wanted_bundle(folder: Path, first: Path) -> Path:
    """Tell which copy workers answer with: the one that was pointed to last."""
    pointer = folder / POINTER
    if not pointer.is_file():
        return first
    return folder / str(json.loads(pointer.read_text(encoding="utf-8"))["bundle"])


async def go_over(app: "FastAPI", folder: Path, first: Path) -> None:
    """Let a worker answer with what is wanted, for as long as it runs.

    Parameters
    ----------
    app : FastAPI
        Whose ``state.service`` is exchanged; a request that has begun keeps the one it has.
    folder, first : Path
        As in `wanted_bundle`.
    """
    from leadcast.serve.http.app import score_example

    loaded = wanted_bundle(folder, first)
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            wanted = wanted_bundle(folder, first)
            if wanted == loaded:
                continue
            service: Service = app.state.service
            other = await asyncio.to_thread(service.answering_with, wanted)
            await score_example(other)
            app.state.service, app.openapi_schema, loaded = other, None, wanted
        except (LeadcastError, OSError, ValueError, KeyError) as error:
            fields = {"why": str(error)}
            _logger.error("a worker could not take another bundle", extra={FIELDS: fields})
