"""`vitals playbook`: what is done for a group on purpose, step by step, and whether it helped."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from streams.errors import VitalsError
from streams.events import FUTURE_TOLERANCE_MS, GroupEvent, PlaybookEnded, PlaybookStarted, PlaybookStep, encode
from streams.reading import the_one
from streams.settings import Settings, load
from streams.terminal import plain_console, print_json, print_lines
from streams.words import Language, counted

if TYPE_CHECKING:
    from streams.playbook.desk import Desk, Group, Playbook

TOPIC = "chat-events"
STEPS = ("cleanup", "benefit", "prune", "points", "content", "games")
GOALS = ("messages", "speakers", "buyers", "revenue")
MAX_TEXT = 512
_SOON = "`vitals playbook list` shows it within seconds"
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]

_at_option = click.option("--at", type=click.DateTime(_TIMES), help="When it was done, UTC.  [default: now]")
_dry_run_option = click.option("--dry-run", is_flag=True, help="Only say what would be done.")
_language_option = click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
_json_option = click.option("--json", "is_json", is_flag=True, help="For programs.")
_color_option = click.option("--no-color", is_flag=True, help="Never colour; a pipe is never coloured.")


@click.group(
    "playbook",
    epilog="\b\nExample:\n  vitals playbook start tea-3 --name 'Autumn tasting' --budget 500\n"
    "  vitals playbook step tea-3 benefit --note 'red packet, 200 of 0.50'\n  vitals playbook effect tea-3",
)
def playbook_commands() -> None:
    """Note what is done to revive a group, and learn whether it helped.

    Groups are named by their id or name, or a part of either that no other group has.
    """


@playbook_commands.command("start", epilog="Example: vitals playbook start tea-3 --name 'Autumn tasting' --budget 500")
@click.argument("group", metavar="GROUP")
@click.option("--name", required=True, help="What it is called.")
@click.option("--goal", type=click.Choice(GOALS), default="messages", show_default=True, help="What it is judged by.")
@click.option("--budget", help="What it may cost, as 1234.50 in the group's currency.")
@click.option("--currency", help="Of the budget, as EUR.  [default: the group's]")
@_at_option
@_dry_run_option
def start_command(
    *,
    group: str,
    name: str,
    goal: str,
    budget: str | None,
    currency: str | None,
    at: datetime | None,
    dry_run: bool,
) -> None:
    """Say that a playbook begins. The goal is said now, before anybody knows what will look good.

    One at a time: a group whose playbook is open must end that one first.
    """
    settings = load()
    desk, found = _found(settings, group)
    when, now = _when(at), _now()
    _check_time(found, when, now)
    if running := _in_force(desk.playbooks(group_id=found.group_id), when):
        raise VitalsError(f"{running.name!r} is open in {found.group_id}: `vitals playbook end {found.group_id}` first")
    minor, code = _money(budget, (currency or found.currency).upper())
    event = started(found, _text(name, "--name"), goal, minor, code, when)
    _send(settings, [event], dry_run=dry_run)
    click.echo(f"{found.group_id}: {event.name!r} {'would begin' if dry_run else f'began, {_SOON}'}")


@playbook_commands.command("step", epilog="Example: vitals playbook step tea-3 cleanup --note 'wrote to 40 members'")
@click.argument("group", metavar="GROUP")
@click.argument("step", type=click.Choice(STEPS))
@click.option("--note", help="In your own words; name no members, whoever reads the tables sees it.")
@_at_option
@_dry_run_option
def step_command(*, group: str, step: str, note: str | None, at: datetime | None, dry_run: bool) -> None:
    """Note a step of the group's open playbook."""
    settings = load()
    desk, found = _found(settings, group)
    when = _when(at)
    playbook = _running(desk, found, when)
    _send(settings, [stepped(found, playbook.playbook_id, step, _text(note, "--note"), when)], dry_run=dry_run)
    click.echo(f"{found.group_id}: {step} {'would be noted' if dry_run else 'noted'} for {playbook.name!r}")


