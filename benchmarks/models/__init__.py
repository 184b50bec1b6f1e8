"""Many model calls at once: what they add to a model's own time, and whom they slow.

`python -m benchmarks.models`; docs/performance.md.
"""
