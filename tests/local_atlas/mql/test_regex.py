import pytest

from app.local_atlas.errors import CommandError
from app.local_atlas.mql.regex import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "options", "text", "expected"),
    [
        pytest.param("b", "", "abc", True, id="anywhere"),
        pytest.param("^b", "m", "a\nb", True, id="multiline"),
        pytest.param("a.b", "", "a\nb", False, id="dot stops at a line"),
        pytest.param("a.b", "s", "a\nb", True, id="dot all"),
        pytest.param("a b # c", "x", "ab", True, id="extended"),
        pytest.param("É", "i", "é", True, id="case of any letter"),
        pytest.param("(?i)É", "", "é", True, id="leading flags"),
        pytest.param(r"^\d$", "", "٣", False, id="digits are ASCII"),
        pytest.param(r"^\w$", "", "é", False, id="words are ASCII"),
        pytest.param(r"^\W$", "", "é", True, id="not a word"),
        pytest.param(r"^\s$", "", "\u00a0", False, id="spaces are ASCII"),
        pytest.param(r"\bé", "", "é", False, id="boundaries are ASCII"),
        pytest.param(r"^[\w-]+$", "", "a-b", True, id="shorthand in a class"),
        pytest.param(r"^[\w]$", "", "é", False, id="ASCII in a class"),
        pytest.param(r"^[\s\S]$", "", "\u00e9", True, id="everything"),
        pytest.param(r"a\z", "", "a\n", False, id="very end"),
        pytest.param(r"a\Z", "", "a\n", True, id="end before a newline"),
        pytest.param(r"^\Qa.b\E$", "", "a.b", True, id="quoted"),
        pytest.param(r"^\Qa.b\E$", "", "axb", False, id="quoted dot"),
        pytest.param(r"\x{1F600}", "", "\U0001f600", True, id="code point"),
        pytest.param(r"^[[:alpha:]]+$", "", "ab", True, id="posix class"),
        pytest.param(r"^[[:alpha:]_]$", "", "1", False, id="posix class does not match"),
        pytest.param(r"^[]a]+$", "", "]a", True, id="bracket first in a class"),
        pytest.param(r"^[a&&b]+$", "", "&", True, id="no set operations"),
        pytest.param(r"(?<x>a)(?P=x)", "", "aa", True, id="named group"),
        pytest.param(r"(a)\1", "", "aa", True, id="back reference"),
        pytest.param(r"(?<=a)b(?!c)", "", "abd", True, id="look around"),
        pytest.param(r"a++b", "", "aab", True, id="possessive"),
        pytest.param(r"(?>a+)b", "", "aab", True, id="atomic"),
    ],
)
def test_a_pattern_means_what_pcre_means(
    pattern: str, options: str, text: str, expected: bool
) -> None:
    found = compile_pattern(pattern, options).search(text)

    assert expected is (found is not None)


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"\p{L}", id="unicode property"),
        pytest.param(r"(?R)", id="recursion"),
        pytest.param(r"(a)(?1)", id="subroutine"),
        pytest.param(r"a(?i)b", id="flags in the middle"),
        pytest.param(r"(*UCP)a", id="verb"),
        pytest.param(r"a\Kb", id="match reset"),
        pytest.param(r"[\p{L}]", id="property in a class"),
        pytest.param(r"[[:^alpha:]]", id="negated posix class"),
        pytest.param(r"(?|a|b)", id="branch reset"),
    ],
)
def test_what_python_has_no_equal_for_is_refused_by_name(pattern: str) -> None:
    with pytest.raises(CommandError, match=r"not emulated by LocalAtlas") as caught:
        compile_pattern(pattern, "")

    assert caught.value.code == 2


@pytest.mark.parametrize("pattern", ["(", "[a", "a{2,1}", r"\y", "*a"])
def test_an_invalid_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(CommandError, match="Regular expression is invalid") as caught:
        compile_pattern(pattern, "")

    assert caught.value.code == 51091


def test_a_zero_byte_is_refused() -> None:
    with pytest.raises(CommandError, match="embedded null byte"):
        compile_pattern("a\0b", "")
