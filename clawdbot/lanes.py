"""The lanes: four queues, each with what it is for."""

from __future__ import annotations

# control: cancel and approve, never waits · interactive: messages and deliveries
# normal: jobs · batch: jobs that nobody waits for
LANES = ("control", "interactive", "normal", "batch")
WAITING_LANES = ("control", "interactive")
JOB_LANES = ("normal", "batch")
