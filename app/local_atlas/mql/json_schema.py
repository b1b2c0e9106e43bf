"""`$jsonSchema`: a schema compiled once into a function that lists the rules a document breaks.

JSON Schema draft 4 with MongoDB's `bsonType`; what the server leaves out of the draft (`$ref`,
`format`, `default`, ...) is refused as it refuses it.
https://www.mongodb.com/docs/manual/reference/operator/query/jsonSchema/
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from ..errors import failed_to_parse, type_mismatch
from .json_schema_values import VALUE_KEYWORDS, CompileRule, Rule
from .paths import as_document
from .regex import compile_pattern

Document = dict[str, Any]
Violations = list[Document]
"""The broken rules as `errInfo` shows them; none where all hold."""
Schema = Callable[[Any], Violations]

_ANNOTATIONS: Final = frozenset({"title", "description"})
_NOT_SUPPORTED: Final = frozenset({"$ref", "$schema", "default", "definitions", "format", "id"})


def compile_schema(schema: Any) -> Schema:
    """Compile a schema.

    Raises:
        CommandError: 9 or 14, it is none that the server takes.
    """
    if not isinstance(schema, dict):
        raise type_mismatch("$jsonSchema must be an object")
    if "type" in schema and "bsonType" in schema:
        raise failed_to_parse(
            "Cannot specify both $jsonSchema keywords 'type' and 'bsonType' simultaneously"
        )
    rules = [(name, _compile_rule(name, schema)) for name in schema if name not in _ANNOTATIONS]

    def violations(value: Any) -> Violations:
        broken = []
        for name, rule in rules:
            found = rule(value)
            if found is not None:
                broken.append({"operatorName": name, **found})
        return broken

    return violations


def _compile_rule(name: str, schema: Document) -> Rule:
    if name in _NOT_SUPPORTED:
        raise failed_to_parse(f"$jsonSchema keyword '{name}' is not currently supported")
    if name not in _KEYWORDS:
        raise failed_to_parse(f"Unknown $jsonSchema keyword: {name}")
    return _KEYWORDS[name](name, schema)


def _compile_items(name: str, schema: Document) -> Rule:
    given = schema[name]
    single = None if isinstance(given, list) else compile_schema(given)
    by_position = [compile_schema(each) for each in given] if isinstance(given, list) else []

    def rule(value: Any) -> Document | None:
        if not isinstance(value, list):
            return None
        tests = by_position if single is None else [single] * len(value)
        for index, (test, item) in enumerate(zip(tests, value, strict=False)):
            if details := test(item):
                reason = "At least one item did not match the sub-schema"
                return {"reason": reason, "itemIndex": index, "details": details}
        return None

    return rule


def _compile_additional_items(name: str, schema: Document) -> Rule:
    allowed, first = schema[name], schema.get("items")
    if not isinstance(first, list):
        return lambda value: None
    test = _additional(allowed, name)

    def rule(value: Any) -> Document | None:
        extra = value[len(first) :] if isinstance(value, list) else []
        if not any(map(test, extra)):
            return None
        return {"specifiedAs": {name: allowed}, "reason": "found additional items"}

    return rule


def _compile_required(name: str, schema: Document) -> Rule:
    names = _string_list(name, schema[name])

    def rule(value: Any) -> Document | None:
        document = as_document(value)
        missing = [] if document is None else [each for each in names if each not in document]
        if not missing:
            return None
        return {"specifiedAs": {name: names}, "missingProperties": missing}

    return rule


def _compile_properties(name: str, schema: Document) -> Rule:
    schemas = _schemas(name, schema[name])

    def rule(value: Any) -> Document | None:
        document = as_document(value) or {}
        found = ((field, test(document[field])) for field, test in schemas.items()
                 if field in document)  # fmt: skip
        broken = [
            {"propertyName": field, "details": details} for field, details in found if details
        ]
        return {"propertiesNotSatisfied": broken} if broken else None

    return rule


def _compile_pattern_properties(name: str, schema: Document) -> Rule:
    schemas = [
        (compile_pattern(pattern, "").search, test)
        for pattern, test in _schemas(name, schema[name]).items()
    ]

    def rule(value: Any) -> Document | None:
        broken = [
            {"propertyName": field, "details": details}
            for field, item in (as_document(value) or {}).items()
            for search, test in schemas
            if search(field) is not None and (details := test(item))
        ]
        return {"details": broken} if broken else None

    return rule


def _compile_additional_properties(name: str, schema: Document) -> Rule:
    named = frozenset(schema.get("properties", ()))
    patterns = [compile_pattern(each, "").search for each in schema.get("patternProperties", ())]
    test = _additional(schema[name], name)

    def rule(value: Any) -> Document | None:
        extra = [
            field
            for field, item in (as_document(value) or {}).items()
            if field not in named
            and not any(search(field) is not None for search in patterns)
            and test(item)
        ]
        if not extra:
            return None
        return {"specifiedAs": {name: schema[name]}, "additionalProperties": extra}

    return rule


def _compile_dependencies(name: str, schema: Document) -> Rule:
    given = schema[name]
    if not isinstance(given, dict):
        raise type_mismatch("$jsonSchema keyword 'dependencies' must be an object")
    tests = {
        field: compile_schema({"required": each} if isinstance(each, list) else each)
        for field, each in given.items()
    }

    def rule(value: Any) -> Document | None:
        document = as_document(value) or {}
        broken = [
            {"conditionalProperty": field, "details": details}
            for field, test in tests.items()
            if field in document and (details := test(document))
        ]
        return {"failingDependencies": broken} if broken else None

    return rule


def _compile_combination(accepts: Callable[[int, int], bool], name: str, schema: Document) -> Rule:
    """Compile a rule about how many of several schemas hold: (how many do, of how many)."""
    given = schema[name]
    if not isinstance(given, list) or not given:
        raise failed_to_parse(f"$jsonSchema keyword '{name}' must be a nonempty array")
    tests = [compile_schema(each) for each in given]

    def rule(value: Any) -> Document | None:
        results = [test(value) for test in tests]
        if accepts(sum(not result for result in results), len(tests)):
            return None
        failed = ({"index": i, "details": details} for i, details in enumerate(results) if details)
        return {"schemasNotSatisfied": list(failed)}

    return rule


def _compile_not(name: str, schema: Document) -> Rule:
    test = compile_schema(schema[name])
    return lambda value: None if test(value) else {"reason": "child expression matched"}


def _additional(allowed: Any, name: str) -> Callable[[Any], bool]:
    """Return what tells that something additional is not allowed."""
    if isinstance(allowed, bool):
        return lambda item: not allowed
    if not isinstance(allowed, dict):
        raise type_mismatch(f"$jsonSchema keyword '{name}' must be either an object or a boolean")
    test = compile_schema(allowed)
    return lambda item: bool(test(item))


def _schemas(name: str, given: Any) -> dict[str, Schema]:
    if not isinstance(given, dict):
        raise type_mismatch(f"$jsonSchema keyword '{name}' must be an object")
    return {field: compile_schema(each) for field, each in given.items()}


def _string_list(name: str, given: Any) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise type_mismatch(f"$jsonSchema keyword '{name}' must be an array of strings")
    if not given:
        raise failed_to_parse(f"$jsonSchema keyword '{name}' cannot be an empty array")
    return given


_KEYWORDS: Final[Mapping[str, CompileRule]] = {
    **VALUE_KEYWORDS,
    "additionalItems": _compile_additional_items,
    "additionalProperties": _compile_additional_properties,
    "allOf": partial(_compile_combination, lambda held, total: held == total),
    "anyOf": partial(_compile_combination, lambda held, total: held > 0),
    "dependencies": _compile_dependencies,
    "items": _compile_items,
    "not": _compile_not,
    "oneOf": partial(_compile_combination, lambda held, total: held == 1),
    "patternProperties": _compile_pattern_properties,
    "properties": _compile_properties,
    "required": _compile_required,
}
