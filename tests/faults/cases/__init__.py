"""The cases, by what is broken. Importing this declares them all."""

from __future__ import annotations

from tests.faults.cases import brokers, databases, disks, kills, platforms, poison, times, traffic

__all__ = ["brokers", "databases", "disks", "kills", "platforms", "poison", "times", "traffic"]
