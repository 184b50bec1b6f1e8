"""What the children of `up` have in common, imported once in their parent before it forks them.

Nothing here may start a thread, open a connection or an event loop: a fork would copy half of it.
"""

from __future__ import annotations

import gc
import warnings
from functools import cache
from importlib import import_module

#: What the programs of the children would import only while they start.
PROGRAMS = (
    "apps.console.supervisor.inside",
    "apps.schedules.scheduler",
    "celery.app.amqp",
    "celery.app.control",
    "celery.app.events",
    "celery.app.log",
    "celery.app.routes",
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.bin.celery",  # Flower too, as one of its commands
    "celery.concurrency.prefork",
    "celery.concurrency.thread",
    "celery.worker.autoscale",
    "celery.worker.components",
    "celery.worker.consumer",
    "celery.worker.consumer.delayed_delivery",
    "celery.worker.worker",
    "django.db.models.sql.compiler",
    "kombu.transport.redis",
    "uvicorn",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
)


@cache
def load() -> None:
    """Import the house and the programs that serve it, and keep the pages of all that shared."""
    gc.disable()  # what is imported is kept: a look at it again and again finds nothing
    with warnings.catch_warnings():
        # WhiteNoise, about a folder that only `collectstatic` makes; it would be on the console.
        warnings.filterwarnings("ignore", "No directory at")
        import_module("clawdbot.asgi")
    for name in PROGRAMS:
        import_module(name)
    _finish()
    gc.collect()
    gc.freeze()  # a look for garbage in a child would write to every object: no page stays shared
    gc.enable()


def _finish() -> None:
    """Do what each process would do at its first request or task, where all can share it."""
    from billiard.util import get_pdeathsig  # type: ignore[attr-defined]
    from django.urls import get_resolver
    from django.utils.translation import gettext, override

    from clawdbot.celery import app

    app.loader.import_default_modules()
    app.finalize()
    _ = get_resolver().url_patterns
    for language in ("zh-hans", "en"):
        with override(language):
            gettext("")
    get_pdeathsig()  # its first call has a parser of C built; each process of the pool makes one
