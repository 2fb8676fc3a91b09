"""`vitals dead-letters`: look at what was refused, and let a paused partition go on."""

import base64
import sys
from collections import Counter
from datetime import UTC, datetime

import click
import msgspec

from streams import letter_box, worker_status
from streams.dead_letters import DeadLetter
from streams.settings import Settings, load
from streams.topics import declared

_PREVIEW = 60


@click.group("dead-letters")
def dead_letters() -> None:
    """Look at refused records."""


@dead_letters.command("list", epilog="Example: vitals dead-letters list --limit 5")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many, the latest.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line, original bytes in base64.")
def list_command(*, limit: int, as_json: bool) -> None:
    """List the latest refused records, where they stood, why, and how they begin."""
    settings = load()
    letters = letter_box.latest(settings, limit)
    if as_json:
        for letter in letters:
            sys.stdout.write(msgspec.json.encode(letter).decode() + "\n")
        return
    for letter in letters:
        click.echo(line_of(letter))
    counts = Counter(letter.reason for letter in letters)
    click.echo(", ".join(f"{count} {reason}" for reason, count in counts.most_common()) or "no dead letters")
    for paused in paused_partitions(settings):
        click.echo(f"{paused} stands still: mend the source, then `vitals dead-letters accept`")


@dead_letters.command("accept", epilog="Example: vitals dead-letters accept --topic chat-events --partition 3")
@click.option("--topic", help="Only partitions of this topic.")
@click.option("--partition", type=click.IntRange(0), help="Only this partition.")
def accept_command(*, topic: str | None, partition: int | None) -> None:
    """Let partitions go on that stand still after too many dead letters. What was refused stays refused."""
    settings = load()
    if topic is not None and topic not in (known := declared(settings)):
        raise click.BadParameter(f"no topic {topic!r}: name one of {', '.join(known)}", param_hint="--topic")
    letter_box.accept(settings, letter_box.Acceptance(topic, partition))
    click.echo("accepted: paused partitions go on within seconds, and stop again if as much is refused")


def line_of(letter: DeadLetter) -> str:
    """One line for people: time, place, reason, and how the record begins; control characters made visible."""
    at = datetime.fromtimestamp(letter.at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    start = base64.b64decode(letter.original)[:_PREVIEW].decode("utf-8", "replace")
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in start)
    more = "…" if letter.size > _PREVIEW else ""
    origin = letter.origin if letter.partition < 0 else f"{letter.origin}/{letter.partition}"
    return f"{at}  {origin}@{letter.position}  {letter.reason} ({letter.detail})  {shown}{more}"


def paused_partitions(settings: Settings) -> list[str]:
    """Partitions that a worker of this home says it has paused."""
    return [
        f"{status.topic}/{partition} (worker {status.name})"
        for status in worker_status.read_all(settings)
        for partition, state in status.partitions.items()
        if state.is_paused
    ]
