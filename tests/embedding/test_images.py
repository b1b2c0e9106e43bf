import gc
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageDraw, features

from app.embedding import load_embedder
from app.embedding.images import image_mime_type, read_for_side, read_image
from app.errors import UnreadableImage
from tests.embedding.icc_profiles import (
    dark_grey_profile,
    exchanged_cmyk_profile,
    exchanged_rgb_profile,
)

SIDE_PX = 64


@pytest.fixture
def shirt() -> Image.Image:
    """A picture with colour, texture and no symmetry, so that a wrong turn shows."""
    y, x = np.mgrid[0:SIDE_PX, 0 : SIDE_PX * 3 // 2]
    pixels = np.stack([x * 2, y * 3, 200 - x - y // 2], axis=-1).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(pixels)
    drawing = ImageDraw.Draw(image)
    drawing.rectangle((5, 5, 30, 20), fill=(220, 30, 40))
    drawing.ellipse((50, 30, 90, 60), fill=(20, 120, 220))
    return image


def encoded(image: Image.Image, image_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def difference(image: Image.Image, other: Image.Image) -> float:
    """Mean absolute difference of two RGB pictures, of 255."""
    assert image.mode == other.mode == "RGB"
    assert image.size == other.size
    return float(np.abs(np.asarray(image, float) - np.asarray(other, float)).mean())


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(pixels: np.ndarray, *, color_type: int, bits: int, extra: bytes = b"") -> bytes:
    """A PNG written by hand, for the kinds that Pillow does not write."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(f">u{bits // 8}").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + extra
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("image_format", "tolerance"),
    [("PNG", 0), ("BMP", 0), ("TIFF", 0), ("JPEG", 6), ("WEBP", 6), ("GIF", 12), ("AVIF", 6)],
)
def test_each_format_is_read(shirt: Image.Image, image_format: str, tolerance: int) -> None:
    if image_format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")

    image = read_image(encoded(shirt, image_format))

    assert difference(shirt, image) <= tolerance


def test_a_file_reads_like_its_bytes(shirt: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "no suffix é#?%"
    path.write_bytes(encoded(shirt, "PNG"))

    assert difference(shirt, read_image(path)) == 0


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to count files")
def test_no_file_stays_open(shirt: Image.Image, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.png", tmp_path / "cut.png"
    whole.write_bytes(encoded(shirt, "PNG", dpi=(300, 300)))
    cut.write_bytes(encoded(shirt, "PNG")[:-200])
    before = os.listdir("/proc/self/fd")

    image = read_image(whole)
    with pytest.raises(UnreadableImage):
        read_image(cut)

    assert len(before) == len(os.listdir("/proc/self/fd"))
    gc.collect()  # a forgotten handle would warn here, and warnings are errors
    assert image.info == {}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_turned_picture_stands_upright(
    shirt: Image.Image, image_format: str, orientation: int
) -> None:
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # what a camera held that way records
    stored = shirt.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else shirt
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    options = {"lossless": True} if image_format == "WEBP" else {}

    image = read_image(encoded(stored, image_format, exif=exif, **options))

    assert difference(shirt, image) <= 6


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_is_none_changes_nothing(shirt: Image.Image, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation

    assert difference(shirt, read_image(encoded(shirt, "PNG", exif=exif))) == 0


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # pytest undoes the module's own filter
@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"nonsense" * 9])
def test_broken_exif_does_not_refuse_the_picture(shirt: Image.Image, exif: bytes) -> None:
    assert difference(shirt, read_image(encoded(shirt, "JPEG", exif=exif, quality=98))) <= 4


def test_transparency_lies_over_white(shirt: Image.Image) -> None:
    alpha = Image.linear_gradient("L").resize(shirt.size)
    transparent = shirt.copy()
    transparent.putalpha(alpha)
    expected = Image.composite(shirt, Image.new("RGB", shirt.size, "white"), alpha)

    image = read_image(encoded(transparent, "PNG"))

    assert difference(expected, image) < 1


def test_grey_with_alpha_lies_over_white(shirt: Image.Image) -> None:
    grey, alpha = shirt.convert("L"), Image.linear_gradient("L").resize(shirt.size)
    white = Image.new("L", shirt.size, 255)
    expected = Image.composite(grey, white, alpha).convert("RGB")

    image = read_image(encoded(Image.merge("LA", (grey, alpha)), "PNG"))

    assert difference(expected, image) < 1


@pytest.mark.parametrize("image_format", ["PNG", "GIF"])
def test_a_transparent_palette_entry_becomes_white(shirt: Image.Image, image_format: str) -> None:
    palette = shirt.quantize(64, dither=Image.Dither.NONE)
    entry = palette.getpixel((10, 10))
    expected = np.array(palette.convert("RGB"))
    expected[np.asarray(palette) == entry] = 255

    image = read_image(encoded(palette, image_format, transparency=entry))

    assert difference(Image.fromarray(expected), image) == 0


def test_a_palette_with_alpha_values_lies_over_white(shirt: Image.Image) -> None:
    palette = shirt.quantize(16, dither=Image.Dither.NONE)
    expected = Image.blend(palette.convert("RGB"), Image.new("RGB", shirt.size, "white"), 127 / 255)

    image = read_image(encoded(palette, "PNG", transparency=bytes([128] * 16)))

    assert difference(expected, image) < 2


@pytest.mark.parametrize("mode", ["L", "1", "P"])
def test_few_colours_become_rgb(shirt: Image.Image, mode: str) -> None:
    few = shirt.convert(mode)

    image = read_image(encoded(few, "PNG"))

    assert difference(few.convert("RGB"), image) == 0


@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_clipped(shirt: Image.Image, image_format: str) -> None:
    grey = shirt.convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)

    image = read_image(encoded(deep, image_format))

    assert difference(grey.convert("RGB"), image) < 1


def test_big_endian_16_bit_grey_is_scaled(shirt: Image.Image) -> None:
    grey = shirt.convert("L")
    deep = Image.frombytes(
        "I;16B", grey.size, (np.asarray(grey).astype(np.uint16) * 257).astype(">u2").tobytes()
    )

    assert difference(grey.convert("RGB"), read_image(encoded(deep, "TIFF"))) < 1


def test_16_bit_grey_that_is_nearly_black_stays_so(shirt: Image.Image) -> None:
    deep = np.full((SIDE_PX, SIDE_PX), 255, np.uint16)

    image = read_image(encoded(Image.fromarray(deep), "PNG"))

    assert image.getextrema() == ((1, 1),) * 3


def test_16_bit_rgb_is_scaled(shirt: Image.Image) -> None:
    deep = png(np.asarray(shirt).astype(np.uint16) * 257, color_type=2, bits=16)

    assert difference(shirt, read_image(deep)) < 1


def test_16_bit_rgba_lies_over_white(shirt: Image.Image) -> None:
    transparent = shirt.copy()
    transparent.putalpha(0)
    deep = png(np.asarray(transparent).astype(np.uint16) * 257, color_type=6, bits=16)

    assert read_image(deep).getextrema() == ((255, 255),) * 3


@pytest.mark.parametrize("color_type", [0, 2])
def test_the_transparent_colour_of_a_16_bit_png_becomes_white(color_type: int) -> None:
    shape = (8, 8, 3) if color_type == 2 else (8, 8)
    pixels = np.full(shape, 50 * 257, np.uint16)
    pixels[:4] = 10_000
    key = png_chunk(b"tRNS", struct.pack(">H", 10_000) * (3 if color_type == 2 else 1))

    image = np.asarray(read_image(png(pixels, color_type=color_type, bits=16, extra=key)))

    assert image[:4].min() == 255
    assert image[4:].max() == 50


@pytest.mark.parametrize(("scale", "dtype"), [(257, np.int32), (1, np.int32), (1, np.float32)])
def test_wide_grey_values_are_scaled(shirt: Image.Image, scale: int, dtype: type) -> None:
    grey = shirt.convert("L")
    wide = Image.fromarray((np.asarray(grey).astype(dtype) * scale).astype(dtype))

    assert difference(grey.convert("RGB"), read_image(encoded(wide, "TIFF"))) < 1


def test_float_grey_from_0_to_1_is_scaled(shirt: Image.Image) -> None:
    grey = shirt.convert("L")
    wide = Image.fromarray(np.asarray(grey).astype(np.float32) / 255)

    assert difference(grey.convert("RGB"), read_image(encoded(wide, "TIFF"))) < 1


@pytest.mark.parametrize("values", [[-1.0, 1.0], [0.0, 1e6], [0.0, float("nan")]])
def test_float_grey_without_a_known_white_is_refused(values: list[float]) -> None:
    wide = Image.fromarray(np.resize(np.array(values, np.float32), (8, 8)))

    with pytest.raises(UnreadableImage, match="which is white is unknown"):
        read_image(encoded(wide, "TIFF"))


def test_a_tiff_that_stores_white_as_zero_is_not_a_negative(shirt: Image.Image) -> None:
    grey = shirt.convert("L")
    deep = Image.fromarray(65535 - np.asarray(grey).astype(np.uint16) * 257)

    image = read_image(encoded(deep, "TIFF", tiffinfo={262: 0}))

    assert difference(grey.convert("RGB"), image) < 1


@pytest.mark.parametrize("image_format", ["JPEG", "TIFF"])
def test_cmyk_without_a_profile_keeps_its_colours(shirt: Image.Image, image_format: str) -> None:
    image = read_image(encoded(shirt.convert("CMYK"), image_format))

    assert difference(shirt, image) < 6


@pytest.mark.parametrize("image_format", ["JPEG", "TIFF"])
def test_cmyk_goes_through_its_profile(image_format: str) -> None:
    cyan_ink = Image.new("CMYK", (16, 16), (255, 0, 0, 0))

    image = read_image(encoded(cyan_ink, image_format, icc_profile=exchanged_cmyk_profile()))

    red, green, blue = image.getpixel((8, 8))  # the profile says that this ink is yellow
    assert min(red, green) > 180
    assert blue < 80


def test_an_rgb_profile_is_applied() -> None:
    first_channel = Image.new("RGB", (16, 16), (255, 0, 0))

    image = read_image(encoded(first_channel, "PNG", icc_profile=exchanged_rgb_profile()))

    red, green, blue = image.getpixel((8, 8))  # the profile says that this channel is blue
    assert blue > 240
    assert max(red, green) < 16


def test_an_rgb_profile_is_applied_under_transparency() -> None:
    half = Image.new("RGBA", (16, 16), (255, 0, 0, 128))

    image = read_image(encoded(half, "PNG", icc_profile=exchanged_rgb_profile()))

    assert image.getpixel((8, 8)) == pytest.approx((127, 127, 255), abs=4)


def test_a_grey_profile_is_applied() -> None:
    middle = Image.new("L", (16, 16), 128)

    image = read_image(encoded(middle, "PNG", icc_profile=dark_grey_profile()))

    assert 40 < image.getpixel((8, 8))[0] < 80


@pytest.mark.parametrize(
    "profile", [b"no profile", exchanged_rgb_profile()[:200], exchanged_cmyk_profile()]
)
def test_a_profile_that_does_not_fit_is_ignored(shirt: Image.Image, profile: bytes) -> None:
    assert difference(shirt, read_image(encoded(shirt, "PNG", icc_profile=profile))) == 0


def test_an_rgb_profile_on_a_cmyk_picture_is_ignored(shirt: Image.Image) -> None:
    ink = encoded(shirt.convert("CMYK"), "TIFF", icc_profile=exchanged_rgb_profile())

    assert difference(shirt, read_image(ink)) < 6


@pytest.mark.parametrize("image_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame_counts(shirt: Image.Image, image_format: str) -> None:
    first = shirt.quantize(64).convert("RGB")
    options = {"lossless": True} if image_format == "WEBP" else {}

    image = read_image(
        encoded(
            first,
            image_format,
            save_all=True,
            append_images=[Image.new("RGB", shirt.size, "red")],
            **options,
        )
    )

    assert difference(first, image) < 1


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.3, 0.7, 0.95])
def test_a_truncated_file_is_refused(
    shirt: Image.Image, image_format: str, kept: float, tmp_path: Path
) -> None:
    noise = Image.effect_noise(shirt.size, 90).convert("RGB")
    whole = encoded(Image.blend(shirt, noise, 0.5), image_format)
    cut = whole[: int(len(whole) * kept)]

    with pytest.raises(UnreadableImage, match=r"^[^\n]+\.$"):
        read_image(cut)


def test_a_truncated_progressive_jpeg_is_refused(shirt: Image.Image) -> None:
    whole = encoded(shirt, "JPEG", progressive=True)

    with pytest.raises(UnreadableImage, match="truncated"):
        read_image(whole[: len(whole) * 3 // 4])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "empty", id="zero bytes"),
        pytest.param(b"<!doctype html><title>404</title>", "not a picture", id="html"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture", id="svg"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n", "not a picture", id="postscript"),
        pytest.param(b"\xff\xd8\xff\xe0" + b"x" * 100, "Truncated", id="jpeg magic only"),
        pytest.param(b"GIF89a\1\0\1\0\0\0\0;", "GIF", id="gif without a frame"),
    ],
)
def test_what_is_no_picture_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        read_image(content)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match=r"gone\.jpg cannot be read: No such file"):
        read_image(tmp_path / "gone.jpg")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="cannot be read"):
        read_image(tmp_path)


def huge_png(side_px: int) -> bytes:
    """A header that promises a large picture, and no pixels."""
    header = struct.pack(">IIBBBBB", side_px, side_px, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"no pixels")


def test_the_pixel_cap_is_checked_before_decoding() -> None:
    with pytest.raises(UnreadableImage, match="30000 x 30000 px; at most 50,000,000 pixels"):
        read_image(huge_png(30_000))


def test_pillows_own_cap_is_neither_a_warning_nor_an_error() -> None:
    for side_px in (9_500, 14_000):  # where Pillow would warn, and where it would refuse
        with pytest.raises(UnreadableImage, match="cannot be read: broken data stream"):
            read_image(huge_png(side_px), max_pixels=side_px**2)


def test_exactly_the_cap_is_read_and_one_more_is_not(shirt: Image.Image) -> None:
    pixels = shirt.width * shirt.height

    assert read_image(encoded(shirt, "PNG"), max_pixels=pixels).size == shirt.size
    with pytest.raises(UnreadableImage):
        read_image(encoded(shirt, "PNG"), max_pixels=pixels - 1)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
def test_a_picture_of_one_pixel_a_side_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(UnreadableImage, match="at least 2 px"):
        read_image(encoded(Image.new("RGB", size), "PNG"))


def test_a_ribbon_that_would_explode_when_resized_is_refused() -> None:
    with pytest.raises(UnreadableImage, match="100 times"):
        read_image(encoded(Image.new("1", (4_000, 2)), "PNG"))


@pytest.mark.parametrize(
    ("image_format", "mime_type"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("GIF", "image/gif"), ("WEBP", "image/webp")],
)
def test_the_type_is_told_by_the_content(
    shirt: Image.Image, tmp_path: Path, image_format: str, mime_type: str
) -> None:
    path = tmp_path / "wrong.txt"
    path.write_bytes(encoded(shirt, image_format))

    assert image_mime_type(path) == mime_type


def test_a_picture_with_more_behind_it_is_a_jpeg(shirt: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "phone.jpg"
    path.write_bytes(encoded(shirt, "MPO", save_all=True, append_images=[shirt]))

    assert image_mime_type(path) == "image/jpeg"
    assert difference(shirt, read_image(path)) <= 6


def test_what_is_no_picture_has_no_type(tmp_path: Path) -> None:
    path = tmp_path / "page.jpg"
    path.write_text("<html>")

    assert image_mime_type(path) is None
    assert image_mime_type(tmp_path / "gone.jpg") is None


def camera_photo(width: int, height: int) -> Image.Image:
    """Coarse and fine structure, as a photo has; the spectrum falls with the frequency."""
    random = np.random.default_rng(width)
    spectrum = np.fft.rfft2(random.standard_normal((height, width)))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    pattern = np.fft.irfft2(spectrum / np.maximum(frequency, 1 / width), s=(height, width))
    grey = (128 + 50 * pattern / pattern.std()).clip(0, 255).astype(np.uint8)
    return Image.merge("RGB", [Image.fromarray(np.roll(grey, 40 * i, axis=0)) for i in range(3)])


@pytest.mark.parametrize(
    ("size", "decoded"),
    [((2000, 2600), (500, 650)), ((4000, 3000), (1000, 750)), ((830, 800), (830, 800))],
)
def test_a_large_jpeg_is_decoded_at_no_less_than_twice_what_is_needed(size, decoded):
    photo = read_for_side(encoded(Image.new("RGB", size), "JPEG"), 208)

    assert photo.image.size == decoded
    assert (photo.width_px, photo.height_px) == size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_reduced_jpeg_is_upright_and_knows_its_full_size(orientation: int):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    content = encoded(camera_photo(1200, 900), "JPEG", exif=exif)
    whole = read_image(content)

    photo = read_for_side(content, 100)

    assert (photo.width_px, photo.height_px) == whole.size
    assert photo.image.width < whole.width
    assert difference(whole.resize((100, 100)), photo.image.resize((100, 100))) < 3


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "TIFF"])
def test_what_is_no_jpeg_is_decoded_in_full(image_format: str):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    photo = read_for_side(encoded(Image.new("RGB", (900, 600)), image_format, exif=exif), 100)

    assert photo.image.size == (photo.width_px, photo.height_px) == (600, 900)


@pytest.mark.parametrize("size", [(2000, 2600), (3000, 2400), (4000, 3000)])
def test_reduced_decoding_moves_no_embedding(size: tuple[int, int]):
    embedder = load_embedder("clothing")
    content = encoded(camera_photo(*size), "JPEG", quality=88)

    whole, reduced = embedder.embed_images(
        [read_image(content), read_for_side(content, embedder.input_side_px).image]
    )

    assert float(whole @ reduced) >= 0.999
