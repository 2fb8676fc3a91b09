"""The command of the package."""

from tests.faults.command import main

main()
