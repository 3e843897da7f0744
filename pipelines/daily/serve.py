"""A service on a bundle, or on a model of MLflow's registry; and its API keys."""

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from leadcast.features.base.errors import Checks, LeadcastError
from leadcast.features.base.files import why_no_folder
from leadcast.models.bundle.bundle_files import read_manifest
from leadcast.models.bundle.bundle_signature import read_signed_manifest
from leadcast.pipelines.base.model_registry import downloaded, named_version
from leadcast.pipelines.base.paths import RunFolder
from leadcast.serve.champion.champion_store import PROMOTION
from leadcast.serve.http.keys import create_key, read_keys, revoke_key
from leadcast.serve.requests.settings import LOOPBACK, RequestLimits, ServeSettings

if TYPE_CHECKING:
    from leadcast.serve.processes.follow import Followed

COMPARE = (sys.executable, "-m", "leadcast", "compare")
"""How the service runs a comparison, in a process of its own."""
_REGISTRY = ("models:/", "runs:/")
_ALIAS = re.compile(r"models:/[^/@]+@[^/@]+")


def serve(
    named: str,
    keys: Path | None,
    no_keys: bool,
    host: str,
    port: int,
    workers: int,
    limits: RequestLimits,
    run: Path | None = None,
    page: bool = True,
    allow_hosts: tuple[str, ...] = (),
    signed_by: Path | None = None,
    poll_seconds: float = 10.0,
    hook_secret_file: Path | None = None,
) -> None:
    """Answer over HTTP until a signal ends it."""
    from leadcast.serve.http.hooks import read_secret
    from leadcast.serve.processes.scratch import scratch_folder
    from leadcast.serve.processes.server import run_service

    checks = Checks()
    checks.of(lambda: _refuse_unclear_keys(keys, no_keys, host), None)
    if not named.startswith(_REGISTRY):
        checks.of(lambda: read_signed_manifest(Path(named), signed_by), None)
    if page and run is not None:
        checks.of(lambda: _refuse_absent(run), None)
    hook_secret = checks.of(lambda: read_secret(hook_secret_file, os.environ), None)
    followed = followed_by(named) if poll_seconds or hook_secret else None
    checks.of(lambda: _refuse_idle_hook(hook_secret is not None, followed, named), None)
    checks.raise_errors()
    with scratch_folder("model") as folder:
        is_registered = named.startswith(_REGISTRY)
        bundle = downloaded(named, folder) if is_registered else Path(named)
        if is_registered:
            read_signed_manifest(bundle, signed_by)
        settings = ServeSettings(
            bundle=bundle,
            named=named,
            keys=keys,
            host=host,
            port=port,
            workers=workers,
            limits=limits,
            run=run or _run_of(bundle, is_registered),
            compare=COMPARE,
            page=page,
            allow_hosts=allow_hosts,
            signed_by=signed_by,
            poll_seconds=poll_seconds or NEVER,
            hook_secret=hook_secret,
        )
        run_service(settings) if followed is None else run_service(settings, followed)


NEVER = 1e9
"""Seconds."""


def followed_by(named: str) -> "Followed | None":
    """Tell what a service follows: an alias of a registered model, or a champion's place.

    Parameters
    ----------
    named : str
        What the operator typed as ``--bundle``.

    Returns
    -------
    Followed or None
        None for a model or bundle that is meant to stay the same.
    """
    from leadcast.serve.processes.follow import FollowedFolder

    if named.startswith(_REGISTRY):
        return FollowedAlias(named) if _ALIAS.fullmatch(named) else None
    bundle = Path(named)
    return FollowedFolder(bundle) if (bundle.parent / PROMOTION).is_file() else None


class FollowedAlias:
    """An alias of a registered model, which may come to name another version.

    Parameters
    ----------
    uri : str
        ``models:/NAME@ALIAS``.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def key(self) -> str:
        """Ask which version it names."""
        return named_version(self.uri)

    def fetch(self, folder: Path) -> Path:
        """Download it."""
        return downloaded(self.uri, folder)


def _refuse_unclear_keys(keys: Path | None, no_keys: bool, host: str) -> None:
    if keys is not None and no_keys:
        raise LeadcastError(f"--keys {keys} and --no-keys: give one of them")
    if keys is not None:
        read_keys(keys)
    elif not no_keys and host not in LOOPBACK:
        raise LeadcastError(
            f"--host {host}: others can reach this address; give --keys FILE (make one with: "
            "leadcast api-key create --file keys.json --name NAME), or --no-keys if all may ask"
        )


def _refuse_idle_hook(has_secret: bool, followed: "Followed | None", named: str) -> None:
    if has_secret and followed is None:
        raise LeadcastError(
            f"--bundle {named}: stays the same, so that a secret for MLflow's webhook is of no "
            "use; name models:/leadcast-NAME@champion or data/champion/NAME/bundle, or leave out "
            "--hook-secret-file and LEADCAST_HOOK_SECRET"
        )


def _refuse_absent(run: Path) -> None:
    if not run.is_dir():
        raise LeadcastError(f"--run {run}: {why_no_folder(run)}; name the folder of a run")


def new_key(path: Path, name: str) -> str:
    """Make an API key and tell it, once."""
    key = create_key(path, name)
    return f"{key}\nshown only now; callers send the header: Authorization: Bearer {key[:6]}..."


def drop_key(path: Path, key_id: str) -> str:
    """Take an API key out of its file."""
    revoke_key(path, key_id)
    return f"{key_id} is revoked; services that run refuse it within two seconds"


def _run_of(bundle: Path, is_registered: bool) -> Path | None:
    """Find the run that made a bundle: the folder around it, or the one of its source."""
    if not is_registered and not (bundle.parent / PROMOTION).is_file():
        return bundle.resolve().parent
    source = read_manifest(bundle).origin.source
    folder = RunFolder(source).path
    return folder.resolve() if folder.is_dir() else None
