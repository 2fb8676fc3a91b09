"""`python -m streams` is `vitals`."""

from streams.cli import main

main()
