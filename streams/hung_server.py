"""A connection whose silence is told of: whoever waits for a server that hangs learns of it after some seconds."""

import errno
import socket
import time
from typing import Any

from streams.patience import Patience

NOTICE_S = 5.0
"""Much longer than a server that works is silent: ClickHouse reports its progress ten times a second."""


class Heard:
    """A socket that tells `patience` when nothing comes for NOTICE_S, and when something comes again.

    It waits for as long as the socket has been set to, in one piece or in several: only then it raises TimeoutError.
    """

    def __init__(self, line: socket.socket, patience: Patience, what: str) -> None:
        """`what` is the name of the server."""
        self._line, self._patience, self._what = line, patience, what

    def __getattr__(self, name: str) -> Any:
        """Everything but what is overridden is the socket's own."""
        return getattr(self._line, name)

    def recv_into(self, *buffer: Any) -> int:
        """As the socket does."""
        limit_s = self._line.gettimeout()
        if limit_s is None or limit_s <= NOTICE_S:
            return self._line.recv_into(*buffer)
        try:
            return self._received(limit_s, buffer)
        finally:
            if self._line.fileno() >= 0:  # nobody has closed it meanwhile
                self._line.settimeout(limit_s)

    def _received(self, limit_s: float, buffer: tuple[Any, ...]) -> int:
        until = time.monotonic() + limit_s
        while (left_s := until - time.monotonic()) > 0:
            self._line.settimeout(min(NOTICE_S, left_s))
            try:
                count = self._line.recv_into(*buffer)
            except TimeoutError:
                left_s = max(0.0, until - time.monotonic())
                self._patience.down(f"{self._what} does not answer (given up in {left_s:.0f} s, Ctrl-C stops)")
            else:
                self._patience.up(f"{self._what} answers again")
                return count
        raise TimeoutError(errno.ETIMEDOUT, f"no word for {limit_s:.0f} s")
