"""The grams of one `autocomplete` field, by slot."""

from .grams import GramAnalyzer
from .text_column import TextColumn


class CompletionColumn(TextColumn):
    """The grams of one path by slot.

    Args:
        grams: what makes them.
    """

    def __init__(self, grams: GramAnalyzer) -> None:
        super().__init__(grams.of_document, grams.analyze)
        self.grams = grams
