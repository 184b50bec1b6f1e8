"""The lanes: five queues, each with what it is for."""

from __future__ import annotations

# control: cancel and approve, never waits · interactive: messages and deliveries
# normal: jobs · batch: jobs that nobody waits for · model: jobs that wait for a language model
LANES = ("control", "interactive", "normal", "batch", "model")
WAITING_LANES = ("control", "interactive")
JOB_LANES = ("normal", "batch", "model")
