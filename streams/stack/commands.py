"""`vitals up`, `down`, `status`, `doctor`: what is typed, and how it is shown."""

import click

from streams.settings import load as _settings


@click.command(epilog="\b\nExample:\n  vitals up\n  vitals up kafka clickhouse")
@click.argument("parts", nargs=-1)
def up(parts: tuple[str, ...]) -> None:
    """Start Kafka, ClickHouse, agents and sink on this machine, or PARTS of them; mend what does not run."""
    from streams.stack.start import up as start  # noqa: PLC0415

    start(_settings(), parts=parts or None)


@click.command(epilog="\b\nExample:\n  vitals down")
def down() -> None:
    """Stop what `up` started, in order."""
    from streams.stack.stop import down as stop  # noqa: PLC0415

    stop(_settings())


stack_commands = [up, down]
