"""How well commands are understood, stage by stage, with any model or with none.

`python -m benchmarks.understanding`; docs/understanding.md.
"""
