"""What the shop sells: products, their colourways, and the items with their photos."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from scripts.drawing.products import PRODUCTS, Product

CURRENCY = "EUR"
_FIRST_NUMBER = 101
_IN_STOCK_SHARE = 0.85


@dataclass(frozen=True, slots=True)
class Item:
    """One photo of one colourway of a product.

    Attributes:
        item_id: `_id` in the manifest.
        sku: shared by the photos of the colourway.
        product_id: shared by all colourways of the product.
        product: the design.
        color: as shops name it.
        figure: colour of what is on the cloth.
        accent: colour of buttons, threads and prints.
        in_stock: whether it can be bought.
        photo: 1 for the first photo, 2 for a second one.
    """

    item_id: str
    sku: str
    product_id: str
    product: Product
    color: str
    figure: str
    accent: str
    in_stock: bool
    photo: int

    @property
    def file_name(self) -> str:
        """The picture's name."""
        return f"{self.item_id}.webp"

    def to_row(self) -> dict[str, Any]:
        """Return the item's line of the manifest."""
        return {
            "image": f"gallery/{self.file_name}",
            "_id": self.item_id,
            "title": f"{self.product.name}, {self.color}",
            "category": self.product.kind,
            "color": self.color,
            "price": self.product.price,
            "currency": CURRENCY,
            "in_stock": self.in_stock,
            "product_id": self.product_id,
        }


def make_items(seed: int) -> list[Item]:
    """Return all items in the order of their ids; the seed decides what is in stock."""
    items = [
        item
        for number, product in enumerate(_shelved(), start=_FIRST_NUMBER)
        for item in _items_of(product, f"p{number}", seed)
    ]
    return sorted(items, key=lambda item: item.item_id)


def _shelved() -> list[Product]:
    """Return one product of each kind, then the next of each: whoever browses sees all kinds."""
    seen: Counter[str] = Counter()
    order: list[tuple[int, Product]] = []
    for product in PRODUCTS:
        order.append((seen[product.kind], product))
        seen[product.kind] += 1
    return [product for _, product in sorted(order, key=lambda pair: pair[0])]


def _items_of(product: Product, product_id: str, seed: int) -> Iterator[Item]:
    for color, figure, accent in product.colourways:
        sku = f"{product_id}-{color.replace(' ', '-')}"
        in_stock = Random(f"{seed}/{sku}").random() < _IN_STOCK_SHARE
        for photo in (1, 2) if color == product.second_photo else (1,):
            yield Item(
                item_id=sku if photo == 1 else f"{sku}-{photo}",
                sku=sku,
                product_id=product_id,
                product=product,
                color=color,
                figure=figure,
                accent=accent,
                in_stock=in_stock,
                photo=photo,
            )
