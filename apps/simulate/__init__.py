"""Strict stand-ins of the platforms: for tests, and for trying ClawdBot without an app id."""
