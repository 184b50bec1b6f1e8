"""What is done inside an installation: `python -m benchmarks.inside CALL ARGUMENTS-AS-JSON`.

Prints one line of JSON. Runs with the installation's settings, so on its own database.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

import django

CALLS = {
    "seed": "benchmarks.growth.people",
    "people": "benchmarks.growth.people",
    "history": "benchmarks.growth.history",
    "waiting": "benchmarks.growth.waiting",
    "schedules": "benchmarks.growth.schedules",
    "beat": "benchmarks.growth.schedules",
    "jobs": "benchmarks.growth.jobs",
    "model": "benchmarks.models.inside",
}


def main() -> None:
    """Call and print."""
    django.setup()
    call, arguments = sys.argv[1:]
    found: Any = getattr(import_module(CALLS[call]), call)(**json.loads(arguments))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
