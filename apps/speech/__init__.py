"""App: voice messages become text."""
