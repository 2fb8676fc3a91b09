"""Which of the two servers are this stack's own, and which are somebody else's."""

from streams.settings import Settings
from streams.stack import addresses, probes, supervision
from streams.stack.addresses import CLICKHOUSE, KAFKA

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_LOOK_S = 2.0


def own(settings: Settings) -> list[str]:
    """The servers that `up` starts here, in the order of their start."""
    return [name for name in (CLICKHOUSE, KAFKA) if not is_elsewhere(settings, name)]


def is_elsewhere(settings: Settings, server: str) -> bool:
    """Whether `kafka` or `clickhouse` is not ours to start.

    Its address is of another machine; or the user named an address of this one at which such a server answers
    that is no part of this home.
    """
    if not _is_here(settings, server):
        return True
    return (
        any(addresses.is_configured(settings, field) for field in addresses.FIELDS[server])
        and server not in supervision.live_parts(settings)
        and probes.error_of(settings, server, limit_s=_LOOK_S) is None
    )


def _is_here(settings: Settings, server: str) -> bool:
    if server == CLICKHOUSE:
        return settings.clickhouse_host in _LOOPBACK
    hosts = (address.rpartition(":")[0].strip("[] ") for address in settings.kafka.split(","))
    return all(host in _LOOPBACK for host in hosts)
