"""The sweeper: a thread in every worker that serves messages; it finds what no wake-up told of.

It takes work back from silent processes, wakes lanes, sends what is due, dispatches jobs, lets
questions expire, seals the audit, and says that this worker lives.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import QuerySet

from apps.assistant import approvals, documents, drain, finish, jobs, lost, pipeline, wake
from apps.assistant.models import Job, Message
from apps.audit import seal
from apps.audit.log import Actor
from apps.core import leases, work
from apps.core.clock import utcnow
from apps.core.line import START, Heads, Place
from apps.core.signs import looked
from apps.core.sql import Prepared, Slot
from apps.im import bot_checks, bots, delivery
from apps.llm import calls

log = structlog.get_logger(__name__)
TICK_S = 1.0
LEARN_S = 60.0
FORGET_S = 3600.0
RENEW_S = 8.0
DRAIN_S = 5.0  # the other parts of the tick wait meanwhile
FAR = 2000  # candidates looked at in one tick; the next tick looks at those behind them
LATE = timedelta(seconds=5)  # a message that waits longer is handled here, broker or no broker
#: Where the last tick stopped looking.
_places: dict[str, Place] = {}


class Sweeper(threading.Thread):
    """Ticks once a second until stopped. `serves` says whether this worker serves messages.

    `active` names the (job, attempt) pairs that run in this worker's processes.
    """

    def __init__(
        self,
        name: str,
        lanes: list[str],
        slots: int,
        *,
        serves: bool,
        active: Callable[[], Iterable[tuple[int, int]]] = tuple,
    ) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._beat = (name, {"lanes": lanes, "slots": slots})
        self.serves = serves
        self._active = active
        self._renewed = time.monotonic()
        self._died: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
        self._over = threading.Event()

    def run(self) -> None:
        """Tick until `stop`; a tick that fails is logged and the next one comes."""
        while not self._over.wait(TICK_S):
            self.tick()
        _attempt("farewell", lambda: leases.gone(self._beat[0]))
        connection.close()

    def stop(self) -> None:
        """End the thread after the tick at hand."""
        self._over.set()
        self.join(timeout=5)

    def died(self, job_id: int, attempt: int) -> None:
        """Note that the process of this attempt is gone; the next tick sees to it."""
        self._died.put((job_id, attempt))

    def tick(self) -> None:
        """Do everything once, each part on its own."""
        name, detail = self._beat
        self._do("heartbeat", lambda: leases.beat("worker", name, detail))
        self._do("leases", self._renew)
        while not self._died.empty():
            job_id, attempt = self._died.get()
            self._do("died", partial(lost.process_died, job_id, attempt))
        if self.serves:
            for part, act in PARTS.items():
                self._do(part, act)

    def _do(self, part: str, act: Callable[[], Any]) -> None:
        _attempt(part, act)
        looked.send_robust(type(self))

    def _renew(self) -> None:
        """Keep what runs in our processes: one that hangs in C cannot say that it lives."""
        if time.monotonic() - self._renewed < RENEW_S:
            return
        self._renewed = time.monotonic()
        for token in self._active():
            work.hold(Job, token)


class Learner(threading.Thread):
    """Asks platforms, now and then, for settings that only they can tell (a bot's own id); forgets
    model calls whose time is over.

    On a thread of its own: a vendor that does not answer must not hold up the sweeper.
    """

    def __init__(self) -> None:
        super().__init__(name="learner", daemon=True)
        self._forgot = 0.0

    def run(self) -> None:
        """Ask once a minute, as long as the process lives."""
        pause = threading.Event()
        while not pause.wait(LEARN_S):
            _attempt("learning", lambda: bot_checks.learn_missing(Actor.system("sweeper")))
            # A bot or a model may have been added elsewhere.
            _attempt("streams", bots.tell_streams)
            _attempt("models", jobs.watch_models)
            _attempt("calls", self.forget)

    def forget(self) -> None:
        """Once an hour, keep to the policy of the model calls."""
        if not self._forgot or time.monotonic() - self._forgot > FORGET_S:
            self._forgot = time.monotonic()
            calls.clean_up(utcnow())


def _attempt(part: str, act: Callable[[], Any]) -> None:
    try:
        act()
    except (DatabaseError, InterfaceError) as error:
        log.error("sweeper.database", part=part, error=str(error)[:300])
        connection.close()
    except Exception:
        log.exception("sweeper.failed", part=part)


def messages() -> None:
    """Take messages back from silent drains; give up what died of its attempts."""
    with transaction.atomic():
        _, dead = work.sweep(Message)
        if dead:
            keys = [message.pk for message in dead]
            rows = Message.objects.select_related("conversation").filter(pk__in=keys)
            pipeline.give_up(list(rows))


def lanes() -> None:
    """Wake the lanes in which something waits; what waits too long is handled here."""
    for lane in ("control", "interactive"):
        now = utcnow()
        place = _places.get(lane, START)
        heads = drain.line.look(now=now, lane=lane, after=place, window=FAR)
        _places[lane] = heads.rest
        if not heads.found:
            continue
        if min(due for _, due in heads.found) < now - LATE:
            _handle_late(lane, heads)
        wake.wake(lane)


def _handle_late(lane: str, heads: Heads) -> None:
    """Do the drain's work for a while: nobody else seems to."""
    ends = time.monotonic() + DRAIN_S
    drain.handle(drain.line.take(heads, drain.BATCH, now=utcnow()))
    while drain.step(lane) and time.monotonic() < ends:
        continue


def running_jobs() -> None:
    """Take jobs back from silent workers; answer for those that died of it."""
    with transaction.atomic():
        _, dead = work.sweep(Job)
        for row in dead:
            lost.give_up(row.pk)


def waiting_jobs() -> None:
    """Hand out the jobs that wait for a free slot."""
    jobs.dispatch()


def deliveries() -> None:
    """Take deliveries back from silent senders, let old ones expire, send what is due."""
    now = utcnow()
    delivery.sweep(now)
    place = _places.get("deliveries", START)
    _places["deliveries"] = delivery.send_far(now, place, FAR)


def unanswered(now: datetime | Slot) -> QuerySet[Job]:
    """Jobs whose question nobody answered in time."""
    return Job.objects.filter(work.StateIn("asking"), expires_at__lte=now)


any_unanswered = Prepared(lambda: unanswered(Slot("now")).values_list("pk"), window=True)


def questions() -> None:
    """End questions that nobody answered in time."""
    now = utcnow()
    approvals.expire_old(now)
    if not any_unanswered.rows(1, 0, now=now):
        return
    for job in unanswered(now).select_related("person")[:200]:
        actor = Actor.system("sweeper")
        finish.end_idle(job, "expired", None, actor=actor, now=now, when=("asking",))


def waiting_documents() -> None:
    """Hand out the documents that nobody reads yet; clear away those that are gone."""
    documents.hand_out()


def sealing() -> None:
    """Chain the audit rows written since the last seal."""
    seal.seal_once()


#: Each on its own: what cannot be swept must not stop what waits from being handed out.
PARTS: dict[str, Callable[[], None]] = {
    "messages": messages,
    "lanes": lanes,
    "running": running_jobs,
    "waiting": waiting_jobs,
    "deliveries": deliveries,
    "questions": questions,
    "documents": waiting_documents,
    "sealing": sealing,
}
