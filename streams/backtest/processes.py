"""Shares of the groups in processes of their own: lines go out as blocks of bytes, findings come back."""

import multiprocessing
import signal
import traceback
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from struct import Struct
from typing import TypeVar

from streams.backtest.calibrating import Tally
from streams.backtest.share import Findings, Recipe, Share
from streams.errors import VitalsError

T = TypeVar("T")

_HEAD = Struct("<I")
"""How many lines a block has: their places follow, then the lines. None: the name of a brand follows, whose tally is
asked for."""
_END = b""
_PLACE = "Q"
_PLACE_BYTES = array(_PLACE).itemsize


class Process:
    """One process with one share."""

    def __init__(self, recipe: Recipe, spool: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(theirs, recipe, spool), daemon=True)
        self._process.start()
        theirs.close()

    def take(self, places: Sequence[int], lines: Sequence[bytes]) -> None:
        """Send some lines. Waits while the process is behind. Raises VitalsError if it is gone."""
        self._send(b"".join((_HEAD.pack(len(lines)), array(_PLACE, places).tobytes(), b"\n".join(lines))))

    def ask(self, brand: str) -> None:
        """As Worker says. Raises VitalsError if it is gone."""
        self._send(_HEAD.pack(0) + brand.encode())

    def answer(self) -> Tally:
        """As Worker says; waits until it has folded what was sent before. Raises VitalsError if it is gone."""
        return self._receive(Tally)

    def finish(self) -> Findings:
        """Its findings, once it has folded all. Raises VitalsError if it is gone."""
        self._send(_END)
        return self._receive(Findings)

    def stop(self) -> None:
        """End it, whatever it does."""
        self._pipe.close()
        self._process.terminate()
        self._process.join()

    def _send(self, block: bytes) -> None:
        try:
            self._pipe.send_bytes(block)
        except OSError:
            raise self._lost() from None

    def _receive(self, kind: type[T]) -> T:
        try:
            answer = self._pipe.recv()
        except (OSError, EOFError):
            raise self._lost() from None
        if isinstance(answer, kind):
            return answer
        raise RuntimeError(answer)

    def _lost(self) -> Exception:
        """Why it is gone: by a bug, of which it told, or killed from outside."""
        try:
            if self._pipe.poll():
                return RuntimeError(self._pipe.recv())
        except (OSError, EOFError):
            pass
        self._process.join(5)
        code = self._process.exitcode
        what = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        return VitalsError(f"a process of the backtest ended {what}: was memory short? Fewer --jobs need less")


@contextmanager
def shares(recipe: Recipe, jobs: int, directory: Path) -> Iterator[Sequence[Process | Share]]:
    """`jobs` shares: processes, or for one job the share itself, here. They spool into `directory`."""
    if jobs == 1:
        yield [Share(recipe, directory / "0")]
        return
    processes: list[Process] = []
    try:
        for number in range(jobs):
            processes.append(Process(recipe, directory / str(number)))  # noqa: PERF401  what began is to be stopped
        yield processes
    finally:
        for process in processes:
            process.stop()


def _run(pipe: Connection, recipe: Recipe, spool: Path) -> None:
    """The life of a process: fold blocks until an empty one, then answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told too, and ends this one
    try:
        share = Share(recipe, spool)
        while block := pipe.recv_bytes():
            (count,) = _HEAD.unpack_from(block)
            if not count:
                share.ask(block[_HEAD.size :].decode())
                pipe.send(share.answer())
                continue
            start = _HEAD.size + count * _PLACE_BYTES
            places = array(_PLACE)
            places.frombytes(block[_HEAD.size : start])
            share.take(places, block[start:].split(b"\n"))
        pipe.send(share.finish())
    except (EOFError, BrokenPipeError):
        return
    except BaseException:
        pipe.send(traceback.format_exc())
