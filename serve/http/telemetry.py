"""What the service tells of itself, without anything that a lead or a caller has sent.

Logs are lines of JSON; counters are for Prometheus, over all workers where there are several.
"""

import json
import logging
import traceback
from collections import Counter as Counts
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

FIELDS = "fields"
"""The name under which a record carries what is to stand in its line."""
MEDIA_TYPE = "text/plain; version=1.0.0; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON.

    Of an exception its type and the places in the code are written, and never its message, which
    may hold values of a lead.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        line |= getattr(record, FIELDS, {})
        if record.exc_info and record.exc_info[1] is not None:
            line |= _without_message(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True, default=str)


def log_settings() -> dict[str, Any]:
    """Give the logging configuration of every process of a service.

    Returns
    -------
    dict
        As `logging.config.dictConfig` takes it: all to standard error.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "leadcast.serve.http.telemetry.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
    }


def _without_message(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return {"exception": type(error).__name__, "at": places}


class Metrics:
    """Counters of one service.

    Parameters
    ----------
    shared : Path or None
        The folder in which all workers count, which must have been in the environment as
        ``PROMETHEUS_MULTIPROC_DIR`` before this module was imported; None for one process.
    """

    def __init__(self, shared: Path | None = None) -> None:
        self._shared = shared
        self._registry = CollectorRegistry()
        here = self._registry
        self._seconds = Histogram(
            "leadcast_request_seconds",
            "How long requests took, from their head to their answer.",
            ("route",),
            buckets=SECONDS,
            registry=here,
        )
        by_route = ("route", "status")
        self._requests = Counter("leadcast_requests", "Requests.", by_route, registry=here)
        self._scores = Counter("leadcast_scores", "Leads scored.", ("grade",), registry=here)
        self._errors = Counter("leadcast_errors", "Requests refused.", ("kind",), registry=here)
        self._model = Gauge(
            "leadcast_model_info",
            "The model that answers.",
            ("model_version", "source"),
            registry=here,
            multiprocess_mode="max",
        )

    def model(self, model_version: str, source: str) -> None:
        """Tell which model answers."""
        self._model.labels(model_version, source).set(1)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._seconds.labels(route).observe(seconds)
        self._requests.labels(route, str(status)).inc()

    def error(self, kind: str) -> None:
        """Count a request that was refused."""
        self._errors.labels(kind).inc()

    def scores(self, grades: Iterable[str]) -> None:
        """Count leads that were scored."""
        for grade, count in Counts(grades).items():
            self._scores.labels(grade).inc(count)

    def text(self) -> bytes:
        """Give all counters as Prometheus reads them."""
        if self._shared is None:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(self._shared))  # type: ignore[no-untyped-call]
        return generate_latest(registry)
