"""What ClawdBot is compared with; each does the same job in the way its own documents show."""
