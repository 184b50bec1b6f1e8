"""One line of ECS JSON for everything that is logged, by us or by a library.

What people write is not logged: fields that carry words are replaced by their length. Secrets are
taken out of what remains. Field names follow the Elastic Common Schema
(https://www.elastic.co/docs/reference/ecs); names without a dot land under ``clawdbot.``.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import logging.config
import math
import secrets
import string
import sys
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TextIO, cast

import structlog

from apps.core.scrub import HIDDEN, SECRET_NAME, scrub

SERVICE = "clawdbot"

_WORDS = frozenset(
    {
        *("text", "content", "body", "prompt", "answer", "reply", "question", "transcript"),
        *("payload", "card", "messages", "arguments", "parameters", "params", "args", "kwargs"),
        *("query", "html", "markdown"),
    }
)
_ECS_NAMES = {
    "action": "event.action",
    "outcome": "event.outcome",
    "trace_id": "trace.id",
    "user_id": "user.id",
    "logger": "log.logger",
    "status_code": "http.response.status_code",
}
# Lines of these libraries at lower levels hold whole addresses (with tokens) or SQL with values.
_QUIET = {
    "httpx2": "WARNING",
    "httpcore2": "WARNING",
    "uvicorn.access": "WARNING",
    "django.db.backends": "INFO",
    "asyncio": "WARNING",
    "amqp": "WARNING",
    # Received, succeeded: each job and each batch of messages has a line of ours.
    "celery.worker.strategy": "WARNING",
    "celery.app.trace": "WARNING",
    "redis": "WARNING",
}
_MAX_STRING = 16_000
_MAX_ITEMS = 50
_MAX_DEPTH = 3
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {
    *("message", "asctime", "taskName", "_logger", "_name"),
}


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger whose keyword arguments become fields: ``log.info("stored", count=3)``."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def django_config(level: str = "INFO", stream: TextIO | None = None) -> dict[str, Any]:
    """Return the dictionary for ``logging.config``: everything goes to one stream, as JSON.

    The default is standard error: standard output belongs to what commands print.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"ecs": {"()": EcsFormatter}},
        "handlers": {
            "stream": {
                "class": "logging.StreamHandler",
                "formatter": "ecs",
                "stream": stream or sys.stderr,
            }
        },
        "root": {"handlers": ["stream"], "level": level},
        "loggers": {
            **{name: {"level": quiet} for name, quiet in _QUIET.items()},
            # These come with handlers of their own, which would say everything twice.
            **{
                name: {"handlers": [], "propagate": True}
                for name in ("django", "django.server", "celery", "uvicorn", "uvicorn.error")
            },
        },
    }


