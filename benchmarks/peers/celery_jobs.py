"""Empty jobs through stock `delay()`: `python -m benchmarks.peers.celery_jobs COUNT`."""

from __future__ import annotations

import json
import os
import sys
import time

import redis

from benchmarks.peers.celery_app import nothing


def main() -> None:
    """Publish them, wait for the last; prints the seconds, and the CPU of publishing."""
    client = redis.Redis.from_url(os.environ["PEER_BROKER"].replace("redis+socket", "unix"))
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(int(sys.argv[1])):
        nothing.delay()
    cpu = time.process_time() - cpu
    while client.llen("celery") or client.hlen("unacked"):
        time.sleep(0.02)
    print(json.dumps({"seconds": time.perf_counter() - began, "cpu_s": cpu}))


if __name__ == "__main__":
    main()
