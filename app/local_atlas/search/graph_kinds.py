"""Which kind of graph the vectors of a field want: by what the field says of quantization."""

from collections.abc import Iterable, Mapping
from typing import Any

from .float_graph import FloatGraph
from .mapping import VectorField
from .proximity_graph import Floats, ProximityGraph
from .quantized_graph import QuantizedGraph


def new_graph(
    field: VectorField, square_length: float, expected: int, sample: Floats
) -> ProximityGraph:
    """Return an empty graph; for the arguments see `ProximityGraph`."""
    kind = FloatGraph if field.quantization == "none" else QuantizedGraph
    return kind(field, square_length, expected, sample)


def restored_graph(
    field: VectorField, state: Mapping[str, Any], rows: Iterable[Floats], expected: int
) -> ProximityGraph:
    """Return the graph that `state` was taken of.

    Args:
        field: as when it was built.
        state: of the graph.
        rows: all its rows, in blocks; left unread where the graph does not hold them.
        expected: how many rows to make room for.
    """
    if field.quantization == "none":
        return FloatGraph.restored(field, state, rows, expected)
    return QuantizedGraph.restored(field, state, expected)
