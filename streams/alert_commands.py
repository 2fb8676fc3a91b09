"""`vitals alerts`: what was told, who looks after it, and nothing of a group for a while."""

import getpass
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from streams.errors import VitalsError
from streams.events import Acknowledged, Event, Snoozed, encode
from streams.reading import the_one
from streams.settings import Settings, load
from streams.terminal import plain_console, print_json, print_lines
from streams.vitals.policy import HOUR_MS
from streams.words import Language, alert_word, counted

if TYPE_CHECKING:
    from streams.alert_list import Alert

TOPIC = "alert-signals"
MAX_HOURS = 90 * 24
_SOON = "`vitals alerts` shows it within seconds"

_by_option = click.option("--by", "actor", help="Who does so.  [default: the user's name on this machine]")
_dry_run_option = click.option("--dry-run", is_flag=True, help="Only say what would be done.")


@click.group(
    "alerts",
    invoke_without_command=True,
    epilog="\b\nExample:\n  vitals alerts --open --brand acme\n  vitals alerts ack tea-3\n"
    "  vitals alerts snooze tea-3 --hours 48",
)
@click.option("--open", "is_open", is_flag=True, help="Only those that are not over.")
@click.option("--brand", "brands", multiple=True, help="Only this brand; may be repeated.")
@click.option("--all", "is_all", is_flag=True, help="Those too that nobody was told of: history, one of many, snoozed.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.  [default: 20; none with --json]")
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Of all words.")
@click.option("--json", "is_json", is_flag=True, help="For programs.")
@click.option("--no-color", is_flag=True, help="Never colour; a pipe is never coloured.")
@click.pass_context
def alerts_commands(  # noqa: PLR0913, PLR0917  one argument per option
    context: click.Context,
    is_open: bool,
    brands: tuple[str, ...],
    is_all: bool,
    limit: int | None,
    language: Language,
    is_json: bool,
    no_color: bool,
) -> None:
    """List alerts, acknowledge them, have a group snoozed.

    The open ones come first, the worst and latest of them on top.
    """
    if context.invoked_subcommand is not None:
        return
    from streams.alert_list import AlertDesk  # noqa: PLC0415  `--help` needs no driver

    known = AlertDesk(load(), language).alerts(brands)
    wanted = [alert for alert in known if alert.is_open or not is_open]
    told = [alert for alert in wanted if alert.is_told or is_all]
    shown = told[: limit or (None if is_json else 20)]
    if is_json:
        print_json(shown)
        return
    _print(shown, language, no_color)
    untold = [] if is_all else [alert for alert in wanted if not alert.is_told]
    click.echo("\n".join(_closing(told, len(shown), untold, language)))


@alerts_commands.command("ack", epilog="Example: vitals alerts ack 5b1c0f3a9d2e4476 --by lin")
@click.argument("what", metavar="EPISODE|GROUP")
@_by_option
@_dry_run_option
def ack_command(*, what: str, actor: str | None, dry_run: bool) -> None:
    """Say that somebody looks after an open alert.

    It is named by its own id, or by the id or name of its group, or a part of that. It is told again only if it
    grows worse, and once when it is over.
    """
    from streams.alert_list import AlertDesk, where  # noqa: PLC0415

    settings, who = load(), actor or getpass.getuser()
    fresh = [alert for alert in meant(AlertDesk(settings).alerts(), what) if not alert.acknowledged_by]
    if not fresh:
        raise VitalsError(f"{what} is acknowledged already: `vitals alerts --open` says by whom")
    _send(settings, [acknowledged(alert.brand_id, alert.episode_id, who, _now()) for alert in fresh], dry_run=dry_run)
    for alert in fresh:
        said = "would be acknowledged" if dry_run else f"acknowledged by {who}, {_SOON}"
        click.echo(f"{alert_word(alert.alert, 'en')}, {where(alert, 'en')}: {said}")


