"""Model vendors: one file each, found by lying here."""
