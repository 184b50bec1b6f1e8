"""Skills that misbehave in every way, as another package would bring them.

Only programs that the tests start import this: it would declare its skills in the tests' process
too. The tests take names and the entry point from `trials`.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import signal
import time
from pathlib import Path
from typing import Annotated

from apps.skills.base import Context, Param, skill
from tests.stack.trials import LEDGER


@skill(name="nap", zh="打盹", timeout=120)
def nap(seconds: float) -> str:
    """Sleep in Python."""
    time.sleep(seconds)
    return "slept well"


@skill(name="snooze", zh="小睡", timeout=2)
def snooze() -> str:
    """Sleep for longer than was said."""
    time.sleep(600)
    return "never said"


@skill(name="grind", zh="磨", timeout=2)
def grind() -> str:
    """Compute in C, where no signal handler of Python's runs, for far too long."""
    hashlib.pbkdf2_hmac("sha256", b"word", b"salt", 2_000_000_000)
    return "never said"


@skill(name="freeze", zh="冻住", timeout=2)
def freeze() -> str:
    """Hang in C without giving back the interpreter's lock: no other thread runs."""
    ctypes.PyDLL(None).pause()
    return "never said"


@skill(name="chill", zh="冰", timeout=40)
def chill() -> str:
    """The same, for longer than a lease lasts."""
    ctypes.PyDLL(None).pause()
    return "never said"


@skill(name="vanish", zh="消失")
def vanish() -> str:
    """End the process."""
    os._exit(7)


@skill(name="segfault", zh="段错误")
def segfault() -> str:
    """Read what is not there."""
    return str(ctypes.string_at(0))


@skill(name="wipe", zh="擦除", confirm=True)
def wipe(what: str) -> str:
    """Something that the asker confirms."""
    return f"wiped {what}"


@skill(name="pay", zh="付款", approve=True)
def pay(amount: int) -> str:
    """Something that somebody else approves."""
    return f"paid {amount}"


@skill(name="charge", zh="扣款", retries=0)
def charge(what: str, seconds: float = 0.0) -> str:
    """Something that must not be done twice: it leaves a line in a ledger each time."""
    with Path(os.environ[LEDGER]).open("a") as ledger:
        ledger.write(f"{what}\n")
    time.sleep(seconds)
    return f"charged {what}"


@skill(name="minutes", zh="纪要", writes=False)
def minutes(day: str) -> str:
    """The minutes of a day's meeting."""
    return f"On {day} we met, agreed, and had lunch."


@skill(name="digest", zh="要点", writes=False)
def digest(text: str, points: int) -> str:
    """A text in points."""
    return "\n".join(f"{number}. {text}" for number in range(1, points + 1))


@skill(name="post", zh="张贴")
def post(ctx: Context, what: str, seconds: float = 0.0) -> str:
    """Put a line on a wall that knows the key of each line, and then, the first time, take a
    while."""
    wall = Path(os.environ[LEDGER])
    known = wall.read_text().splitlines() if wall.exists() else []
    if any(line.startswith(f"{ctx.once_key} ") for line in known):
        return f"{what} was posted before"
    with wall.open("a") as ledger:
        ledger.write(f"{ctx.once_key} {what}\n")
    time.sleep(seconds)
    return f"posted {what}"


@skill(name="burst", zh="爆")
def burst(what: Annotated[str, Param(rest=True)]) -> str:
    """Break with an error that quotes what it was given."""
    raise ValueError(what)


@skill(name="devour", zh="吞噬")
def devour() -> str:
    """Take much memory, then end as the kernel ends whoever takes too much."""
    held = bytearray(256 * 1024 * 1024)
    os.kill(os.getpid(), signal.SIGKILL)
    return str(len(held))
