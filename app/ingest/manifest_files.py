"""The files that manifests are: JSON Lines and CSV here, Parquet in `parquet`.

Records come out numbered. One that cannot be read is a `ValueError` in its place, so that it fails
alone. Files are read as streams, wherever they are, so that memory does not grow with them.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import IO, Any, ClassVar, NoReturn, Protocol

from app.errors import ConfigError
from app.indexes import FilterType
from app.ingest.columns import value_from_json, value_from_text

Record = dict[str, Any]
OpenFile = Callable[[], IO[bytes]]


class ManifestFile(Protocol):
    """One file of records.

    Attributes:
        unit: what a record's number counts, "Line" or "Row".
    """

    unit: ClassVar[str]

    def header(self) -> list[str] | None:
        """Return the columns, None where each record has its own.

        Raises:
            ConfigError: the file is none of this format.
        """

    def records(self) -> Iterator[tuple[int, Record | ValueError]]:
        """Yield every record and its number."""

    def count(self) -> int:
        """Return how many records there are."""

    def value(self, name: str, value: Any, kind: FilterType | None) -> Any:
        """Return a record's value as the document holds it, None for no value.

        Raises:
            ValueError: it is not of the type `kind`; the message is the rule.
        """


@dataclass(frozen=True, slots=True)
class JsonLines:
    """A JSON object a line.

    Attributes:
        open_file: opens the file, anew each time.
    """

    unit: ClassVar[str] = "Line"

    open_file: OpenFile

    def header(self) -> None:
        """Each line has its own names."""

    def records(self) -> Iterator[tuple[int, Record | ValueError]]:
        """Yield the object of every line that is not empty."""
        with closing(self.open_file()) as file:
            for line, content in enumerate(file, start=1):
                if content.strip():
                    yield line, _parse_object(content)

    def count(self) -> int:
        """Count the lines that are not empty."""
        with closing(self.open_file()) as file:
            return sum(1 for line in file if line.strip())

    def value(self, name: str, value: Any, kind: FilterType | None) -> Any:
        """Return a JSON value as the document holds it."""
        return value_from_json(name, value, kind)


@dataclass(frozen=True, slots=True)
class Csv:
    """Cells between commas, below a line of names.

    Attributes:
        open_file: opens the file, anew each time.
        name: of the file, for messages.
    """

    unit: ClassVar[str] = "Line"

    open_file: OpenFile
    name: str

    def header(self) -> list[str]:
        """Return the first line.

        Raises:
            ConfigError: it is no CSV, or no UTF-8.
        """
        with closing(self._open_text()) as file:
            try:
                header = next(csv.reader(file, strict=True), [])
            except csv.Error as error:
                raise ConfigError(
                    f"{self.name}: the first line is not valid CSV: {error}."
                ) from error
        if not all(map(_is_utf8, header)):
            raise ConfigError(f"{self.name}: the first line is not valid UTF-8.")
        return header

    def records(self) -> Iterator[tuple[int, Record | ValueError]]:
        """Yield the cells of every row that is not empty, by name."""
        with closing(self._open_text()) as file:
            reader = csv.reader(file, strict=True)  # else an open quote swallows what follows
            header = next(reader, [])
            while True:
                line = reader.line_num + 1
                try:
                    cells = next(reader, None)
                except csv.Error as error:
                    yield line, ValueError(f"it is not valid CSV: {error}")
                    continue
                if cells is None:
                    return
                if cells:
                    yield line, _zip_cells(header, cells)

    def count(self) -> int:
        """Count the rows that are not empty."""
        return sum(1 for _ in self.records())

    def value(self, name: str, value: Any, kind: FilterType | None) -> Any:
        """Return a cell as the document holds it."""
        return value_from_text(name, value, kind)

    def _open_text(self) -> io.TextIOWrapper:
        # Bytes that are not UTF-8 must fail their own row only, so they pass the decoder here.
        return io.TextIOWrapper(
            self.open_file(), newline="", encoding="utf-8-sig", errors="surrogateescape"
        )


def _parse_object(content: bytes) -> Record | ValueError:
    try:
        record = json.loads(
            content, parse_constant=_refuse_constant, object_pairs_hook=_refuse_doubles
        )
    except (ValueError, RecursionError) as error:
        return ValueError(f"it is not valid JSON: {error}")
    if not isinstance(record, dict):
        return ValueError(f"it is a JSON {type(record).__name__}, expected an object")
    return record


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _refuse_doubles(pairs: list[tuple[str, Any]]) -> Record:
    """Refuse an object that names a field twice, of which one would be lost without a word."""
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it has two values of {next(n for n in names if names.count(n) > 1)!r}")
    return record


def _zip_cells(header: list[str], cells: list[str]) -> Record | ValueError:
    if len(cells) != len(header):
        return ValueError(f"it has {len(cells)} cells, the header has {len(header)}")
    for name, cell in zip(header, cells, strict=True):
        if not _is_utf8(cell):
            return ValueError(f"{name} is not valid UTF-8")
    return dict(zip(header, cells, strict=True))


def _is_utf8(text: str) -> bool:
    """Return whether no byte had to be escaped where the text was decoded."""
    return text.isascii() or not any("\udc80" <= character <= "\udcff" for character in text)
