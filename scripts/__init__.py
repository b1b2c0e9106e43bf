"""Command-line tools; run as `python -m scripts.verb_noun`."""
