"""CSV files with a header, row by row, their encodings and delimiters found out, what is no row refused.

    encoding    UTF-8, with or without a byte order mark; GB18030 where the first lines are no UTF-8
    delimiter   the comma, semicolon, tab or bar that the header has most of
    columns     by our names or their aliases in any order, or as the user named them

Files of buyers may hold names, phone numbers and mail addresses in any column, or in the place of a header. They never
reach a dead letter or a terminal as they came: of a refused row only the columns that are read are kept, contacts as
their keyed hashes, and of a header that is none only the number of columns is said.
"""

import csv
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import partial
from itertools import islice
from pathlib import Path
from string import ascii_letters, digits
from typing import Any, ClassVar

import msgspec

from streams.connectors.batches import Batch, Delivered, Recipe, mark
from streams.connectors.buyers import Buyers
from streams.connectors.lines import Line, LineFile, total_size
from streams.edge import RefusedError
from streams.errors import VitalsError
from streams.events import MAX_TIME, Event
from streams.pseudonyms import Pseudonyms
from streams.words import counted

BLOCK_ROWS = 2000
_SAMPLE_LINES = 1000
_PLAIN = f'{ascii_letters}{digits}_ ,;\t|"'
"""What makes a header and its rows; an encoding in which these bytes are anything else has no lines of CSV."""
_LOOSE_TIME = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?", re.ASCII)
_SPACED_OFFSET = re.compile(r" (?=[+-]\d{2}:?\d{2}$)", re.ASCII)
Values = Mapping[str, str]
"""A row's fields by our names, without the blanks around them."""


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """What the user said about the file. `columns` maps our names to the file's headers."""

    columns: Mapping[str, str] = {}
    currency: str | None = None
    encoding: str | None = None
    chat_platform: str | None = None
    """Whose ids stand in `member_id` and `group`."""
    has_decimal_comma: bool = False
    thousands: str = ""
    """What stands between thousands: a comma, a point, a blank or an apostrophe."""
    calling_code: str = ""
    """Of phone numbers without one: 86 for China."""


class CsvReader(ABC):
    """Reads files, one after the other: their rows need no order."""

    unit = "rows"
    kind: str
    """What a file's rows are read as: read as something else, a file that was delivered is sent."""
    aliases: ClassVar[Mapping[str, tuple[str, ...]]]

    def __init__(self, paths: Sequence[Path], recipe: Recipe, form: Form, pseudonyms: Pseudonyms) -> None:
        self._recipe, self.form = recipe, form
        self.buyers = Buyers(recipe, pseudonyms, form.calling_code)
        self._files = [LineFile(path) for path in paths]
        self.total_bytes = total_size(self._files)

    @abstractmethod
    def missing(self, columns: Mapping[str, int]) -> list[str]:
        """The names of columns that are needed and not there."""

    @abstractmethod
    def events(self, values: Values, batch: Batch) -> list[Event]:
        """What a row says; none if the batch counted it as skipped. Raises RefusedError."""

    def sought(self, name: str) -> str:
        """A column that is needed, as the user named it if so, and what to do where it is not."""
        named = self.form.columns.get(name)
        return f"{f'{named!r} for ' if named else ''}{name}: name it with --column {name}=…"

    def batches(self, delivered: Delivered) -> Iterator[Batch]:
        """As Reader says."""
        for file in self._files:
            rows = Rows(file, self.form.encoding, self._recipe.now, partial(self._columns, file.title))
            salt = f"{self._recipe.salt}\0{self.form}\0{rows.columns}"
            while block := rows.take(BLOCK_ROWS):
                batch = Batch(bytes_read=file.read_since())
                digest = mark(salt, self.kind, b"\n".join(row.raw for row in block))
                if digest in delivered:
                    batch.delivered += 1
                else:
                    batch.marks.append(digest)
                    self._read(block, rows.columns, f"{self._recipe.source}:{file.title}", batch)
                yield batch
            file.close()

    def _columns(self, title: str, header: list[str]) -> dict[str, int]:
        """Our names to places. Raises VitalsError when one that is needed lacks."""
        places = {name.strip().lower(): place for place, name in reversed(list(enumerate(header)))}
        columns: dict[str, int] = {}
        for name, aliases in self.aliases.items():
            wanted = [self.form.columns[name].lower()] if name in self.form.columns else aliases
            found = next((places[alias] for alias in wanted if alias in places), None)
            if found is not None:
                columns[name] = found
        if missing := self.missing(columns):
            there = counted(len(header), "column") if header else "nothing"
            raise VitalsError(f"{title} has no column {self.sought(missing[0])} (its first row has {there})")
        return columns

    def _read(self, rows: "list[Row]", columns: Mapping[str, int], origin: str, batch: Batch) -> None:
        for row in rows:
            batch.lines += 1
            if not row.raw.strip(b" \t\r\n,;|"):
                batch.skipped["blank"] += 1
                continue
            values = {name: row.fields[at].strip() for name, at in columns.items() if at < len(row.fields)}
            try:
                _check(row)
                batch.events += self.events(values, batch)
            except RefusedError as error:
                self._refuse(row, values, origin, error, batch)

    def _refuse(self, row: "Row", values: Values, origin: str, error: RefusedError, batch: Batch) -> None:
        line = row.lines[0]
        clean = {name: value.encode(errors="replace").decode() for name, value in values.items() if value}
        kept = {name: self.buyers.masked(name, value) for name, value in clean.items()}
        said = b"" if row.error or line.sha256 else msgspec.json.encode(kept)
        batch.refuse(said, origin, line.offset, error.reason, error.detail, line.timestamp)


