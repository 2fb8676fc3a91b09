"""`vitals up`, `down`, `status`, `doctor`: what is typed, and how it is shown."""

import click

from streams.settings import load


@click.command(epilog="\b\nExample:\n  vitals up\n  vitals up kafka clickhouse")
@click.argument("parts", nargs=-1)
def up(parts: tuple[str, ...]) -> None:
    """Start Kafka, ClickHouse, agents and sink on this machine, or only PARTS of them.

    What runs is left alone, what does not answer is started anew. The first start fetches Kafka from Maven Central
    (or the mirror in VITALS_MAVEN_MIRROR or ~/.m2/settings.xml); later ones need no network.
    """
    from streams.stack.start import up as start  # noqa: PLC0415

    start(load(), parts=parts or None)


@click.command(epilog="\b\nExample:\n  vitals down\n  vitals down --wipe --dry-run")
@click.option("--wipe", is_flag=True, help="Delete all data, logs and secrets of the home too.")
@click.option("--dry-run", is_flag=True, help="With --wipe: only say what would be deleted.")
@click.option("--yes", is_flag=True, help="With --wipe: do not ask.")
def down(*, wipe: bool, dry_run: bool, yes: bool) -> None:
    """Stop what `up` started, in order; data stay, unless --wipe is given."""
    from streams.stack import stop  # noqa: PLC0415

    settings = load()
    doomed = stop.data_of(settings) if wipe else []
    for path in doomed:
        click.echo(f"  {'would delete' if dry_run else 'to delete'}: {path}")
    if wipe and dry_run:
        return
    if doomed and not yes:
        click.confirm(f"Delete all data in {settings.home}?", abort=True)
    stop.down(settings)
    if wipe:
        stop.wipe(settings)
        click.echo(f"deleted {len(doomed)} directories" if doomed else "there were no data")


@click.command(epilog="\b\nExample:\n  vitals status\n  vitals status --json | jq .lag")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def status(ctx: click.Context, *, as_json: bool) -> None:
    """Show each part with its health, the lag of the consumers and the rows stored; exit 1 if a part is not well."""
    from streams.stack import status as stack  # noqa: PLC0415
    from streams.stack.screen import status_lines  # noqa: PLC0415

    found = stack.stack_status(load())
    if as_json:
        import msgspec  # noqa: PLC0415

        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    else:
        for line in status_lines(found):
            click.echo(line)
    ctx.exit(0 if found.is_healthy else 1)


@click.command(epilog="\b\nExample:\n  vitals doctor")
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Look for what is wrong on this machine and in the stack, and say what to do; exit 1 if anything is."""
    from streams.stack.doctor import examine  # noqa: PLC0415
    from streams.stack.screen import finding_line  # noqa: PLC0415

    problems = 0
    for finding in examine(load()):
        problems += finding.advice is not None
        click.echo(finding_line(finding))
    click.echo(f"{problems} problem{'s' if problems != 1 else ''}" if problems else "all is well")
    ctx.exit(1 if problems else 0)
