"""The requests and answers that docs/search.md shows, against the service."""

import re
from collections.abc import Iterator

import pytest

from app.routes.composed_body import _OPTIONS, _SOURCES
from scripts.document_search import PAGE, Ask, answered, serving_demo


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """What asks the service over the gallery that ships."""
    with serving_demo() as ask:
        yield ask


def numbers(text: str) -> list[float]:
    return [float(one) for one in re.findall(r"-?\d+\.\d+", text)]


def without_numbers(text: str) -> str:
    return re.sub(r"-?\d+\.\d+", "0.0", re.sub(r"[\w+/=-]*…", "…", text))


def test_answers_on_the_page_are_those_of_the_service(ask: Ask) -> None:
    page = PAGE.read_text(encoding="utf-8")

    anew = answered(page, ask)

    # Another processor computes other last digits.
    assert without_numbers(anew) == without_numbers(page), "run python -m scripts.document_search"
    assert numbers(anew) == pytest.approx(numbers(page), abs=0.005)


def test_wrong_answer_on_the_page_would_be_noticed(ask: Ask) -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert without_numbers(answered(page.replace('"id": "p', '"id": "q'), ask)) == without_numbers(
        page
    )


@pytest.mark.parametrize("name", [*_OPTIONS, *_SOURCES, "cursor", "positive", "negative"])
def test_every_option_is_on_the_page(name: str) -> None:
    assert f'"{name}"' in PAGE.read_text(encoding="utf-8")
