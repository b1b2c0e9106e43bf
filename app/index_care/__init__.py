"""The care that a search index needs: plan, apply, status, verify, tune, migrate; any index."""
