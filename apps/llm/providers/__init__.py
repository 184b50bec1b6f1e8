"""Model vendors: one file each."""
