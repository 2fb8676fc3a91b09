"""Every address, path and limit, with its default. Read from the environment, `vitals.toml` and the running stack."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from streams.errors import VitalsError

_FILES = (
    "model", "holidays", "conversion", "rates", "worth", "points", "kafka_ca", "kafka_certificate", "kafka_key",
    "clickhouse_ca",
)  # fmt: skip
"""Settings that are files."""
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]


class SettingsError(VitalsError):
    """A setting that cannot be used. The message says which and what to do."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings. A field `kafka` is `VITALS_KAFKA` in the environment and `kafka = "…"` in `vitals.toml`.

    Precedence: environment, then `<home>/vitals.toml`, then `<home>/run/stack.toml` (the addresses that
    `vitals up` took), then the defaults here.
    """

    home: Path
    """Everything that lives: data, secrets, logs, pid files. One stack per home."""
    cache: Path
    """Downloaded Kafka jars, shared by all homes."""
    maven_mirror: str | None = None
    """Where Kafka's jars are fetched from; unset: the mirror of `~/.m2/settings.xml`, else Maven Central."""
    kafka: str = "127.0.0.1:19092"
    """Bootstrap servers, host:port[,host:port…]."""
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """As Kafka calls it: SSL encrypts, SASL logs in."""
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_user: str | None = None
    kafka_password: str | None = None
    """Unset: read from `<home>/secrets/kafka`."""
    kafka_ca: Path | None = None
    """The certificates to trust, PEM; unset: those of the system. Paths as with `model`."""
    kafka_certificate: Path | None = None
    """Our own certificate, PEM, where Kafka asks for one; with `kafka_key`."""
    kafka_key: Path | None = None
    clickhouse_host: str = "127.0.0.1"
    clickhouse_port: Port = 19000
    """ClickHouse's native TCP port."""
    clickhouse_http_port: Port = 18123
    clickhouse_secure: bool = False
    """TLS on both ports."""
    clickhouse_ca: Path | None = None
    """The certificates to trust, PEM; unset: the public authorities."""
    clickhouse_database: str = "vitals"
    clickhouse_user: str = "vitals"
    clickhouse_password: str | None = None
    """Unset: read from `<home>/secrets/clickhouse`, which `vitals up` generates."""
    bi_user: str = "bi"
    bi_password: str | None = None
    """The readonly user's; unset: `<home>/secrets/bi`."""
    partitions: AtLeastOne = 8
    """Of every topic that is keyed; fixed when the topics are created."""
    replication: AtLeastOne = 1
    workers: AtLeastOne = 1
    """Group workers that `vitals up` starts."""
    tick_seconds: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    chunk_records: AtLeastOne = 2000
    """Records of one fetch that the worker folds at once."""
    flush_events: AtLeastOne = 20_000
    flush_seconds: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    """A flush is due after so many events or seconds, whichever is first; also at ticks and on giving up partitions."""
    session_timeout: Annotated[float, msgspec.Meta(ge=1)] = 6.0
    model: Path | None = None
    """The risk model that `vitals fit` made; unset: the one that is shipped. All group workers need the same.
    Always absolute: a relative path in `vitals.toml` is one in the home directory."""
    dying_risk: float = 0.45
    """The risk at which a group alarms: fewer alarms above, fewer deaths unseen below. MODEL.md has the table."""
    alarms_per_year: int = 0
    """No more alarms of one group within 364 days; 0: no cap."""
    holidays: Path | None = None
    """A TOML file of days off beside those that are shipped (China, Germany, United States): see SETTINGS.md. All group
    workers need the same."""
    conversion: Path | None = None
    """A TOML file of windows of attribution, by the names in `streams/vitals/conversion.py`: see SETTINGS.md. All
    workers of identity and attribution need the same."""
    rates: Path | None = None
    """A CSV file of exchange rates, `date,currency,rate,into`: what orders in other currencies are told in. Unset: each
    currency is kept apart. All workers of attribution need the same."""
    worth: Path | None = None
    """A TOML file of what makes a group worth saving, by the names of WorthPolicy in `streams/vitals/policy.py`: see
    SETTINGS.md. All group workers need the same."""
    points: Path | None = None
    """A TOML file of what earns points: see SETTINGS.md. Unset: only what events say. All group workers need the
    same."""
    grafana_url: str | None = None
    """Where `vitals dashboards push` finds Grafana."""
    grafana_token: str | None = None
    """Of a service account with the role Admin; or user:password."""
    grafana_contact: str | None = None
    """Whom Grafana's own alert rules tell: an e-mail address or the URL of a webhook. Unset: Grafana's policies say."""
    metrics: str | None = None
    """Where each part answers `/metrics`, `/live` and `/ready`: host:port, port 0 for any free one. Unset: nowhere.
    Parts that `vitals up` starts take this port and those after it."""
    metrics_seconds: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    """How often each part tells ClickHouse of its metrics, for the page *Pipeline*; 0: never."""
    retention_days: AtLeastOne = 730
    """How long ClickHouse keeps events and rows."""

    def __repr__(self) -> str:
        """Without the values: there are passwords among them."""
        return f"Settings(home={str(self.home)!r}, …)"

    @property
    def secrets(self) -> Path:
        """Files of 0600 with the generated passwords and the brands' pseudonym keys."""
        return self.home / "secrets"

    @property
    def run(self) -> Path:
        """Pid files, sockets, the lock and the addresses of the running stack."""
        return self.home / "run"

    @property
    def logs(self) -> Path:
        """One log per part, rotated."""
        return self.home / "logs"

    def password_of(self, who: str) -> str:
        """The configured or generated password of `clickhouse`, `bi`, `kafka` or a reader; "" if there is none yet.

        Raises SettingsError for a file that cannot be read, such as the folder that Docker makes of a missing one.
        """
        configured = {"clickhouse": self.clickhouse_password, "bi": self.bi_password, "kafka": self.kafka_password}
        if (given := configured.get(who)) is not None:
            return given
        path = self.secrets / who
        try:
            return path.read_text(encoding="utf-8").strip()
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "no text"
            raise SettingsError(
                f"cannot read the password {path} ({why}): make it a file that this user may read"
            ) from None


