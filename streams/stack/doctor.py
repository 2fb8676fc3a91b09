"""`vitals doctor`: what could be wrong, looked at one by one, each with what to do about it."""

import importlib.util
import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping

import msgspec

from streams.errors import VitalsError
from streams.notify import channels
from streams.settings import Settings
from streams.stack import addresses, home, jars, java, probes, supervision
from streams.stack.addresses import CLICKHOUSE, KAFKA
from streams.stack.maven import repository
from streams.stack.servers import is_elsewhere
from streams.stack.start import LOADED_BY_WORKERS
from streams.stack.status import PartStatus, stack_status

PYTHONS = ((3, 11), (3, 14))
_DISK_BYTES, _LARGE_LAG, _CLOCK_S = 2 << 30, 1_000_000, 5.0
_KNOWN_VARIABLES = {"VITALS_HOME", "VITALS_DEBUG"}


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at. `advice` is None if all is well, else what to do; `what` says what was seen."""

    name: str
    what: str
    advice: str | None = None


Check = Callable[[Settings], Finding]


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything, cheap things first; what hangs on a server that does not answer is not asked."""
    for check in _LOCAL:
        yield check(settings)
    if settings.run.is_dir():
        found = stack_status(settings)
        parts = {part.name: part for part in found.parts}
        yield from (_part(part) for part in found.parts)
        if found.lag is not None and found.dead_letters is not None:
            yield _guarded(_topics, settings)
            yield _lag(settings, found.lag)
            yield _dead_letters(found.dead_letters)
        if not parts[CLICKHOUSE].trouble:
            yield from (_guarded(check, settings) for check in _ON_CLICKHOUSE)
    else:
        yield Finding("stack", f"never started in {settings.home}", "run `vitals up`")


def _guarded(check: Check, settings: Settings) -> Finding:
    try:
        return check(settings)
    except VitalsError as error:
        return Finding(check.__name__.strip("_"), "could not be asked", str(error))


def _python(_settings: Settings) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    is_right = PYTHONS[0] <= sys.version_info[:2] < PYTHONS[1]
    return Finding("python", version, None if is_right else "use Python 3.11, 3.12 or 3.13")


def _variables(_settings: Settings) -> Finding:
    known = _KNOWN_VARIABLES | {f"VITALS_{name.upper()}" for name in Settings.__struct_fields__}
    unknown = sorted(name for name in os.environ if name.startswith("VITALS_") and name not in known)
    if unknown:
        return Finding("settings", f"{unknown[0]} is no setting", f"unset {unknown[0]}, or mend its name")
    return Finding("settings", "all VITALS_ variables are known")


def _files(settings: Settings) -> Finding:
    """Those that settings name, and notify.toml: parts that cannot use them begin and end for ever."""
    for load in (*LOADED_BY_WORKERS, _channels):
        try:
            load(settings)
        except VitalsError as error:
            return Finding("files of settings", "one cannot be used", str(error))
    return Finding("files of settings", "can be used")


def _channels(settings: Settings) -> None:
    if channels.path_of(settings).exists():
        channels.channels_of(settings)


def _engine(settings: Settings) -> Finding:
    if is_elsewhere(settings, CLICKHOUSE):
        return Finding("clickhouse engine", "not needed, ClickHouse is elsewhere")
    if importlib.util.find_spec("chdb") is None:
        return Finding("clickhouse engine", "chdb-core is not installed", "pip install 'group-vitals[embedded]'")
    return Finding("clickhouse engine", "chdb-core is installed")


def _java(settings: Settings) -> Finding:
    if is_elsewhere(settings, KAFKA):
        return Finding("java", "not needed, Kafka is elsewhere")
    try:
        found = java.find()
    except VitalsError as error:
        return Finding("java", "none that can run Kafka", str(error))
    return Finding("java", f"{found.version} of {found.origin}")


def _jars(settings: Settings) -> Finding:
    if is_elsewhere(settings, KAFKA):
        return Finding("jars", "not needed, Kafka is elsewhere")
    if missing := jars.missing(settings.cache):
        source = repository(settings.maven_mirror)
        advice = f"run `vitals up` while {source.url} can be reached"
        return Finding("jars", f"{len(missing)} of {len(jars.locked_jars())} are missing or damaged", advice)
    return Finding("jars", f"all {len(jars.locked_jars())} of Kafka {jars.VERSION}, as locked")


def _disk(settings: Settings) -> Finding:
    there = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(there).free
    what = f"{free / 2**30:.1f} GiB free at {there}"
    return Finding("disk", what, None if free >= _DISK_BYTES else "make room, or set VITALS_HOME to another disk")


