"""Who may read the tables: users of ClickHouse that only read, all brands or some. `<home>/access.toml` names them."""

import re
import tomllib

import msgspec

from streams.errors import VitalsError
from streams.resources import resource_dir
from streams.settings import Settings
from streams.sink_tables import DEAD_LETTERS, MEMBERS, TABLES
from streams.stack.home import write_private

_FILE = "access.toml"
_HIDDEN: dict[str, tuple[str, ...]] = {DEAD_LETTERS.name: ("original",)}
"""Columns that no reader sees: what was refused holds what people wrote, and who they are."""
_PRIVATE = (MEMBERS.name,)
"""Tables that no reader sees: the raw ids and names."""
_OPEN = ("schema_migrations",)
"""Tables beside those of the sink that every reader sees."""


class Reader(msgspec.Struct, frozen=True):
    """One user of ClickHouse who only reads. `brands` None: of all brands; its password is the secret of that name."""

    name: str
    secret: str
    brands: tuple[str, ...] | None = None

    def grants(self, database: str) -> list[str]:
        """What it may read: tables and views by name, so that a new table is not seen before it is meant to be."""
        tables = [table for table in TABLES if table.name not in _PRIVATE]
        grants = [f"GRANT SELECT ON {database}.{table.name}" for table in tables if table.name not in _HIDDEN]
        for table in tables:
            if table.name in _HIDDEN:
                shown = ", ".join(column for column in table.columns if column not in _HIDDEN[table.name])
                grants.append(f"GRANT SELECT({shown}) ON {database}.{table.name}")
        return grants + [f"GRANT SELECT ON {database}.{name}" for name in (*_OPEN, *views())]

    def filters(self) -> dict[str, str]:
        """Table → which of its rows it reads, of the tables whose rows are of a brand; none of what is of no brand."""
        if self.brands is None:
            return {}
        mine = f"brand_id IN ({', '.join(map(quoted, self.brands))})"
        return {
            table.name: mine if "brand_id" in table.columns else "0"
            for table in TABLES
            if "brand_id" in table.columns or table.name in _HIDDEN
        }


def statements(reader: Reader, database: str) -> list[str]:
    """What makes a reader on a ClickHouse whose users SQL manages; an administrator puts in the password.

    A row policy is for one user alone, so the server must let the others read: its setting of that name is said first.
    """
    name = reader.name
    return [
        "-- config.xml: access_control_improvements / users_without_row_policies_can_read_rows = true\n"
        f"CREATE USER OR REPLACE {name} IDENTIFIED WITH sha256_password BY '…' SETTINGS readonly = 2,"
        " max_memory_usage = 1000000000 MIN 1 MAX 1000000000, max_execution_time = 60 MIN 1 MAX 600",
        *(f"{grant} TO {name}" for grant in reader.grants(database)),
        *(
            f"CREATE ROW POLICY OR REPLACE {name} ON {database}.{table} USING {text} TO {name}"
            for table, text in reader.filters().items()
        ),
    ]


def views() -> list[str]:
    """The names of the views."""
    return sorted(path.stem for path in (resource_dir("schemas") / "views").glob("*.sql"))


def quoted(text: str) -> str:
    """A string of ClickHouse's SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def check_name(name: str) -> None:
    """Names end up in SQL and XML, so they must be plain. Raises VitalsError."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise VitalsError(f"{name!r} cannot be a name in ClickHouse: use letters, digits and _")


def readers(settings: Settings) -> list[Reader]:
    """All of them: the one that sees all brands, which `vitals` itself reads as, and those that were added."""
    return [Reader(settings.bi_user, "bi"), *added(settings)]


def added(settings: Settings) -> list[Reader]:
    """Those that were added, by name. Raises VitalsError if the file was made unreadable."""
    path = settings.home / _FILE
    if not path.exists():
        return []
    try:
        said = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), dict[str, tuple[str, ...]])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise VitalsError(f"{path} is not what `vitals access` writes ({error}): mend or remove it") from None
    for name, brands in said.items():
        _check(settings, name, brands)
    return [_reader(name, brands) for name, brands in sorted(said.items())]


def add(settings: Settings, name: str, brands: tuple[str, ...]) -> Reader:
    """Add one, or give one other brands. It can read once the server was started again. Raises VitalsError."""
    _check(settings, name, brands)
    reader = _reader(name, brands)
    _write(settings, [*(one for one in added(settings) if one.name != name), reader])
    return reader


def remove(settings: Settings, name: str) -> None:
    """Take one away, with its password. Raises VitalsError if there is none of that name."""
    left = [one for one in added(settings) if one.name != name]
    if len(left) == len(added(settings)):
        raise VitalsError(f"no user {name!r} was added: `vitals access list` shows who was")
    _write(settings, left)
    (settings.secrets / _secret(name)).unlink(missing_ok=True)


def _check(settings: Settings, name: str, brands: tuple[str, ...]) -> None:
    check_name(name)
    if name in (settings.bi_user, settings.clickhouse_user, "default"):
        raise VitalsError(f"{name} is the name of another user already: choose another")
    for brand in brands:
        if not brand or not brand.isprintable():
            raise VitalsError(f"{brand!r} cannot be a brand's id here: it holds nothing, or what cannot be printed")
    if not brands:
        raise VitalsError(f"{name} would read nothing: name a brand")


def _reader(name: str, brands: tuple[str, ...]) -> Reader:
    return Reader(name, _secret(name), brands)


def _secret(name: str) -> str:
    return f"reader-{name}"


def _write(settings: Settings, some: list[Reader]) -> None:
    lines = [
        f"{one.name} = {msgspec.json.encode(one.brands).decode()}" for one in sorted(some, key=lambda one: one.name)
    ]
    write_private(settings.home / _FILE, "# User of ClickHouse = the brands that it reads\n" + "\n".join(lines) + "\n")
