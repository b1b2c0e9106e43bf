"""Parquet manifests, read in batches of rows, so that memory does not grow with the file.

Parquet's columns have types of their own, more than a document: decimals become doubles, which an
index can hold, days become midnight in UTC, and NaN, which data frames write for "no number", is no
value.
"""

import math
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from app.errors import ConfigError
from app.indexes import FilterType
from app.ingest.columns import value_from_json
from app.ingest.manifest_files import OpenFile, Record

if TYPE_CHECKING:
    import pyarrow.parquet

_BATCH_ROWS = 1000
# Columns are read through a window of this size rather than a whole row group at once.
_BUFFER_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Parquet:
    """Rows of a Parquet file.

    Attributes:
        open_file: opens the file, anew each time.
        name: of the file, for messages.
    """

    unit: ClassVar[str] = "Row"

    open_file: OpenFile
    name: str

    def header(self) -> list[str]:
        """Return the names of the columns.

        Raises:
            ConfigError: the file is no Parquet, or pyarrow is not installed.
        """
        with self._opened() as file:
            return list(file.schema_arrow.names)

    def records(self) -> Iterator[tuple[int, Record | ValueError]]:
        """Yield every row, from 1; what follows a damaged place is one failure."""
        from pyarrow import ArrowException

        row = 0
        with self._opened() as file:
            try:
                for batch in file.iter_batches(_BATCH_ROWS, use_threads=False):
                    for record in _records(batch):
                        row += 1
                        yield row, record
            except (OSError, ValueError, ArrowException) as error:
                yield row + 1, ValueError(f"the file cannot be read from here on: {_line(error)}")

    def count(self) -> int:
        """Return the number of rows that the file's footer tells."""
        with self._opened() as file:
            return int(file.metadata.num_rows)

    def value(self, name: str, value: Any, kind: FilterType | None) -> Any:
        """Return a cell as the document holds it."""
        plain = _plain(value)
        is_moment = isinstance(plain, datetime) and kind in ("date", None)
        return plain if is_moment else value_from_json(name, plain, kind)

    @contextmanager
    def _opened(self) -> Iterator["pyarrow.parquet.ParquetFile"]:
        from pyarrow import ArrowException, parquet  # slow to import, and few galleries need it

        with closing(self.open_file()) as opened:
            try:
                file = parquet.ParquetFile(opened, buffer_size=_BUFFER_BYTES, pre_buffer=False)
            except (OSError, ValueError, ArrowException) as error:
                raise ConfigError(f"{self.name} is not valid Parquet: {_line(error)}.") from error
            yield file


def _records(batch: Any) -> Iterator[Record | ValueError]:
    try:
        yield from batch.to_pylist()
    except (ValueError, OverflowError):  # as a date in the year 20,000: find its row
        for i in range(batch.num_rows):
            yield _record(batch.slice(i, 1))


def _record(row: Any) -> Record | ValueError:
    try:
        (record,) = row.to_pylist()
    except (ValueError, OverflowError) as error:
        return ValueError(f"it holds a value that cannot be read: {_line(error)}")
    return dict(record)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):  # or pandas' own kind of it
        moment = datetime.fromisoformat(value.isoformat(timespec="microseconds"))
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
