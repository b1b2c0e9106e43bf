"""Bytes or a file -> an upright 8-bit RGB picture, with caps that are checked before decoding.

Pictures come from feeds and uploads, so a header is a claim and a decoder meets hostile bytes:
few formats, limits first, every failure one sentence. Colours are `color.py`'s work.
"""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image, UnidentifiedImageError

from app.embedding.color import to_srgb
from app.errors import UnreadableImage

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
MAX_PIXELS = 50_000_000
# One pixel shows nothing that could look like something else.
MIN_SIDE_PX = 2
# Models resize by the shorter side: 2 x 20,000,000 px would become 224 x 2,240,000,000.
MAX_ASPECT_RATIO = 100

# With twice what a network sees, reduced decoding left embeddings at a cosine of 0.9998 or more.
SPARE_SIZE = 2

# Pillow's own cap is a warning, then an error, at sizes of its own; `_check_size` replaces it.
Image.MAX_IMAGE_PIXELS = None
# Pillow warns of broken metadata, which nothing here believes anyway.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = (5, 6, 7, 8)


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A picture as `read_image` returns it, perhaps reduced, and the size that it has in full."""

    image: Image.Image
    width_px: int
    height_px: int


def read_image(source: bytes | Path, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode a picture to upright 8-bit sRGB, whatever it was stored as.

    Deep pixels are scaled, transparency lies over white, embedded colour profiles and the EXIF
    orientation are applied, and of an animation the first frame counts.

    Args:
        source: the whole file, or where it is.
        max_pixels: a picture of more, by its header, is refused before it is decoded.

    Returns:
        A picture of mode RGB that holds no file open and no metadata.

    Raises:
        UnreadableImage: it is empty, truncated, no picture, too large, too small, or too narrow.
    """
    return read_for_side(source, None, max_pixels=max_pixels).image


def read_for_side(
    source: bytes | Path, side_px: int | None, *, max_pixels: int = MAX_PIXELS
) -> DecodedPicture:
    """Decode a picture as `read_image`, a large JPEG at the size that a model needs.

    A JPEG can be decoded at a half, a quarter or an eighth of its size for as little of the work;
    the least that still has `SPARE_SIZE` times `side_px` on its shorter side is taken.

    Args:
        source: the whole file, or where it is.
        side_px: what the picture will be scaled down to; None decodes it in full.
        max_pixels: a picture of more, by its header, is refused before it is decoded.

    Raises:
        UnreadableImage: as `read_image`.
    """
    name = str(source) if isinstance(source, Path) else "The picture"
    try:
        with _open(source) as image:
            _check_size(image, name, max_pixels)
            return _decode(image, side_px)
    except UnreadableImage:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImage(f"{name} is {_what_it_is(source)}.") from error
    except OSError as error:
        raise UnreadableImage(f"{name} cannot be read: {_reason(error)}.") from error
    except Exception as error:  # decoders raise anything at all when the bytes are broken
        raise UnreadableImage(f"{name} cannot be decoded: {_reason(error)}.") from error


def image_mime_type(path: Path) -> str | None:
    """Return the type of a picture file by its content, None where it is no readable picture."""
    try:
        with _open(path) as image:
            # A JPEG with more pictures behind the first (MPO) is a JPEG to everybody else.
            kind = "JPEG" if image.format == "MPO" else image.format
    except Exception:  # as in `read_image`
        return None
    return Image.MIME.get(kind or "")


def _open(source: bytes | Path) -> Image.Image:
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    return Image.open(file, formats=FORMATS)


def _what_it_is(source: bytes | Path) -> str:
    size_bytes = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size_bytes == 0:
        return "empty (0 bytes)"
    return f"not a picture, or only the beginning of one; expected {', '.join(FORMATS)}"


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split()).rstrip(". ")


def _check_size(image: Image.Image, name: str, max_pixels: int) -> None:
    short, long = sorted(image.size)
    size = f"{image.width} x {image.height} px"
    if image.width * image.height > max_pixels:
        raise UnreadableImage(f"{name} has {size}; at most {max_pixels:,} pixels are read.")
    if short < MIN_SIDE_PX:
        raise UnreadableImage(f"{name} has {size}; each side needs at least {MIN_SIDE_PX} px.")
    if long > short * MAX_ASPECT_RATIO:
        raise UnreadableImage(
            f"{name} has {size}; one side may be {MAX_ASPECT_RATIO} times the other at most."
        )


def _decode(image: Image.Image, side_px: int | None) -> DecodedPicture:
    size = image.size
    spare = (SPARE_SIZE * side_px, SPARE_SIZE * side_px) if side_px is not None else None
    is_jpeg = spare is not None and image.draft(None, spare) is not None
    image.load()
    # Pillow turns TIFFs while it decodes them: of all but JPEGs the size counts that they have now.
    width_px, height_px = size if is_jpeg else image.size
    orientation = _orientation(image)
    if orientation in _ON_ITS_SIDE:
        width_px, height_px = height_px, width_px
    upright = _without_metadata(_turned(to_srgb(image), orientation))
    return DecodedPicture(upright, width_px, height_px)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 where there is none; asked after decoding.

    Pillow turns some formats itself while it decodes and then removes the tag.
    """
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken metadata is no reason to refuse a whole picture
        return 1


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    method = _UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def _without_metadata(image: Image.Image) -> Image.Image:
    image.info = {}
    return image
