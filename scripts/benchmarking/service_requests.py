"""What the service is asked in a benchmark, as whole HTTP requests, without end."""

import io
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from app.config import PROJECT_ROOT
from scripts.benchmarking.shop import COLORS, MAX_PRICE, item_id, title

# A product's picture as a shop's page sends it.
_PICTURE = PROJECT_ROOT / "demo" / "gallery" / "p101-navy.webp"
_PICTURE_SIZE = (600, 800)
_LIMIT = 10


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of question.

    Attributes:
        rate_per_s: the usual rate of its requests; a model's pass takes longer than a look-up.
        requests: draws requests for a gallery of so many items.
    """

    rate_per_s: float
    requests: Callable[[random.Random, int], Iterator[bytes]]


def ready_request() -> bytes:
    """Return what asks whether the service is ready."""
    return _request("GET /readyz")


def photo(path: Path = _PICTURE) -> Image.Image:
    """Return the picture that is asked with."""
    with Image.open(path) as picture:
        return picture.convert("RGB").resize(_PICTURE_SIZE)


def _similar(dice: random.Random, items: int) -> Iterator[bytes]:
    while True:
        item = item_id(dice.randrange(items))
        yield _request(f"GET /items/{item}/similar?limit={_LIMIT}")


def _image(dice: random.Random, items: int) -> Iterator[bytes]:
    file = io.BytesIO()
    photo().save(file, "JPEG", quality=90)
    request = _request(f"POST /search/image?limit={_LIMIT}", "image/jpeg", file.getvalue())
    while True:
        yield request


def _composed(dice: random.Random, items: int) -> Iterator[bytes]:
    """Like one item, unlike another, in stock, within a price range, one hit a product."""
    while True:
        low = dice.randrange(MAX_PRICE // 2)
        body = {
            "positive": [{"item_id": item_id(dice.randrange(items))}],
            "negative": [{"item_id": item_id(dice.randrange(items)), "weight": 0.3}],
            "filter": {"in_stock": True, "price": {"$gte": low, "$lt": low + MAX_PRICE // 2}},
            "group_by": "product_id",
            "limit": _LIMIT,
        }
        yield _request("POST /search", "application/json", json.dumps(body).encode())


def _hybrid(dice: random.Random, items: int) -> Iterator[bytes]:
    """Like one item, and as some words say."""
    while True:
        words = f"{title(dice.randrange(items))} {dice.choice(COLORS)}".lower()
        body = {
            "positive": [{"item_id": item_id(dice.randrange(items))}, {"text": words}],
            "mode": "hybrid",
            "limit": _LIMIT,
        }
        yield _request("POST /search", "application/json", json.dumps(body).encode())


KINDS = {
    "similar": Kind(200.0, _similar),
    "image": Kind(10.0, _image),
    "composed": Kind(50.0, _composed),
    "hybrid": Kind(20.0, _hybrid),
}


def _request(line: str, content_type: str | None = None, body: bytes = b"") -> bytes:
    headers = ["Host: 127.0.0.1"]
    if content_type is not None:
        headers += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join([f"{line} HTTP/1.1", *headers, "", ""]).encode() + body
