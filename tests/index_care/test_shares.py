import pytest

from app.filters import AllOf, AnyOf, Comparison, NoneOf
from app.index_care.shares import estimate_share, measure_shares

SAMPLE = [
    {
        "kind": "dress" if number % 4 == 0 else "shirt",
        "in_stock": number % 10 != 0,
        "price": number,
        "tags": ["new", "red"] if number < 50 else [],
        **({"rare": "x"} if number == 0 else {}),
    }
    for number in range(1000)
]
SHARES = measure_shares(SAMPLE, ["kind", "in_stock", "price", "tags", "rare"])
DRESS, IN_STOCK = Comparison("kind", "$eq", "dress"), Comparison("in_stock", "$eq", True)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (DRESS, 0.25),
        (IN_STOCK, 0.9),
        (Comparison("kind", "$in", ["dress", "shirt"]), 1.0),
        (Comparison("tags", "$eq", "red"), 0.05),
        (Comparison("kind", "$eq", "never seen"), 0.001),
        (Comparison("price", "$lte", 100), 0.1),
        (Comparison("price", "$gt", 750), 0.25),
        (Comparison("price", "$eq", 3), 0.001),
        (Comparison("rare", "$exists", True), 0.001),
        (AllOf((DRESS, IN_STOCK)), 0.225),
        (AnyOf((DRESS, Comparison("tags", "$eq", "new"))), 0.3),
        (NoneOf((DRESS,)), 0.75),
        (AllOf(()), 1.0),
    ],
    ids=str,
)
def test_share_of_a_filter_is_estimated(condition, expected):
    assert estimate_share(condition, SHARES) == pytest.approx(expected, abs=0.011)


@pytest.mark.parametrize(
    "condition",
    [
        Comparison("color", "$eq", "red"),
        Comparison("kind", "$gt", "a"),
        Comparison("kind", "$eq", None),
        AllOf((DRESS, Comparison("color", "$eq", "red"))),
        NoneOf((Comparison("color", "$eq", "red"),)),
    ],
    ids=str,
)
def test_share_of_what_was_not_measured_is_not_known(condition):
    assert estimate_share(condition, SHARES) is None
