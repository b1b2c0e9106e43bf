"""Every odd kind of picture, through a whole run: embedded like its plain twin, or listed."""

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageDraw

from app.config import PROJECT_ROOT
from app.documents import embedding_from_bson
from app.indexes import read_index_file
from app.ingest.legs import open_legs
from app.ingest.reader import open_gallery
from app.ingest.runner import ingest
from app.ingest.updates import UpdateBuilder
from app.ingest.writer import GalleryWriter
from tests.fakes import FakeEmbedder
from tests.ingest.watching import Watching

INDEX = read_index_file(PROJECT_ROOT / "atlas/gallery_knn.json")
COSINE = 0.98


def draw() -> Image.Image:
    """A garment with a gradient, unlike itself when turned, inverted or darkened."""
    y, x = np.mgrid[0:120, 0:90]
    pixels = np.stack([250 - y, 60 + x, 30 + (x + y) // 2], axis=-1).clip(0, 255)
    image = Image.fromarray(pixels.astype(np.uint8))
    ImageDraw.Draw(image).rectangle((8, 10, 40, 70), fill=(30, 60, 210))
    return image


def cut_out(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """A picture with a transparent margin, and the same over white."""
    mask = Image.new("L", image.size, 0)
    ImageDraw.Draw(mask).rectangle((5, 5, 70, 100), fill=255)
    transparent = image.copy()
    transparent.putalpha(mask)
    return transparent, Image.composite(image, Image.new("RGB", image.size, "white"), mask)


def write_pairs(folder) -> dict[str, Image.Image]:
    """Write odd pictures; return the plain twin of each by its id."""
    image = draw()
    grey = image.convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    transparent, over_white = cut_out(image)
    palette = over_white.quantize(200, dither=Image.Dither.NONE)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    turned = image.transpose(Image.Transpose.ROTATE_90)
    frames = [Image.new("RGB", image.size, "red")]

    image.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    image.convert("CMYK").save(folder / "cmyk.tif")
    transparent.save(folder / "transparent.png")
    transparent.save(folder / "transparent.webp", quality=95)
    palette.save(folder / "palette.png", transparency=palette.getpixel((0, 0)))
    deep.save(folder / "deep.png")
    deep.save(folder / "deep.tif")
    turned.save(folder / "turned.jpg", exif=exif, quality=95)
    image.save(folder / "animated.gif", save_all=True, append_images=frames)
    image.save(folder / "animated.webp", save_all=True, append_images=frames, quality=95)
    grey.save(folder / "grey.jpg", quality=95)
    return {
        "cmyk.jpg": image,
        "cmyk.tif": image,
        "transparent.png": over_white,
        "transparent.webp": over_white,
        "palette.png": over_white,
        "deep.png": grey.convert("RGB"),
        "deep.tif": grey.convert("RGB"),
        "turned.jpg": image,
        "animated.gif": image,
        "animated.webp": image,
        "grey.jpg": grey.convert("RGB"),
    }


def test_each_odd_picture_is_embedded_like_its_plain_twin_or_listed(collection, tmp_path):
    twins = write_pairs(tmp_path)
    draw().save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:-300])
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("no picture")
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    Image.new("1", (4000, 4000)).save(tmp_path / "vast.png")
    embedder, observer = FakeEmbedder(), Watching()
    writer = GalleryWriter(collection, UpdateBuilder(INDEX, embedder.fingerprint))

    with open_legs(embedder, writer, max_pixels=1_000_000) as legs:
        report = ingest(
            open_gallery(tmp_path, INDEX, "string").rows(), legs, batch_size=3, observer=observer
        )

    assert (report.read, report.written, report.failed) == (16, 11, 5)
    assert sorted(one.item_id for one in observer.failures) == [
        "cut.jpg",
        "dot.png",
        "empty.jpg",
        "text.jpg",
        "vast.png",
    ]
    stored = {one["_id"]: embedding_from_bson(one["embedding"]) for one in collection.find()}
    plain = dict(zip(twins, embedder.embed_images(twins.values()), strict=True))
    cosines = {name: float(stored[name] @ plain[name]) for name in twins}
    assert cosines == {name: pytest.approx(1, abs=1 - COSINE) for name in twins}


def test_the_plain_twins_are_far_enough_apart_to_tell():
    image = draw()
    embedder = FakeEmbedder()
    transparent, over_white = cut_out(image)
    wrong = {
        "turned": (image, image.transpose(Image.Transpose.ROTATE_180)),
        "inverted": (image, Image.eval(image, lambda value: 255 - value)),
        "alpha dropped": (over_white, transparent.convert("RGBA").convert("RGB")),
        "clipped": (image.convert("L").convert("RGB"), Image.new("RGB", image.size, "white")),
    }

    for one, other in wrong.values():
        rows = embedder.embed_images([one, other.resize(one.size)])
        assert float(rows[0] @ rows[1]) < COSINE
