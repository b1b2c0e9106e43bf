"""The commands create and collMod: collections with their options, and views.

https://www.mongodb.com/docs/manual/reference/command/create/
"""

from typing import Any

from ..changes.images import IMAGES
from ..document_validation import validator_of
from ..environment import StoreEnvironment
from ..errors import NOT_EMULATED, CommandError, bad_value
from ..mql.bson_order import same
from ..mql.pipelines import LAST_STAGES
from ..mql.stages import run_pipeline
from ..mql.transforms import stage_parts
from ..views import is_view
from .fields import (
    bool_field,
    collation_field,
    collection_name,
    document_field,
    int_field,
    list_field,
    missing_field,
    string_field,
    unknown_field,
)
from .index_changes import change_index
from .table import CommandContext, command

Document = dict[str, Any]

_CHOICES = {
    "validationLevel": ("off", "strict", "moderate"),
    "validationAction": ("error", "warn"),
}
_VALIDATION_FIELDS = ("validator", *_CHOICES)
_VIEW_FIELDS = ("viewOn", "pipeline")
_CAPPED_FIELDS = ("capped", "size", "max")


@command(
    "create",
    fields=(
        *_VALIDATION_FIELDS, *_VIEW_FIELDS, *_CAPPED_FIELDS, IMAGES, "collation", "storageEngine",
        "indexOptionDefaults", "autoIndexId", "idIndex",
    ),
    refused_fields=(
        "timeseries", "expireAfterSeconds", "clusteredIndex", "encryptedFields",
    ),
)  # fmt: skip
def create(context: CommandContext, body: Document) -> Document:
    """Create an empty collection or a view; one that exists already is left as it is."""
    name = collection_name(body)
    if collation_field(body) is not None:
        raise CommandError(72, "InvalidOptions", f"collation of a whole collection {NOT_EMULATED}")
    options = _view_options(context, body) or {
        **_capped_options(body),
        **_collection_options(context, body),
    }
    with context.write() as transaction:
        existing = transaction.collection(context.database, name)
        if existing is None:
            transaction.create_collection(context.database, name, options)
        elif context.transaction is not None:
            message = f"Collection {existing.namespace} already exists."
            raise CommandError(48, "NamespaceExists", message)
        elif not same(transaction.options_of(existing), options):
            kind = "view" if is_view(existing.options) else "collection"
            raise CommandError(
                48,
                "NamespaceExists",
                f"{kind} already exists, but with different options: {existing.namespace}",
            )
    return {}


@command(
    "collMod",
    fields=(*_VALIDATION_FIELDS, *_VIEW_FIELDS, IMAGES, "index"),
    refused_fields=(
        "cappedSize", "cappedMax", "expireAfterSeconds", "timeseries", "dryRun",
    ),
)  # fmt: skip
def modify_collection(context: CommandContext, body: Document) -> Document:
    """Change the validation of a collection, what a view shows, or options of an index."""
    name = collection_name(body)
    changed = _view_options(context, body)
    changes_view = bool(changed)
    changed = changed or _collection_options(context, body)
    with context.store.write() as transaction:
        collection = transaction.collection(context.database, name)
        if collection is None:
            message = f"ns does not exist: {context.database}.{name}"
            raise CommandError(26, "NamespaceNotFound", message)
        options = transaction.options_of(collection)
        if changed and changes_view != is_view(options):
            kind = "view" if is_view(options) else "collection"
            message = f"option not supported on a {kind}: {next(iter(changed))}"
            raise CommandError(72, "InvalidOptions", message)
        if changed:
            transaction.set_options(collection, {**options, **changed})
        reply = change_index(transaction, collection, body)
        described = {**changed, **({"index": body["index"]} if "index" in body else {})}
        transaction.recorder.note(collection, "modify", {"operationDescription": described})
    return reply


def _capped_options(body: Document) -> Document:
    """Return the options of a capped collection, nothing for any other."""
    if not bool_field(body, "capped"):
        if "size" in body or "max" in body:
            message = (
                "the 'capped' field needs to be true when either the 'size' or 'max' fields are "
                "present"
            )
            raise CommandError(72, "InvalidOptions", message)
        return {}
    size_bytes, most = int_field(body, "size"), int_field(body, "max")
    if size_bytes is None:
        message = "the 'size' field is required when 'capped' is true"
        raise CommandError(72, "InvalidOptions", message)
    if size_bytes < 1:
        message = f"BSON field 'create.size' value must be >= 1, actual value '{size_bytes}'"
        raise CommandError(51024, "Location51024", message)
    limits = {"capped": True, "size": size_bytes}
    return {**limits, "max": most} if most is not None and most > 0 else limits


def _collection_options(context: CommandContext, body: Document) -> Document:
    """Return the options of a collection that a command carries, checked."""
    return {**_checked_validation(context, body), **_checked_images(body)}


def _checked_validation(context: CommandContext, body: Document) -> Document:
    """Return the options about validation that a command carries, checked."""
    options: Document = {}
    if "validator" in body:
        options["validator"] = document_field(body, "validator")
        validator_of(f"{context.database}.{collection_name(body)}", options)
    for name, choices in _CHOICES.items():
        if name not in body:
            continue
        options[name] = string_field(body, name)
        if options[name] not in choices:
            where = f"{next(iter(body))}.{name}"
            message = (
                f"Enumeration value '{options[name]}' for field '{where}' is not a valid value."
            )
            raise bad_value(message)
    return options


def _checked_images(body: Document) -> Document:
    """Return the option as a command carries it, nothing where it does not.

    Raises:
        CommandError: it is malformed.
    """
    if IMAGES not in body:
        return {}
    value = document_field(body, IMAGES)
    named = {f"{next(iter(body))}.{IMAGES}": 1, **value}
    for name in value:
        if name != "enabled":
            raise unknown_field(next(iter(named)), name)
    if "enabled" not in value:
        raise missing_field(named, "enabled")
    return {IMAGES: {"enabled": bool_field(named, "enabled")}}


def _view_options(context: CommandContext, body: Document) -> Document:
    """Return the options of a view, checked; nothing where none is asked for."""
    if "viewOn" not in body:
        if "pipeline" in body:
            message = "'pipeline' requires 'viewOn' to also be specified"
            raise CommandError(72, "InvalidOptions", message)
        return {}
    for name in (*_VALIDATION_FIELDS, *_CAPPED_FIELDS, IMAGES):
        if name in body:
            message = f"'{name}' is not a valid option for a view"
            raise CommandError(72, "InvalidOptions", message)
    source = string_field(body, "viewOn")
    pipeline = list_field(body, "pipeline") if "pipeline" in body else []
    for name, _ in map(stage_parts, pipeline):
        if name in LAST_STAGES:
            message = f"The aggregation stage {name} in the pipeline of a view definition"
            raise CommandError(167, "OptionNotSupportedOnView", f"{message} is not supported")
    if source == collection_name(body):
        message = f"View cycle detected: {context.database}.{source}"
        raise CommandError(5, "GraphContainsCycle", message)
    run_pipeline(pipeline, StoreEnvironment(context, source))  # checks it; nothing is read yet
    return {"viewOn": source, "pipeline": pipeline}
