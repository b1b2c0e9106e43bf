"""The assortment, one line a product and its colourways below it."""

from dataclasses import dataclass
from typing import Literal

from scripts.drawing.parts import Weave

Trim = Literal["same", "plain", "figure", "dark"]
"""Collars and cuffs of the same cloth, without its pattern, in the figure's colour, or darker."""


@dataclass(frozen=True, slots=True)
class Product:
    """A design that comes in several colours.

    Attributes:
        kind: one of the ten kinds of garment.
        style: which drawing.
        name: its title without the colour.
        price: in euros.
        colourways: colour, colour of the pattern's figures, colour of buttons, threads and prints.
        weave: of the cloth.
        pattern: of the cloth.
        trim: of which cloth collars, cuffs and bands are.
        second_photo: the colour that has two photos.
    """

    kind: str
    style: str
    name: str
    price: float
    colourways: tuple[tuple[str, str, str], ...]
    weave: Weave = "cotton"
    pattern: str = "plain"
    trim: Trim = "same"
    second_photo: str = ""


PRODUCTS = (
    Product(
        "dress", "shift dress", "Striped cotton dress", 49.90,
        (("navy", "white", "red"), ("white", "navy", "red"), ("red", "white", "navy")),
        "jersey", "breton", "plain", "navy",
    ),
    Product(
        "dress", "sun dress", "Floral summer dress", 59.90,
        (("yellow", "white", "red"), ("light blue", "white", "yellow"),
        ("black", "pink", "yellow")),
        "cotton", "floral", "plain", "light blue",
    ),
    Product(
        "dress", "skater dress", "Skater dress", 39.90,
        (("burgundy", "white", "black"), ("teal", "white", "black"), ("black", "white", "grey")),
        "jersey", "plain", "same",
    ),
    Product(
        "dress", "collared dress", "Dotted dress with round collar", 54.90,
        (("navy", "white", "white"), ("green", "white", "white"), ("red", "white", "white")),
        "cotton", "pin dots", "figure", "navy",
    ),
    Product(
        "dress", "wrap dress", "Satin wrap dress", 79.90,
        (("green", "white", "black"), ("lilac", "white", "black"), ("burgundy", "white", "black")),
        "satin", "plain", "same",
    ),
    Product(
        "dress", "maxi dress", "Tiered maxi dress", 69.90,
        (("white", "teal", "blue"), ("orange", "white", "yellow"), ("pink", "white", "red")),
        "cotton", "ditsy", "plain",
    ),
    Product(
        "dress", "shirt dress", "Belted shirt dress", 64.90,
        (("beige", "brown", "brown"), ("olive", "white", "brown"), ("blue", "white", "white")),
        "cotton", "plain", "same",
    ),
    Product(
        "hat", "baseball cap", "Cotton baseball cap", 19.90,
        (("black", "white", "white"), ("red", "white", "white"), ("beige", "brown", "brown")),
        "cotton", "plain", "same",
    ),
    Product(
        "hat", "badge cap", "Two-tone cap with star", 24.90,
        (("white", "navy", "navy"), ("light blue", "navy", "navy"), ("yellow", "black", "black")),
        "cotton", "plain", "figure",
    ),
    Product(
        "hat", "beanie", "Ribbed beanie", 17.90,
        (("grey", "white", "white"), ("mustard", "white", "white"), ("navy", "white", "white")),
        "rib", "plain", "same",
    ),
    Product(
        "hat", "bobble hat", "Knitted hat with bobble", 22.90,
        (("burgundy", "white", "pink"), ("navy", "white", "red"), ("green", "white", "red")),
        "knit", "fair isle", "figure",
    ),
    Product(
        "hat", "bucket hat", "Bucket hat", 26.90,
        (("olive", "black", "brown"), ("pink", "white", "red"), ("white", "green", "teal")),
        "cotton", "palm", "plain",
    ),
    Product(
        "hat", "straw hat", "Straw hat with ribbon", 34.90,
        (("beige", "black", "black"), ("camel", "navy", "navy"), ("white", "red", "red")),
        "straw", "plain", "figure",
    ),
    Product(
        "hat", "fedora", "Felt fedora", 44.90,
        (("camel", "brown", "brown"), ("black", "grey", "grey"), ("burgundy", "black", "black")),
        "wool", "plain", "figure",
    ),
    Product(
        "hat", "beret", "Felt beret", 27.90,
        (("navy", "white", "white"), ("red", "white", "white"), ("mustard", "white", "white")),
        "wool", "plain", "dark",
    ),
    Product(
        "longsleeve", "boat-neck top", "Breton top", 34.90,
        (("white", "navy", "navy"), ("navy", "white", "white"), ("red", "white", "white")),
        "jersey", "breton", "same", "white",
    ),
    Product(
        "longsleeve", "jumper", "Fair Isle jumper", 69.90,
        (("grey", "white", "navy"), ("green", "white", "red"), ("burgundy", "white", "pink")),
        "knit", "fair isle", "plain", "green",
    ),
    Product(
        "longsleeve", "cable jumper", "Cable-knit jumper", 79.90,
        (("beige", "brown", "brown"), ("light blue", "white", "white"), ("mustard", "red", "red")),
        "wool", "plain", "same",
    ),
    Product(
        "longsleeve", "turtleneck", "Fine roll-neck jumper", 49.90,
        (("black", "white", "white"), ("orange", "white", "white"), ("lilac", "white", "white")),
        "knit", "plain", "same",
    ),
    Product(
        "longsleeve", "sweatshirt", "Cotton sweatshirt", 39.90,
        (("grey", "black", "black"), ("pink", "white", "white"), ("teal", "white", "white")),
        "jersey", "plain", "same", "grey",
    ),
    Product(
        "longsleeve", "hoodie", "Hooded sweatshirt", 49.90,
        (("navy", "white", "white"), ("mint", "white", "white"), ("purple", "white", "white")),
        "jersey", "plain", "same",
    ),
    Product(
        "longsleeve", "cardigan", "Argyle cardigan", 64.90,
        (("camel", "brown", "beige"), ("red", "navy", "white"), ("grey", "white", "burgundy")),
        "knit", "argyle", "plain",
    ),
    Product(
        "outwear", "down jacket", "Quilted down jacket", 129.00,
        (("black", "grey", "grey"), ("orange", "black", "black"), ("teal", "navy", "navy")),
        "quilt", "plain", "same", "orange",
    ),
    Product(
        "outwear", "down vest", "Diamond-quilted vest", 89.90,
        (("navy", "white", "white"), ("olive", "black", "black"), ("red", "black", "black")),
        "diamond quilt", "plain", "same",
    ),
    Product(
        "outwear", "wool coat", "Double-breasted wool coat", 189.00,
        (("camel", "brown", "brown"), ("grey", "black", "black"), ("pink", "burgundy", "burgundy")),
        "wool", "plain", "same", "camel",
    ),
    Product(
        "outwear", "trench coat", "Belted trench coat", 149.00,
        (("beige", "brown", "brown"), ("navy", "black", "black"), ("olive", "black", "brown")),
        "cotton", "plain", "same",
    ),
    Product(
        "outwear", "denim jacket", "Denim jacket", 79.90,
        (("blue", "white", "camel"), ("light blue", "white", "camel"), ("black", "grey", "grey")),
        "denim", "plain", "same", "blue",
    ),
    Product(
        "outwear", "bomber", "Bomber jacket", 84.90,
        (("olive", "black", "orange"), ("burgundy", "black", "grey"), ("black", "grey", "grey")),
        "satin", "plain", "dark",
    ),
    Product(
        "outwear", "raincoat", "Hooded raincoat", 94.90,
        (("yellow", "navy", "white"), ("mint", "navy", "white"), ("navy", "white", "white")),
        "cotton", "plain", "same",
    ),
    Product(
        "pants", "jeans", "Straight jeans", 59.90,
        (("blue", "white", "camel"), ("light blue", "white", "camel"), ("black", "grey", "grey")),
        "denim", "plain", "same", "blue",
    ),
    Product(
        "pants", "slim jeans", "Slim jeans", 64.90,
        (("navy", "white", "mustard"), ("grey", "white", "white"), ("white", "grey", "grey")),
        "denim", "plain", "same",
    ),
    Product(
        "pants", "chinos", "Cotton chinos", 49.90,
        (("beige", "brown", "brown"), ("olive", "brown", "brown"), ("navy", "white", "brown")),
        "cotton", "plain", "same", "olive",
    ),
    Product(
        "pants", "chinos", "Checked trousers", 69.90,
        (("grey", "white", "black"), ("brown", "beige", "black"), ("navy", "white", "black")),
        "wool", "windowpane", "same",
    ),
    Product(
        "pants", "wide trousers", "Wide-leg trousers", 59.90,
        (("burgundy", "white", "black"), ("green", "white", "black"), ("black", "white", "black")),
        "satin", "plain", "same",
    ),
    Product(
        "pants", "joggers", "Jersey joggers", 39.90,
        (("grey", "white", "white"), ("black", "white", "white"), ("pink", "white", "white")),
        "jersey", "plain", "same", "grey",
    ),
    Product(
        "pants", "track pants", "Track pants with stripes", 44.90,
        (("navy", "white", "white"), ("red", "white", "white"), ("teal", "white", "yellow")),
        "jersey", "plain", "same",
    ),
    Product(
        "shirt", "oxford shirt", "Oxford shirt", 49.90,
        (("white", "white", "white"), ("light blue", "white", "white"), ("pink", "white", "white")),
        "cotton", "plain", "same", "light blue",
    ),
    Product(
        "shirt", "oxford shirt", "Striped business shirt", 54.90,
        (("white", "blue", "white"), ("light blue", "navy", "white"), ("lilac", "purple", "white")),
        "cotton", "pinstripe", "same",
    ),
    Product(
        "shirt", "work shirt", "Checked flannel shirt", 44.90,
        (("red", "white", "yellow"), ("green", "white", "yellow"), ("blue", "white", "orange")),
        "cotton", "tartan", "same", "red",
    ),
    Product(
        "shirt", "work shirt", "Denim shirt", 59.90,
        (("blue", "white", "white"), ("light blue", "white", "mustard"), ("black", "grey", "grey")),
        "denim", "plain", "same",
    ),
    Product(
        "shirt", "short-sleeved shirt", "Gingham shirt", 39.90,
        (("navy", "white", "white"), ("green", "white", "white"), ("orange", "white", "white")),
        "cotton", "gingham", "same",
    ),
    Product(
        "shirt", "camp shirt", "Palm-leaf holiday shirt", 42.90,
        (("white", "green", "teal"), ("navy", "mint", "teal"), ("yellow", "olive", "green")),
        "cotton", "palm", "same", "navy",
    ),
    Product(
        "shirt", "blouse", "Blouse with bow", 52.90,
        (("beige", "brown", "brown"), ("burgundy", "pink", "pink"), ("mint", "teal", "white")),
        "satin", "plain", "same",
    ),
    Product(
        "shoes", "low sneakers", "Leather trainers", 69.90,
        (("white", "white", "green"), ("black", "white", "white"), ("red", "white", "white")),
        "leather", "plain", "figure", "white",
    ),
    Product(
        "shoes", "high-tops", "Canvas high-tops", 59.90,
        (("navy", "white", "red"), ("red", "white", "navy"), ("yellow", "white", "black")),
        "cotton", "plain", "figure", "yellow",
    ),
    Product(
        "shoes", "chelsea boots", "Chelsea boots", 119.00,
        (("brown", "black", "black"), ("black", "black", "black"), ("camel", "brown", "brown")),
        "leather", "plain", "dark",
    ),
    Product(
        "shoes", "heels", "Patent pumps", 89.90,
        (("red", "black", "black"), ("black", "black", "black"), ("beige", "brown", "brown")),
        "leather", "plain", "same", "red",
    ),
    Product(
        "shoes", "ballet flats", "Ballet flats with bow", 54.90,
        (("pink", "white", "white"), ("navy", "white", "white"), ("burgundy", "white", "white")),
        "leather", "plain", "same",
    ),
    Product(
        "shoes", "sandals", "Cork sandals with two straps", 49.90,
        (("brown", "beige", "beige"), ("white", "grey", "grey"), ("teal", "white", "white")),
        "leather", "plain", "same",
    ),
    Product(
        "shoes", "oxfords", "Laced leather shoes", 109.00,
        (("brown", "black", "beige"), ("black", "black", "black"), ("navy", "white", "white")),
        "leather", "plain", "dark",
    ),
    Product(
        "shorts", "denim shorts", "Denim shorts", 34.90,
        (("blue", "white", "camel"), ("light blue", "white", "camel"), ("white", "grey", "grey")),
        "denim", "plain", "same", "light blue",
    ),
    Product(
        "shorts", "chino shorts", "Chino shorts", 32.90,
        (("beige", "brown", "brown"), ("navy", "white", "brown"), ("pink", "white", "brown")),
        "cotton", "plain", "same", "beige",
    ),
    Product(
        "shorts", "chino shorts", "Checked shorts", 36.90,
        (("green", "white", "black"), ("red", "white", "black"), ("grey", "white", "black")),
        "cotton", "tartan", "same",
    ),
    Product(
        "shorts", "bermuda shorts", "Camouflage bermudas", 44.90,
        (("olive", "brown", "beige"), ("camel", "brown", "white"), ("grey", "black", "white")),
        "cotton", "camouflage", "plain",
    ),
    Product(
        "shorts", "swim shorts", "Palm-print swim shorts", 29.90,
        (("teal", "white", "yellow"), ("pink", "red", "white"), ("navy", "mint", "white")),
        "cotton", "palm", "same", "teal",
    ),
    Product(
        "shorts", "swim shorts", "Striped swim shorts", 27.90,
        (("red", "white", "white"), ("blue", "white", "white"), ("yellow", "white", "white")),
        "cotton", "awning", "same",
    ),
    Product(
        "shorts", "sport shorts", "Running shorts", 24.90,
        (("black", "white", "white"), ("orange", "white", "white"), ("purple", "white", "white")),
        "jersey", "plain", "same",
    ),
    Product(
        "skirt", "a-line skirt", "Checked A-line skirt", 44.90,
        (("red", "white", "yellow"), ("green", "white", "yellow"), ("grey", "white", "red")),
        "wool", "tartan", "plain", "red",
    ),
    Product(
        "skirt", "circle skirt", "Dotted circle skirt", 42.90,
        (("black", "white", "white"), ("red", "white", "white"), ("light blue", "white", "white")),
        "cotton", "dots", "plain", "black",
    ),
    Product(
        "skirt", "pencil skirt", "Corduroy pencil skirt", 49.90,
        (("black", "white", "white"), ("burgundy", "white", "white"), ("camel", "white", "white")),
        "corduroy", "plain", "same",
    ),
    Product(
        "skirt", "pleated skirt", "Pleated skirt", 54.90,
        (("pink", "white", "white"), ("green", "white", "white"), ("navy", "white", "white")),
        "satin", "plain", "same", "green",
    ),
    Product(
        "skirt", "denim skirt", "Buttoned denim skirt", 39.90,
        (("blue", "white", "camel"), ("light blue", "white", "camel"), ("white", "grey", "grey")),
        "denim", "plain", "same",
    ),
    Product(
        "skirt", "tiered skirt", "Tiered boho skirt", 59.90,
        (("white", "blue", "teal"), ("orange", "white", "yellow"), ("purple", "pink", "yellow")),
        "cotton", "ditsy", "plain",
    ),
    Product(
        "skirt", "wrap skirt", "Leopard wrap skirt", 46.90,
        (("camel", "black", "brown"), ("grey", "black", "white"), ("olive", "black", "brown")),
        "satin", "leopard", "plain",
    ),
    Product(
        "t-shirt", "crew tee", "Cotton T-shirt", 14.90,
        (("white", "grey", "grey"), ("black", "white", "white"), ("olive", "white", "white")),
        "jersey", "plain", "same", "black",
    ),
    Product(
        "t-shirt", "crew tee", "Striped T-shirt", 19.90,
        (("navy", "white", "red"), ("green", "white", "yellow"), ("mustard", "white", "brown")),
        "jersey", "retro", "plain", "navy",
    ),
    Product(
        "t-shirt", "v-neck tee", "V-neck T-shirt", 16.90,
        (("grey", "white", "white"), ("teal", "white", "white"), ("burgundy", "white", "white")),
        "jersey", "plain", "same",
    ),
    Product(
        "t-shirt", "ringer tee", "Ringer T-shirt", 18.90,
        (("white", "red", "red"), ("yellow", "navy", "navy"), ("light blue", "white", "white")),
        "jersey", "plain", "figure",
    ),
    Product(
        "t-shirt", "sunset tee", "T-shirt with sunset print", 21.90,
        (("navy", "yellow", "orange"), ("black", "yellow", "red"), ("mint", "yellow", "orange")),
        "jersey", "plain", "same", "navy",
    ),
    Product(
        "t-shirt", "heart tee", "T-shirt with heart", 21.90,
        (("pink", "red", "red"), ("white", "red", "red"), ("grey", "black", "black")),
        "jersey", "plain", "same",
    ),
    Product(
        "t-shirt", "polo", "Polo shirt", 29.90,
        (("red", "white", "white"), ("blue", "white", "white"), ("white", "navy", "navy")),
        "cotton", "plain", "figure",
    ),
)  # fmt: skip
