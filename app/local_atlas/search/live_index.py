"""One search index as it lives: the version that answers, and the one that is being built.

An update builds a new generation beside the one that answers; when it is ready, it takes over.
"""

from .definition import IndexType
from .generation import Clock, Generation, IndexedCollection
from .refusals import QueryError


class LiveIndex:
    """A named index of a collection, with the generation that answers and the one to come."""

    def __init__(
        self,
        index_id: str,
        name: str,
        index_type: IndexType,
        collection: IndexedCollection,
        generation: Generation,
    ) -> None:
        self.id = index_id
        self.name = name
        self.type: IndexType = index_type
        self.collection = collection
        self.latest = generation.version
        self.main = generation
        self.staged: Generation | None = None

    def stage(self, generation: Generation) -> None:
        """Let a new version be built; the old one goes on answering where it can."""
        self.latest = generation.version
        if self.staged is not None:
            self.staged.discard()
            self.staged = None
        if self.main.state == "STEADY":
            self.staged = generation
        else:
            self.main.discard()
            self.main = generation

    def promote(self, generation: Generation) -> None:
        """Let a staged generation take over once it is built."""
        if self.staged is generation and generation.state == "STEADY":
            self.main.discard()
            self.main, self.staged = generation, None

    def discard(self) -> None:
        """Stop whatever is under way, and delete what was saved."""
        for generation in self.generations():
            generation.discard()

    def generations(self) -> list[Generation]:
        """Return what writes have to reach."""
        return [self.main] if self.staged is None else [self.main, self.staged]

    def queryable(self, clock: Clock) -> Generation:
        """Return the generation that answers.

        Raises:
            QueryError: none is built yet.
        """
        generation = self.main
        generation.wait(clock)
        if generation.state != "STEADY":
            kind = "search index" if self.type == "search" else "vector index"
            label = "index" if self.type == "search" else "vector index"
            uuid = self.collection.uuid.as_uuid()
            raise QueryError(
                f"cannot query {kind} {self.id} ({label} {self.name} collection "
                f"{self.collection.name} ({uuid}) in database {self.collection.database}) "
                f"while in state {generation.state}"
            )
        return generation
