"""Logs as lines of JSON, without anything that a lead or a caller has sent."""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

FIELDS = "fields"
"""The name under which a record carries what is to stand in its line."""


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


def log_settings(level: str = "INFO") -> dict[str, Any]:
    """Give the logging configuration of every process of a service.

    Parameters
    ----------
    level : str
        The least that is written.

    Returns
    -------
    dict
        As `logging.config.dictConfig` takes it: all to standard error.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "serve.http.logs.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
    }


def _without_message(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return {"exception": type(error).__name__, "at": places}
