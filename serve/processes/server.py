"""The service as processes: one that watches, and workers that answer on one socket."""

import asyncio
import gc
import itertools
import logging.config
import math
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import why_no_folder
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.bundle.bundle_signature import require_signature
from leadcast.serve.http.keys import read_keys
from leadcast.serve.http.telemetry import FIELDS, log_settings
from leadcast.serve.processes.follow import Followed, Following, go_over, wanted_bundle
from leadcast.serve.processes.scratch import keep_scratch, scratch_folder
from leadcast.serve.requests.hosts import Hosts
from leadcast.serve.requests.settings import ServeSettings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from leadcast.serve.requests.turns import Turns

BUNDLE, COUNTERS, READY = "bundle", "counters", "ready"
BACKLOG = 2048
"""How many connections may wait to be taken."""
SECONDS_TO_FINISH = 5
"""How much longer than a request's own limits a worker has to finish what it has taken."""
SECONDS_OF_GARBAGE = 60
"""So seldom garbage is searched for in a worker that is never quiet."""
_NEVER = 2**31 - 1
SHOWN_TO_ALL = (
    "the page shows this run's leads, e-mail addresses too, to whoever reaches the address, as no "
    "key is asked for: give --keys FILE, or switch the page off by --no-page"
)
_logger = logging.getLogger("leadcast.http")


def run_service(settings: ServeSettings, followed: Followed | None = None) -> None:
    """Answer until a signal (TERM or INT) ends it; what was taken by then is finished.

    The bundle is copied, and the copy verified, before anything listens: all workers, those that
    replace a dead one too, answer with the same bytes, whatever happens to the folder meanwhile.

    Parameters
    ----------
    settings : ServeSettings
    followed : Followed, optional
        Where another bundle may come to stand, to which all workers then go over.

    Raises
    ------
    LeadcastError
        If the bundle or the keys cannot be used, the address cannot be listened on, or no worker
        could start.
    """
    logging.config.dictConfig(log_settings())
    if settings.keys is not None:
        read_keys(settings.keys)
    Hosts.of(settings)
    with scratch_folder("serve") as folder:
        began_with = "" if followed is None else followed.key()
        _copy(settings.bundle, folder / BUNDLE)
        if settings.signed_by is not None:
            require_signature(folder / BUNDLE, settings.signed_by)
        version = load_bundle(folder / BUNDLE).manifest.bundle_id
        (folder / COUNTERS).mkdir()
        # Read by the Prometheus client in each worker, when it is imported there.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder / COUNTERS)
        config = _config(settings, folder)
        listener = _listen(settings)
        host, port = listener.getsockname()[:2]
        fields = {"url": f"http://{host}:{port}", "bundle_id": version, "workers": settings.workers}
        _logger.info("listening", extra={FIELDS: fields})
        if settings.shows_leads_to_all:
            _logger.warning(SHOWN_TO_ALL)
        supervisor = _Supervisor(config, [listener])
        supervisor.ready = folder / READY
        if followed is None:
            supervisor.run()
        else:
            following = Following(followed, folder, folder / BUNDLE, settings.signed_by)
            end = following.begin(began_with, settings.poll_seconds)
            supervisor.run()
            end()
        failed = [one for one in supervisor.processes if one.exitcode not in (0, -signal.SIGTERM)]
    if failed:
        raise LeadcastError("the service could not start or end cleanly; its log tells why")


def worker_app(settings: ServeSettings, folder: Path, parent: int) -> "FastAPI":
    """Make the application of one worker."""
    from leadcast.serve.http.app import make_app
    from leadcast.serve.http.service import Service
    from leadcast.serve.http.telemetry import Metrics
    from leadcast.serve.page.router import page_routers

    keep_scratch(folder)
    bundle = wanted_bundle(folder, folder / BUNDLE)
    service = Service.open(settings, bundle, folder, Metrics(folder / COUNTERS))
    app = make_app(service, page_routers(service) if settings.page else ())
    warm = app.router.lifespan_context

    @asynccontextmanager
    async def watched(app: "FastAPI") -> AsyncIterator[None]:
        watch = asyncio.create_task(_watch(parent, service.turns))
        async with warm(app):
            (folder / READY).touch()
            collect_seldom()
            over = asyncio.create_task(go_over(app, folder, bundle))
            yield
            over.cancel()
        watch.cancel()

    app.router.lifespan_context = watched
    return app


def _config(settings: ServeSettings, folder: Path) -> Config:
    from leadcast.serve.processes.protocol import PatientProtocol

    limits = settings.limits
    return Config(
        partial(worker_app, settings, folder, os.getpid()),
        factory=True,
        workers=settings.workers,
        http=partial(  # type: ignore[arg-type]  # called as the class is
            PatientProtocol, most_of_one=limits.shared(limits.max_connections)
        ),
        ws="none",
        lifespan="on",
        log_config=log_settings(),
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=limits.max_connections,
        timeout_keep_alive=math.ceil(limits.read_seconds),
        timeout_graceful_shutdown=round(
            limits.read_seconds + limits.score_seconds + SECONDS_TO_FINISH
        ),
    )


class _Supervisor(Multiprocess):
    ready: Path
    """Is there once a worker could answer."""

    def keep_subprocess_alive(self) -> None:
        """Put a new worker in the place of a dead one, unless workers cannot even begin."""
        # uvicorn asks each worker by a pipe and waits for the answer, of one that just died too.
        for place, worker in enumerate(self.processes):
            if worker.process.is_alive():
                continue
            if worker.exitcode == STARTUP_FAILURE or not self.ready.exists():
                # What ends the first ends every other too.
                _logger.error(
                    "no worker could start", extra={FIELDS: {"exit_code": worker.exitcode}}
                )
                self.should_exit.set()
                return
            fields = {"exit_code": worker.exitcode, "worker": worker.pid}
            _logger.error("a worker died; another takes its place", extra={FIELDS: fields})
            self.processes[place] = Process(self.config, self.sockets)
            self.processes[place].start()

    def terminate_all(self) -> None:
        """End the workers; who comes meanwhile is refused, and not kept waiting for nobody."""
        for listener in self.sockets:
            listener.close()
        super().terminate_all()


def collect_seldom() -> None:
    """Search for garbage only among what is young, which halts requests for a moment alone.

    What is there by now stays for good. What requests make is freed as they end, and their leads
    are many small objects: to search all of them took longer than to read them.
    """
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _NEVER)


async def _watch(parent: int, turns: "Turns") -> None:
    """End with the parent, and search for garbage where nobody waits for it."""
    for second in itertools.count(1):
        if os.getppid() != parent:
            break
        await asyncio.sleep(1)
        if gc.get_count()[-1] and (turns.is_quiet or second % SECONDS_OF_GARBAGE == 0):
            gc.collect()
    os.kill(os.getpid(), signal.SIGTERM)


def _copy(bundle: Path, copy: Path) -> None:
    if not bundle.is_dir():
        raise LeadcastError(f"{bundle}: {why_no_folder(bundle)}; name the folder of a bundle")
    shutil.copytree(bundle, copy)


def _listen(settings: ServeSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio sends at once only where the socket says that it is TCP; else the end of an answer
    # waits for the client to acknowledge its beginning, 40 ms long.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise LeadcastError(
            f"--host {settings.host} --port {settings.port}: cannot be listened on "
            f"({error.strerror}); name another address or port"
        ) from None
    # From here on who connects waits for the first worker, and is not refused.
    listener.listen(BACKLOG)
    listener.set_inheritable(True)
    return listener
