"""`make test-atlas`, with an altered LocalAtlas in the place of the real server."""

import os
import subprocess
import sys

import pytest
from pymongo import MongoClient

from app.config import PROJECT_ROOT
from app.local_atlas.addresses import SocketAddress
from app.local_atlas.errors import CommandError
from app.local_atlas.node import start_node
from app.local_atlas.search import definition, similarity

SEARCH_TESTS = "tests/local_atlas/search"
DEFINITION_TESTS = f"{SEARCH_TESTS}/test_definitions.py"


def run_tests(uri, *arguments):
    options = ["-q", "-p", "tests.atlas_run", "-m", "atlas", "--tb=no", "-p", "no:cacheprovider"]
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments, SEARCH_TESTS],
        capture_output=True,
        text=True,
        cwd=PROJECT_ROOT,
        timeout=120,
        env={**environment, "ATLAS_TEST_URI": uri},
        check=False,
    )


def read_partitions_otherwise(value, path):
    """Take 3 partitions, which LocalAtlas refuses, and refuse others in words of its own."""
    if value != 3:
        raise CommandError(2, "BadValue", "Invalid definition: numPartitions")
    return 1


@pytest.fixture(scope="module")
def altered(tmp_path_factory):
    """What a run on a server that differs in three ways prints; one test of it passes."""
    folder = tmp_path_factory.mktemp("altered")
    bit_scores = similarity._bit_scores
    node = start_node(folder / "data", SocketAddress(folder / "a.sock"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similarity, "_bit_scores", lambda *told: bit_scores(*told) / 2)
        patch.setattr(definition, "_read_partitions", read_partitions_otherwise)
        yield run_tests(node.uri, "-k", "hamming or numPartitions or updates_and_deletes")
        with MongoClient(node.uri) as client:
            assert client.list_database_names() == []
    node.close()


def test_a_difference_is_printed_with_both_answers(altered):
    assert altered.returncode == 1
    assert (
        f"{SEARCH_TESTS}/test_scores.py::test_bits_are_scored_by_hamming_distance\n"
        "    LocalAtlas  [(1, 0.875)]\n"
        "    the server  [(1, 0.4375)]\n"
    ) in altered.stdout


def test_taking_what_localatlas_refuses_is_a_difference(altered):
    assert "[numPartitions]\n    LocalAtlas  (8, " in altered.stdout
    assert "    the server  (0, 'not refused')\n" in altered.stdout


def test_an_index_command_may_be_refused_in_other_words(altered):
    assert (
        "=== index commands refused as expected, in other words ==============\n"
        f"{DEFINITION_TESTS}::test_search_definition_is_refused_on_create[numPartitions]\n"
        '    LocalAtlas  (8, \'"userCommand.indexes[0].numPartitions" numPartitions 0 must be of '
        "1, 2, 4, 8, 16, 32, or 64.')\n"
        "    the server  (2, 'Invalid definition: numPartitions')\n"
    ) in altered.stdout


def test_everything_is_counted(altered):
    assert (
        "\ndifferences: 2, tests passed: 2, refusals in other words: 1; MongoDB 8.2.0 at /"
    ) in altered.stdout


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("", "ATLAS_TEST_URI is not set; it names the server to test."),
        (
            "mongodb://user:secret@[::1]:port",
            "The server of ATLAS_TEST_URI cannot be asked: Port contains non-digit characters. "
            "Hint: username and password must be escaped according to RFC 3986, "
            "use urllib.parse.quote_plus",
        ),
        (
            "mongodb://user:secret@127.0.0.1:1/?serverSelectionTimeoutMS=50",
            "The server of ATLAS_TEST_URI cannot be asked: 127.0.0.1:1: [Errno 111] "
            "Connection refused",
        ),
    ],
    ids=["no URI", "a bad URI", "no server"],
)
def test_what_cannot_run_ends_with_one_sentence(uri, sentence):
    result = run_tests(uri)

    assert result.returncode == 2
    assert (result.stdout + result.stderr).strip() == f"Exit: {sentence}"
