"""Platforms: one file each, found by lying here."""
