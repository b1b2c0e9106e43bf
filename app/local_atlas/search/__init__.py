"""The search engine of LocalAtlas: index definitions, vectors, filters and the search stages."""
