"""Time, processes and what befalls them: one thread, one clock that only jumps, every choice drawn from a seed.

A process is an event loop of its own. It runs whenever something is ready and takes no time; time passes between
requests and their answers. So all that is left to chance is how long each takes, and what happens to its sender.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from heapq import heappop, heappush
from typing import Any, NamedTuple

EPOCH_MS = 1_700_000_000_000
EPOCH_NS = EPOCH_MS * 10**6
"""The wall clock of a process whose clock is right, when the world begins."""


class StalledError(Exception):
    """What was waited for did not come about."""


class Fault(NamedTuple):
    """Something that goes wrong at the `at`th request of the run, or of the kind `of`; `amount` is how much of it."""

    at: int
    of: str
    kind: str
    amount: float

    def __str__(self) -> str:
        return f"{self.kind} at request {self.at}{self.of and ' of ' + self.of} ({self.amount:.2f})"


class Timer:
    """What `call_later` answers; cancelled, it does nothing."""

    __slots__ = ("is_cancelled",)

    def __init__(self) -> None:
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class World:
    """The clock, what is yet to happen, and the faults to come."""

    def __init__(self, seed: int, faults: "list[Fault]", *, is_traced: bool = False) -> None:
        self.chance = random.Random(seed)
        self.now = 0.0
        self.requests = 0
        self.is_calm = False
        self.badness = self.chance.choice([0.0, 0.1, 0.1, 0.3])
        self.trace: list[str] | None = [] if is_traced else None
        self.strikes: dict[str, Callable[[Process, Fault], None]] = {}
        """What each kind of fault does to the process whose request it hits."""
        self.struck: list[Fault] = []
        self.away_until = 0.0
        """The broker does not answer until then."""
        self._faults = {(fault.of, fault.at): fault for fault in faults}
        self._counts: Counter[str] = Counter()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self.running: Process | None = None
        self.failure: Exception | None = None
        """A bug that ended a task."""

    def say(self, who: str, what: str) -> None:
        """A line of the trace."""
        if self.trace is not None:
            self.trace.append(f"{self.now:9.3f}  {who:<8} {what}")

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Let `action` happen at `when`."""
        self._count += 1
        heappush(self._events, (when, self._count, action))

    def latency(self) -> float:
        """How long one way takes: milliseconds, now and then some tenths or, on a bad day often, some seconds."""
        draw = self.chance.random()
        if self.is_calm or draw > self.badness:
            return 0.001 + draw * 0.02
        return 0.5 * self.chance.random() if draw > self.badness / 4 else 5 * self.chance.random()

    def run(self, until: Callable[[], bool], deadline: float, what: str) -> None:
        """Let time pass until `until`; StalledError beyond the deadline (seconds from now)."""
        end = self.now + deadline
        while not until():
            if not self._events or self.now > end:
                raise StalledError(what)
            when, _, action = heappop(self._events)
            self.now = max(self.now, when)
            action()
            if self.failure is not None:
                raise self.failure

    def strike(self, process: "Process", what: str) -> Fault | None:
        """Count a request; the fault that hits it, if one does, which has happened to its process already."""
        self.requests += 1
        self._counts[what] += 1
        fault = self._faults.get(("", self.requests)) or self._faults.get((what, self._counts[what]))
        if fault is None or self.is_calm:
            return None
        self.struck.append(fault)
        self.say(process.name, f"*** {fault}")
        if fault.kind in self.strikes:
            self.strikes[fault.kind](process, fault)
        return fault


