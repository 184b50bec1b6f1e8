"""Readers: one for each kind of document, run in a process of its own (`apps.knowledge.child`).

Each turns bytes into pieces with their places. Nothing of Django is loaded here, nothing that a
document names is opened, no macro and no formula is run.
"""
