"""What a transaction has written, over the snapshot of the database that it reads.

SQLite has one writer, and a transaction may take its time: so it holds no lock. It reads a snapshot
of the file through a connection that cannot write it. Each table that it writes to is hidden there
by a temporary view of the same name, of what was committed without the rows that are `gone` and
with those that were `put`; triggers send what is written to the view into these two tables. So
everything that reads and writes tables works in a transaction as it does elsewhere.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from ..records import RecordTable


class Overlay:
    """Hides tables of one connection behind what is written to them.

    Args:
        connection: that cannot write the file; it is in a read transaction.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._hidden: set[str] = set()

    def hide_records(self, records: RecordTable) -> None:
        """Send what is written to a table of documents aside."""
        self._hide(records.name, ["record_id"], [["record_id"], ["id_key"]])

    def hide_index(self, table: str) -> None:
        """Send what is written to the table of an ordinary index aside."""
        columns = self._columns(table)
        keys = [name for name, is_key in columns.items() if is_key]
        self._hide(table, list(columns), [keys])

    def copy(self, table: str) -> None:
        """Work on a copy of a small table."""
        if table not in self._hidden:
            self._hidden.add(table)
            self._connection.execute(f"CREATE TEMP TABLE {table} AS SELECT * FROM main.{table}")

    def put(self, records: RecordTable) -> Iterator[tuple[int, bytes]]:
        """Yield the documents that were inserted or changed, in the order of their record ids."""
        sql = f"SELECT record_id, raw FROM put_{records.name} ORDER BY record_id"
        yield from self._connection.execute(sql)

    def gone(self, records: RecordTable) -> dict[int, bytes]:
        """Return the committed documents that were changed or deleted, as the snapshot has them."""
        sql = (
            f"SELECT record_id, raw FROM main.{records.name} "
            f"WHERE record_id IN (SELECT record_id FROM gone_{records.name})"
        )
        return dict(self._connection.execute(sql))

    def _columns(self, table: str) -> dict[str, bool]:
        """Return the columns of a table, and whether they are of its primary key."""
        rows = self._connection.execute(f"PRAGMA main.table_info({table})")
        return {name: bool(key) for _, name, _, _, _, key in rows}

    def _hide(self, table: str, identity: Sequence[str], unique: Sequence[Sequence[str]]) -> None:
        """Put a view in front of a table.

        Args:
            table: its name.
            identity: the columns that tell a row from any other.
            unique: the sets of columns that no two rows have in common.
        """
        if table in self._hidden:
            return
        self._hidden.add(table)
        columns = list(self._columns(table))
        listed = ", ".join(columns)
        new = ", ".join(f"NEW.{name}" for name in columns)
        old = ", ".join(f"OLD.{name}" for name in identity)
        refusals = "".join(
            f"SELECT RAISE(ABORT, 'UNIQUE') WHERE EXISTS "
            f"(SELECT 1 FROM {table} WHERE {_equal(names, '', 'NEW.')}); "
            for names in unique
        )
        is_gone = _equal(identity, "gone.", "kept.")
        forget = f"INSERT OR IGNORE INTO gone_{table} VALUES ({old});"
        trigger = f"CREATE TEMP TRIGGER {{0}}_{table} INSTEAD OF {{0}} ON {table} BEGIN {{1}} END"
        for sql in (
            f"CREATE TEMP TABLE put_{table} ({listed}, PRIMARY KEY ({', '.join(identity)}))",
            f"CREATE TEMP TABLE gone_{table} "
            f"({', '.join(identity)}, PRIMARY KEY ({', '.join(identity)})) WITHOUT ROWID",
            *(
                f"CREATE INDEX temp.put_{table}_{number} ON put_{table} ({', '.join(names)})"
                for number, names in enumerate(unique)
            ),
            f"CREATE TEMP VIEW {table} AS SELECT {listed} FROM main.{table} AS kept "
            f"WHERE NOT EXISTS (SELECT 1 FROM gone_{table} AS gone WHERE {is_gone}) "
            f"UNION ALL SELECT {listed} FROM put_{table}",
            trigger.format("INSERT", f"{refusals}INSERT INTO put_{table} VALUES ({new});"),
            trigger.format(
                "UPDATE", f"{forget} INSERT OR REPLACE INTO put_{table} VALUES ({new});"
            ),
            trigger.format(
                "DELETE", f"{forget} DELETE FROM put_{table} WHERE {_equal(identity, '', 'OLD.')};"
            ),
        ):
            self._connection.execute(sql)


def _equal(names: Sequence[str], left: str, right: str) -> str:
    return " AND ".join(f"{left}{name} = {right}{name}" for name in names)


def temporary(create_sql: str) -> str:
    """Return the SQL that makes a table which only its connection sees."""
    return create_sql.replace("CREATE TABLE", "CREATE TEMP TABLE", 1)


def opened(file: Any) -> sqlite3.Connection:
    """Return a connection that cannot write a database file, in a read transaction."""
    connection = sqlite3.connect(
        f"{file.as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM collections").fetchone()  # begins the snapshot
    return connection
