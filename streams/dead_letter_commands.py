"""`vitals dead-letters`: look at what was refused, send it again after a fix, and let a paused partition go on."""

import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache, wraps
from typing import Any

import click
import msgspec

from streams import letter_box, worker_status
from streams.dead_letters import REASONS, Acceptance, DeadLetter
from streams.letter_box import Kept
from streams.settings import Settings, load
from streams.topics import declared

_PREVIEW = 80
_ID_SHOWN = 8
Wanted = Callable[[DeadLetter], bool]


class _Time(click.ParamType):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time; say it as 2026-01-31 or 2026-01-31T12:00+08:00", param, ctx)
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which letters; they reach the command as `wanted`, None if none was given."""

    @wraps(command)  # and the options that it has already
    def with_options(**given: Any) -> Any:
        mine = {name: given.pop(name) for name in ("reason", "topic", "letter_id", "since", "until")}
        wanted = None if not any(mine.values()) else lambda letter: _is_chosen(letter, **mine)
        return command(wanted=wanted, **given)

    chosen: Callable[..., Any] = with_options
    for option in (
        click.option("--until", type=_Time(), metavar="TIME", help="That came in before this time (UTC)."),
        click.option("--since", type=_Time(), metavar="TIME", help="That came in at this time (UTC) or later."),
        click.option("--id", "letter_id", multiple=True, metavar="ID", help="Whose id begins so; may be repeated."),
        click.option("--topic", metavar="NAME", help="From this topic, or a file whose name holds this."),
        click.option("--reason", multiple=True, type=click.Choice(REASONS), help="Refused for this; may be repeated."),
    ):
        chosen = option(chosen)
    return chosen


def _is_chosen(
    letter: DeadLetter,
    *,
    reason: Sequence[str],
    topic: str | None,
    letter_id: Sequence[str],
    since: int | None,
    until: int | None,
) -> bool:
    is_from = topic is None or letter.origin == topic or (letter.partition < 0 and topic in letter.origin)
    is_in_time = (since is None or letter.at >= since) and (until is None or letter.at < until)
    is_named = not letter_id or letter.letter_id.startswith(tuple(letter_id))
    return is_from and is_in_time and is_named and (not reason or letter.reason in reason)


@click.group(
    "dead-letters",
    epilog="\b\nExample:\n  vitals dead-letters list\n  vitals dead-letters replay --reason unknown_type --dry-run",
)
def dead_letters() -> None:
    """Look at refused records, and send them again once what was wrong is mended."""


@dead_letters.command(
    "list", epilog="\b\nExample:\n  vitals dead-letters list --topic chat-events --reason bad_shape --since 2026-11-20"
)
@_choosing
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=20, show_default=True, help="How many, the latest.")
@click.option("--raw", is_flag=True, help="Show the bytes as they came: ids, names and what was written among them.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line; with --raw key and bytes in base64.")
def list_command(*, wanted: Wanted | None, limit: int, raw: bool, as_json: bool) -> None:
    """List the latest refused records: id, when, where, why, and how they begin.

    Of the bytes only the names of known fields and types are shown, letters become x and digits 9: they may hold
    what people wrote, and who they are.
    """
    settings = load()
    found = letter_box.find(settings, wanted or (lambda _: True), limit)
    if as_json:
        for kept in found:
            sys.stdout.write(json_of(kept, raw=raw) + "\n")
        return
    for kept in found:
        click.echo(line_of(kept, raw=raw))
    counts = Counter(kept.letter.reason for kept in found)
    click.echo(", ".join(f"{count} {reason}" for reason, count in counts.most_common()) or "no dead letters")
    for paused in paused_partitions(settings):
        click.echo(f"{paused} stands still: mend the source, then `vitals dead-letters accept`")


@dead_letters.command("replay", epilog="\b\nExample:\n  vitals dead-letters replay --reason unknown_type --dry-run")
@_choosing
@click.option("--all", "take_all", is_flag=True, help="All that were not sent again yet.")
@click.option("--again", is_flag=True, help="Also those that were sent again before.")
@click.option("--dry-run", is_flag=True, help="Only say what would be sent.")
def replay_command(*, wanted: Wanted | None, take_all: bool, again: bool, dry_run: bool) -> None:
    """Send refused records again, as they came, to where they came from: after a fix they come in, once.

    One that is refused again is a new dead letter, which `list` shows with the id of the old one. What came from a
    file, or was cut because it was over 1 MiB, is not here to be sent.
    """
    if wanted is None and not take_all:
        raise click.UsageError("say which: --reason, --topic, --id, --since, --until, or --all")
    settings = load()
    found = letter_box.find(settings, wanted or (lambda _: True))
    left = Counter(why for kept in found if (why := hindrance(kept, settings, again=again)))
    ready = [kept.letter for kept in found if not hindrance(kept, settings, again=again)]
    if ready and not dry_run:
        with click.progressbar(length=len(ready), label="sending", file=sys.stderr) as bar:
            letter_box.send_again(settings, ready, bar.update)
    places = Counter(letter.origin for letter in ready)
    verb = "would send" if dry_run else "sent"
    click.echo(f"{verb} {len(ready):,} again" + "".join(f", {count:,} to {topic}" for topic, count in places.items()))
    for why, count in left.most_common():
        click.echo(f"left {count:,}: {why}")


def hindrance(kept: Kept, settings: Settings, *, again: bool) -> str:
    """Why a letter cannot be sent again, "" if it can."""
    letter = kept.letter
    if kept.replay is not None and not again:
        return "sent again before (--again sends them once more, they count once)"
    if letter.partition < 0:
        return "came from a file: mend it and import it with --again, what came in before counts once"
    if letter.reason == "undeliverable":
        return "alerts that a channel did not take: they stand on group-alerts"
    if letter.origin not in declared(settings) or letter.partition >= declared(settings)[letter.origin].partitions:
        return "their topic is not here"
    return "" if letter.is_whole else "their bytes were not kept whole"


@dead_letters.command("accept", epilog="Example: vitals dead-letters accept --topic chat-events --partition 3")
@click.option("--topic", help="Only partitions of this topic.")
@click.option("--partition", type=click.IntRange(0), help="Only this partition.")
def accept_command(*, topic: str | None, partition: int | None) -> None:
    """Let partitions go on that stand still after too many dead letters. What was refused stays refused."""
    settings = load()
    if topic is not None and topic not in (known := declared(settings)):
        raise click.BadParameter(f"no topic {topic!r}: name one of {', '.join(known)}", param_hint="--topic")
    letter_box.accept(settings, Acceptance(topic, partition))
    click.echo("accepted: paused partitions go on within seconds, and stop again if as much is refused")


def line_of(kept: Kept, *, raw: bool = False) -> str:
    """One line for people. Control characters are made visible, and what the bytes say is masked unless `raw`."""
    letter = kept.letter
    at = datetime.fromtimestamp(letter.at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    start = letter.original[: 4 * _PREVIEW].decode("utf-8", "replace")
    shown = visible(start if raw else masked(start))
    origin = letter.origin if letter.partition < 0 else f"{letter.origin}/{letter.partition}"
    words = [letter.letter_id[:_ID_SHOWN], at, f"{visible(origin)}@{letter.position}"]
    words += [f"{letter.reason} ({visible(letter.detail)})", shown[:_PREVIEW] + ("…" if shown[_PREVIEW:] else "")]
    if kept.again_of:
        words.append(f"[again {kept.again_of[:_ID_SHOWN]}]")
    if kept.replay is not None:
        words.append(f"[sent again {datetime.fromtimestamp(kept.replay.at / 1000, UTC):%Y-%m-%d %H:%M}]")
    return "  ".join(words)


def json_of(kept: Kept, *, raw: bool = False) -> str:
    """One letter for programs, with `replayed_at` (ms, or null) and `again_of`; key and bytes only if `raw`."""
    shown = msgspec.to_builtins(kept.letter)
    if not raw:
        del shown["original"], shown["key"]
    shown |= {"replayed_at": kept.replay.at if kept.replay else None, "again_of": kept.again_of}
    return msgspec.json.encode(shown).decode()


def visible(text: str) -> str:
    """Text that moves no cursor and turns no direction: what is not printable as an escape."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def masked(text: str) -> str:
    """The shape of what may be private: words of the contract stay, other letters become x and digits 9."""
    return re.sub(r"\w+", lambda word: word[0] if word[0] in _contract() else _mask(word[0]), text)


def _mask(word: str) -> str:
    return "".join("9" if c.isdigit() else "_" if c == "_" else "x" for c in word)


@cache
def _contract() -> frozenset[str]:
    """The names of fields and event types, and JSON's own words."""
    from streams.schemas import EVENT_TYPES, ROW_TYPES  # noqa: PLC0415  `--help` needs none of it

    fields = {field for kind in (EVENT_TYPES | ROW_TYPES).values() for field in kind.__struct_fields__}
    return frozenset(fields | EVENT_TYPES.keys() | {"type", "true", "false", "null"})


def paused_partitions(settings: Settings) -> list[str]:
    """Partitions that a worker of this home says it has paused."""
    return [
        f"{status.topic}/{partition} (worker {status.name})"
        for status in worker_status.read_all(settings)
        for partition, state in status.partitions.items()
        if state.is_paused
    ]
