"""Parquet manifests, written by pyarrow as data frames are."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from app.config import PROJECT_ROOT
from app.errors import ConfigError
from app.indexes import read_index_file
from app.ingest.column_mapping import ColumnMapping
from app.ingest.failures import Failure
from app.ingest.reader import open_gallery

INDEX = read_index_file(PROJECT_ROOT / "atlas/gallery_knn.json")


def write(tmp_path: Path, *, row_group_size=None, **columns) -> Path:
    path = tmp_path / "feed.parquet"
    parquet.write_table(pa.table(columns), path, row_group_size=row_group_size)
    return path


def rows_of(path: Path, **options):
    return list(open_gallery(path, INDEX, "string", **options).rows())


def test_columns_become_fields_of_the_types_that_documents_have(tmp_path):
    path = write(
        tmp_path,
        _id=["a", "b"],
        image=["1.jpg", "x/2.jpg"],
        price=pa.array([Decimal("29.90"), None], pa.decimal128(9, 2)),
        in_stock=[True, False],
        size=pa.array([38, 40], pa.int16()),
        weight=[0.5, float("nan")],
        since=pa.array([date(2026, 1, 2), None]),
        seen=pa.array([datetime(2026, 1, 2, 3, 4, 5, 678901)] * 2, pa.timestamp("ns")),
        tags=[["x", "y"], []],
        category=pa.array(["dress", "shirt"]).dictionary_encode(),
        maker=[{"name": "Ä", "since": 1990}, None],
    )

    first, second = rows_of(path)

    assert (first.item_id, first.uri, str(first.source)) == ("a", "1.jpg", f"{tmp_path}/1.jpg")
    assert first.fields == {
        "price": 29.9,
        "in_stock": True,
        "size": 38,
        "weight": 0.5,
        "since": datetime(2026, 1, 2, tzinfo=UTC),
        "seen": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        "tags": ["x", "y"],
        "category": "dress",
        "maker": {"name": "Ä", "since": 1990},
    }
    assert all(
        type(value) in (float, bool, int, datetime, list, str, dict)
        for value in first.fields.values()
    )
    assert second.fields["price"] is second.fields["weight"] is second.fields["since"] is None


def test_a_value_of_another_type_fails_its_own_row(tmp_path):
    path = write(tmp_path, image=["1.jpg", "2.jpg"], category=pa.array([7, None]))

    bad, good = rows_of(path)

    assert bad == Failure("1.jpg", f"{path}:1", "Row 1: category (7) must be a string.")
    assert good.item_id == "2.jpg"


def test_a_date_that_no_document_can_hold_fails_its_own_row(tmp_path):
    far = 2_000_000_000_000_000
    path = write(
        tmp_path, image=["1.jpg", "2.jpg", "3.jpg"], t=pa.array([0, far, 0], pa.timestamp("ms"))
    )

    rows = rows_of(path)

    assert [isinstance(row, Failure) for row in rows] == [False, True, False]
    assert rows[1].reason.startswith("Row 2: it holds a value that cannot be read")


def test_rows_are_numbered_across_batches_and_row_groups(tmp_path):
    count = 5000
    path = write(
        tmp_path,
        row_group_size=1700,
        image=[None if i == 4200 else f"{i}.jpg" for i in range(1, count + 1)],
    )
    gallery = open_gallery(path, INDEX, "string")

    rows = list(gallery.rows())

    assert gallery.count() == len(rows) == count
    (failure,) = (row for row in rows if isinstance(row, Failure))
    assert failure.reason == "Row 4200: image (None) must be the path of a picture."


def test_a_damaged_file_gives_what_is_before_the_damage(tmp_path):
    path = write(tmp_path, row_group_size=1000, image=[f"{i}.jpg" for i in range(3000)])
    group = parquet.ParquetFile(path).metadata.row_group(2).column(0)
    content = bytearray(path.read_bytes())
    start = group.dictionary_page_offset or group.data_page_offset
    content[start : start + 200] = b"\xff" * 200
    path.write_bytes(content)

    rows = rows_of(path)

    assert [row.item_id for row in rows[:2000]] == [f"{i}.jpg" for i in range(2000)]
    (failure,) = rows[2000:]
    assert failure.reason.startswith("Row 2001: the file cannot be read from here on: ")


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    path = tmp_path / "feed.parquet"
    path.write_bytes(b"image\n1.jpg\n")

    with pytest.raises(ConfigError, match="is not valid Parquet"):
        rows_of(path)


def test_columns_of_other_names_are_mapped(tmp_path):
    path = write(tmp_path, sku=["a"], photo=["1.jpg"], rrp=["7.5"], day=["2026-01-02"])
    mapping = ColumnMapping({"_id": "sku", "image": "photo"}, {"day": "date"})

    (row,) = rows_of(path, mapping=mapping)

    assert row.item_id == "a"
    assert row.fields == {"rrp": "7.5", "day": datetime(2026, 1, 2, tzinfo=UTC)}
