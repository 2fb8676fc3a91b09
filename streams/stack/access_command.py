"""`vitals access`: users of ClickHouse who read some brands, and no other."""

import click
import msgspec

from streams.errors import VitalsError
from streams.settings import Settings, load


@click.group("access", epilog="\b\nExample:\n  vitals access add acme_bi --brand acme\n  vitals access list")
def access_commands() -> None:
    """Let people read the tables of some brands: users of ClickHouse who see these and nothing else.

    The user `bi`, as whom every command here reads, sees all brands. No user sees raw ids and names, or the bytes of
    dead letters.
    """


@access_commands.command("add", epilog="\b\nExample:\n  vitals access add acme_bi --brand acme")
@click.argument("name")
@click.option(
    "--brand", "brands", multiple=True, required=True, metavar="BRAND", help="That it reads; may be repeated."
)
def add_command(name: str, brands: tuple[str, ...]) -> None:
    """Add a user, or give one other brands. Its password is made, and lies in a file that only you can read."""
    from streams.stack import access  # noqa: PLC0415

    settings = _embedded()
    reader = access.add(settings, name, brands)
    _apply(settings)
    click.echo(f"{name} reads {', '.join(brands)}; its password: {settings.secrets / reader.secret}")


@access_commands.command("remove", epilog="\b\nExample:\n  vitals access remove acme_bi")
@click.argument("name")
def remove_command(name: str) -> None:
    """Take a user away, with its password."""
    from streams.stack import access  # noqa: PLC0415

    settings = _embedded()
    access.remove(settings, name)
    _apply(settings)
    click.echo(f"{name} reads nothing any more")


@access_commands.command("list", epilog="\b\nExample:\n  vitals access list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def list_command(*, as_json: bool) -> None:
    """Show who reads what."""
    from streams.stack import access  # noqa: PLC0415

    for reader in access.readers(load()):
        if as_json:
            click.echo(msgspec.json.encode({"name": reader.name, "brands": reader.brands}).decode())
        else:
            click.echo(f"{reader.name:20} {', '.join(reader.brands) if reader.brands else 'all brands'}")


@access_commands.command("sql", epilog="\b\nExample:\n  vitals access sql acme_bi --brand acme | clickhouse-client -mn")
@click.argument("name")
@click.option("--brand", "brands", multiple=True, metavar="BRAND", help="That it reads; without it all.")
def sql_command(name: str, brands: tuple[str, ...]) -> None:
    """Print the statements that make such a user on a ClickHouse of your own, but for its password."""
    from streams.stack import access  # noqa: PLC0415

    access.check_name(name)
    for statement in access.statements(access.Reader(name, "", brands or None), load().clickhouse_database):
        click.echo(f"{statement};")


def _embedded() -> Settings:
    from streams.stack import clickhouse  # noqa: PLC0415

    settings = load()
    if not clickhouse.folder(settings).exists():
        raise VitalsError("no ClickHouse of `vitals up` is in this home: `vitals access sql` is for one of your own")
    _check_passwords(settings)
    return settings


def _check_passwords(settings: Settings) -> None:
    """All users are written anew: with other passwords than the server has now, its other clients were shut out."""
    from streams.stack import probes  # noqa: PLC0415

    for user, password in (
        (settings.clickhouse_user, settings.password_of("clickhouse")),
        (settings.bi_user, settings.password_of("bi")),
    ):
        asking = msgspec.structs.replace(settings, clickhouse_user=user, clickhouse_password=password)
        if "AUTHENTICATION_FAILED" in (probes.clickhouse_error(asking) or ""):
            raise VitalsError(f"ClickHouse has another password for {user}: set the one that `vitals up` was given")


def _apply(settings: Settings) -> None:
    """Write the users anew, and start the server anew if it runs: it reads them when it starts."""
    from streams.stack import clickhouse, home, probes, processes, supervision  # noqa: PLC0415

    with home.locked(settings):
        clickhouse.configure(settings)
        supervisor = supervision.running(settings)
        if supervisor is None or not supervisor.processes()["clickhouse"].is_up:
            return
        supervisor.stop(["clickhouse"])
        supervisor.start("clickhouse")
    if not processes.wait_until(lambda: probes.clickhouse_error(settings) is None, 60):
        raise VitalsError("ClickHouse does not answer since: see `vitals status`")
