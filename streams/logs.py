"""One line per event of note, on stderr; the libraries beneath say only what is worth a line."""

import logging
import os
import sys
import time

_QUIET = ("faust", "mode", "aiokafka", "kafka", "asyncio")


class _OneLine(logging.Formatter):
    """Time in UTC, level, text. A library's record never takes more than one line; our bugs keep their traceback."""

    converter = time.gmtime  # type: ignore[assignment]

    def format(self, record: logging.LogRecord) -> str:
        ours = record.name.startswith("streams")
        error, text = record.exc_info, record.exc_text
        if not ours:
            record.exc_info = record.exc_text = None
        line = super().format(record)
        record.exc_info, record.exc_text = error, text
        return line if ours else " ".join(line.split())[:500]


def log_of(module: str) -> logging.Logger:
    """The logger of a module."""
    return logging.getLogger(module)


def log_beneath(name: str) -> logging.Logger:
    """The logger for a class of ours that a library logs through; as quiet as that library."""
    return logging.getLogger(f"faust.{name}")


def to_stderr(level: int = logging.INFO) -> None:
    """Log to stderr from now on, for this process. With VITALS_DEBUG=1 the libraries beneath say all they have to."""
    is_debug = os.environ.get("VITALS_DEBUG", "") not in ("", "0")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ"))
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.INFO if is_debug else logging.CRITICAL + 1)
