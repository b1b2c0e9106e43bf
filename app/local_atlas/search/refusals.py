"""How a refusal of the search server reaches the client."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import NOT_EMULATED, CommandError
from .parsing import ParseError

# The search server answers without a code, which the database turns into this one, and an
# aggregate adds where it comes from.
AGGREGATE_PREFIX = "PlanExecutor error during aggregation :: caused by :: "


class QueryError(Exception):
    """A query that is well formed but does not fit the index."""


@contextmanager
def refusals_of_aggregate() -> Iterator[None]:
    """Turn what the search server refuses of a query into what an aggregate answers.

    Raises:
        CommandError: in the place of a ParseError or QueryError.
    """
    try:
        yield
    except (ParseError, QueryError) as error:
        raise CommandError(8, "UnknownError", f"{AGGREGATE_PREFIX}{error}") from error


def command_refusal(error: Exception) -> CommandError:
    """Return what an index command answers where the search server refuses to parse it."""
    return CommandError(8, "UnknownError", str(error))


def not_emulated(name: str) -> QueryError:
    """Return the refusal of something that the real engine knows and LocalAtlas does not."""
    return QueryError(f"{name} {NOT_EMULATED}")
