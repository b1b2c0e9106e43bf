"""Small galleries of drawn pictures, written as ingestion writes them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from pymongo.collection import Collection

from app.config import Settings
from app.documents import GalleryImage, ImageFacts, to_document
from app.embedding.base import Embedder
from app.indexes import read_index_file
from app.lexical_indexes import read_any_index_file
from app.live_indexes import (
    apply_index,
    create_collection,
    create_ordinary_indexes,
    wait_until_queryable,
)
from app.pictures import FilePicture

COLORS = {
    "red": (200, 30, 30),
    "crimson": (190, 20, 60),
    "green": (30, 160, 60),
    "blue": (30, 60, 200),
    "navy": (20, 30, 120),
    "white": (245, 245, 245),
}
ODD_ID = "dress/1 é#?%.jpg"


def draw_item(color: str) -> Image.Image:
    """Draw a plain garment of one colour on grey."""
    picture = Image.new("RGB", (48, 64), (128, 128, 128))
    ImageDraw.Draw(picture).rectangle((8, 8, 40, 60), fill=COLORS[color])
    return picture


def fill_gallery(
    collection: Collection[dict[str, Any]],
    settings: Settings,
    embedder: Embedder,
    *,
    timeout_s: float = 30.0,
) -> None:
    """Write one item a colour with its file under the gallery's root, and index them.

    The id is the colour, but red has an odd one; warm colours are dresses, the others shirts.
    """
    index = read_index_file(settings.index_file)
    create_collection(collection)
    create_ordinary_indexes(collection, index)
    documents = []
    for number, color in enumerate(COLORS):
        item_id = ODD_ID if color == "red" else color
        uri = f"{color}.png"
        picture = draw_item(color)
        picture.save(settings.gallery_root / uri)
        image = GalleryImage(
            item_id,
            FilePicture(Path(uri)),
            uri,
            {
                "title": f"A {color} one",
                "category": "dress" if color in ("red", "crimson") else "shirt",
                "color": color,
                "price": 10.5 * number,
                "in_stock": number % 2 == 0,
                "product_id": f"p{number // 2}",
            },
        )
        documents.append(
            to_document(
                image,
                ImageFacts(f"{number:064x}", *picture.size),
                embedder.embed_images([picture])[0],
                index=index,
                embedded_by=embedder.fingerprint,
                updated_at=datetime.now(UTC),
            )
        )
    collection.insert_many(documents)
    beside = settings.lexical_index_file
    for one in (index, *([read_any_index_file(beside)] if beside is not None else [])):
        apply_index(collection, one, update=False)
        wait_until_queryable(collection, one, timeout_s=timeout_s)
