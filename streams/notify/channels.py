"""The channels that `<home>/notify.toml` asks for: which alerts each gets, in which words, where its secrets are."""

import os
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from streams.notify.routes import ONLY_BLIND, Route, ThroughQuiet
from streams.notify.signatures import webhook_key
from streams.settings import Settings, SettingsError
from streams.vitals.rows import Severity
from streams.words import Language

Kind = Literal["webhook", "slack", "wecom", "feishu", "dingtalk", "pagerduty", "email"]
FILE = "notify.toml"
EXAMPLE = (
    '[[notify]] name = "on-call", kind = "slack", url_env = "SLACK_URL", brands = ["acme*"], min_severity = "critical"'
)
PER_MINUTE: Mapping[Kind, int] = {
    "webhook": 600, "slack": 50, "wecom": 20, "feishu": 100, "dingtalk": 20, "pagerduty": 120, "email": 20,
}  # fmt: skip
"""Requests per minute that each channel is asked to take at most: what its makers allow, of Slack one a second."""
GATHER_S = 5.0
"""What follows within so many seconds goes into the same message, where a channel takes more than one alert."""
LONGEST_GATHER_S = 3600.0
PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"
_SIGNED: tuple[Kind, ...] = ("webhook", "feishu", "dingtalk", "pagerduty")
_QUIET = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[notify]]` as it is written."""

    name: str
    kind: Kind
    url_file: str | None = None
    url_env: str | None = None
    secret_file: str | None = None
    secret_env: str | None = None
    brands: tuple[str, ...] = ("*",)
    min_severity: Severity = "warning"
    language: Language = "en"
    quiet: str | None = None
    time_zone: str = "UTC"
    through_quiet: tuple[ThroughQuiet, ...] | None = None
    per_minute: int | None = None
    gather_seconds: float = GATHER_S
    sender: str = ""
    to: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    notify: tuple[_Table, ...]


class Channel(Route, frozen=True, kw_only=True):
    """One way to somebody. `url` and `secret` never appear in a log, a dead letter or what `--check` prints."""

    kind: Kind
    url: str
    secret: str = ""
    language: Language = "en"
    per_minute: int
    gather_s: float = GATHER_S
    sender: str = ""
    to: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """Where it goes, without what must not be shown."""
        return urlsplit(self.url).hostname or ""


def path_of(settings: Settings) -> Path:
    """Where the channels are written down."""
    return settings.home / FILE


def channels_of(settings: Settings, environ: Mapping[str, str] | None = None) -> list[Channel]:
    """All channels, in the order of the file. Raises SettingsError: which table, and what to do."""
    environ = os.environ if environ is None else environ
    return [_channel(table, settings, environ) for table in _tables(settings)]


def routes_of(settings: Settings) -> list[Route]:
    """What each channel would be told; its address and secrets, which may be elsewhere, are not read."""
    return [_route(table, _failing(table, settings)) for table in _tables(settings)]


def _tables(settings: Settings) -> Sequence[_Table]:
    path = path_of(settings)
    try:
        tables = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File).notify
    except FileNotFoundError:
        raise SettingsError(f"no {path}: write one, such as {EXAMPLE}, each key on a line of its own") from None
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is no valid TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}; `vitals notify --help` shows what may stand there") from None
    names = [table.name for table in tables]
    for name in names:
        if not re.fullmatch(r"[\w-]{1,64}", name):
            raise SettingsError(f"{path}: the name {name!r} must be of letters, digits, _ and -")
        if names.count(name) > 1:
            raise SettingsError(f"{path}: two channels are called {name!r}: give each a name of its own")
    return tables


def named(channels: Sequence[Channel], name: str) -> Channel:
    """The channel of that name. Raises SettingsError."""
    for channel in channels:
        if channel.name == name:
            return channel
    raise SettingsError(f"no channel {name!r}: name one of {', '.join(one.name for one in channels)}")


Fail = Callable[[str], SettingsError]


def _failing(table: _Table, settings: Settings) -> Fail:
    return lambda what: SettingsError(f"{path_of(settings)}, channel {table.name!r}: {what}")


def _route(table: _Table, fail: Fail) -> Route:
    """Whom it is about and when, checked."""
    if not any(one and not one.startswith("!") for one in table.brands):
        raise fail('brands names none: leave it out for all, or give patterns such as ["acme*", "!acme-test"]')
    if table.quiet is None and table.through_quiet is not None:
        raise fail("through_quiet needs quiet, such as 22:00-08:00")
    return Route(
        name=table.name, brands=table.brands, min_severity=table.min_severity, quiet=_minutes(table.quiet, fail),
        zone=_zone(table.time_zone, fail),
        through_quiet=ONLY_BLIND if table.through_quiet is None else table.through_quiet,
    )  # fmt: skip


def _channel(table: _Table, settings: Settings, environ: Mapping[str, str]) -> Channel:
    """A table with its secrets read, and all of it checked."""
    fail = _failing(table, settings)

    def secret(field: str, file: str | None, variable: str | None) -> str:
        if file and variable:
            raise fail(f"{field}_file and {field}_env are both given: keep one")
        try:
            found = (settings.home / file).read_text(encoding="utf-8") if file else environ.get(variable or "", "")
        except (OSError, UnicodeDecodeError):
            raise fail(f"cannot read the {field}_file {file}: put the {field} there, readable by you alone") from None
        if (file or variable) and not found.strip():
            raise fail(f"{file or variable} is empty: put the {field} there")
        return found.strip()

    url = secret("url", table.url_file, table.url_env) or (PAGERDUTY_URL if table.kind == "pagerduty" else "")
    given = secret("secret", table.secret_file, table.secret_env)
    _check_url(table, url, fail)
    _check_secret(table, given, fail)
    _check_addresses(table, fail)
    if table.per_minute is not None and table.per_minute < 1:
        raise fail("per_minute must be at least 1")
    if not 0 <= table.gather_seconds <= LONGEST_GATHER_S:
        raise fail(f"gather_seconds must be 0 to {LONGEST_GATHER_S:.0f}")
    return Channel(
        **msgspec.structs.asdict(_route(table, fail)), kind=table.kind, url=url, secret=given, language=table.language,
        per_minute=table.per_minute or PER_MINUTE[table.kind], gather_s=table.gather_seconds, sender=table.sender,
        to=table.to,
    )  # fmt: skip


def _check_url(table: _Table, url: str, fail: Fail) -> None:
    if not url:
        raise fail("give url_file, a file in the home directory, or url_env, a variable of the environment")
    schemes = ("smtp", "smtps") if table.kind == "email" else ("https", "http")
    parts = urlsplit(url)
    if parts.scheme not in schemes or not parts.hostname:
        raise fail(f"its url must begin with {schemes[0]}:// or {schemes[1]}:// and name a host")


def _check_secret(table: _Table, given: str, fail: Fail) -> None:
    if given and table.kind not in _SIGNED:
        raise fail(f"{table.kind} has no secret: remove it")
    if table.kind == "pagerduty" and not given:
        raise fail("give secret_file or secret_env, the routing key")
    if table.kind == "webhook" and not webhook_key(given):
        raise fail("give secret_file or secret_env: whsec_ and 24 to 64 bytes in base64, to sign with")


def _check_addresses(table: _Table, fail: Fail) -> None:
    addresses = (table.sender, *table.to)
    if table.kind != "email":
        if any(addresses):
            raise fail(f"{table.kind} has no sender and no to: remove them")
    elif not table.to or not all(re.fullmatch(r"[^@\s,<>]+@[^@\s,<>]+", one) for one in addresses):
        raise fail("give sender and to as plain addresses: oncall@example.org")


def _minutes(quiet: str | None, fail: Fail) -> tuple[int, int] | None:
    if quiet is None:
        return None
    found = _QUIET.fullmatch(quiet)
    if found is None:
        raise fail(f"quiet {quiet!r} must be as 22:00-08:00")
    from_hour, from_minute, to_hour, to_minute = map(int, found.groups())
    begin, end = from_hour * 60 + from_minute, to_hour * 60 + to_minute
    if begin == end:
        raise fail(f"quiet {quiet!r} ends when it begins: leave it out for none")
    return begin, end


def _zone(name: str, fail: Fail) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise fail(f"time_zone {name!r} is none that this machine knows, such as Asia/Shanghai") from None
