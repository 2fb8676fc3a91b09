"""A community's own intercept, learnt while its log is read: each share counts, one adds up, all hear of it."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from streams.events import Calibration
from streams.vitals.calibration import CALIBRATE_DAYS, DELAY_DAYS, HORIZON_DAYS, MILLION, has_died, intercept, is_origin
from streams.vitals.close import Closed
from streams.vitals.policy import DAY_MS
from streams.vitals.risk import logistic
from streams.vitals.state import GroupState


class Tally(NamedTuple):
    """Of the origins whose outcome became known: the sum of their risks in millionths, and how many died."""

    millionths: int
    died: int


class Worker(Protocol):
    """Has some of the groups."""

    def take(self, places: Sequence[int], lines: Sequence[bytes]) -> None:
        """Fold some lines, in order."""

    def ask(self, brand: str) -> None:
        """Have the brand's tally made up as of the lines taken so far; it begins anew afterwards."""

    def answer(self) -> Tally:
        """The tally that was asked for first of those not yet answered."""


class _Origin(NamedTuple):
    known_on: int
    millionths: int
    usual_56d: float


class Tester:
    """Puts the risks of one brand's groups to the test when their 56 days are over. Integers, so sums are exact."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[_Origin]] = {}
        self._millionths = 0
        self._died = 0

    def close(self, state: GroupState, closed: Closed) -> None:
        """Take note of a closed day. An outcome with days that nobody saw, or a planned end, is none."""
        seen, day = closed.windows, closed.windows.last_day
        waiting = self._waiting.get(state.group_id)
        if waiting and waiting[0].known_on <= day:
            origin = waiting.popleft()
            is_seen = not state.unseen or state.unseen[-1] <= day - HORIZON_DAYS
            if origin.known_on == day and is_seen and state.verdict != "ended":
                self._millionths += origin.millionths
                self._died += has_died(state.assessment.messages_56d, origin.usual_56d)
        if is_origin(seen.age_days, seen.messages_28d, seen.speakers_28d):
            if waiting is None:
                waiting = self._waiting[state.group_id] = deque()
            millionths = round(MILLION * logistic(closed.logit))
            waiting.append(_Origin(day + HORIZON_DAYS, millionths, state.assessment.usual_56d))

    def take(self) -> Tally:
        """What became known since this was last asked."""
        tally = Tally(self._millionths, self._died)
        self._millionths = self._died = 0
        return tally


class Calibrator:
    """Asks all shares each CALIBRATE_DAYS of a brand and makes the event that is in force DELAY_DAYS later.

    `model_of` names the model of a brand. A brand whose file brings calibrations of its own gets no others.
    """

    MOST_ASKED = 64

    def __init__(self, workers: Sequence[Worker], model_of: Callable[[str], str]) -> None:
        self._workers = workers
        self._model_of = model_of
        self._asked: deque[tuple[str, int]] = deque()
        self._tests: dict[str, list[tuple[int, int]]] = {}
        self._answered: set[tuple[str, int]] = set()
        self._left: set[str] = set()

    def leave_to_file(self, brand: str) -> None:
        """The file has calibrations of this brand."""
        self._left.add(brand)

    def is_due(self, brand: str, midnight: int) -> bool:
        """Whether `midnight` (ms UTC) is one to calibrate the brand at: CALIBRATE_DAYS divides its day's number."""
        return midnight // DAY_MS % CALIBRATE_DAYS == 0 and brand not in self._left

    def ask(self, brand: str, midnight: int) -> None:
        """Ask all shares; each has been sent all before `midnight`."""
        for worker in self._workers:
            worker.ask(brand)
        self._asked.append((brand, midnight))
        if len(self._asked) > self.MOST_ASKED:  # their answers must find room in the pipes
            self._hear()

    def in_force_from(self, brand: str, midnight: int) -> Iterator[Calibration]:
        """The event of the brand that takes effect at `midnight`, if there is one."""
        question = (brand, midnight - DELAY_DAYS * DAY_MS)
        while question in self._asked:
            self._hear()
        if question in self._answered:
            self._answered.remove(question)
            yield Calibration(
                event_id=f"calibration/{brand}/{midnight // DAY_MS}",
                occurred_at=midnight,
                brand_id=brand,
                platform="backtest",
                model=self._model_of(brand),
                intercept=intercept(self._tests[brand]),
                effective_at=midnight,
            )

    def finish(self) -> None:
        """Hear what was asked and is needed no more."""
        while self._asked:
            self._hear()

    def _hear(self) -> None:
        brand, midnight = self._asked.popleft()
        tallies = [worker.answer() for worker in self._workers]
        test = (sum(tally.millionths for tally in tallies), sum(tally.died for tally in tallies))
        self._tests.setdefault(brand, []).append(test)
        self._answered.add((brand, midnight))