@alerts_commands.command("snooze", epilog="Example: vitals alerts snooze acme/wecom/wr42 --hours 48")
@click.argument("group", metavar="GROUP")
@click.option("--hours", type=click.FloatRange(0, MAX_HOURS), required=True, help="For how long; 0 ends a snooze.")
@_by_option
@_dry_run_option
def snooze_command(*, group: str, hours: float, actor: str | None, dry_run: bool) -> None:
    """Tell nobody of a group for some hours, whether it has an alert or not.

    What still stands when they are over is told then. That an alert is over is told at once, to whoever heard of it.
    GROUP may be the id of an alert of it.
    """
    from streams.alert_list import AlertDesk  # noqa: PLC0415

    settings = load()
    desk = AlertDesk(settings)
    groups, by_alert = desk.groups(), {alert.episode_id: alert.group_id for alert in desk.alerts()}
    group_id = the_one({key: name for key, (name, _, _) in groups.items()}, by_alert.get(group) or group)
    _, brand_id, platform = groups[group_id]
    now = _now()
    until = now + int(hours * HOUR_MS)
    _send(settings, [snoozed(brand_id, platform, group_id, until, actor or getpass.getuser(), now)], dry_run=dry_run)
    what = f"snoozed until {datetime.fromtimestamp(until / 1000, UTC):%Y-%m-%d %H:%M} UTC" if hours else "not snoozed"
    click.echo(f"{group_id}: would be {what}" if dry_run else f"{group_id}: {what}, {_SOON}")


def meant(alerts: "Sequence[Alert]", text: str) -> "list[Alert]":
    """The open alerts that `text` means: one by its id, or all of the group with that id or name, or a part of it."""
    is_open = [alert for alert in alerts if alert.is_open]
    if by_id := [alert for alert in is_open if alert.episode_id == text]:
        return by_id
    names = {alert.group_id: alert.name or "" for alert in is_open if alert.group_id}
    group_id = the_one(names, text, "open alert", "vitals alerts --open --all")
    return [alert for alert in is_open if alert.group_id == group_id]


def acknowledged(brand_id: str, episode_id: str, actor: str, now: int) -> Acknowledged:
    """What the alert agent hears when somebody looks after an alert; `now` in ms UTC."""
    return Acknowledged(
        event_id=f"ack/{episode_id}/{now}", occurred_at=now, brand_id=brand_id, platform="*", episode_id=episode_id,
        actor=actor,
    )  # fmt: skip


def snoozed(brand_id: str, platform: str, group_id: str, until: int, actor: str, now: int) -> Snoozed:
    """What the alert agent hears when a group is snoozed; times in ms UTC."""
    return Snoozed(
        event_id=f"snooze/{group_id}/{now}", occurred_at=now, brand_id=brand_id, platform=platform, group_id=group_id,
        until=until, actor=actor,
    )  # fmt: skip


def _print(shown: "Sequence[Alert]", language: Language, no_color: bool) -> None:
    from streams.alert_list import alert_lines  # noqa: PLC0415  `--help` needs no rich

    console = plain_console(no_color)
    if shown:
        print_lines(console, alert_lines(shown, language, is_terminal=console.is_terminal))


def _closing(told: "Sequence[Alert]", shown: int, untold: "Sequence[Alert]", language: Language) -> list[str]:
    """How many there are, and how to see the rest."""
    is_open = sum(alert.is_open for alert in told)
    is_zh = language == "zh"
    lines = [f"共 {len(told)} 条告警,{is_open} 条未结束" if is_zh else f"{counted(len(told), 'alert')}, {is_open} open"]
    if cut := len(told) - shown:
        lines.append(
            f"还有 {cut} 条;--limit {len(told)} 显示" if is_zh else f"{cut} more; --limit {len(told)} shows them"
        )
    if untold:
        count, still = len(untold), sum(alert.is_open for alert in untold)
        said = (
            f"另有 {count} 条未通知任何人,其中 {still} 条未结束"
            if is_zh
            else (f"{count} more that nobody was told of, {still} of them open")
        )
        lines.append(f"{said};--all 显示" if is_zh else f"{said}; --all shows them")
    return lines


def _now() -> int:
    return time.time_ns() // 1_000_000


def _send(settings: Settings, events: Sequence[Event], *, dry_run: bool) -> None:
    """Put events on the brand's log. Raises VitalsError when Kafka does not take them."""
    if dry_run:
        return
    from streams.ticker import append  # noqa: PLC0415  slow to import

    append(settings, TOPIC, [(event.brand_id.encode(), encode(event), None) for event in events])
