"""App: the operations console and the commands."""
