"""What waits for one channel and what it has had, in one file that outlives a kill at any moment.

The file grows by lines of JSON, each whole and on disk before a call returns: alerts that came in, ids that are done.
At times it is written anew without what no longer matters.
"""

import errno
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from streams.vitals.rows import GroupAlert

REMEMBERED = 20_000
"""So many ids of delivered alerts are known, the latest: what comes again is not delivered again."""
_SLACK_LINES = 2_000


class Entry(msgspec.Struct, frozen=True):
    """An alert, where it stood on `group-alerts`, and when it came here: ms UTC, -1 where nobody noted it."""

    alert: GroupAlert
    partition: int
    offset: int
    came_at: int = -1


class _Line(msgspec.Struct, frozen=True, omit_defaults=True):
    came: tuple[Entry, ...] = ()
    done: tuple[str, ...] = ()


_lines = msgspec.json.Decoder(_Line)


class Spool:
    """The alerts that wait, in the order in which they came. Raises OSError where the disk does not take a line."""

    def __init__(self, path: Path, remembered: int = REMEMBERED) -> None:
        """Take up what the file holds; a last line that was cut off by a kill is dropped, its alerts come again."""
        self._path, self._remembered = path, remembered
        self._waiting: dict[str, Entry] = {}
        self._done: dict[str, None] = {}
        self._written = 0
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = self._read()

    @property
    def waiting(self) -> Sequence[Entry]:
        """A copy, the oldest first."""
        return list(self._waiting.values())

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, entries: Iterable[Entry]) -> int:
        """Keep those that were not here before; how many that were."""
        fresh = {one.alert.alert_id: one for one in entries if not self._knows(one.alert.alert_id)}
        if fresh:
            self._write(_Line(came=tuple(fresh.values())))
            self._waiting |= fresh
        return len(fresh)

    def done(self, alert_ids: Iterable[str]) -> None:
        """These are delivered, or given up: neither wait nor come again."""
        line = _Line(done=tuple(alert_ids))
        self._write(line)
        self._forget(line)
        if self._written > len(self._waiting) + len(self._done) + _SLACK_LINES:
            self._write_anew()

    def has_done(self, alert: GroupAlert) -> bool:
        """Whether an earlier transition of the alert's episode is done."""
        return any(f"{alert.episode_id}/{number}" in self._done for number in range(1, alert.number))

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def _knows(self, alert_id: str) -> bool:
        return alert_id in self._waiting or alert_id in self._done

    def _forget(self, line: _Line) -> None:
        for alert_id in line.done:
            self._waiting.pop(alert_id, None)
            self._done[alert_id] = None
        while len(self._done) > self._remembered:
            del self._done[next(iter(self._done))]

    def _read(self) -> int:
        """Take in all whole lines; the size of these, to which the file is cut."""
        size = 0
        with self._path.open("rb") as file:
            for raw in file:
                try:
                    line = _lines.decode(raw)
                except msgspec.DecodeError:
                    break
                if not raw.endswith(b"\n"):
                    break
                self._waiting |= {one.alert.alert_id: one for one in line.came}
                self._forget(line)
                self._written += len(line.came) + len(line.done)
                size += len(raw)
        os.ftruncate(self._file, size)
        return size

    def _write(self, line: _Line) -> None:
        data = msgspec.json.encode(line) + b"\n"
        try:
            if os.write(self._file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, self._size)  # no half line may stand before the next
            raise
        self._size += len(data)
        self._written += len(line.came) + len(line.done)

    def _write_anew(self) -> None:
        """Write only what still matters, to another file that then takes the name."""
        draft = self._path.with_suffix(".part")
        lines = (_Line(done=tuple(self._done)), _Line(came=tuple(self._waiting.values())))
        data = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        os.close(self._file)
        self._file = os.open(self._path, os.O_RDWR | os.O_APPEND)
        self._size, self._written = len(data), len(self._done) + len(self._waiting)
