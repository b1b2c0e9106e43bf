"""Pictures at URLs, as a feed or a document names them."""

from dataclasses import dataclass
from typing import ClassVar

from app import fetching
from app.pictures import NotModified, PictureBytes, PictureUnavailable, Validators


@dataclass(frozen=True, slots=True)
class UrlPicture:
    """A picture that a fetcher fetches; the URL is checked when its turn comes."""

    is_remote: ClassVar[bool] = True

    fetcher: fetching.Fetcher
    url: str

    def read(self, known: Validators | None) -> PictureBytes | NotModified:
        """Fetch the picture, with known validators only if it has changed."""
        asked = known or Validators(None, None)
        try:
            answer = self.fetcher.fetch(
                self.url, etag=asked.etag, last_modified=asked.last_modified
            )
        except fetching.FetchError as error:
            raise PictureUnavailable(error.message, retryable=error.retryable) from error
        if isinstance(answer, fetching.NotModified):
            return NotModified()
        return PictureBytes(answer.content, Validators(answer.etag, answer.last_modified))

    def __str__(self) -> str:
        return fetching.shown_url(self.url)
