"""First stages that tell of the server and of a collection, not of documents.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/collStats/
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from ..errors import NOT_EMULATED, failed_to_parse
from .operators.support import location
from .pipelines import NEEDS_NO_COLLECTION, SOURCES, Source, StageScope

_OPTIONS: Final = {
    "$collStats": frozenset({"count", "storageStats"}),
    "$listLocalSessions": frozenset({"allUsers"}),
}
_NOT_EMULATED: Final = frozenset({"latencyStats", "queryExecStats", "users"})


def _statistics(name: str, operand: Any, scope: StageScope) -> Source:
    if not isinstance(operand, Mapping):
        raise failed_to_parse(f"{name} must take a nested object but found: {operand!r}")
    for option in operand:
        if option not in _OPTIONS[name]:
            note = f" {NOT_EMULATED}" if option in _NOT_EMULATED else ""
            raise location(40415, f"BSON field '{name}.{option}' is an unknown field.{note}")
    return Source(lambda environment, variables: environment.statistics(name, operand))


for _name in _OPTIONS:
    SOURCES[_name] = partial(_statistics, _name)
NEEDS_NO_COLLECTION.add("$listLocalSessions")
