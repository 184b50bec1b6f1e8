"""One line of ECS JSON for everything that is logged, by us or by a library.

What people write is not logged: fields that carry words are replaced by their length. Secrets are
taken out of what remains. Field names follow the Elastic Common Schema
(https://www.elastic.co/docs/reference/ecs); names without a dot land under ``clawdbot.``.
"""

from __future__ import annotations

import contextlib
import logging
import logging.config
import secrets
import sys
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO

import ecs_logging
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
    "redis": "WARNING",
}
_MAX_STRING = 16_000
_MAX_ITEMS = 50
_MAX_DEPTH = 3
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

Event = MutableMapping[str, Any]


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


class EcsFormatter(structlog.stdlib.ProcessorFormatter):
    """Formats records of structlog and of the standard library alike."""

    def __init__(self) -> None:
        super().__init__(
            foreign_pre_chain=[structlog.contextvars.merge_contextvars, _extras],
            processors=[_error, _to_ecs, _json],
        )

    def format(self, record: logging.LogRecord) -> str:
        """Return one line; never raises, because a failed log line must not stop the work."""
        try:
            return super().format(record)
        except Exception as error:  # noqa: BLE001 - see the docstring; the line says what failed
            broken = logging.makeLogRecord(
                {"name": record.name, "levelno": record.levelno, "levelname": record.levelname}
            )
            broken.msg = f"a log line could not be written: {type(error).__name__}"
            broken.created = record.created
            return super().format(broken)


def _extras(_: Any, __: str, event: Event) -> Event:
    """Take what ``extra=`` gave to a record of the standard library; objects are left out."""
    for name, value in event["_record"].__dict__.items():
        if name not in _STANDARD and isinstance(value, str | int | float | bool):
            event.setdefault(name, value)
    return event


def _error(_: Any, __: str, event: Event) -> Event:
    """Turn ``exc_info`` into the ECS error fields, without the values that databases quote."""
    info = event.pop("exc_info", None)
    event.pop("stack_info", None)
    if info is True:
        info = sys.exc_info()
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if not isinstance(info, tuple) or info[0] is None:
        return event
    lines = "".join(traceback.format_exception(*info)).splitlines()
    event["error.type"] = f"{info[0].__module__}.{info[0].__qualname__}"
    # PostgreSQL repeats the row in DETAIL, and the row holds what people wrote.
    event["error.stack_trace"] = "\n".join(
        line for line in lines if not line.lstrip().startswith("DETAIL:")
    )
    return event


def _to_ecs(_: Any, method: str, event: Event) -> Event:
    record: logging.LogRecord = event.pop("_record")
    event.pop("_from_structlog")
    line: dict[str, Any] = {
        "@timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(
            timespec="milliseconds"
        ),
        "log.level": record.levelname.lower(),
        "log.logger": record.name,
        "log.origin.file.name": record.filename,
        "log.origin.file.line": record.lineno,
        "service.name": SERVICE,
        "process.pid": record.process,
        "process.thread.name": record.threadName,
    }
    message = scrub(str(event.pop("event", "")))
    for name, value in event.items():
        _put(line, name, value)
    # ecs-logging wants the message under structlog's name for it.
    line["event"] = line.pop("event", message)
    return line


_formatter = ecs_logging.StructlogFormatter()


def _json(_: Any, method: str, event: Event) -> str:
    line: str = _formatter(None, method, dict(event))
    return line


def _put(line: dict[str, Any], name: str, value: Any) -> None:
    last = name.rpartition(".")[2]
    if last in _WORDS:
        name, value = f"{name}_length", len(value) if hasattr(value, "__len__") else 0
    name = _ECS_NAMES.get(name) or (name if "." in name else f"{SERVICE}.{name}")
    line[name] = HIDDEN if _is_secret(last, value) else _tame(value)


def _is_secret(name: str, value: Any) -> bool:
    return bool(value) and not isinstance(value, int | float) and bool(SECRET_NAME.fullmatch(name))


def _tame(value: Any, depth: int = 0) -> Any:
    """Make a value plain data without words or secrets, of bounded depth and size."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping) and depth < _MAX_DEPTH:
        return dict(_tame_item(str(k), v, depth + 1) for k, v in list(value.items())[:_MAX_ITEMS])
    if isinstance(value, list | tuple | set | frozenset) and depth < _MAX_DEPTH:
        return [_tame(item, depth + 1) for item in list(value)[:_MAX_ITEMS]]
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return f"{len(value)} items"
    return scrub(str(value)[:_MAX_STRING])


def _tame_item(name: str, value: Any, depth: int) -> tuple[str, Any]:
    # ecs-logging would take a dot for nesting and stumble where both forms meet.
    name = name.replace(".", "_")
    if name in _WORDS:
        return f"{name}_length", len(value) if hasattr(value, "__len__") else 0
    return name, HIDDEN if _is_secret(name, value) else _tame(value, depth)
