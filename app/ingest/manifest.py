"""JSONL and CSV manifests: one row a picture, with its `_id` and what the feed knows about it.

The column `image` is a path relative to the manifest's folder, `_id` may be left out (the path is
the id then), every other column is a field of the document. A row that cannot be used becomes a
`Failure` that names its line; the rows around it are not touched.
"""

import csv
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from app.config import IdType
from app.documents import RESERVED_FIELDS, GalleryImage, ItemId, derived_item_id
from app.errors import ConfigError
from app.indexes import SearchIndex
from app.ingest.columns import to_item_id, value_from_json, value_from_text
from app.ingest.failures import Failure
from app.ingest.pictures import FilePicture

MANIFEST_SUFFIXES = frozenset({".jsonl", ".ndjson", ".csv"})
# A row's own names; the rest of the reserved ones are written by ingestion.
_ROW_NAMES = frozenset({"_id", "image"})

Record = dict[str, Any]


class ManifestGallery:
    """The pictures that a manifest lists, in its order."""

    def __init__(self, path: Path, index: SearchIndex, id_type: IdType) -> None:
        """Open the manifest and, of a CSV, check the header.

        Raises:
            ConfigError: it cannot be read, or its columns cannot be used.
        """
        self.root = path.parent.resolve()
        self._path = path
        self._index = index
        self._id_type = id_type
        self._is_csv = path.suffix.lower() == ".csv"
        self._reserved = RESERVED_FIELDS | {index.path.split(".")[0], index.embedded_by_path}
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            raise ConfigError(f"--gallery {path} cannot be read: {error.strerror}.") from error
        if self._is_csv:
            self._check_header()

    def rows(self) -> Iterator[GalleryImage | Failure]:
        """Yield every row; a second row with the `_id` of an earlier one is a failure."""
        seen = _SeenIds()
        try:
            for line, record in self._records():
                yield self._row(line, record, seen)
        finally:
            seen.close()

    def count(self) -> int:
        """Count the rows."""
        if self._is_csv:
            return sum(1 for _ in self._csv_records())
        with self._path.open("rb") as file:
            return sum(1 for line in file if line.strip())

    def _row(
        self, line: int, record: Record | ValueError, seen: "_SeenIds"
    ) -> GalleryImage | Failure:
        item_id: ItemId | None = None
        try:
            if isinstance(record, ValueError):
                raise record
            source, uri = self._image_path(record.get("image"))
            item_id = self._item_id(record.get("_id"), uri)
            fields = {
                name: self._value(name, value)
                for name, value in record.items()
                if name not in _ROW_NAMES
            }
            earlier = seen.add(item_id, line)
            if earlier is not None:
                raise ValueError(f"_id {item_id!r} is that of line {earlier} already")
        except ValueError as error:
            return Failure(item_id, f"{self._path}:{line}", f"Line {line}: {error}.")
        return GalleryImage(item_id, FilePicture(source), uri, fields)

    def _image_path(self, image: Any) -> tuple[Path, str]:
        if not isinstance(image, str) or not image.strip():
            raise ValueError(f"image ({image!r}) must be the path of a picture")
        if "\0" in image or "://" in image:
            raise ValueError(f"image ({image!r}) must be a path relative to the manifest")
        source = Path(os.path.realpath(self.root / image))
        if not source.is_relative_to(self.root):
            raise ValueError(f"image ({image!r}) must be in the manifest's folder {self.root}")
        # Links inside the folder keep their own names: their pictures may be two items.
        relative = Path(image)
        if relative.is_absolute() or ".." in relative.parts:
            relative = source.relative_to(self.root)
        return source, relative.as_posix()

    def _item_id(self, value: Any, uri: str) -> ItemId:
        if value is not None and value != "":
            return to_item_id(value, self._id_type)
        if self._id_type != "string":
            raise ValueError(f"it has no _id, and ID_TYPE is {self._id_type}")
        return derived_item_id(Path(uri))

    def _value(self, name: str, value: Any) -> Any:
        if (problem := self._name_problem(name)) is not None:
            raise ValueError(problem)
        kind = self._index.filter_types.get(name)
        if self._is_csv:
            return value_from_text(name, value, kind)
        return value_from_json(name, value, kind)

    def _name_problem(self, name: str) -> str | None:
        if name in self._reserved or name.split(".")[0] in self._reserved:
            return f"the field {name!r} is written by ingestion itself"
        if name.startswith("$") or "" in name.split("."):
            return f"{name!r} cannot be the name of a field"
        return None

    def _records(self) -> Iterator[tuple[int, Record | ValueError]]:
        return self._csv_records() if self._is_csv else self._jsonl_records()

    def _jsonl_records(self) -> Iterator[tuple[int, Record | ValueError]]:
        with self._path.open("rb") as file:
            for line, content in enumerate(file, start=1):
                if content.strip():
                    yield line, _parse_object(content)

    def _csv_records(self) -> Iterator[tuple[int, Record | ValueError]]:
        # Bytes that are not UTF-8 must fail their own row only, so they pass the decoder here.
        with self._path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
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

    def _check_header(self) -> None:
        with self._path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            try:
                header = next(csv.reader(file, strict=True), [])
            except csv.Error as error:
                raise ConfigError(
                    f"--gallery {self._path}: the first line is not valid CSV: {error}."
                ) from error
        if not all(map(_is_utf8, header)):
            raise ConfigError(f"--gallery {self._path}: the first line is not valid UTF-8.")
        if "image" not in header:
            raise ConfigError(
                f"--gallery {self._path} has no column image; its first line is "
                f"{', '.join(map(repr, header)) or 'empty'}."
            )
        if len(set(header)) < len(header):
            twice = next(name for name in header if header.count(name) > 1)
            raise ConfigError(f"--gallery {self._path} has two columns {twice!r}.")
        for name in header:
            problem = None if name in _ROW_NAMES else self._name_problem(name)
            if problem is not None:
                raise ConfigError(f"--gallery {self._path}: {problem}.")


def _parse_object(content: bytes) -> Record | ValueError:
    try:
        record = json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return ValueError(f"it is not valid JSON: {error}")
    if not isinstance(record, dict):
        return ValueError(f"it is a JSON {type(record).__name__}, expected an object")
    return record


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


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


class _SeenIds:
    """The ids of a run and their lines, in a file of SQLite's own, so that memory stays flat."""

    def __init__(self) -> None:
        # An empty name is a temporary file that SQLite deletes. Rows are read by one thread at a
        # time, which is not always the one that began.
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("CREATE TABLE seen (id TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")

    def add(self, item_id: ItemId, line: int) -> int | None:
        """Note an id; return the line that had it already, or None."""
        cursor = self._db.execute(
            "INSERT INTO seen VALUES (?, ?) ON CONFLICT DO NOTHING", (str(item_id), line)
        )
        if cursor.rowcount:
            return None
        (earlier,) = self._db.execute(
            "SELECT line FROM seen WHERE id = ?", (str(item_id),)
        ).fetchone()
        return int(earlier)

    def close(self) -> None:
        self._db.close()
