"""The largest groups: one that fits goes through the changelog and a restart, one that does not is refused alone.

`python -m tests.large` folds a group of 100,000 members and some small ones on a real stack, kills the worker, lets
another go on, and compares with a fold that nobody disturbed; then one group grows beyond the limit of a value. It
prints sizes, memory and times, and exits 1 if anything but that group differs, or if no dead letter names it.
"""

import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click

from streams import events as e
from streams import letter_box
from streams.agents import AGENTS
from streams.flush import MAX_VALUE_BYTES
from streams.vitals.policy import DAY_MS
from tests import undisturbed
from tests.bench.stage import Stage, stage

GROUPS = AGENTS["groups"]
SMALL = 50
_COMMON = {"brand_id": "large", "platform": "test", "source": "test/large"}


def joins(group: str, members: int, start: int, seq: int = 0) -> Iterator[e.Event]:
    """So many members who join a group, one a millisecond."""
    for n in range(members):
        yield e.Join(event_id=f"{group}/j{seq + n}", occurred_at=start + n, member_id=f"m_{group}_{seq + n:010d}",
                     group_id=f"large/test/{group}", source_seq=seq + n + 1, **_COMMON)  # fmt: skip


def talk(group: str, members: int, count: int, start: int, seq: int) -> Iterator[e.Event]:
    """Messages of a group's members, by turns, one a second."""
    for n in range(count):
        yield e.Message(event_id=f"{group}/t{seq + n}", occurred_at=start + 1000 * n, text_len=9,
                        member_id=f"m_{group}_{n * 7919 % members:010d}", group_id=f"large/test/{group}",
                        source_seq=seq + n + 1, **_COMMON)  # fmt: skip


def tick(at: int) -> e.Tick:
    """The end of a day of that source."""
    return e.Tick(event_id=f"large/{at}", occurred_at=at, brand_id="large", platform="test", source="test/large")


def fold(on: Stage, name: str) -> None:
    """Fold what is there, then kill the worker."""
    began = time.monotonic()
    spent = on.fold(name, stop=lambda process: process.kill())
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    on.say(f"  {spent.count:,} events in {time.monotonic() - began:.0f} s, {peak:,.0f} MB at most, killed")


def differing(on: Stage) -> dict[str, list[object]]:
    """The keys whose stored values are not those of an undisturbed fold; the sizes of all are said."""
    fold = undisturbed.Fold(on.settings, GROUPS)
    fold.feed(undisturbed.read_topic(on.settings, GROUPS.topic))
    stored = undisturbed.Stored(on.settings.partitions, fold.topic_id)
    stored.feed(undisturbed.read_topic(on.settings, GROUPS.changelog_topic))
    sizes = sorted(((len(value), key) for key, value in fold.values.items()), reverse=True)[:2]
    on.say(f"  {len(fold.values)} values, the largest: " + ", ".join(f"{key} {size:,} B" for size, key in sizes))
    return undisturbed.compare_values(fold, stored)


@click.command(epilog="Example: python -m tests.large --members 20000 --too-many 0")
@click.option("--members", default=100_000, show_default=True, help="Of the large group.")
@click.option("--messages", default=300_000, show_default=True, help="In the large group.")
@click.option("--too-many", default=2_000_000, show_default=True, help="Members of the group that is refused; 0: none.")
def main(members: int, messages: int, too_many: int) -> None:
    """Fold the largest groups."""
    start = (time.time_ns() // 1_000_000 // DAY_MS - 9) * DAY_MS
    with tempfile.TemporaryDirectory() as room, stage(Path(room)) as on:
        on.say(f"{members:,} members and {messages:,} messages in one group, {SMALL} small ones beside it")
        on.send(joins("big", members, start))
        for n in range(SMALL):
            on.send(joins(f"small{n}", 30, start))
            on.send(talk(f"small{n}", 30, 200, start + DAY_MS, 30))
        on.send(talk("big", members, messages, start + DAY_MS, members))
        on.send([tick(start + 6 * DAY_MS)])
        fold(on, "large-1")
        on.send(talk("big", members, messages // 10, start + 6 * DAY_MS, members + messages))
        on.send([tick(start + 7 * DAY_MS)])
        fold(on, "large-1")
        wrong = differing(on)
        refused: set[bytes | None] = set()
        if too_many:
            on.say(f"{too_many:,} members in another: more than a value of {MAX_VALUE_BYTES:,} B holds")
            on.send(joins("huge", too_many, start + 7 * DAY_MS))
            on.send(talk("small0", 30, 200, start + 7 * DAY_MS, 230))
            on.send([tick(start + 8 * DAY_MS)])
            fold(on, "large-1")
            wrong = differing(on)
            wrong["values_wrong"] = [key for key in wrong["values_wrong"] if key != "large/test/huge"]
            refused = {kept.letter.key for kept in letter_box.find(on.settings, lambda one: one.reason == "too_large")}
        lost = sum(map(len, wrong.values()))
        told = refused == ({b"large/test/huge"} if too_many else set())
        click.echo(
            f"large: {lost} differ, {'the one too large was' if too_many else 'none'} refused" + " and told" * told
        )
        raise SystemExit(bool(lost) or not told)


if __name__ == "__main__":
    main()
