"""What fusions do with their inputs: run them, bring together what they say of a document, order.

Equal scores come in the order of `_id`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .bson_order import sort_key
from .expression_compiler import Variables
from .fusion_inputs import Input
from .pipelines import Environment, Open
from .rows import Row


@dataclass(frozen=True, slots=True)
class Part:
    """What one input says of one document.

    Attributes:
        row: of the document.
        value: what the input gives it.
        details: of that, for `scoreDetails`.
    """

    row: Row
    value: float
    details: Mapping[str, Any]


# Rates the rows of an input, in their order.
Rate: TypeAlias = Callable[[Input, Iterator[Row]], Iterator[Part]]
# Makes the score of a document of what the inputs that have it give, by their names.
Combine: TypeAlias = Callable[[Mapping[str, float], Variables], float]


@dataclass(frozen=True, slots=True)
class Fusion:
    """A compiled fusion.

    Attributes:
        inputs: in the order of their names.
        rate: what each gives a document.
        combine: what becomes of that.
        absent: the details of an input that does not have a document.
        summary: further fields of `scoreDetails`; None where nobody wants any.
    """

    inputs: Sequence[Input]
    rate: Rate
    combine: Combine
    absent: Callable[[Input], Mapping[str, Any]]
    summary: Mapping[str, Any] | None

    def opener(self) -> Open:
        """Return what opens the rows, best first."""

        def opened(environment: Environment, variables: Variables) -> Iterator[Row]:
            # What is wrong with a search is to fail the command, and not its first batch.
            started = [one.pipeline.run(environment, variables) for one in self.inputs]
            return self._rows(started, environment, variables)

        return opened

    @property
    def metadata(self) -> frozenset[str]:
        """The kinds of metadata that the rows carry."""
        return frozenset({"score"} if self.summary is None else {"score", "scoreDetails"})

    def _rows(
        self, started: Sequence[Iterator[Row]], environment: Environment, variables: Variables
    ) -> Iterator[Row]:
        found: dict[bytes, _Found] = {}
        for one, rows in zip(self.inputs, started, strict=True):
            for part in self.rate(one, rows):
                key = sort_key(part.row.id)
                found.setdefault(key, _Found()).parts[one.name] = part
            environment.check_time()
        scores = {key: self._score(document, variables) for key, document in found.items()}
        for key in sorted(found, key=lambda key: (-scores[key], key)):
            metadata: dict[str, Any] = {"score": scores[key]}
            if self.summary is not None:
                metadata["scoreDetails"] = self._details(found[key], scores[key], self.summary)
            yield next(iter(found[key].parts.values())).row.with_metadata(metadata)

    def _score(self, document: "_Found", variables: Variables) -> float:
        values = {name: part.value for name, part in document.parts.items()}
        return self.combine(values, variables)

    def _details(
        self, document: "_Found", score: float, summary: Mapping[str, Any]
    ) -> dict[str, Any]:
        details = []
        for one in self.inputs:
            part = document.parts.get(one.name)
            of_input = self.absent(one) if part is None else part.details
            details.append({"inputPipelineName": one.name, **of_input})
        return {"value": score, **summary, "details": details}


@dataclass(slots=True)
class _Found:
    """One document, with what each input says that has it."""

    parts: dict[str, Part] = field(default_factory=dict)