class Row(msgspec.Struct, frozen=True):
    """A row, its bytes, and why it is none, if so."""

    fields: list[str]
    lines: list[Line]
    error: str = ""

    @property
    def raw(self) -> bytes:
        """The row's bytes as they came."""
        return b"\n".join(line.value or b"" for line in self.lines)


class Rows:
    """The rows of a file behind its header, of which `columns_of` makes `columns`."""

    def __init__(
        self, file: LineFile, encoding: str | None, now: int, columns_of: Callable[[list[str]], dict[str, int]]
    ) -> None:
        self._lines = file.lines(now)
        self._taken: list[Line] = []
        self._ahead = list(islice(self._lines, _SAMPLE_LINES))
        self._encoding = _checked(encoding) if encoding else _encoding_of(self._ahead, file.title)
        head = (self._ahead[0].value or b"") if self._ahead else b""
        delimiter = max(b",;\t|", key=head.count)
        self._reader = csv.reader(self._texts(), delimiter=chr(delimiter), strict=True)
        header = self.take(1)
        self.columns = columns_of(header[0].fields if header else [])

    def take(self, count: int) -> list[Row]:
        """The next rows, at most so many; blank lines are rows without fields."""
        rows: list[Row] = []
        while len(rows) < count:
            self._taken = []
            try:
                rows.append(Row(next(self._reader), self._taken))
            except StopIteration:
                break
            except csv.Error as error:
                rows.append(Row([], self._taken, str(error)))
        return rows

    def _texts(self) -> Iterator[str]:
        while self._ahead:
            yield self._text(self._ahead.pop(0))
        for line in self._lines:
            yield self._text(line)

    def _text(self, line: Line) -> str:
        """A line as text; bytes that are none become lone surrogates, by which the row is refused."""
        self._taken.append(line)
        if line.sha256:
            return "\n"
        try:
            return (line.value or b"").decode(self._encoding, "surrogateescape") + "\n"
        except UnicodeError:  # of an encoding that gives ASCII a second meaning
            return "\udc80\n"


def _checked(encoding: str) -> str:
    """An encoding that a user named. Raises VitalsError where it cannot be one of CSV, such as UTF-32 or punycode."""
    try:
        is_fit = _PLAIN.encode().decode(encoding) == _PLAIN
    except (LookupError, ValueError):
        is_fit = False
    if not is_fit:
        raise VitalsError(f"no CSV is read as {encoding!r}: save it as UTF-8, or say --encoding utf-8 or gb18030")
    return encoding


def _encoding_of(lines: list[Line], title: str) -> str:
    sample = b"\n".join(line.value or b"" for line in lines)
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise VitalsError(f"{title} is UTF-16: save it as CSV UTF-8")
    for encoding in ("utf-8", "gb18030"):
        try:
            sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "utf-8"


def _check(row: Row) -> None:
    if any(line.sha256 for line in row.lines):
        raise RefusedError("too_large", "a line longer than an event may be")
    if b"\0" in row.raw:
        raise RefusedError("null_byte", "a null byte in the row")
    if row.error:
        raise RefusedError("unparsable_line", f"no row of CSV: {row.error}")
    if any("\udc80" <= character <= "\udcff" for field in row.fields for character in field):
        raise RefusedError("invalid_utf8", "bytes that are no text in the file's encoding")


def checked(values: dict[str, Any], kind: type[Event]) -> Event:
    """An event of a type, if it is one. Raises RefusedError."""
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise RefusedError("bad_shape", str(error)) from None


def id_in(values: Values, name: str) -> str:
    """A row's id. Raises RefusedError."""
    value = values.get(name, "")
    if not 0 < len(value) <= 256:
        raise RefusedError("bad_shape", f"{name} is missing or longer than 256 characters")
    return value


def time_of(text: str, zone: tzinfo, name: str = "paid_at") -> int:
    """A time as people write it, ms UTC; without an offset it is of `zone`. Raises RefusedError."""
    if re.fullmatch(r"[0-9]{10}|[0-9]{13}", text):
        return int(text) * (1000 if len(text) == 10 else 1)
    text = _SPACED_OFFSET.sub("", text)
    loose = _LOOSE_TIME.fullmatch(text)
    try:
        at = datetime(*(int(part or 0) for part in loose.groups())) if loose else datetime.fromisoformat(text)  # type: ignore[arg-type]
        ms = int((at if at.tzinfo else at.replace(tzinfo=zone)).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        raise RefusedError("bad_shape", f"{name} is no time: write 2026-01-31T09:05:00") from None
    if not 0 <= ms <= MAX_TIME:
        raise RefusedError("bad_shape", f"{name} lies before 1970")
    return ms
