"""Reads the operators `text`, `phrase`, `wildcard`, `regex` and `autocomplete`.

Source: https://github.com/mongodb/mongot, `TextOperator`, `PhraseOperator`,
`AutocompleteOperator` and `FuzzyOption`.
"""

from typing import Any, Literal

from .completions import HasCompletion
from .fuzzy import Fuzzy
from .operators import Clause
from .parsing import (
    DocumentParser,
    boolean,
    document_of,
    integer,
    integer_within,
    non_empty_list,
    non_empty_string,
    non_negative_integer,
    one_of,
    one_or_list_of,
    refuse,
    string,
)
from .query_paths import read_text_paths
from .score_modifiers import read_score
from .term_patterns import HasPattern
from .text_conditions import HasPhrase, HasText, TextSearch

_read_queries = non_empty_list(one_or_list_of(non_empty_string))


def parse_text(parser: DocumentParser) -> Clause:
    """Read `text`."""
    fuzzy = parser.optional_or_none("fuzzy", document_of(_parse_fuzzy))
    synonyms = parser.optional_or_none("synonyms", non_empty_string)
    parser.at_most_one({"fuzzy": fuzzy, "synonyms": synonyms})
    score = parser.optional_or_none("score", read_score)
    search = _parse_search(parser, synonyms)
    criteria = parser.optional("matchCriteria", one_of("any", "all"), "any")
    return Clause(HasText(search, needs_all=criteria == "all", fuzzy=fuzzy), score)


def parse_phrase(parser: DocumentParser) -> Clause:
    """Read `phrase`."""
    score = parser.optional_or_none("score", read_score)
    search = _parse_search(parser, None)
    slop = parser.optional("slop", non_negative_integer, 0)
    synonyms = parser.optional_or_none("synonyms", non_empty_string)
    return Clause(HasPhrase(TextSearch(search.paths, search.queries, synonyms), slop), score)


def parse_wildcard(parser: DocumentParser) -> Clause:
    """Read `wildcard`."""
    return _parse_pattern(parser, "wildcard")


def parse_regex(parser: DocumentParser) -> Clause:
    """Read `regex`."""
    return _parse_pattern(parser, "regex")


def _parse_pattern(parser: DocumentParser, syntax: Literal["wildcard", "regex"]) -> Clause:
    score = parser.optional_or_none("score", read_score)
    search = _parse_search(parser, None)
    allows_analyzed = parser.optional("allowAnalyzedField", boolean, False)
    return Clause(HasPattern(search, syntax, allows_analyzed), score)


def parse_autocomplete(parser: DocumentParser) -> Clause:
    """Read `autocomplete`."""
    score = parser.optional_or_none("score", read_score)
    path = parser.required("path", string)
    queries = parser.required("query", _read_queries)
    fuzzy = parser.optional_or_none("fuzzy", document_of(_parse_fuzzy))
    order = parser.optional("tokenOrder", one_of("any", "sequential"), "any")
    completion = HasCompletion(path, tuple(queries), fuzzy, in_order=order == "sequential")
    return Clause(completion, score)


def _parse_search(parser: DocumentParser, synonyms: str | None) -> TextSearch:
    paths = parser.required("path", read_text_paths)
    return TextSearch(tuple(paths), tuple(parser.required("query", _read_queries)), synonyms)


def _parse_fuzzy(parser: DocumentParser) -> Fuzzy:
    return Fuzzy(
        max_edits=parser.optional("maxEdits", _read_max_edits, 2),
        prefix_length=parser.optional("prefixLength", non_negative_integer, 0),
        max_expansions=parser.optional("maxExpansions", integer_within(1, 1000), 50),
    )


def _read_max_edits(value: Any, path: str) -> int:
    edits = integer(value, path)
    if edits not in (1, 2):
        refuse(path, "must be either 1 or 2")
    return edits
