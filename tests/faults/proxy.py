"""A door in front of ClickHouse's native port that can cut a connection between an insert and its answer."""

import contextlib
import select
import socket
import threading

_END_OF_STREAM = 0x05
"""The type of the packet that ends an answer, and its only byte."""
_PIECE = 1 << 16
_LOOK_S = 0.2


class Door:
    """Passes bytes both ways. `cut_next_insert` once: the server has taken the rows, the client never hears of it."""

    def __init__(self, port: int, target_port: int) -> None:
        self.port, self._target = port, ("127.0.0.1", target_port)
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.settimeout(_LOOK_S)
        self._is_open = True
        self._armed = threading.Event()
        self.cuts = 0
        threading.Thread(target=self._welcome, daemon=True).start()

    def cut_next_insert(self) -> None:
        """Cut the next insert that is answered."""
        self._armed.set()

    def disarm(self) -> None:
        """Cut nothing after all."""
        self._armed.clear()

    def close(self) -> None:
        """Let nobody through any more."""
        self._is_open = False
        self._listener.close()

    def _welcome(self) -> None:
        while self._is_open:
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(self._target, 5) as server:
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _Call(client, server, self).pass_on()

    def takes(self) -> bool:
        """Whether this answered insert is the one to be cut; only one is told so."""
        if not self._armed.is_set():
            return False
        self._armed.clear()
        self.cuts += 1
        return True


class _Call:
    """One connection. An insert is: its text, the server's word that it wants rows, rows, the answer."""

    def __init__(self, client: socket.socket, server: socket.socket, door: Door) -> None:
        self.client, self.server, self.door = client, server, door
        self.is_insert = self.has_rows = self.is_wanted = False

    def pass_on(self) -> None:
        """Until one side ends the call, or it is cut."""
        while self.door._is_open:
            for ready in select.select([self.client, self.server], [], [], _LOOK_S)[0]:
                data = ready.recv(_PIECE)
                if not data or (ready is self.server and not self._hears(data)):
                    return
                if ready is self.client:
                    self._says(data)
                (self.server if ready is self.client else self.client).sendall(data)

    def _says(self, data: bytes) -> None:
        if b"INSERT INTO" in data:
            self.is_insert, self.is_wanted, self.has_rows = True, False, False
        elif self.is_insert and self.is_wanted:
            self.has_rows = True

    def _hears(self, data: bytes) -> bool:
        """Whether the client may hear it."""
        if not self.has_rows:
            self.is_wanted = self.is_insert
            return True
        if data[-1] == _END_OF_STREAM:
            self.is_insert = self.has_rows = False
            return not self.door.takes()
        return True
