"""A file that says how a shop writes its orders or identities: `--mapping FILE`, in TOML.

currency = "CNY"             # of all amounts, when no column says it
timezone = "Asia/Shanghai"   # of times without an offset
platform = "wecom"           # whose ids stand in member_id and group
encoding = "gb18030"
decimal = ","                # the decimal mark, a point if it is not said
thousands = "."              # what stands between thousands, nothing if it is not said
calling_code = "86"          # of phone numbers without one

[columns]                    # our name = the file's header
order_id = "Bestellnummer"
amount = "Summe"
"""

import re
import tomllib
from collections.abc import Collection
from pathlib import Path

import msgspec

from streams.connectors.csv_rows import Form
from streams.errors import VitalsError

THOUSANDS = (",", ".", " ", "'", "’")


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content."""

    columns: dict[str, str] = {}
    currency: str | None = None
    timezone: str | None = None
    platform: str | None = None
    encoding: str | None = None
    decimal: str = "."
    thousands: str = ""
    calling_code: str = ""


def read_mapping(path: Path) -> Mapping:
    """The mapping in a file. Raises VitalsError with one line if it is none."""
    try:
        mapping = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8-sig")), Mapping)
    except OSError as error:
        raise VitalsError(f"cannot read the mapping {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise VitalsError(f"{path} is no valid TOML: {error}") from None
    except msgspec.ValidationError as error:
        known = ", ".join(Mapping.__struct_fields__)
        raise VitalsError(f"{path} is no mapping: {error} (known are {known})") from None
    if mapping.decimal not in (".", ","):
        raise VitalsError(f"{path}: decimal is {mapping.decimal!r}, say a point or a comma")
    return mapping


def form_of(mapping: Mapping, names: Collection[str], given: Form) -> Form:
    """What a mapping says of a file, and on top what the command line does. Raises VitalsError."""
    columns = mapping.columns | dict(given.columns)
    for name, header in columns.items():
        if name not in names or not header:
            raise VitalsError(f"there is no column {name!r}, known are {', '.join(names)}; write NAME=HEADER")
    form = Form(
        columns=columns,
        currency=given.currency or mapping.currency,
        encoding=given.encoding or mapping.encoding,
        chat_platform=given.chat_platform or mapping.platform,
        has_decimal_comma=given.has_decimal_comma or mapping.decimal == ",",
        thousands=given.thousands or mapping.thousands,
        calling_code=(given.calling_code or mapping.calling_code).removeprefix("+"),
    )
    mark = "," if form.has_decimal_comma else "."
    if form.thousands and (form.thousands not in THOUSANDS or form.thousands == mark):
        raise VitalsError(f"{form.thousands!r} cannot stand between thousands where {mark!r} is the decimal mark")
    if form.currency and not re.fullmatch("[A-Za-z]{3}", form.currency):
        raise VitalsError(f"{form.currency!r} is no currency: say it in three letters, as EUR")
    if not re.fullmatch("[0-9]{0,3}", form.calling_code):
        raise VitalsError(f"{form.calling_code!r} is no calling code: say 86 for China")
    return form
