"""The pictures of a request: files beside its JSON, base64 in it, or at URLs that it names."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.embedding.base import Pixels
from app.errors import BadRequest
from app.service import Service


@dataclass(frozen=True, slots=True)
class ImagePart:
    """The value of an input's `image`, and where it stands in the body."""

    value: str
    where: str


@dataclass(frozen=True, slots=True)
class ImageLink:
    """The value of an input's `image_url`, and where it stands in the body."""

    url: str
    where: str


def prepare_pictures(
    images: Sequence[ImagePart | ImageLink], files: Mapping[str, bytes], service: Service
) -> list[Pixels]:
    """Decode the pictures of one request to what the model sees, in their order.

    Args:
        images: as the inputs name them; the name of a file goes before base64.
        files: the file parts beside the JSON, by name.
        service: fetches and decodes.

    Raises:
        BadRequest: an image is neither a file nor base64, a file is named by no input, or URLs are
            not allowed.
        FetchError: there is no picture at a URL.
        UnreadableImage: the bytes are no picture that can be read.
        ModelUnavailable: the model is not loaded yet.
    """
    named = {one.value for one in images if isinstance(one, ImagePart)}
    unused = sorted(set(files) - named)
    if unused:
        raise BadRequest(f"The multipart body has a file {unused[0]!r} that no input names.")
    links = [one for one in images if isinstance(one, ImageLink)]
    parts = [one for one in images if isinstance(one, ImagePart)]
    contents: dict[ImagePart | ImageLink, bytes] = {one: _content(one, files) for one in parts}
    contents.update(zip(links, service.fetch([one.url for one in links]), strict=True))
    return [service.prepare(contents[one]) for one in images]


def _content(image: ImagePart, files: Mapping[str, bytes]) -> bytes:
    if image.value in files:
        return files[image.value]
    try:
        return base64.b64decode(image.value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest(
            f"{image.where} is neither base64 nor the name of a file part of the request."
        ) from error
