"""What a manifest's columns are called here, and of which types they are.

The index file declares the types of filterable fields; a mapping adds names and types for a feed
that was not made for this service.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.errors import ConfigError
from app.indexes import FilterType, SearchIndex

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """How a feed's columns become fields.

    Attributes:
        columns: field -> the column that it is read from, where they are called differently.
        types: field -> type, for fields that the index file does not declare.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, FilterType] = field(default_factory=dict)

    def all_types(self, index: SearchIndex) -> dict[str, FilterType]:
        """Return the types of the index file and the further ones.

        Raises:
            ConfigError: both give a field a type, and not the same.
        """
        for name, kind in self.types.items():
            declared = index.filter_types.get(name, kind)
            if declared != kind:
                raise ConfigError(
                    f"--type {name}={kind} does not fit INDEX_FILE, which declares {name} "
                    f"as {declared}."
                )
        return {**index.filter_types, **self.types}

    def rename(self, record: Record) -> Record:
        """Return a record with its columns under the names of fields.

        Raises:
            ValueError: two columns are the same field; the message is the rule.
        """
        if not self.columns:
            return record
        fields = self.rename_header(list(record))
        return dict(zip(fields, record.values(), strict=True))

    def rename_header(self, header: list[str]) -> list[str]:
        """Return the fields that columns become, in their order.

        Raises:
            ValueError: as `rename`.
        """
        names = {column: name for name, column in self.columns.items()}
        fields = [names.get(column, column) for column in header]
        for name, count in Counter(fields).items():
            if count > 1 and name in self.columns:
                raise ValueError(
                    f"{name!r} is a column of its own, and --column reads {name} from "
                    f"{self.columns[name]!r}"
                )
        return fields

    def check_header(self, header: list[str]) -> None:
        """Refuse a mapping of columns that are not there.

        Raises:
            ValueError: the message names one.
        """
        for name, column in self.columns.items():
            if column not in header:
                raise ValueError(f"--column {name}={column} names a column that is not there")
