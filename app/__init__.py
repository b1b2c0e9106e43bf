"""Similar-item search over MongoDB Atlas Vector Search."""