@playbook_commands.command("end", epilog="Example: vitals playbook end tea-3")
@click.argument("group", metavar="GROUP")
@click.option("--note", help="How it went; name no members, whoever reads the tables sees it.")
@_at_option
@_dry_run_option
def end_command(*, group: str, note: str | None, at: datetime | None, dry_run: bool) -> None:
    """Say that no more steps of the group's playbook will follow."""
    settings = load()
    desk, found = _found(settings, group)
    when = _when(at)
    playbook = _running(desk, found, when)
    if playbook.state == "ended":
        raise VitalsError(f"{playbook.name!r} ended on {playbook.ended_at:%Y-%m-%d} already")
    _send(settings, [ended(found, playbook.playbook_id, _text(note, "--note"), when)], dry_run=dry_run)
    click.echo(f"{found.group_id}: {playbook.name!r} {'would end' if dry_run else f'ended, {_SOON}'}")


@playbook_commands.command("list", epilog="Example: vitals playbook list --open --brand acme")
@click.option("--open", "is_open", is_flag=True, help="Only those that are not over.")
@click.option("--brand", "brands", multiple=True, help="Only this brand; may be repeated.")
@_language_option
@_json_option
@_color_option
def list_command(*, is_open: bool, brands: tuple[str, ...], language: Language, is_json: bool, no_color: bool) -> None:
    """List the playbooks, the open ones first, then the latest."""
    from streams.playbook.desk import Desk  # noqa: PLC0415  `--help` needs no driver

    known = [one for one in Desk(load()).playbooks(brands) if one.state == "open" or not is_open]
    if is_json:
        print_json(known)
        return
    if known:
        from streams.playbook.wording import list_lines  # noqa: PLC0415

        print_lines(plain_console(no_color), list_lines(known, language))
    click.echo(f"共 {len(known)} 个复活方案" if language == "zh" else counted(len(known), "playbook"))


@playbook_commands.command("effect", epilog="Example: vitals playbook effect tea-3 --language zh")
@click.argument("group", metavar="GROUP")
@click.option("--playbook", "playbook_id", help="Its id, from `list --json`.  [default: the group's latest]")
@_language_option
@_json_option
@_color_option
def effect_command(*, group: str, playbook_id: str | None, language: Language, is_json: bool, no_color: bool) -> None:
    """Say whether a playbook helped: before and after, against groups like it that were left alone.

    28 days before its start and after it, or as many as have closed, beside the groups of the brand that were most like
    it in level and trend. It helped only if that cannot well be chance (95 %). It likely helped if it had fallen, more
    than half of that came back, and no more than a third of the groups that had fallen too came back by themselves.
    Else nobody can tell. Buyers and revenue go by attributed orders.
    """
    desk, found = _found(load(), group)
    started_ones = [one for one in desk.playbooks(group_id=found.group_id) if one.started_at]
    latest = sorted(started_ones, key=lambda one: (one.started_at, one.playbook_id))
    chosen = [one for one in latest if playbook_id in (None, one.playbook_id)]
    if not chosen:
        what = f"no playbook {playbook_id}" if playbook_id else "no playbook"
        raise VitalsError(f"{found.group_id} has {what}: `vitals playbook start` begins one, `list` shows all")
    effect = desk.effect(chosen[-1])
    if is_json:
        print_json(effect)
        return
    from streams.playbook.wording import effect_lines  # noqa: PLC0415

    print_lines(plain_console(no_color), effect_lines(effect, language))


def started(group: "Group", name: str, goal: Any, budget: int | None, currency: str | None, at: int) -> PlaybookStarted:
    """The event of a start; the same again has the same id. `at` in ms UTC."""
    playbook_id = f"{group.group_id}/playbook/{at}"
    return PlaybookStarted(
        event_id=f"{playbook_id}/started", occurred_at=at, brand_id=group.brand_id, platform=group.platform,
        group_id=group.group_id, playbook_id=playbook_id, name=name, goal=goal, budget=budget, currency=currency,
    )  # fmt: skip


