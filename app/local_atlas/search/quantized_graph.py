"""A graph of quantized vectors: eight bits or one bit per dimension, as a definition asks for.

The full vectors stay elsewhere. The graph finds candidates by what is left of them, as the engine
does, and others score those with the full vectors.
"""

from collections.abc import Mapping
from functools import partial
from math import inf, sqrt
from typing import Any

import faiss

from .mapping import VectorField
from .proximity_graph import UNEVENNESS, Floats, ProximityGraph
from .row_codes import RowCodes

# In standard deviations of the error that rounding makes; ten of them hold all that matters.
_SURE = 10


class QuantizedGraph(ProximityGraph):
    """A graph for `quantization: scalar` or `binary`, see `ProximityGraph`."""

    def state(self) -> dict[str, Any]:
        """Return what `restored` needs; add no rows while it is used."""
        assert self.codes is not None, "a graph without rows is not worth saving"
        head = {"square_length": self._square_length, "codes": self.codes.state()}
        return {**head, "index": partial(faiss.serialize_index, self._index)}

    @classmethod
    def restored(
        cls, field: VectorField, state: Mapping[str, Any], expected: int
    ) -> "QuantizedGraph":
        """Return the graph that `state` was taken of; for the arguments see `ProximityGraph`."""
        graph = cls(field, state["square_length"], expected)
        graph.codes = RowCodes.restored(state["codes"])
        graph._set_index(faiss.deserialize_index(state["index"]))
        return graph

    def margin(self, square_distance: float) -> float:
        """Return how much farther than this a row may be found that scores no less."""
        if self._field.quantization == "binary":
            return inf
        # Each coordinate is off by up to half a step, evenly spread.
        rounding = 2 * sqrt(square_distance) * self._step() / sqrt(12)
        uneven = 0 if self._field.similarity == "euclidean" else 2 * UNEVENNESS
        return uneven * max(self._square_length, square_distance) + _SURE * rounding

    def _step(self) -> float:
        """Return the distance between two numbers that eight bits can tell apart."""
        quantizer: Any = faiss.downcast_index(self._index.storage)
        return float(quantizer.sq.trained.at(1)) / 255  # the range of all coordinates

    def _begin(self, sample: Floats) -> None:
        super()._begin(sample)
        dimensions, edges = self._field.dimensions, self._field.max_edges
        if self._field.quantization == "scalar":
            # An int, of which FAISS's type hints do not know.
            bits: Any = faiss.ScalarQuantizer.QT_8bit_uniform
            self._set_index(faiss.IndexHNSWSQ(dimensions, bits, edges, faiss.METRIC_L2))
        else:
            self._set_index(faiss.IndexHNSWRaBitQ(dimensions, edges, faiss.METRIC_L2))
        self._index.train(self._stored_form(sample))

    def _stored_form(self, rows: Floats) -> Floats:
        if self._field.quantization == "scalar":
            return rows
        # One bit says most where no dimension outweighs the others.
        assert self.codes is not None
        return self.codes.book.rotated(rows)
