"""`python -m streams.stack.clickhouse_server HOME DATABASE`: ClickHouse's TCP and HTTP servers out of chdb-core.

The engine runs as clickhouse-local in this process's main thread, told to listen and then to read a fifo, which
blocks it, at no cost, until the fifo's last writer closes: that is this process, at SIGTERM or SIGINT. The main
thread is inside the engine then, so another one waits for the signal.
"""

import importlib
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from streams import settings
from streams.stack import failed_writes
from streams.stack.clickhouse import START_STATEMENTS

_STOP = {signal.SIGTERM, signal.SIGINT}


def serve(home: Path, database: str) -> int:
    """Serve until a signal; 0 after an orderly end, 1 if the engine did not start (said on standard error)."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)  # before any thread is made: all inherit it
    engine = _load_engine()
    os.chdir(home)
    fifo = home / "stop.fifo"
    fifo.unlink(missing_ok=True)
    os.mkfifo(fifo, 0o600)
    writer = os.open(fifo, os.O_RDWR)  # not O_WRONLY, which waits for a reader
    threading.Thread(target=_close_at_signal, args=(writer,), daemon=True).start()
    threading.Thread(target=failed_writes.watch, args=(settings.load(), home), daemon=True).start()
    script = ";\n".join(START_STATEMENTS).format(database=database, fifo=fifo)
    answer = engine.query(script, "TabSeparated", path=str(home / "data"))
    if answer.has_error():
        print(answer.error_message(), file=sys.stderr)  # noqa: T201  this is the log
        return 1
    return 0


def _load_engine() -> Any:
    """Import where no config.xml is: the import of chdb itself starts an engine with that of the directory it is in."""
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(empty)
        engine = importlib.import_module("chdb")._chdb  # noqa: SLF001  the ordinary API cannot listen
        os.chdir("/")
    return engine


def _close_at_signal(writer: int) -> None:
    signal.sigwait(_STOP)
    os.close(writer)


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1]), sys.argv[2]))