def _home(settings: Settings) -> Finding:
    if not settings.run.is_dir():
        return Finding("home", f"{settings.home} is new")
    if home.is_locked(settings):
        return Finding("home", "an `up` or `down` is working on it", "wait for it to end")
    return Finding("home", f"{settings.home}, not locked")


def _secrets(settings: Settings) -> Finding:
    """Of the owner alone, as they were made."""
    paths = [settings.secrets, *settings.secrets.glob("*")] if settings.secrets.is_dir() else []
    for path in paths:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            return Finding("secrets", f"{path} can be read by others", f"chmod go= {path}")
    return Finding("secrets", "readable by you only" if paths else "none made yet")


def _ports(settings: Settings) -> Finding:
    """A port is only wanted free while no part of ours holds it."""
    ours = set(supervision.live_parts(settings))
    if found := supervision.running(settings):
        ours |= {name for name, process in found.processes().items() if process.pid}
    wanted = {
        KAFKA: [settings.kafka],
        CLICKHOUSE: [f":{settings.clickhouse_port}", f":{settings.clickhouse_http_port}"],
    }
    for name in (KAFKA, CLICKHOUSE):
        for address in [] if name in ours or is_elsewhere(settings, name) else wanted[name]:
            if not addresses.is_free(port := addresses.port_of(address)):
                advice = "`vitals up` takes another one, unless you configured this one: then end that program"
                return Finding("ports", f"{port} ({name}) is taken by another program", advice)
    return Finding("ports", "free, or held by the stack")


def _part(part: PartStatus) -> Finding:
    where = f" at {part.address}" if part.address else ""
    return Finding(part.name, f"{part.state}{where}", part.trouble)


def _topics(settings: Settings) -> Finding:
    from streams import topics  # noqa: PLC0415  imports kafka-python

    changes = topics.apply(settings, dry_run=True)
    if not changes:
        return Finding("topics", "all there, as declared")
    first = changes[0]
    advice = "decide by hand" if first.action == "report" else "run `vitals topics apply`"
    return Finding("topics", f"{len(changes)} differ from schemas/topics, first {first.topic}: {first.what}", advice)


def _lag(settings: Settings, lags: Mapping[str, int]) -> Finding:
    worst = max(lags, key=lambda group: lags[group])
    advice = f"look at its log in {settings.logs}; set VITALS_WORKERS higher if it keeps growing"
    return Finding("lag", f"{worst} {lags[worst]:,} records", advice if lags[worst] > _LARGE_LAG else None)


def _dead_letters(count: int) -> Finding:
    return Finding("dead letters", f"{count:,}", "look at them: vitals dead-letters list" if count else None)


def _migrations(settings: Settings) -> Finding:
    from streams.migrations import migrate  # noqa: PLC0415

    pending = migrate(settings, dry_run=True)
    what = f"{len(pending)} to apply, first {pending[0]}" if pending else "all applied"
    return Finding("migrations", what, "run `vitals migrate`" if pending else None)


def _clickhouse_disk(settings: Settings) -> Finding:
    left = probes.room_left(settings)
    advice = "make room, or lower VITALS_RETENTION_DAYS and run `vitals migrate`: full, it takes no rows"
    what = f"room for {left / 2**30:.1f} GiB more"
    return Finding("clickhouse disk", what, advice if left < probes.LOW_BYTES else None)


def _clock(settings: Settings) -> Finding:
    """Ticks carry this machine's time, rows ClickHouse's."""
    theirs = probes.rows(settings, "SELECT toUnixTimestamp64Milli(now64(3)) / 1000")[0][0]
    apart_s = abs(time.time() - theirs)
    advice = "set the clocks by NTP: ticks carry the time of this machine"
    return Finding("clock", f"{apart_s:.1f} s from ClickHouse's", advice if apart_s > _CLOCK_S else None)


def _readonly_user(settings: Settings) -> Finding:
    as_bi = msgspec.structs.replace(
        settings, clickhouse_user=settings.bi_user, clickhouse_password=settings.password_of("bi")
    )
    mode = probes.rows(as_bi, "SELECT toUInt8(getSetting('readonly'))")[0][0]
    return Finding(
        "bi user", "reads only" if mode else "may write", None if mode else f"make {settings.bi_user} readonly"
    )


_LOCAL: tuple[Check, ...] = (_python, _variables, _files, _engine, _java, _jars, _disk, _home, _secrets, _ports)
_ON_CLICKHOUSE: tuple[Check, ...] = (_migrations, _clickhouse_disk, _readonly_user, _clock)
