"""The bound of one group's memory: 100,000 members and 10 million messages through the fold, without a server.

`python -m tests.bench.crowd` prints what the group's value takes after each step, in the changelog and in memory, and
exits 1 where a member takes more than the bar or the second half of the talk made it grow. Members join first; then
they talk over 400 days, so that everything that is kept for a while has come and gone. One in ten thousand messages is
followed by a benefit that a hundred claim, one in a hundred by an order.
"""

import random
import sys
import time
from collections import deque
from collections.abc import Iterator
from itertools import accumulate

import click
import msgspec

from streams import events as e
from streams import models
from streams.flush import MAX_VALUE_BYTES
from streams.vitals.partition import GroupLog
from streams.vitals.policy import DAY_MS
from streams.vitals.state import at_rest
from tests.bench.figures import Figure, table

MEMBER_BAR = 400
"""Bytes of the value before it is compressed, and of what a worker holds, all of the group's divided by its members."""
GROWTH_BAR = 1.1
DAYS = 400
START = 20_000 * DAY_MS
GROUP = "crowd/test/g"
_COMMON = {"brand_id": "crowd", "platform": "test", "group_id": GROUP, "source": "test/crowd"}


class Crowd:
    """One group and the log that folds it."""

    def __init__(self, members: int, messages: int) -> None:
        self.members, self.messages, self.told = members, messages, 0
        self.log = GroupLog(0, "bench", models.load())
        self._offset = 0
        self._chance = random.Random(1)
        self._ids = [f"m_{n:014x}" for n in range(members)]
        self._weights = list(accumulate(1 / (n + 10) ** 0.8 for n in range(members)))

    def fold(self, event: e.Event) -> None:
        """One event, in order."""
        key = GROUP if isinstance(event, e.GroupEvent) else ""
        self.log.fold(event, key, self._offset, event.occurred_at)
        self._offset += 1

    def join(self) -> None:
        """All of them, with the staff's list."""
        self._say(e.GroupCreated, START, name="crowd", currency="CNY")
        for place, member in enumerate(self._ids):
            inviter = self._ids[place // 20] if place % 3 == 0 and place else None
            self._say(e.Join, START + place, member_id=member, inviter_id=inviter)

    def talk(self, until: int) -> None:
        """Messages up to the `until`th, each day closed on the way."""
        for group in self._hundreds(until):
            for member in group:
                at = START + DAY_MS + self.told * DAYS * DAY_MS // self.messages
                if at // DAY_MS > self._day:
                    self._close(at // DAY_MS)
                self.told += 1
                answered = f"e{self._offset - 7}" if self.told % 9 == 0 else None
                self._say(e.Message, at, member_id=member, reply_to=answered, text_len=9, links=0, text_hash=self.told)
            if self.told % 10_000 == 0:
                self._benefit(at, group)

    def _hundreds(self, until: int) -> Iterator[list[str]]:
        while self.told < until:
            yield self._chance.choices(self._ids, cum_weights=self._weights, k=100)

    _day = START // DAY_MS

    def _close(self, day: int) -> None:
        self._day = day
        self.fold(e.Tick(event_id=f"t{day}", occurred_at=day * DAY_MS, brand_id="crowd", platform="test",
                         source="test/crowd"))  # fmt: skip

    def _benefit(self, at: int, takers: list[str]) -> None:
        self._say(e.Benefit, at, benefit_id=f"b{at}", amount=100, currency="CNY")
        for taker in takers:
            self._say(e.Claim, at, member_id=taker, benefit_id=f"b{at}")
        order = {"currency": "CNY", "weight": 1.0, "rule": "last_touch", "amount": 5_000}
        self._say(e.OrderAttributed, at, order_id=f"o{at}", customer_id=takers[0], member_id=takers[0], **order)

    def _say(self, kind: type[e.GroupEvent], at: int, **fields: object) -> None:
        seq = self._offset + 1
        self.fold(
            kind(event_id=f"e{self._offset}", occurred_at=at, source_seq=seq, source_prev=seq - 1, **_COMMON, **fields)
        )

    def sizes(self) -> tuple[int, int, int]:
        """Bytes as stored, as msgpack, and in memory."""
        stored = self.log.take_changed()
        value = len(stored.get(GROUP, b""))
        (state,) = self.log.groups()
        return value, len(msgspec.msgpack.encode(at_rest(state))), in_memory(state, self.log._months, self.log._agendas)


def in_memory(*roots: object) -> int:
    """Bytes of objects and all that they hold, each once; numbers below 257 and names of classes are shared."""
    seen: set[int] = set()
    total, left = 0, list(roots)
    while left:
        one = left.pop()
        if id(one) in seen or one is None or one is True or one is False or (type(one) is int and -6 < one < 257):
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        if isinstance(one, msgspec.Struct):
            left += [getattr(one, name) for name in one.__struct_fields__]
        elif isinstance(one, dict):
            left += one.keys()
            left += one.values()
        elif isinstance(one, list | tuple | set | frozenset | deque):
            left += one
        else:
            left += [getattr(one, name) for name in getattr(type(one), "__slots__", ())]
    return total


def crowd(members: int, messages: int, steps: int) -> list[Figure]:
    """The sizes after each step of the talk."""
    one, figures, seen = Crowd(members, messages), [], []
    one.join()
    for step in range(1, steps + 1):
        began = time.process_time()
        one.talk(messages * step // steps)
        spent = time.process_time() - began
        stored, raw, memory = one.sizes()
        seen.append(memory)
        click.echo(
            f"{one.told:>12,} messages: stored {stored:>11,} B, msgpack {raw:>11,} B ({raw / members:.0f} a member),"
            f" objects {memory:>11,} B ({memory / members:.0f}); {messages / steps / spent:,.0f} messages per CPU-s"
        )
        figures = [
            Figure(name="crowd, per member", value=raw / members, unit="bytes", bar=MEMBER_BAR, is_limit=True,
                   note=f"one group, {members:,} members, {one.told:,} messages; all it knows as msgpack ÷ members"),
            Figure(name="crowd, objects per member", value=memory / members, unit="bytes", bar=MEMBER_BAR,
                   is_limit=True, note="what a worker holds of it after a flush, sums that closes keep included"),
            Figure(name="crowd, value", value=stored, unit="bytes", bar=MAX_VALUE_BYTES, is_limit=True,
                   note=f"as stored; {raw:,} bytes of msgpack"),
        ]  # fmt: skip
    half = seen[(steps - 1) // 2]
    return [
        *figures,
        Figure(name="crowd, growth", value=seen[-1] / half, unit="×", bar=GROWTH_BAR, is_limit=True,
               note=f"memory after all messages ÷ after {(steps + 1) // 2} of {steps} parts of them"),
    ]  # fmt: skip


@click.command(epilog="\b\nExample:\n  python -m tests.bench.crowd --messages 1000000")
@click.option("--members", default=100_000, show_default=True, help="Of the group.")
@click.option("--messages", default=10_000_000, show_default=True, help="In all.")
@click.option("--steps", default=10, show_default=True, help="How often to look.")
def main(members: int, messages: int, steps: int) -> None:
    """Fold one large group and say what it takes; exits 1 when a bar is missed."""
    found = crowd(members, messages, steps)
    click.echo("\n" + table(found))
    sys.exit(not all(it.is_met for it in found))


if __name__ == "__main__":
    main()
