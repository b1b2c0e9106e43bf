"""What LocalAtlas emulates, asked of LocalAtlas itself, and the page that tells it."""
