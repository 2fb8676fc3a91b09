"""`vitals notify`: tell people and programs of alerts."""

import signal
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from streams import logs
from streams.errors import VitalsError
from streams.settings import Settings, load
from streams.vitals.rows import GroupAlert, Reason

if TYPE_CHECKING:
    from streams.notify.channels import Channel

_SHOWN = 20
SAMPLE = """\
[[notify]]
name = "on-call"
kind = "wecom"                  # or slack, feishu, dingtalk, pagerduty, webhook, email
url_file = "secrets/wecom-url"  # in the home directory; or url_env, a variable
brands = ["acme*", "!acme-lab"] # default: all
min_severity = "critical"       # default: warning
language = "zh"                 # default: en
quiet = "22:00-08:00"           # what does not ring then waits; if it is over by the end, nobody hears of it
time_zone = "Asia/Shanghai"     # default: UTC
through_quiet = ["blind", "common_cause"]  # default: ["blind"]; also dying, drop, critical, warning; [] for nothing"""
"""All that is most asked for, as one channel of notify.toml; also in SETTINGS.md."""


@click.command(
    "notify",
    epilog="\b\nExample:\n  vitals notify --check\n  vitals notify --test on-call\n  vitals notify\n"
    + "\n\b\nnotify.toml:\n"
    + "\n".join(f"  {line}" for line in SAMPLE.splitlines()),
)
@click.option("--check", is_flag=True, help="Only say which alerts would go where.")
@click.option("--dry-run", is_flag=True, help="Only print what would be sent of the latest alerts.")
@click.option(
    "--test", "test", metavar="CHANNEL", help="Send one test message to this channel, and say what it answered."
)
def notify_command(*, check: bool, dry_run: bool, test: str | None) -> None:
    """Tell people and programs of alerts, until SIGTERM.

    The channels stand in notify.toml in the home directory: chat robots, webhooks, PagerDuty, e-mail. Every alert
    reaches each of its channels at least once. In a channel's quiet hours only what it lets through rings. The rest
    waits, and is told once when they are over, as it then stands, or not at all if it has recovered meanwhile and
    nobody had heard of it; `vitals alerts` shows it all the same.
    """
    from streams.notify.channels import channels_of, named  # noqa: PLC0415  `--help` needs none of it

    if check + dry_run + (test is not None) > 1:
        raise click.UsageError("give one of --check, --dry-run and --test")
    settings = load()
    channels = channels_of(settings)
    if check:
        for channel in channels:
            click.echo(line_of(channel))
    elif test is not None:
        _test(settings, named(channels, test))
    elif dry_run:
        _dry_run(settings, channels)
    else:
        _run(settings, channels)


def line_of(channel: "Channel") -> str:
    """What a channel gets, and where that goes, without its secrets."""
    parts = [
        f"{channel.name}: {channel.kind} at {channel.host}",
        f"brands {', '.join(channel.brands)}",
        "all alerts" if channel.min_severity == "warning" else "critical alerts",
        channel.language,
        f"at most {channel.per_minute} a minute",
    ]
    if channel.quiet:
        begin, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in channel.quiet)
        rings = f"only {' and '.join(channel.through_quiet)} ones" if channel.through_quiet else "none"
        parts.append(f"{rings} from {begin} to {end} {channel.zone.key}")
    if channel.to:
        parts.append(f"to {', '.join(channel.to)}")
    return ", ".join(parts)


def test_alert(now: int) -> GroupAlert:
    """What `--test` sends; `now` in ms UTC."""
    return GroupAlert(
        alert_id=f"test-{now}/1", brand_id="test", episode_id=f"test-{now}", number=1, kind="dying", state="opened",
        severity="warning", at=now, told_at=now, opened_at=now, source_offset=0, group_id="test/vitals-notify",
        verdict="dying", was="healthy", risk=0.5, reasons=(Reason("no_message", {"days": 9.0}),),
    )  # fmt: skip


def _test(settings: Settings, channel: "Channel") -> None:
    from streams.notify.payloads import message  # noqa: PLC0415
    from streams.notify.transport import send  # noqa: PLC0415

    now = time.time()
    alert = test_alert(int(now * 1000))
    outcome = send(channel, message(channel, [alert], {}, settings.grafana_url or "", now))
    if outcome.reason:
        raise VitalsError(f"{channel.name} did not take it: {outcome.reason}; mend its url or secret")
    click.echo(f"{channel.name} took a test alert, {alert.alert_id}")


def _dry_run(settings: Settings, channels: "list[Channel]") -> None:
    from streams.notify.agent import GroupNames, recent  # noqa: PLC0415
    from streams.notify.payloads import message  # noqa: PLC0415

    alerts, names = recent(settings, _SHOWN), GroupNames(settings)
    for channel in channels:
        mine = [alert for alert in alerts if channel.takes(alert)]
        quiet = quiet_now(channel, time.time_ns() // 1_000_000)
        click.echo(f"{channel.name}: {len(mine)} of the latest {len(alerts)} alerts{quiet}")
        while mine:
            known = names.of([one for alert in mine for one in (alert.group_id, *alert.groups)])
            made = message(channel, mine, known, settings.grafana_url or "", time.time())
            body = made.mail.as_string() if made.mail else made.body.decode()
            click.echo(body.replace(channel.secret, "…") if channel.secret else body)
            mine = mine[made.count :]


def quiet_now(channel: "Channel", now: int) -> str:
    """When its quiet hours end, if they last at `now`, ms UTC."""
    until = channel.loud_from(now)
    if until == now:
        return ""
    local = datetime.fromtimestamp(until / 1000, UTC).astimezone(channel.zone)
    return f"; its quiet hours end at {local:%H:%M} {local.tzname()}"


def _run(settings: Settings, channels: "list[Channel]") -> None:
    from streams import endpoint  # noqa: PLC0415
    from streams.notify.agent import Notifier  # noqa: PLC0415
    from streams.sampling import Sampler  # noqa: PLC0415

    logs.to_stderr()
    notifier = Notifier(settings, channels)
    endpoint.serve(settings.metrics, notifier.pulse)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: notifier.stop())
    sampler = Sampler(settings, notifier.pulse)
    sampler.start()
    try:
        notifier.run()
    finally:
        sampler.close()
