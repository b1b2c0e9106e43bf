"""Similar-item search over MongoDB Atlas Vector Search: `create_app` is the web service."""

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.config import Settings
    from app.embedding.base import Embedder
    from app.fetching import Fetcher


def create_app(
    settings: "Settings | None" = None,
    *,
    embedder: "Embedder | None" = None,
    fetcher: "Fetcher | None" = None,
) -> "Flask":
    """Build the web service; the model begins to load in the background.

    Args:
        settings: read from the environment and `.env` where not given.
        embedder: used instead of the model that the settings name.
        fetcher: used instead of one that asks public addresses only, for what requests link to.

    Raises:
        ConfigError: a setting, the model folder or the index file cannot be used.
    """
    from app.config import Settings
    from app.web import build_app

    settings = settings or Settings.from_env()
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    return build_app(settings, embedder, fetcher)
