"""LocalAtlas: an embedded twin of MongoDB Atlas Vector Search that speaks the wire protocol."""
