"""The pictures of a request: files beside its JSON, or base64 in it."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from app.embedding.base import Pixels
from app.errors import BadRequest
from app.service import Service


@dataclass(frozen=True, slots=True)
class ImagePart:
    """The value of an input's `image`, and where it stands in the body."""

    value: str
    where: str


class RequestPictures:
    """Prepares the pictures of one request for the model.

    Args:
        files: the file parts beside the JSON, by name.
        service: prepares.
    """

    def __init__(self, files: Mapping[str, bytes], service: Service) -> None:
        self._files = files
        self._service = service
        self._used: set[str] = set()

    def prepared(self, image: ImagePart) -> Pixels:
        """Decode a picture to what the model sees; the name of a part goes before base64.

        Raises:
            BadRequest: the value is neither.
            UnreadableImage: the bytes are no picture that can be read.
            ModelUnavailable: the model is not loaded yet.
        """
        return self._service.prepare(self._content(image))

    def refuse_unused(self) -> None:
        """Refuse a file that no input names; raises `BadRequest`."""
        unused = sorted(set(self._files) - self._used)
        if unused:
            raise BadRequest(f"The multipart body has a file {unused[0]!r} that no input names.")

    def _content(self, image: ImagePart) -> bytes:
        if image.value in self._files:
            self._used.add(image.value)
            return self._files[image.value]
        try:
            return base64.b64decode(image.value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadRequest(
                f"{image.where} is neither base64 nor the name of a file part of the request."
            ) from error
