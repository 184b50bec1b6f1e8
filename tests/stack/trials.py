"""The names of the trial skills, and the package that brings them to a program under test."""

from __future__ import annotations

from pathlib import Path

NAMES = (
    *("nap", "snooze", "grind", "freeze", "chill", "vanish", "segfault", "wipe", "pay"),
    *("charge", "devour", "minutes", "digest", "post", "burst"),
)
LEDGER = "TRIAL_LEDGER"  # the file to which `charge` and `post` add a line


def entry_point(folder: Path) -> None:
    """Make a folder for PYTHONPATH in which `trial_skills` is installed as a package of skills."""
    info = folder / "clawdbot_trials-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: clawdbot-trials\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[clawdbot.skills]\ntrials = tests.stack.trial_skills\n")
