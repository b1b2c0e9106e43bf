"""Rows in cells, each with a code: where near rows are looked for without comparing all.

An inverted file of FAISS's parts: k-means cells say where near rows are, one-bit codes say which of
those are worth comparing. One thread adds rows while any number search; nothing is locked, because
what is appended is never moved under a reader.

Distances are euclidean, and under cosine those of the rows at unit length. Under dotProduct they
order rows rightly where all lengths are (nearly) the same; others are not searched by cells. The
found rows are scored exactly by others.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from .approach import Approach
from .cell_rows import CellRows
from .cells import SAMPLED_PER_CELL, Cells
from .closeness import product_error
from .mapping import VectorField
from .matrix import MatrixView
from .row_codes import CodeBook

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

# How far squared lengths may lie from the first one under dotProduct.
UNEVENNESS = 0.002
# Squared lengths beyond are not to be trusted in float32.
_LONGEST_SQUARE = 1e30
# Cells for the root of the number of rows: their centroids are then compared in a fraction of the
# time that the rows of the nearest ones take.
_CELLS_PER_ROOT = 2
# With so many times the rows that the cells were learnt for, there should be twice the cells.
_OUTGROWN = 4


class InvertedFile:
    """Rows numbered in the order in which they were added.

    Args:
        field: how the rows are compared.
        square_length: of the first row, which all others resemble where that matters.
        expected: how many rows to learn cells for.
        matrix: rows to learn from when the first ones are added; None where all is restored.
        sample: which of those may be learnt from, at least one.
    """

    def __init__(
        self,
        field: VectorField,
        square_length: float,
        expected: int,
        matrix: MatrixView | None = None,
        sample: Ids | None = None,
    ) -> None:
        self.field = field
        self._square_length = square_length
        self._expected = expected
        self._to_learn = None if matrix is None or sample is None else (matrix, sample)
        # Set when it has learnt its cells, or was restored.
        self._book: CodeBook
        self._cells: Cells
        self._rows: CellRows

    def fits(self, square_lengths: Doubles) -> bool:
        """Tell whether rows of these squared lengths are ordered rightly by their cells."""
        if not len(square_lengths):
            return True
        shortest, longest = float(square_lengths.min()), float(square_lengths.max())
        if self.field.similarity == "euclidean":
            return longest < _LONGEST_SQUARE
        if self.field.similarity == "cosine":
            return shortest > 1 / _LONGEST_SQUARE and longest < _LONGEST_SQUARE
        allowed = UNEVENNESS * self._square_length
        return (
            1 / _LONGEST_SQUARE < self._square_length < _LONGEST_SQUARE
            and shortest >= self._square_length - allowed
            and longest <= self._square_length + allowed
        )

    def target(self, query: Floats) -> Floats | None:
        """Return the point to search near, or None where cells cannot answer the query."""
        wide = query.astype(np.float64)
        square_length = float(wide @ wide)
        if self.field.similarity == "euclidean":
            return query if square_length < _LONGEST_SQUARE else None
        if square_length == 0:
            return None
        # Only the direction counts; at the rows' own length their small differences count least.
        length = 1.0 if self.field.similarity == "cosine" else self._square_length
        scaled: Floats = (wide * sqrt(length / square_length)).astype(np.float32)
        return scaled

    @property
    def unevenness(self) -> float:
        """How much farther than another, in squared distance, a row may be that scores no less."""
        return 2 * UNEVENNESS * self._square_length if self.field.similarity == "dotProduct" else 0

    def is_outgrown(self, rows: int) -> bool:
        """Tell whether so many rows are better off in more cells."""
        return rows > _OUTGROWN * self._expected

    def add(self, rows: Floats) -> None:
        """Append (n, d) rows; only one thread may do so."""
        # The thread count belongs to the calling thread; a core is left to queries.
        faiss.omp_set_num_threads(max((os.cpu_count() or 1) - 1, 1))
        if self._to_learn is not None:
            self._learn(*self._to_learn)
            self._to_learn = None
        # Dead rows may be beyond float32; they are never found.
        with np.errstate(over="ignore", invalid="ignore"):
            self._append(self._form(rows) - self._book.centre)

    def state(self, rows: int) -> dict[str, Any]:
        """Return what `restored` needs of the first rows, which later changes leave alone.

        Others may be added meanwhile: all of these were before.
        """
        return {
            "square_length": self._square_length,
            "expected": self._expected,
            "book": self._book.state(),
            "cells": self._cells.state(),
            "rows": self._rows.state(rows),
        }

    @classmethod
    def restored(cls, field: VectorField, state: Mapping[str, Any]) -> "InvertedFile":
        """Return what `state` was taken of; `field` is as then."""
        file = cls(field, state["square_length"], state["expected"])
        file._book = CodeBook(**state["book"])
        file._cells = Cells(**state["cells"])
        file._rows = CellRows.restored(len(file._cells), state["rows"])
        return file

    def approach(self, target: Floats) -> Approach:
        """Return the rows as they are seen from a (d,) point."""
        return Approach(self._cells, self._rows, self._book, target - self._book.centre)

    def bounds(
        self, matrix: MatrixView, square_lengths: Doubles, target: Floats, rows: Ids
    ) -> tuple[Doubles, Doubles]:
        """Return the squared distances that some rows have at least and at most from a (d,) point.

        Args:
            matrix: all rows.
            square_lengths: of all rows.
            target: the point.
            rows: the ascending numbers of those that count.
        """
        wide = target.astype(np.float64)
        square_length = float(wide @ wide)
        lengths = np.sqrt(square_lengths[rows])
        error = product_error(len(target)) * sqrt(square_length)
        products = matrix.products(target, rows).astype(np.float64)
        if self.field.similarity == "cosine":
            distances = 1 + square_length - 2 * products / lengths
            return distances - 2 * error, distances + 2 * error
        distances = square_lengths[rows] + square_length - 2 * products
        errors = 2 * error * lengths
        return distances - errors, distances + errors

    def _learn(self, matrix: MatrixView, sample: Ids) -> None:
        count = max(1, int(_CELLS_PER_ROOT * sqrt(self._expected)))
        if len(sample) > count * SAMPLED_PER_CELL:
            sample = sample[np.linspace(0, len(sample) - 1, count * SAMPLED_PER_CELL).astype(int)]
        rows = self._form(matrix.take(sample))
        self._book = CodeBook.of(rows)
        self._cells = Cells.of(rows - self._book.centre, count)
        self._rows = CellRows(len(self._cells), self._book.code_bytes, self._expected)

    def _append(self, points: Floats) -> None:
        cells = self._cells.nearest(points)
        offsets = points - self._cells.centroids[cells]
        square_lengths = np.square(offsets).sum(axis=1)
        codes = self._book.encode(self._book.rotated(offsets))
        shifts = np.square(points).sum(axis=1) - square_lengths
        self._rows.append(cells, codes, shifts, np.sqrt(square_lengths))

    def _form(self, rows: Floats) -> Floats:
        """Return rows as they are compared."""
        if self.field.similarity != "cosine":
            return rows
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
        # Dead rows may be zero.
        lengths[lengths == 0] = 1
        unit: Floats = rows / lengths[:, np.newaxis].astype(np.float32)
        return unit


@dataclass(frozen=True, slots=True)
class MergeStep:
    """Some rows for their cells: prepared and accepted under the lock, added without it.

    Args:
        cells: to which the rows are to be added.
        rows: (n, d) float32, the first that they have not got.
    """

    cells: InvertedFile
    rows: Floats
