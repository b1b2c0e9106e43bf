"""The option `changeStreamPreAndPostImages` of a collection: whether documents are kept whole.

https://www.mongodb.com/docs/manual/changeStreams/#change-streams-with-document-pre--and-post-images
"""

from collections.abc import Mapping
from typing import Any, Final

IMAGES: Final = "changeStreamPreAndPostImages"


def keeps_images(options: Mapping[str, Any]) -> bool:
    """Tell whether a collection keeps its documents before and after a change."""
    return IMAGES in options and bool(options[IMAGES]["enabled"])
