"""Full disks."""

from __future__ import annotations
