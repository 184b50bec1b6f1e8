"""What grows: rows made inside an installation (see benchmarks.inside)."""
