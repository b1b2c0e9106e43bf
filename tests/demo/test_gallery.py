"""The gallery that ships is what the script draws, and a gallery that can be embedded."""

import io
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.config import PROJECT_ROOT
from app.documents import GalleryImage
from app.indexes import read_index_file
from app.ingest.reader import open_gallery
from scripts import draw_demo_gallery
from scripts.draw_demo_gallery import DEFAULT_SEED, save_picture
from scripts.drawing.catalogue import Item, make_items
from scripts.drawing.picture import HEIGHT_PX, KINDS, WIDTH_PX, draw_picture

DEMO = PROJECT_ROOT / "demo"
MAX_SIZE_BYTES = 3_000_000
# Another NumPy or Pillow may round and resample a little differently.
MEAN_DIFFERENCE_LEVELS = 0.5
REDRAWN = ("p101-navy", "p106-light-blue-2", "p112-white", "p127-black", "p170-red")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """The lines of the manifest that ships."""
    return [json.loads(line) for line in (DEMO / "gallery.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def items() -> dict[str, Item]:
    return {item.item_id: item for item in make_items(DEFAULT_SEED)}


def test_the_manifest_lists_the_items_in_order(rows: Any, items: dict[str, Item]) -> None:
    assert rows == [item.to_row() for item in items.values()]
    assert [row["_id"] for row in rows] == sorted(items)


def test_every_picture_is_there_and_none_beside(rows: Any) -> None:
    drawn = {path.relative_to(DEMO).as_posix() for path in (DEMO / "gallery").iterdir()}

    assert drawn == {row["image"] for row in rows}


def test_the_gallery_is_small(rows: Any) -> None:
    size_bytes = sum((DEMO / row["image"]).stat().st_size for row in rows)

    assert size_bytes + (DEMO / "gallery.jsonl").stat().st_size < MAX_SIZE_BYTES


def test_the_pictures_are_of_one_size(rows: Any) -> None:
    sizes = set()
    for row in rows:
        with Image.open(DEMO / row["image"]) as image:
            sizes.add((image.format, image.mode, *image.size))

    assert sizes == {("WEBP", "RGB", WIDTH_PX, HEIGHT_PX)}


@pytest.mark.parametrize("item_id", REDRAWN)
def test_a_picture_is_what_is_drawn(item_id: str, items: dict[str, Item]) -> None:
    item = items[item_id]

    drawn = io.BytesIO()
    save_picture(draw_picture(item, DEFAULT_SEED), drawn)

    with Image.open(DEMO / "gallery" / item.file_name) as shipped, Image.open(drawn) as again:
        levels = [np.asarray(image, dtype=np.float32) for image in (shipped, again)]
    assert float(np.abs(levels[0] - levels[1]).mean()) < MEAN_DIFFERENCE_LEVELS


def test_each_kind_of_garment_is_there_equally_often(rows: Any) -> None:
    assert Counter(row["category"] for row in rows) == dict.fromkeys(KINDS, 24)


def test_a_product_comes_in_several_colours_and_some_have_a_second_photo(rows: Any) -> None:
    colors: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        colors[row["product_id"]].append(row["color"])

    assert {len(set(listed)) for listed in colors.values()} == {3}
    assert sum(len(listed) == 4 for listed in colors.values()) == 27


def test_the_colourways_of_a_product_share_all_but_colour_stock_and_photo(rows: Any) -> None:
    shared: dict[str, set[Any]] = defaultdict(set)
    for row in rows:
        name, color = row["title"].rsplit(", ", 1)
        shared[row["product_id"]].add((name, row["category"], row["price"], row["currency"]))
        assert color == row["color"]

    assert all(len(facts) == 1 for facts in shared.values())


def test_ingestion_reads_every_row(rows: Any) -> None:
    index = read_index_file(PROJECT_ROOT / "atlas" / "gallery_knn.json")

    gallery = list(open_gallery(DEMO / "gallery.jsonl", index, "string").rows())

    assert [row.item_id for row in gallery if isinstance(row, GalleryImage)] == [
        row["_id"] for row in rows
    ]


def test_the_same_seed_draws_the_same_and_another_seed_another(items: dict[str, Item]) -> None:
    item = items["p101-navy"]
    first, again, other = (draw_picture(item, seed).tobytes() for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_the_script_writes_pictures_and_manifest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = draw_demo_gallery.main(["--output", str(tmp_path), "--limit", "2", "--seed", "3"])

    lines = (tmp_path / "gallery.jsonl").read_text().splitlines()
    assert code == 0
    assert [json.loads(line) for line in lines] == [item.to_row() for item in make_items(3)[:2]]
    assert len(list((tmp_path / "gallery").glob("*.webp"))) == 2
    assert "Drew 2 pictures" in capsys.readouterr().out


def test_a_gallery_is_replaced_only_when_told_and_other_files_stay(tmp_path: Path) -> None:
    arguments = ["--output", str(tmp_path), "--limit", "1"]
    draw_demo_gallery.main(arguments)
    (tmp_path / "gallery" / "notes.txt").write_text("mine")
    (tmp_path / "gallery" / "old.webp").write_bytes(b"")

    with pytest.raises(draw_demo_gallery.ServiceError, match="--overwrite"):
        draw_demo_gallery.main(arguments)
    draw_demo_gallery.main([*arguments, "--overwrite"])

    names = {path.name for path in (tmp_path / "gallery").iterdir()}
    assert names == {"notes.txt", make_items(DEFAULT_SEED)[0].file_name}


def test_misuse_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        draw_demo_gallery.main(["--output", str(tmp_path), "--limit", "0"])

    assert ended.value.code == 2
    assert "--limit" in capsys.readouterr().err