class Process(asyncio.AbstractEventLoop):
    """One process: its event loop, and its connection to everything outside."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.is_alive, self.is_paused = True, False
        self.skew_ns = 0
        self.cut_off_until = 0.0
        """Nothing that it sends arrives before."""
        self._ready: deque[tuple[Any, tuple[Any, ...], Any]] = deque()
        self._is_draining = False
        self._lanes: dict[Any, float] = {}
        self._cut: set[Any] = set()
        self._kept_back: list[tuple[Any, Callable[[], None]]] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._begun: list[Coroutine[Any, Any, Any]] = []

    # --- what asyncio asks of a loop
    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return self._is_draining

    def time(self) -> float:
        return self.world.now

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> None:  # type: ignore[override]
        if not self.is_alive:
            return
        self._ready.append((callback, args, context))
        if not self._is_draining and not self.is_paused:
            self._is_draining = True
            self.world.at(self.world.now, self._drain)

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Timer:  # type: ignore[override]
        timer = Timer()

        def fire() -> None:
            if not timer.is_cancelled:
                self.call_soon(callback, *args, context=context)

        self.world.at(self.world.now + delay, fire)
        return timer

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Timer:  # type: ignore[override]
        return self.call_later(when - self.world.now, callback, *args, context=context)

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, **_: Any) -> "asyncio.Task[Any]":  # type: ignore[override]
        task = asyncio.Task(coro, loop=self)
        self._tasks.append(task)
        return task

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        return self.create_task(self.request("thread", lambda: func(*args)))

    def call_exception_handler(self, context: Any) -> None:
        """Nothing: what is left pending died with its process."""

    def _drain(self) -> None:
        world, ready = self.world, self._ready
        before, world.running = world.running, self
        asyncio._set_running_loop(self)
        try:
            while ready and self.is_alive and not self.is_paused:
                callback, args, context = ready.popleft()
                if context is None:
                    callback(*args)
                else:
                    context.run(callback, *args)
        finally:
            asyncio._set_running_loop(None)
            world.running = before
            self._is_draining = False

    # --- a life
    def spawn(self, coro: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Run a coroutine; an exception that it ends with is a bug, and ends the simulation."""
        self._begun.append(coro)
        return self.create_task(self._watched(coro))

    async def _watched(self, coro: Coroutine[Any, Any, Any]) -> None:
        try:
            await coro
        except Exception as error:
            if self.is_alive:
                self.on_error(error)

    def on_error(self, error: Exception) -> None:
        """A task failed."""
        self.world.say(self.name, f"fails: {error!r}")
        self.world.failure = error

    def kill(self) -> None:
        """End at once: nothing of it runs again, and of what it had sent a part may still arrive."""
        self.world.say(self.name, "is dead")
        self.is_alive = False
        self._ready.clear()
        for lane, land in self._kept_back:
            self._land(lane, land)
        self._kept_back = []

    def bury(self) -> None:
        """Take down what was under way when it died, so that nothing complains of not having been awaited."""
        for coro in [task.get_coro() for task in self._tasks if not task.done()] + self._begun:
            with suppress(RuntimeError):  # one that would go on awaiting
                coro.close()  # type: ignore[union-attr]
        self._tasks, self._begun = [], []

    def pause(self) -> None:
        """Stop, as SIGSTOP does; its requests on the wire go on."""
        self.world.say(self.name, "is paused")
        self.is_paused = True

    def wake(self) -> None:
        """Go on as if nothing had been."""
        if not self.is_alive or not self.is_paused:
            return
        self.world.say(self.name, "wakes")
        self.is_paused = False
        kept_back, self._kept_back = self._kept_back, []
        for lane, land in kept_back:
            self.post(land, lane)
        if self._ready and not self._is_draining:
            self._is_draining = True
            self.world.at(self.world.now, self._drain)

    # --- the wire
    def post(self, land: Callable[[], None], lane: Any) -> None:
        """Put something on the wire that lands later, even when this process is paused or dead by then.

        What goes by the same lane lands in order, and of that nothing after what was lost.
        """
        world = self.world
        reached_at = max(world.now, world.away_until, self.cut_off_until)
        when = max(self._lanes.get(lane, 0.0), reached_at + world.latency())
        self._lanes[lane] = when
        world.at(when, lambda: self._land(lane, land))

    def _land(self, lane: Any, land: Callable[[], None]) -> None:
        if self.is_alive and not self.is_paused and not self._kept_back:
            land()
        elif lane in self._cut:
            return
        elif self.is_paused and self.is_alive:
            if any(kept == lane for kept, _ in self._kept_back) or self.world.chance.random() < 0.5:
                self._kept_back.append((lane, land))
            else:
                land()
        elif self.world.chance.random() < 0.5:
            land()
        else:
            self._cut.add(lane)

    async def request(
        self, what: str, action: Callable[[], Any], lane: Any = None, *, may_be_lost: bool = False
    ) -> Any:
        """Ask something of the outside; `action` is done there when the request lands, and answers or raises."""
        fault = self.world.strike(self, what)
        kind = fault.kind if fault is not None else ""
        future = self.create_future()

        def land() -> None:
            answer, error = None, None
            try:
                answer = action()
            except Exception as raised:
                error = raised
            late = fault.amount if fault is not None and kind == "lost answer" else 0.0
            if not (late and may_be_lost):
                self.world.at(self.world.now + self.world.latency() + late, lambda: settle(future, answer, error))

        def settle(future: Any, answer: Any, error: Exception | None) -> None:
            if future.done() or not self.is_alive:
                return
            _ = future.set_exception(error) if error is not None else future.set_result(answer)

        self.post(land, lane if lane is not None else what)
        return await future


async def forever(seconds: float, action: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """Do something again and again."""
    with suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(seconds)
            await action()
