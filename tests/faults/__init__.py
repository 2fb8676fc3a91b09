"""Nothing lost, nothing doubled: the whole stack under faults, and an oracle. See `python -m tests.faults --help`."""
