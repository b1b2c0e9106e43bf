"""Resume tokens: their order, and what is refused."""

from typing import Any

import pytest

from app.local_atlas.changes.resume_tokens import ResumeToken, TokenKind, parse_resume_token
from app.local_atlas.errors import CommandError


def test_token_comes_back_as_it_was() -> None:
    token = ResumeToken(7 << 32, 9, TokenKind.INVALIDATE)

    assert parse_resume_token(token.document()) == token


def test_later_tokens_are_greater_strings() -> None:
    tokens = [
        ResumeToken(1 << 32, 1, TokenKind.EVENT),
        ResumeToken(1 << 32, 1, TokenKind.EVENT, fragment=1),
        ResumeToken(1 << 32, 1, TokenKind.EVENT, fragment=2),
        ResumeToken(1 << 32, 1, TokenKind.INVALIDATE),
        ResumeToken(1 << 32, 2, TokenKind.EVENT),
        ResumeToken(1 << 32, 2, TokenKind.HIGH_WATER_MARK),
        ResumeToken(2 << 32, 2, TokenKind.HIGH_WATER_MARK),
    ]

    data = [token.document()["_data"] for token in tokens]

    assert data == sorted(data)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        pytest.param({}, 40647, id="nothing"),
        pytest.param({"_data": 1}, 40647, id="a number"),
        pytest.param({"_data": "xyz"}, 9, id="no hexadecimal string"),
        pytest.param({"_data": ""}, 9, id="an empty string"),
        pytest.param(
            {"_data": "82612E8513000000012B022C0100296E5A1004"}, 260, id="another server's"
        ),
    ],
)
def test_what_is_no_token_is_refused(document: dict[str, Any], code: int) -> None:
    with pytest.raises(CommandError) as refused:
        parse_resume_token(document)

    assert refused.value.code == code
