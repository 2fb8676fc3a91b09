"""A round: load, strikes, rest, audit. And what is told of it."""

import shutil
import threading
import time
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import msgspec

from tests.faults.books import Books, Findings
from tests.faults.catalogue import FAULTS, OF_BROKERS
from tests.faults.load import Load
from tests.faults.progress import NoAnswerError
from tests.faults.scene import Scene, SkippedError
from tests.faults.schedule import Strike
from tests.faults.stage import TICKER, Stage

LEAST_LOAD_S = 5.0
DRAIN_LIMIT_S = 400.0
RATE = 250.0
SIGTERM_LIMIT_S = 10.0


class Told(NamedTuple):
    """What became of a round."""

    findings: Findings
    injected: Counter[str]
    skipped: list[str]
    seconds: float
    drained_s: float


class Rounds:
    """Rounds on one running stage, each with a load of its own."""

    def __init__(self, stage: Stage, seed: int, rate: float = RATE) -> None:
        self.stage, self.seed, self.rate = stage, seed, rate
        self.books = Books(stage.settings)
        self.count = 0
        self._under_way = self._begun = 0
        self._lock = threading.Lock()

    def run(self, strikes: Sequence[Strike]) -> Told:
        """One round."""
        started = time.monotonic()
        self.count += 1
        prefix = f"f{self.seed}-{self.count}-"
        load = Load(self.stage, prefix, self.seed * 1000 + self.count, self.rate)
        injected: Counter[str] = Counter()
        skipped: list[str] = []
        load.start()
        threads = [threading.Thread(target=self._strike, args=(strike, load, injected, skipped)) for strike in strikes]
        for thread in threads:
            thread.start()
        time.sleep(LEAST_LOAD_S)
        for thread in threads:
            thread.join()
        load.finish()
        drained_s, trouble = self.rest()
        findings = self.books.audit(prefix, load.brought)
        findings.note("mismatches", "troubles", [*trouble, *load.errors, *self._orphans()])
        self.stage.crew.start(TICKER)
        self.stage.crew.busy.discard(TICKER)
        return Told(findings, injected, skipped, time.monotonic() - started, drained_s)

    def _strike(self, strike: Strike, load: Load, injected: Counter[str], skipped: list[str]) -> None:
        time.sleep(strike.at_s)
        with self._lock:
            self._under_way += 1
            self._begun += 1
        scene = Scene(self.stage, load, Random(strike.seed), self._alone)
        try:
            (FAULTS | OF_BROKERS)[strike.fault](scene)
            injected[strike.fault] += 1
        except SkippedError as error:
            skipped.append(f"{strike.fault}: {error}")
        except Exception as error:
            load.errors.append(f"{strike.fault}: {error!r}")
        finally:
            self.stage.crew.let_go(scene.held)
            with self._lock:
                self._under_way -= 1

    def _alone(self) -> int:
        return self._begun if self._under_way == 1 else -1

    def rest(self) -> tuple[float, list[str]]:
        """Let no more time pass on the log and wait until nobody has anything left to do; what was in the way."""
        self.stage.crew.busy.add(TICKER)
        if self.stage.crew.is_alive(TICKER):
            self.stage.crew.term(TICKER)
        started, lag = time.monotonic(), {"?": -1}
        while any(lag.values()) and time.monotonic() < started + DRAIN_LIMIT_S:
            try:
                lag = self.stage.progress.lag()
            except NoAnswerError as error:
                lag = {str(error): -1}
            time.sleep(0.1)
        return time.monotonic() - started, [f"{group} has {left} to go" for group, left in lag.items() if left]

    def _orphans(self) -> list[str]:
        return [f"process {pid} is nobody's" for pid in self.stage.orphans()]

    def keep(self, strikes: Sequence[Strike], told: Told) -> str:
        """Keep logs and schedule of a round that was not exact; where."""
        folder = self.stage.settings.home / "faults" / f"round-{self.count}"
        shutil.copytree(self.stage.settings.logs, folder / "logs", dirs_exist_ok=True)
        said = {"seed": self.seed, "round": self.count, "strikes": strikes, "told": told.findings.told}
        (folder / "round.json").write_bytes(msgspec.json.format(msgspec.json.encode(said)))
        return str(folder)


def line(number: int, seed: int, told: Told) -> str:
    """A round in one line."""
    findings = told.findings
    faults = ", ".join(f"{name}{f' ×{count}' if count > 1 else ''}" for name, count in sorted(told.injected.items()))
    skipped = f" (skipped: {'; '.join(told.skipped)})" if told.skipped else ""
    return (
        f"round {number} of seed {seed}: {faults or 'nothing'}{skipped}; {findings.events:,} events folded, "
        f"{findings.compared['outputs']:,} outputs, {findings.again:,} again, drained in {told.drained_s:.1f} s:"
        f" {findings.lost} lost, {findings.doubled} doubled, {findings.mismatches} mismatches,"
        f" {findings.left_over} left over; {told.seconds:.0f} s"
    )
