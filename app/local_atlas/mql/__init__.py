"""MongoDB's query language: pure functions from documents to documents."""
