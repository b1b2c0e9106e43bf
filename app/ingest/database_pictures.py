"""Pictures whose bytes the database holds: in a field of a document, or in GridFS."""

from dataclasses import dataclass
from typing import Any, ClassVar

from bson import ObjectId
from gridfs import GridFSBucket
from gridfs.errors import NoFile
from pymongo.errors import PyMongoError

from app.pictures import (
    NotModified,
    PictureBytes,
    PictureUnavailable,
    Validators,
    check_size,
)
from app.stored_pictures import field_uri, gridfs_uri


@dataclass(frozen=True, slots=True)
class FieldPicture:
    """A picture in a field, read with its document; its bytes are hashed, as a file's are."""

    is_remote: ClassVar[bool] = False

    content: bytes
    path: str

    @property
    def uri(self) -> str:
        """The field, as the document names it."""
        return field_uri(self.path)

    def read(self, known: Validators | None) -> PictureBytes:
        """Return the field's bytes."""
        return PictureBytes(bytes(self.content))

    def __str__(self) -> str:
        return self.uri


@dataclass(frozen=True, slots=True)
class GridFSPicture:
    """A picture in GridFS; a file there never changes, only a new one may take its id."""

    is_remote: ClassVar[bool] = True

    files: GridFSBucket
    file_id: ObjectId

    @property
    def uri(self) -> str:
        """The file's id, as the document names it."""
        return gridfs_uri(self.file_id)

    def read(self, known: Validators | None) -> PictureBytes | NotModified:
        """Return the file's bytes, unless its time of upload is known."""
        try:
            with self.files.open_download_stream(self.file_id) as stream:
                validators = Validators(None, stream.upload_date.isoformat())
                if known == validators:
                    return NotModified()
                check_size(stream.length)
                return PictureBytes(stream.read(), validators)
        except NoFile as error:
            raise PictureUnavailable(f"{self} is not there.", retryable=False) from error
        except PyMongoError as error:  # CorruptGridFile among them
            raise PictureUnavailable(
                f"{self} cannot be read: {_line(error)}.", retryable=True
            ) from (error)

    def __str__(self) -> str:
        return self.uri


def _line(error: Any) -> str:
    return str(error).partition(", full error")[0].rstrip(".")
