"""Runs llama.cpp's own HTTP server; started by the Python that has it: PORT KEY MODEL-FILE."""

from __future__ import annotations

import sys
import threading

import xllamacpp

THREADS = 1  # more threads than idle cores spin against each other
CONTEXT = 4096


def main() -> None:
    """Serve until killed."""
    port, key, model = sys.argv[1:]
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = int(port)
    params.api_keys = [key]
    params.n_ctx = CONTEXT
    params.n_parallel = 2
    params.use_jinja = True
    params.warmup = False
    params.embedding = False
    params.endpoint_slots = True
    params.cpuparams.n_threads = THREADS
    params.cpuparams_batch.n_threads = THREADS
    server = xllamacpp.Server(params)
    print("serving", server.listening_address, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
