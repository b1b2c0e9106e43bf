"""How the strings of a path are analysed, when they are indexed and when they are searched.

Source: https://github.com/mongodb/mongot, `LuceneAnalyzer`.
"""

from collections.abc import Mapping
from typing import Any

from .analyzers import ANALYZERS, DEFAULT_ANALYZER
from .completion_column import CompletionColumn
from .grams import GramAnalyzer
from .mapping import IndexMapping
from .query_paths import TextPath
from .text_column import TextColumn, Weighting


def text_options(mapping: IndexMapping, path: TextPath) -> Mapping[str, Any] | None:
    """Return the options of a path's type for texts, None where it is not indexed as that."""
    field = mapping.resolve(path.path)
    options = field.types.get(path.use) if field is not None else None
    if options is None or not path.multi:
        return options
    multi: Mapping[str, Mapping[str, Any]] = options.get("multi", {})
    return multi.get(path.multi)


def index_analyzer(mapping: IndexMapping, options: Mapping[str, Any]) -> str:
    """Return the name of the analyzer for the strings of documents."""
    return options.get("analyzer") or mapping.text.analyzer or DEFAULT_ANALYZER


def search_analyzer(mapping: IndexMapping, options: Mapping[str, Any]) -> str:
    """Return the name of the analyzer for queries."""
    of_field = options.get("searchAnalyzer") or options.get("analyzer")
    of_index = mapping.text.search_analyzer or mapping.text.analyzer
    return of_field or of_index or DEFAULT_ANALYZER


def gram_analyzer(options: Mapping[str, Any]) -> GramAnalyzer | None:
    """Return what makes grams for an autocomplete field; None where its analyzer is not emulated.

    Fields without an analyzer have the standard one, whatever that of the index is.
    """
    name = options.get("analyzer") or DEFAULT_ANALYZER
    if name not in ANALYZERS:
        return None
    return GramAnalyzer(
        ANALYZERS[name],
        lowers=name not in ("lucene.keyword", "lucene.whitespace"),
        shortest=options["minGrams"],
        longest=options["maxGrams"],
        folds=options["foldDiacritics"],
        tokenization=options["tokenization"],
    )


def text_column(mapping: IndexMapping, path: TextPath) -> TextColumn | None:
    """Return an empty column for a path, or None where its analyzers are not emulated."""
    options = text_options(mapping, path) or {}
    if path.use == "autocomplete":
        grams = gram_analyzer(options)
        return None if grams is None else CompletionColumn(grams)
    analyze = ANALYZERS.get(index_analyzer(mapping, options))
    analyze_query = ANALYZERS.get(search_analyzer(mapping, options))
    if analyze is None or analyze_query is None:
        return None
    weighting = Weighting(
        counts=options.get("indexOptions") != "docs", lengths=options.get("norms") != "omit"
    )
    return TextColumn(analyze, analyze_query, weighting)