def _toml(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is no valid TOML: {error}") from None


def load(environ: dict[str, str] | None = None) -> Settings:
    """Read the settings. Raises SettingsError, naming the setting, on an unknown key or a bad value."""
    env = dict(os.environ if environ is None else environ)
    data_root = Path(env.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    cache_root = Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = Path(env.get("VITALS_HOME") or data_root / "group-vitals").expanduser().absolute()
    values: dict[str, Any] = {"cache": str(cache_root / "group-vitals")}
    values |= _toml(home / "run" / "stack.toml") | _toml(home / "vitals.toml")
    known = set(Settings.__struct_fields__)
    for name in _FILES:
        if isinstance(values.get(name), str):  # a relative one lies beside the file that names it
            values[name] = str(home / Path(values[name]).expanduser())
    values |= {name: env[f"VITALS_{name.upper()}"] for name in known if env.get(f"VITALS_{name.upper()}")}
    for name in _FILES:
        if env.get(f"VITALS_{name.upper()}"):  # the parts of the stack run in another directory
            values[name] = str(Path(env[f"VITALS_{name.upper()}"]).expanduser().absolute())
    values["home"] = str(home)
    unknown = sorted(set(values) - known)
    if unknown:
        raise SettingsError(f"unknown setting {unknown[0]!r} in {home / 'vitals.toml'}: remove it")
    try:
        return msgspec.convert(values, Settings, strict=False, dec_hook=lambda kind, value: kind(value))
    except msgspec.ValidationError as error:
        raise SettingsError(f"bad setting: {error}") from None