def stepped(group: "Group", playbook_id: str, step: Any, note: str, at: int) -> PlaybookStep:
    """The event of a step."""
    return PlaybookStep(
        event_id=f"{playbook_id}/{step}/{at}", occurred_at=at, brand_id=group.brand_id, platform=group.platform,
        group_id=group.group_id, playbook_id=playbook_id, step=step, note=note or None,
    )  # fmt: skip


def ended(group: "Group", playbook_id: str, note: str, at: int) -> PlaybookEnded:
    """The event of an end: of one playbook there is one, whenever it is said."""
    return PlaybookEnded(
        event_id=f"{playbook_id}/ended", occurred_at=at, brand_id=group.brand_id, platform=group.platform,
        group_id=group.group_id, playbook_id=playbook_id, note=note or None,
    )  # fmt: skip


def _found(settings: Settings, text: str) -> "tuple[Desk, Group]":
    """The group that is meant. Raises VitalsError where none is or several are."""
    from streams.playbook.desk import Desk  # noqa: PLC0415  `--help` needs no driver

    desk = Desk(settings)
    groups = desk.groups()
    return desk, groups[the_one({key: group.name for key, group in groups.items()}, text)]


def _in_force(playbooks: "Sequence[Playbook]", at: int) -> "Playbook | None":
    """The playbook that a time belongs to: begun by then, and not over before it."""
    for one in playbooks:
        if one.started_at and _ms(one.started_at) <= at and (one.ended_at is None or at <= _ms(one.ended_at)):
            return one
    return None


def _running(desk: "Desk", group: "Group", at: int) -> "Playbook":
    _check_time(group, at, _now())
    playbook = _in_force(desk.playbooks(group_id=group.group_id), at)
    if playbook is None:
        raise VitalsError(
            f"no playbook was open in {group.group_id} then: `vitals playbook start` begins one, there within seconds"
        )
    return playbook


def _check_time(group: "Group", at: int, now: int) -> None:
    if at > now + FUTURE_TOLERANCE_MS:
        raise VitalsError("--at lies ahead: say it when it is done")
    if at < _ms(group.created_at):
        raise VitalsError(
            f"--at lies before the first event of {group.group_id}, {group.created_at:%Y-%m-%d %H:%M} UTC"
        )
    if group.ended_at is not None and at > _ms(group.ended_at):
        raise VitalsError(f"{group.group_id} ended on {group.ended_at:%Y-%m-%d}: there is nothing to revive")


def _money(budget: str | None, currency: str) -> tuple[int | None, str | None]:
    """Minor units and currency of a budget."""
    if budget is None:
        return None, None
    from streams.connectors.money import minor_units  # noqa: PLC0415
    from streams.edge import RefusedError  # noqa: PLC0415

    if not currency:
        raise VitalsError("the group has no currency yet: say whose the budget is with --currency, as EUR")
    try:
        return minor_units(budget, currency), currency
    except RefusedError as error:
        what, _, advice = error.detail.partition(": ")  # the advice is of an import, which has options for it
        raise VitalsError(f"--budget {budget}: {what}{advice and ': write 1234.50, no comma, no sign'}") from None


def _text(text: str | None, option: str) -> str:
    text = (text or "").strip()
    if len(text) > MAX_TEXT or "\0" in text or (option == "--name" and not text):
        raise VitalsError(f"{option} needs 1 to {MAX_TEXT} characters, it has {len(text)}")
    return text


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _when(at: datetime | None) -> int:
    return _now() if at is None else _ms(at.replace(tzinfo=UTC))


def _now() -> int:
    return time.time_ns() // 1_000_000


def _send(settings: Settings, events: Sequence[GroupEvent], *, dry_run: bool) -> None:
    """Put events on the group's log. Raises VitalsError when Kafka does not take them."""
    if dry_run:
        return
    from streams.ticker import append  # noqa: PLC0415  slow to import

    append(settings, TOPIC, [(event.group_id.encode(), encode(event), None) for event in events])
