import json

import pytest

from app.config import PROJECT_ROOT
from app.errors import ConfigError
from app.indexes import read_index_file
from app.ingest.column_mapping import ColumnMapping
from app.ingest.reader import open_gallery

INDEX = read_index_file(PROJECT_ROOT / "atlas/gallery_knn.json")
SHOP = ColumnMapping({"_id": "sku", "image": "photo", "price": "rrp"}, {"sizes": "number"})


def rows_of(tmp_path, content: str, mapping=SHOP, suffix="csv"):
    path = tmp_path / f"feed.{suffix}"
    path.write_text(content)
    return list(open_gallery(path, INDEX, "string", mapping=mapping).rows())


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        ("sku,photo,rrp,sizes,brand\n7,1.jpg,9.5,38,x\n", "csv"),
        ('{"sku": "7", "photo": "1.jpg", "rrp": 9.5, "sizes": 38, "brand": "x"}\n', "jsonl"),
    ],
)
def test_columns_are_read_under_the_names_of_fields(tmp_path, content, suffix):
    (row,) = rows_of(tmp_path, content, suffix=suffix)

    assert (row.item_id, row.uri) == ("7", "1.jpg")
    assert row.fields == {"price": 9.5, "sizes": 38, "brand": "x"}


def test_a_value_that_does_not_fit_the_further_type_names_field_and_row(tmp_path):
    bad, wrong = rows_of(tmp_path, "sku,photo,rrp,sizes\n7,1.jpg,9,L\n8,1.jpg,cheap,38\n")

    assert (bad.item_id, bad.reason) == ("7", "Line 2: sizes ('L') must be a number.")
    assert (wrong.item_id, wrong.reason) == ("8", "Line 3: price ('cheap') must be a number.")


def test_a_row_of_jsonl_may_lack_a_mapped_column(tmp_path):
    (row,) = rows_of(tmp_path, json.dumps({"sku": "7", "photo": "1.jpg"}), suffix="jsonl")

    assert row.fields == {}


def test_a_column_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="--column price=rrp names a column that is not there"):
        rows_of(tmp_path, "sku,photo\n7,1.jpg\n")


def test_two_columns_for_one_field_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="'image' is a column of its own"):
        rows_of(tmp_path, "sku,photo,image,rrp\n7,1.jpg,2.jpg,9\n")
    (row,) = rows_of(tmp_path, '{"sku": "7", "photo": "1.jpg", "image": "2.jpg"}', suffix="jsonl")
    assert row.reason.startswith("Line 1: 'image' is a column of its own")


def test_a_type_against_the_index_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="--type price=token does not fit INDEX_FILE"):
        rows_of(tmp_path, "image\n1.jpg\n", ColumnMapping({}, {"price": "token"}))


def test_a_mapped_field_that_ingestion_writes_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="'embedded_by' is written by ingestion"):
        rows_of(tmp_path, "image,by\n1.jpg,x\n", ColumnMapping({"embedded_by": "by"}, {}))


@pytest.mark.parametrize("mapping", [SHOP, ColumnMapping({}, {"x": "number"})])
def test_a_folder_has_no_columns_to_map(tmp_path, mapping):
    with pytest.raises(ConfigError, match="--column and --type go with a manifest"):
        open_gallery(tmp_path, INDEX, "string", mapping=mapping)
