"""Manifests: one row a picture, with its `_id` and what the feed knows about it.

The column `image` says where the picture is, `_id` may be left out where that makes a good one,
every other column is a field of the document. A row that cannot be used becomes a `Failure` that
names its line; the rows around it are not touched.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.config import IdType
from app.documents import RESERVED_FIELDS, GalleryImage, ItemId
from app.errors import ConfigError
from app.indexes import SearchIndex
from app.ingest.column_mapping import ColumnMapping
from app.ingest.columns import to_item_id
from app.ingest.failures import Failure
from app.ingest.manifest_files import Csv, JsonLines, ManifestFile, OpenFile, Record
from app.ingest.parquet import Parquet
from app.ingest.places import Located, PictureFinder

MANIFEST_SUFFIXES = frozenset({".jsonl", ".ndjson", ".csv", ".parquet"})
# A row's own names; the rest of the reserved ones are written by ingestion.
_ROW_NAMES = frozenset({"_id", "image"})


def open_manifest_file(name: str, open_file: OpenFile) -> ManifestFile:
    """Return the file as what its suffix says it is; `name` is for messages."""
    suffix = Path(name).suffix.lower()
    if suffix == ".csv":
        return Csv(open_file, f"--gallery {name}")
    if suffix == ".parquet":
        return Parquet(open_file, f"--gallery {name}")
    return JsonLines(open_file)


class ManifestGallery:
    """The pictures that a manifest lists, in its order.

    Attributes:
        root: the folder that paths are relative to, None where it is not on this machine.

    Args:
        name: of the manifest, for messages and failures.
        file: the manifest.
        finder: finds the pictures that rows name.
        index: says of which type each filterable column is, and which names are taken.
        id_type: of which type ids are.
        mapping: what the columns are called, and their further types.
    """

    def __init__(
        self,
        name: str,
        file: ManifestFile,
        finder: PictureFinder,
        *,
        index: SearchIndex,
        id_type: IdType,
        mapping: ColumnMapping,
    ) -> None:
        """Check the header, where the file has one.

        Raises:
            ConfigError: the file cannot be read, or its columns cannot be used.
        """
        self.root = finder.root.local_folder
        self._name = name
        self._file = file
        self._finder = finder
        self._id_type = id_type
        self._mapping = mapping
        self._types = mapping.all_types(index)
        self._reserved = RESERVED_FIELDS | {index.path.split(".")[0], index.embedded_by_path}
        header = file.header()
        if header is not None:
            self._check_header(header)

    def rows(self) -> Iterator[GalleryImage | Failure]:
        """Yield every row; a second row with the `_id` of an earlier one is a failure."""
        seen = _SeenIds()
        try:
            for number, record in self._file.records():
                yield self._row(number, record, seen)
        finally:
            seen.close()

    def count(self) -> int:
        """Count the rows."""
        return self._file.count()

    def _row(
        self, number: int, record: Record | ValueError, seen: "_SeenIds"
    ) -> GalleryImage | Failure:
        item_id: ItemId | None = None
        unit = self._file.unit
        try:
            if isinstance(record, ValueError):
                raise record
            record = self._mapping.rename(record)
            item_id = self._given_id(record.get("_id"))
            found = self._finder.find("image", record.get("image"))
            if item_id is None:
                item_id = self._derived_id(found)
            fields = {
                name: self._value(name, value)
                for name, value in record.items()
                if name not in _ROW_NAMES
            }
            earlier = seen.add(item_id, number)
            if earlier is not None:
                raise ValueError(f"_id {item_id!r} is that of {unit.lower()} {earlier} already")
        except ValueError as error:
            return Failure(item_id, f"{self._name}:{number}", f"{unit} {number}: {error}.")
        return GalleryImage(item_id, found.source, found.uri, fields)

    def _given_id(self, value: Any) -> ItemId | None:
        return None if value is None or value == "" else to_item_id(value, self._id_type)

    def _derived_id(self, found: Located) -> ItemId:
        if self._id_type != "string":
            raise ValueError(f"it has no _id, and ID_TYPE is {self._id_type}")
        if found.own_id is None:
            raise ValueError("it has no _id, and the query of its URL may change")
        return found.own_id

    def _value(self, name: str, value: Any) -> Any:
        if (problem := self._name_problem(name)) is not None:
            raise ValueError(problem)
        return self._file.value(name, value, self._types.get(name))

    def _name_problem(self, name: str) -> str | None:
        if name in self._reserved or name.split(".")[0] in self._reserved:
            return f"the field {name!r} is written by ingestion itself"
        if name.startswith("$") or "" in name.split("."):
            return f"{name!r} cannot be the name of a field"
        return None

    def _check_header(self, header: list[str]) -> None:
        if len(set(header)) < len(header):
            twice = next(name for name in header if header.count(name) > 1)
            raise ConfigError(f"--gallery {self._name} has two columns {twice!r}.")
        try:
            self._mapping.check_header(header)
            fields = self._mapping.rename_header(header)
        except ValueError as error:
            raise ConfigError(f"--gallery {self._name}: {error}.") from error
        if "image" not in fields:
            raise ConfigError(
                f"--gallery {self._name} has no column image; its first line is "
                f"{', '.join(map(repr, header)) or 'empty'}."
            )
        for name in fields:
            problem = None if name in _ROW_NAMES else self._name_problem(name)
            if problem is not None:
                raise ConfigError(f"--gallery {self._name}: {problem}.")


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
