"""Documents come apart into what is decoded and long arrays, and nothing is lost or made up."""

import math
import random
from typing import Any

import bson
import numpy as np
import pytest
from bson.errors import InvalidBSON

from app.local_atlas.long_arrays import array_size, outline, read_doubles
from app.local_atlas.mql.rows import decode

LENGTHS = [64, 99, 100, 101, 512, 1000, 1001, 8192]


def numbers(length: int, seed: int = 0) -> list[float]:
    generator = random.Random(seed)
    return [generator.gauss(0, 1) for _ in range(length)]


@pytest.mark.parametrize("length", LENGTHS)
def test_an_array_is_cut_out_and_read_as_the_decoder_reads_it(length: int) -> None:
    documents = [
        {"_id": i, "a": {"x": 1, "v": numbers(length, i), "y": {"z": 2}}, "b": "c"}
        for i in range(3)
    ]
    parts = [outline(bson.encode(document)) for document in documents]

    expected = {"_id": 2, "a": {"x": 1, "y": {"z": 2}}, "b": "c"}
    assert list(decode(parts[2].raw).items()) == list(expected.items())
    arrays = [one.arrays["a", "v"] for one in parts]
    assert {len(array) for array in arrays} == {array_size(length)}
    wanted = np.array([numbers(length, i) for i in range(3)]).astype(np.float32)
    assert np.array_equal(read_doubles(arrays, length), wanted)


def test_special_numbers_are_narrowed_as_a_cast_does() -> None:
    special = [math.nan, math.inf, -math.inf, 1e39, -1e39, 1e-50, -0.0, 5e-324]
    array = outline(bson.encode({"v": special * 8})).arrays["v",]

    with np.errstate(over="ignore"):
        expected = np.array([special * 8]).astype(np.float32)
    assert read_doubles([array], 64).tobytes() == expected.tobytes()


LEFT_ALONE = [
    pytest.param({"v": numbers(63)}, id="short"),
    pytest.param({"v": numbers(8193)}, id="longer than any vector"),
    pytest.param({"v": [1, *numbers(99)]}, id="an int"),
    pytest.param({"v": [*numbers(99), None]}, id="null"),
    pytest.param({"v": {str(i): 0.5 for i in range(100)}}, id="a document that looks like one"),
    pytest.param({"v": [numbers(100)]}, id="inside an array"),
    pytest.param({"v": bson.encode({"v": numbers(100)})}, id="inside binary data"),
    pytest.param({"v": "\x0163\x00"}, id="text that looks like one"),
]


@pytest.mark.parametrize("document", LEFT_ALONE)
def test_everything_else_is_left_alone(document: dict[str, Any]) -> None:
    raw = bson.encode(document)

    assert outline(raw).raw is raw
    assert not outline(raw).arrays


def test_a_name_that_comes_twice_is_left_to_the_decoder() -> None:
    array, number = bson.encode({"v": numbers(64)}), bson.encode({"v": 1})
    body = array[4:-1] + number[4:]
    raw = (len(body) + 4).to_bytes(4, "little") + body

    assert outline(raw).raw is raw


def test_keys_of_an_array_that_do_not_count_up_are_left_to_the_decoder() -> None:
    raw = bson.encode({"v": numbers(100)})

    assert not outline(raw.replace(b"\x0150\x00", b"\x0151\x00")).arrays


def test_no_damage_goes_unseen() -> None:
    generator = random.Random(7)
    document = {"_id": 1, "a": {"v": numbers(70), "s": "text"}, "w": numbers(64), "n": [1, {}]}
    sound = bson.encode(document)

    for _ in range(4_000):
        damaged = bytearray(sound)
        for _ in range(generator.choice([1, 1, 2, 4])):
            # Where a document's structure stands, mostly; numbers are most of its bytes.
            damaged[generator.choice([*range(40), *range(-60, 0), generator.randrange(900)])] = (
                generator.choice([0, 1, 2, 3, 4, 5, 8, 10, 255, generator.randrange(256)])
            )
        parts = outline(bytes(damaged))
        if not parts.arrays:
            continue
        try:
            whole = decode(bytes(damaged))
        except InvalidBSON:
            with pytest.raises(InvalidBSON):
                decode(parts.raw)
        else:
            assert same_leaves(whole, decode(parts.raw), parts.arrays)


def same_leaves(whole: dict[str, Any], rest: dict[str, Any], arrays: dict[Any, bytes]) -> bool:
    """Tell whether a document and its parts have the same values at the same paths."""
    for path, array in arrays.items():
        parent = rest
        for name in path[:-1]:
            parent = parent[name]
        parent[path[-1]] = list(decode(array).values())
    return repr(_sorted(whole)) == repr(_sorted(rest))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted((name, _sorted(item)) for name, item in value.items())
    return value
