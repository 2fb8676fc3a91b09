"""`vitals import orders-csv`, `shopify` and `identities-csv`: the command line of CSV files."""

from collections.abc import Collection
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import msgspec
from click.core import ParameterSource

from streams import settings
from streams.connectors.options import (
    Command,
    brand_options,
    common_options,
    paths_argument,
    pseudonyms_of,
    recipe_of,
    run_import,
    timezone_option,
)
from streams.connectors.telling import Options
from streams.errors import VitalsError

if TYPE_CHECKING:
    from streams.connectors.csv_rows import Form


def csv_options(command: Command) -> Command:
    """The options of CSV files; they reach the command as `said`."""

    def with_options(**given: Any) -> Any:
        mine = {name: given.pop(name) for name in ("mapping", "columns", "platform", "encoding", "calling_code")}
        return command(said=mine, **given)

    with_options.__name__, with_options.__doc__ = command.__name__, command.__doc__
    with_options.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    for option in (
        click.option("--calling-code", default="", help="Of phone numbers without one, as 86."),
        click.option("--encoding", help="[default: UTF-8, or GB18030 where the first lines are no UTF-8]"),
        click.option("--platform", help="Whose ids stand in the columns member_id and group, as irc or slack."),
        click.option("--column", "columns", multiple=True, metavar="NAME=HEADER", help="Where a column is; may be "
                     "repeated."),
        click.option("--mapping", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                     help="A TOML file that says all this; SETTINGS.md has one."),
    ):  # fmt: skip
        with_options = option(with_options)
    return with_options


@click.command(
    "orders-csv",
    short_help="Orders and refunds.",
    epilog="\b\nExample:\n  vitals import orders-csv --brand acme --mapping shop.toml orders.csv",
)
@paths_argument
@timezone_option
@click.option("--currency", help="Of all amounts, when no column says it.")
@click.option("--decimal-comma", is_flag=True, help="Amounts are written 1.234,50.")
@click.option(
    "--thousands", default="", metavar="CHARACTER", help="What stands between thousands, as the comma in 1,234.50."
)
@csv_options
@brand_options
@common_options
def orders_command(
    paths: tuple[Path, ...],
    zone: tzinfo,
    said: dict[str, Any],
    options: Options,
    currency: str | None,
    thousands: str,
    decimal_comma: bool,
    **who: Any,
) -> None:
    """Read orders and refunds from CSV files with a header.

    Columns: order_id, who bought (customer_id, member_id, phone or mail), paid_at, amount, currency, and if there are
    any refund_id, code, group. A row with a refund_id is a refund. Amounts are positive and in decimals: 1234.50.
    Phone numbers and mail addresses are kept only as keyed hashes.
    """
    from streams.connectors.csv_rows import Form  # noqa: PLC0415
    from streams.connectors.orders_csv import ALIASES, OrdersReader  # noqa: PLC0415

    given = Form(currency=currency, has_decimal_comma=decimal_comma, thousands=thousands)
    form, zone = _form(said, zone, ALIASES, given)
    recipe = recipe_of("orders", paths, zone, **who)
    home = settings.load()
    pseudonyms = pseudonyms_of(recipe.brand_id, home)
    run_import(lambda: OrdersReader(paths, recipe, form, pseudonyms), recipe, options, home, is_of_orders=True)


@click.command(
    "shopify",
    short_help="The order export of a Shopify shop.",
    epilog="\b\nExample:\n  vitals import shopify --brand acme orders_export.csv",
)
@paths_argument
@timezone_option
@click.option("--calling-code", default="", help="Of phone numbers without one, as 1.")
@brand_options
@common_options
def shopify_command(paths: tuple[Path, ...], zone: tzinfo, calling_code: str, options: Options, **who: Any) -> None:
    """Read the order export of a Shopify shop as it is.

    Paid orders are taken with what was refunded of them; the others come with the export in which they are paid.
    Buyers are known by their mail address, else by their phone number, kept only as keyed hashes.
    """
    from streams.connectors.csv_rows import Form  # noqa: PLC0415
    from streams.connectors.mapping import Mapping, form_of  # noqa: PLC0415
    from streams.connectors.shopify import ShopifyReader  # noqa: PLC0415

    form = form_of(Mapping(), (), Form(calling_code=calling_code))
    recipe = recipe_of("shopify", paths, zone, **who)
    home = settings.load()
    pseudonyms = pseudonyms_of(recipe.brand_id, home)
    run_import(lambda: ShopifyReader(paths, recipe, form, pseudonyms), recipe, options, home, is_of_orders=True)


@click.command(
    "identities-csv",
    short_help="Which customers the members of groups are.",
    epilog="\b\nExample:\n  vitals import identities-csv --brand acme --platform wecom crm.csv",
)
@paths_argument
@timezone_option
@click.option("--unlink", "is_ending", is_flag=True, help="The links of the file are wrong, or over: end them.")
@csv_options
@brand_options
@common_options
def identities_command(
    paths: tuple[Path, ...],
    zone: tzinfo,
    said: dict[str, Any],
    options: Options,
    is_ending: bool,
    **who: Any,
) -> None:
    """Read from CSV files with a header which customers the members of groups are.

    Columns: member_id, and one or more of customer_id, phone and mail; if there are any platform and linked_at. Orders
    of such a customer are attributed by all that the member did, also those that are told already. The first customer
    of a member stands until it is unlinked; a file that was unlinked is linked once more with --again. Phone numbers
    and mail addresses are kept only as keyed hashes.
    """
    from streams.connectors.csv_rows import Form  # noqa: PLC0415
    from streams.connectors.identities_csv import ALIASES, IdentitiesReader  # noqa: PLC0415

    form, zone = _form(said, zone, ALIASES, Form())
    recipe = recipe_of("identities", paths, zone, **who)
    home = settings.load()
    pseudonyms = pseudonyms_of(recipe.brand_id, home)
    run_import(lambda: IdentitiesReader(paths, recipe, form, pseudonyms, is_ending=is_ending), recipe, options, home)


def _form(said: dict[str, Any], zone: tzinfo, names: Collection[str], given: "Form") -> "tuple[Form, tzinfo]":
    """What a mapping and the options say of a CSV file, and its time zone."""
    from streams.connectors.mapping import Mapping, form_of, read_mapping  # noqa: PLC0415

    mapping = read_mapping(said["mapping"]) if said["mapping"] else Mapping()
    context = click.get_current_context()
    if mapping.timezone and context.get_parameter_source("zone") is ParameterSource.DEFAULT:
        try:
            zone = ZoneInfo(mapping.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise VitalsError(f"{said['mapping']}: there is no time zone {mapping.timezone!r}") from None
    columns = dict(column.partition("=")[::2] for column in said["columns"])
    for name, header in columns.items():
        if name not in names or not header:
            raise click.BadParameter(f"--column {name}={header}: NAME is one of {', '.join(names)}")
    given = msgspec.structs.replace(
        given,
        columns=columns,
        encoding=said["encoding"],
        chat_platform=said["platform"],
        calling_code=said["calling_code"],
    )
    return form_of(mapping, names, given), zone
