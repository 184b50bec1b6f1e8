"""Messages that kill whoever handles them."""

from __future__ import annotations

from tests.faults.case import case
from tests.faults.run import Run

TRIES = 3
POISONS = ("segfault", "vanish", "devour")
GIVEN_UP_S = 100


@case("F22", "jobs that end their process: segfault, os._exit, killed for its memory",
      "使进程崩溃的作业：段错误、os._exit、内存耗尽被杀")  # fmt: skip
def poison(run: Run) -> None:
    """Each is tried 3 times and then given up, with an answer."""
    asked = {name: run.say(f"person0{n}", f"/{name}") for n, name in enumerate(POISONS)}
    for name, one in asked.items():
        run.until(lambda one=one: run.answered(one), GIVEN_UP_S, f"the end of {name}")  # type: ignore[misc]
        found = run.site.ask("job_of", message=one.event.id)
        run.check(found["state"] == "dead", f"{name} is {found['state']}")
        run.check(found["attempts"] == TRIES, f"{name} was tried {found['attempts']} times")
