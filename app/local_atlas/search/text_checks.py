"""What an index cannot do for the text operators, refused before the search.

Source: https://github.com/mongodb/mongot, `QueryAnalyzerWrapper`, `SynonymMappingException` and
`SearchQueryTimeMappingChecks`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .analyzers import ANALYZERS
from .completions import HasCompletion
from .conditions import AllOf, AnyOf, Condition, Not
from .lucene_patterns import regex_pattern
from .mapping import IndexMapping
from .query_paths import AnyTextPath, TextPath
from .refusals import QueryError, not_emulated
from .term_patterns import HasPattern
from .text_conditions import HasPhrase, HasText
from .text_fields import gram_analyzer, index_analyzer, search_analyzer, text_options
from .token_checks import check_tokens

_Texts = HasText | HasPhrase | HasPattern | HasCompletion


def check_texts(mapping: IndexMapping, index_name: str, condition: Condition) -> None:
    """Check every text operator of a filter, and every comparison of texts, against a mapping.

    Raises:
        QueryError: an unknown `multi` or synonym mapping, a phrase where positions are not indexed,
            or words compared with what is no token, with the search server's text; or what
            LocalAtlas does not emulate, by name.
    """
    check_tokens(mapping, condition)
    for one in _texts(condition):
        if isinstance(one, HasCompletion):
            _check_completion(mapping, one)
            continue
        if isinstance(one, HasPattern):
            _check_pattern(mapping, one)
        for path in one.search.paths:
            for found, options in _mapped(mapping, index_name, path):
                _check_analyzers(mapping, found, options)
                if isinstance(one, HasPhrase):
                    _check_positions(mapping, found, options, one)
        _check_synonyms(mapping, one.search.synonyms)


def check_ranking(mapping: IndexMapping, condition: Condition) -> None:
    """Check that the texts of a query are ranked as LocalAtlas ranks them.

    Raises:
        QueryError: naming the field of another `similarity`.
    """
    for one in _texts(condition):
        if isinstance(one, HasPattern):
            continue
        if isinstance(one, HasCompletion):
            paths: Sequence[AnyTextPath] = (TextPath(one.path, use="autocomplete"),)
        else:
            paths = one.search.paths
        for path in paths:
            for found, options in _mapped(mapping, "", path):
                kind = (options.get("similarity") or {}).get("type", "bm25")
                if kind != "bm25":
                    raise not_emulated(f'similarity "{kind}" of field {found}')


def _check_completion(mapping: IndexMapping, completion: HasCompletion) -> None:
    path, fuzzy = completion.path, completion.fuzzy
    options = text_options(mapping, TextPath(path, use="autocomplete"))
    if options is None:
        raise QueryError(f"autocomplete index field definition not present at path {path}")
    grams = gram_analyzer(options)
    if grams is None:
        raise not_emulated(f'analyzer "{options["analyzer"]}" of field {path}')
    if fuzzy is not None and options["maxGrams"] < fuzzy.prefix_length:
        raise QueryError(
            "minimum fuzzy prefix length must be less than the maximum indexed token length"
        )


def _check_pattern(mapping: IndexMapping, pattern: HasPattern) -> None:
    """Refuse what is no pattern, and analyzed paths unless these are said to be meant."""
    for query in pattern.search.queries:
        if pattern.syntax == "regex":
            regex_pattern(query)
    if pattern.allows_analyzed:
        return
    for path in pattern.search.paths:
        if not isinstance(path, TextPath):
            options, field = None, None
        else:
            options, field = text_options(mapping, path), mapping.resolve(path.path)
        is_token = options is None and field is not None and "token" in field.types
        is_word = options is not None and index_analyzer(mapping, options) == "lucene.keyword"
        if not is_token and not is_word:
            raise QueryError(
                f"{pattern.syntax} cannot search field {path}, whose strings are analyzed, unless "
                "allowAnalyzedField is true"
            )


def _texts(condition: Condition) -> Iterator[_Texts]:
    if isinstance(condition, _Texts):
        yield condition
    elif isinstance(condition, Not):
        yield from _texts(condition.part)
    elif isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from _texts(part)


def _mapped(
    mapping: IndexMapping, index_name: str, path: AnyTextPath
) -> Iterator[tuple[TextPath, Mapping[str, Any]]]:
    """Yield the fields under a path, with their options; those not indexed as strings have none."""
    if not isinstance(path, TextPath):
        matching = (TextPath(name) for name, _ in mapping.declared() if path.matches(name))
        found = [(one, text_options(mapping, one)) for one in matching]
        yield from ((one, options) for one, options in found if options is not None)
        yield from ((TextPath(path.pattern), options) for options in mapping.dynamic_strings())
        return
    options = text_options(mapping, path)
    if options is not None:
        yield path, options
    elif path.multi:
        raise QueryError(f"{path} not found in index: {index_name}")


def _check_analyzers(mapping: IndexMapping, path: TextPath, options: Mapping[str, Any]) -> None:
    for name in (index_analyzer(mapping, options), search_analyzer(mapping, options)):
        if name not in ANALYZERS:
            raise not_emulated(f'analyzer "{name}" of field {path}')


def _check_positions(
    mapping: IndexMapping, path: TextPath, options: Mapping[str, Any], phrase: HasPhrase
) -> None:
    if options.get("indexOptions", "offsets") in ("offsets", "positions"):
        return
    analyze = ANALYZERS[search_analyzer(mapping, options)]
    # A phrase of one term is a term, which needs no positions.
    if any(len(analyze(query)) > 1 for query in phrase.search.queries):
        raise QueryError(
            f"field {path} not indexed as string with indexOptions=offset or "
            "indexOptions=positions, which is required for phrase operator queries"
        )


def _check_synonyms(mapping: IndexMapping, name: str | None) -> None:
    if name is None:
        return
    if name not in mapping.text.synonyms:
        raise QueryError(f'unknown synonym mapping name "{name}"')
    raise not_emulated(f'synonym mapping "{name}"')
