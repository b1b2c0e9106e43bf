"""The field `index` of collMod: when documents expire by an index, and whether it is hidden.

https://www.mongodb.com/docs/manual/reference/command/collMod/#change-index-properties
"""

from typing import Any, Final

from ..errors import NOT_EMULATED, CommandError
from ..mql.bson_text import render
from ..ordinary_indexes import OrdinaryIndex
from ..stored_collection import StoredCollection
from ..write_transaction import WriteTransaction
from .fields import bool_field, document_field, string_field, unknown_field
from .index_specifications import checked_lifetime, same_key

Document = dict[str, Any]

_NAMES: Final = ("name", "keyPattern")
_LIFETIME: Final = "expireAfterSeconds"
_REFUSED: Final = ("unique", "prepareUnique", "forceNonUnique")


def change_index(
    transaction: WriteTransaction, collection: StoredCollection, body: Document
) -> Document:
    """Change what a collMod asks of an index, and return its reply: what was and what is.

    Raises:
        CommandError: there is no such index, or nothing to change about it.
    """
    if "index" not in body:
        return {}
    wanted = document_field(body, "index")
    for name in wanted:
        if name not in (*_NAMES, _LIFETIME, "hidden"):
            note = f" {NOT_EMULATED}" if name in _REFUSED else ""
            raise unknown_field("collMod.index", name, note)
    if _LIFETIME not in wanted and "hidden" not in wanted:
        message = "no expireAfterSeconds, hidden, unique, or prepareUnique field"
        raise CommandError(72, "InvalidOptions", message)
    index = _named(transaction, collection, wanted)
    specification = dict(index.specification)
    reply: Document = {}
    if _LIFETIME in wanted:
        lifetime = checked_lifetime(wanted[_LIFETIME], specification["key"])
        if _LIFETIME in specification:
            reply[f"{_LIFETIME}_old"] = specification[_LIFETIME]
        specification[_LIFETIME] = reply[f"{_LIFETIME}_new"] = lifetime
    if "hidden" in wanted:
        is_hidden = bool_field(wanted, "hidden")
        reply |= {"hidden_old": index.is_hidden, "hidden_new": is_hidden}
        specification.pop("hidden", None)
        if is_hidden:
            specification["hidden"] = True
    transaction.change_index(collection, index, specification)
    return reply


def _named(
    transaction: WriteTransaction, collection: StoredCollection, wanted: Document
) -> OrdinaryIndex:
    if sum(name in wanted for name in _NAMES) != 1:
        message = "must specify either index name or key pattern, and not both"
        raise CommandError(72, "InvalidOptions", message)
    indexes = transaction.indexes_of(collection)
    if "name" in wanted:
        name = string_field(wanted, "name")
        found = [index for index in indexes if index.name == name]
        shown = name
    else:
        pattern = document_field(wanted, "keyPattern")
        found = [index for index in indexes if same_key(pattern, index)]
        shown = render(pattern)
    if not found:
        message = f"cannot find index {shown} for ns {collection.namespace}"
        raise CommandError(27, "IndexNotFound", message)
    return found[0]
