"""`python -m streams.stack.launch PIDFILE COMMAND…`: note the own pid, then become the command.

Supervisord knows the pids of its children, but who comes after a killed supervisord does not.
"""

import os
import sys
from pathlib import Path


def launch(pid_file: str, command: list[str]) -> None:
    """Replace this process by the command; only returns by an OSError."""
    part = Path(f"{pid_file}.part")
    part.write_text(f"{os.getpid()}\n", encoding="ascii")
    part.replace(pid_file)  # who looks meanwhile reads the pid before or this one, never half of it
    os.execv(command[0], command)  # noqa: S606  the command of our own configuration, no shell


if __name__ == "__main__":
    launch(sys.argv[1], sys.argv[2:])
