"""A gallery of any length out of a few photos: each repetition is a file of other bytes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from app.documents import GalleryImage
from app.pictures import PictureBytes, Validators

_START, _COMMENT = b"\xff\xd8", b"\xff\xfe"


@dataclass(frozen=True, slots=True)
class CommentedPicture:
    """A JPEG file with a comment of its own behind its first two bytes; shows the same."""

    path: Path
    number: int
    is_remote: ClassVar[bool] = False

    def read(self, known: Validators | None) -> PictureBytes:
        """Return the file's bytes and the comment in them."""
        content = self.path.read_bytes()
        assert content.startswith(_START)
        comment = str(self.number).encode()
        segment = _COMMENT + (len(comment) + 2).to_bytes(2) + comment
        return PictureBytes(_START + segment + content[2:])

    def __str__(self) -> str:
        return f"{self.path}#{self.number}"


def repeated(paths: Sequence[Path], count: int) -> Iterator[GalleryImage]:
    """Yield `count` pictures, all of other bytes, the files over and over."""
    for number in range(count):
        picture = CommentedPicture(paths[number % len(paths)], number)
        yield GalleryImage(str(number), picture, str(number), {})
