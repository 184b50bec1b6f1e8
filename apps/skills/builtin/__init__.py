"""Built-in skills: one file each, found by lying here."""
