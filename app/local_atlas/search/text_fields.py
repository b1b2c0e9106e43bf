"""How the strings of a path are analysed, when they are indexed and when they are searched.

Source: https://github.com/mongodb/mongot, `LuceneAnalyzer`.
"""

from collections.abc import Mapping
from typing import Any

from .analyzers import ANALYZERS, DEFAULT_ANALYZER
from .mapping import IndexMapping
from .query_paths import TextPath
from .text_column import TextColumn, Weighting


def text_options(mapping: IndexMapping, path: TextPath) -> Mapping[str, Any] | None:
    """Return the options of the string type at a path, None where it is not indexed as that."""
    field = mapping.resolve(path.path)
    options = field.types.get("string") if field is not None else None
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


def text_column(mapping: IndexMapping, path: TextPath) -> TextColumn | None:
    """Return an empty column for a path, or None where its analyzers are not emulated."""
    options = text_options(mapping, path) or {}
    analyze = ANALYZERS.get(index_analyzer(mapping, options))
    analyze_query = ANALYZERS.get(search_analyzer(mapping, options))
    if analyze is None or analyze_query is None:
        return None
    weighting = Weighting(
        counts=options.get("indexOptions") != "docs", lengths=options.get("norms") != "omit"
    )
    return TextColumn(analyze, analyze_query, weighting)
