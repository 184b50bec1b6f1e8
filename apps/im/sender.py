"""The sender of one process: calls the platforms on one event loop and marks what came of it.

Calls run side by side, limited in number; their results are written by one thread, as many at a
time as have come in.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence

import structlog
from django.db import DatabaseError, InterfaceError, connection

from apps.core.loop import outside
from apps.im import marks
from apps.im.manners import manners
from apps.im.models import Delivery
from apps.im.pacing import pacing
from apps.im.transport import Parcel, Result, transmit

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 64  # calls on the wire
MOST_HELD = 128  # rows leased to this process; more would outlive their lease in the line
MOST_MARKED = 200  # results written with one commit
GATHER_S = 0.005  # so long a result waits for others that are under way
LONGEST_WAIT_S = 6.0  # for its turn under the platform's limits; longer is a later attempt
FRESH_S = 9.0  # a row that waited longer is given back rather than sent near its lease's end


class Sender:
    """Sends leased rows; `submit` returns at once."""

    def __init__(self) -> None:
        self._results: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self._held = 0
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._slots: asyncio.Semaphore | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._pid = 0
        #: Called after results were written, with the conversations in which there is room now.
        self.when_marked: Callable[[set[int]], object] = lambda conversations: None

    def room(self) -> int:
        """How many more rows this process may lease."""
        with self._lock:
            return MOST_HELD - self._held

    def submit(self, deliveries: Sequence[Delivery]) -> None:
        """Start sending rows whose lease is ours."""
        if not deliveries:
            return
        self._ready()
        parcels, unfit = marks.prepare(deliveries)  # raises before anything is held
        with self._lock:
            self._held += len(deliveries)
        for result in unfit:
            self._results.put(result)
        outside.loop().call_soon_threadsafe(self._start, parcels, time.monotonic())

    def flush(self, timeout: float) -> bool:
        """Wait until nothing is under way; False when the time ran out first."""
        with self._idle:
            return self._idle.wait_for(lambda: self._held == 0, timeout)

    def _ready(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            self._pid, self._held = os.getpid(), 0
            self._results = queue.SimpleQueue()
            self._slots, self._tasks = None, set()
            threading.Thread(target=self._mark_forever, name="marks", daemon=True).start()

    def _start(self, parcels: Sequence[Parcel], since: float) -> None:
        """Called on the loop, once for all of them: each call from a thread wakes it anew."""
        if self._slots is None:
            self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        for parcel in parcels:
            task = asyncio.ensure_future(self._send(parcel, since, self._slots))
            self._tasks.add(task)  # the loop itself keeps no task alive
            task.add_done_callback(self._tasks.discard)

    async def _send(self, parcel: Parcel, since: float, slots: asyncio.Semaphore) -> None:
        if wait := _turn(parcel):
            if wait > LONGEST_WAIT_S:
                name = parcel.platform.name
                self._results.put(Result(parcel.delivery, name, "later", "", "its turn", wait))
                return
            await asyncio.sleep(wait)
            since += wait
        async with slots:
            if time.monotonic() - since > FRESH_S:
                late = Result(parcel.delivery, parcel.platform.name, "later", error="waited")
                self._results.put(late)
                return
            bot = parcel.delivery.bot_id
            if wait := pacing.waits(bot):
                late = Result(parcel.delivery, parcel.platform.name, "later", "", "slow", wait)
                self._results.put(late)
                return
            result = await transmit(parcel)
            if result.kind == "later" and result.delay_s > 0 and not result.broken:
                pacing.refused(bot, result.delay_s)
            else:
                pacing.went_through(bot)
            self._results.put(result)

    def _mark_forever(self) -> None:
        while True:
            results = self._gathered()
            conversations = marks.mark_patiently(results)
            with self._idle:
                self._held -= len(results)
                self._idle.notify_all()
            self._look_for_more(conversations)

    def _gathered(self) -> list[Result]:
        """The next results: of what went out together most comes back within milliseconds, and
        is written with one commit. A lone one waits for nobody."""
        results = [self._results.get()]
        ends = time.monotonic() + GATHER_S
        while len(results) < MOST_MARKED:
            expected = self._held > len(results)
            wait = max(0.0, ends - time.monotonic()) if expected else 0.0
            try:
                results.append(
                    self._results.get(timeout=wait) if wait else self._results.get_nowait()
                )
            except queue.Empty:
                break
        return results

    def _look_for_more(self, conversations: set[int]) -> None:
        if not conversations:
            return
        try:
            self.when_marked(conversations)
        except (DatabaseError, InterfaceError) as error:
            log.error("delivery.next_failed", error=type(error).__name__)  # the sweeper looks too
            connection.close()
        except Exception:
            # A boundary: without this thread nothing that is sent would ever be marked again.
            log.exception("delivery.next_failed")


def _turn(parcel: Parcel) -> float:
    """Take a place in the platform's own limits; returns the seconds until it is ours.

    One that is too far away is not taken.
    """
    abilities, bot, out = parcel.platform.abilities, parcel.delivery.bot_id, parcel.outgoing
    if parcel.update:
        mine = (("edit", bot, out.platform_message_id), abilities.edit_rates)
    else:
        mine = (("chat", bot, out.private_to or out.chat_id), abilities.chat_rates)
    return manners.take(mine, (("bot", bot), abilities.bot_rates), most=LONGEST_WAIT_S)


sender = Sender()