def configure(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Set up the standard library's logging and structlog for this process."""
    logging.config.dictConfig(django_config(level, stream))
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def only_what_is_wrong() -> None:
    """Keep lines about what goes well off a terminal, unless DEBUG was asked for."""
    root = logging.getLogger()
    if root.level == logging.INFO:
        root.setLevel(logging.WARNING)


def new_trace_id() -> str:
    """Return 32 hex digits, the form of a W3C trace id."""
    return secrets.token_hex(16)


@contextlib.contextmanager
def bind_trace(trace_id: str, **fields: str) -> Iterator[str]:
    """Give every line inside the block this trace id and ``fields`` (such as ``user_id``)."""
    with structlog.contextvars.bound_contextvars(trace_id=trace_id, **fields):
        yield trace_id


def current_trace_id() -> str:
    """Return the trace id of the block we are in, or an empty string."""
    return str(structlog.contextvars.get_contextvars().get("trace_id", ""))


class EcsFormatter(logging.Formatter):
    """Formats records of structlog and of the standard library alike.

    Built for what is said of every message: a line costs some 20 µs, a sixth of what structlog's
    and Elastic's own formatters took together.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return one line; never raises, because a failed log line must not stop the work."""
        try:
            return _line(record)
        except Exception as error:  # noqa: BLE001 - see the docstring; the line says what failed
            broken = logging.makeLogRecord(
                {"name": record.name, "levelno": record.levelno, "levelname": record.levelname}
            )
            broken.msg = f"a log line could not be written: {type(error).__name__}"
            broken.created = record.created
            return _line(broken)


def _line(record: logging.LogRecord) -> str:
    # What came through structlog says so; its fields are the message's dictionary.
    ours = isinstance(record.msg, dict) and "_logger" in record.__dict__
    fields = {**cast(dict[str, Any], record.msg)} if ours else _foreign(record)
    _error(fields)
    message = str(fields.pop("event", ""))
    line: dict[str, Any] = {
        "@timestamp": _stamp(record.created),
        "log.level": record.levelname.lower(),
        "message": scrub(message),
        "ecs.version": "1.6.0",
        "log": {
            "logger": record.name,
            "origin": {"file": {"name": record.filename, "line": record.lineno}},
        },
        "process": {"pid": record.process, "thread": {"name": record.threadName}},
        "service": {"name": SERVICE},
    }
    for name, value in fields.items():
        _put(line, name, value)
    return _ENCODER.encode(line)


_ENCODER = json.JSONEncoder(default=str)


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _foreign(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a record of the standard library; of ``extra`` objects are left out."""
    fields: dict[str, Any] = {**structlog.contextvars.get_contextvars()}
    for name, value in record.__dict__.items():
        if name not in _STANDARD and isinstance(value, str | int | float | bool):
            fields.setdefault(name, value)
    if record.exc_info:
        fields["exc_info"] = record.exc_info
    fields["event"] = record.getMessage()
    return fields


def _error(fields: dict[str, Any]) -> None:
    """Turn ``exc_info`` into the ECS error fields, without the values that errors quote.

    Libraries quote the error in the event's message, too.
    """
    info = fields.pop("exc_info", None)
    fields.pop("stack_info", None)
    if info is True:
        info = sys.exc_info()
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if not isinstance(info, tuple) or info[0] is None:
        return
    from apps.core.redact import redact  # its patterns take a while to compile: only when needed

    lines = "".join(traceback.format_exception(*info)).splitlines()
    fields["error.type"] = f"{info[0].__module__}.{info[0].__qualname__}"
    # PostgreSQL repeats the row in DETAIL, and the row holds what people wrote.
    kept = "\n".join(line for line in lines if not line.lstrip().startswith("DETAIL:"))
    fields["error.stack_trace"] = redact(kept[-_MAX_STRING:])
    fields["event"] = redact(str(fields.get("event", ""))[:_MAX_STRING])


class _Place(NamedTuple):
    """Where a field goes, and how it is treated."""

    path: tuple[str, ...]
    words: bool
    secret: bool


@functools.lru_cache(maxsize=1024)
def _place(name: str) -> _Place:
    last = name.rpartition(".")[2]
    words = last in _WORDS
    shown = f"{name}_length" if words else name
    path = _ECS_NAMES.get(shown) or (shown if "." in shown else f"{SERVICE}.{shown}")
    return _Place(tuple(path.split(".")), words, bool(SECRET_NAME.fullmatch(last)))


def _put(line: dict[str, Any], name: str, value: Any) -> None:
    path, words, secret = _place(name)
    if words:
        value = len(value) if hasattr(value, "__len__") else 0
    if secret and value and not isinstance(value, int | float):
        value = HIDDEN
    elif not (name == "trace_id" and _is_trace(value)):  # in every line
        value = _tame(value)
    *folders, last = path
    for folder in folders:
        inner = line.get(folder)
        if not isinstance(inner, dict):
            inner = line[folder] = {} if inner is None else {"value": inner}
        line = inner
    line[last] = value


def _is_trace(value: Any) -> bool:
    """Is it what `new_trace_id` makes? A library may call anything by that name."""
    return isinstance(value, str) and len(value) == 32 and not value.strip(string.hexdigits)


def _tame(value: Any, depth: int = 0) -> Any:
    """Make a value plain data without words or secrets, of bounded depth and size."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)  # JSON has no NaN
    if isinstance(value, Mapping) and depth < _MAX_DEPTH:
        return dict(_tame_item(str(k), v, depth + 1) for k, v in list(value.items())[:_MAX_ITEMS])
    if isinstance(value, list | tuple | set | frozenset) and depth < _MAX_DEPTH:
        return [_tame(item, depth + 1) for item in list(value)[:_MAX_ITEMS]]
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return f"{len(value)} items"
    return scrub(str(value)[:_MAX_STRING])


def _tame_item(name: str, value: Any, depth: int) -> tuple[str, Any]:
    # A dot in a name would be read as nesting.
    name = name.replace(".", "_")
    _, words, secret = _place(name)
    if words:
        return f"{name}_length", len(value) if hasattr(value, "__len__") else 0
    hidden = secret and value and not isinstance(value, int | float)
    return name, HIDDEN if hidden else _tame(value, depth)
