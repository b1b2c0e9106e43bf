"""The page in a real browser, on a real service with a real LocalAtlas."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from app.config import Settings
from app.indexes import read_index_file
from app.live_indexes import apply_index, wait_until_queryable
from tests.browser.page import Page
from tests.fakes import FakeEmbedder
from tests.galleries import COLORS, ODD_ID
from tests.picture_server import answering
from tests.picture_server import serving as picture_server

pytestmark = pytest.mark.browser

IDS = sorted(ODD_ID if color == "red" else color for color in COLORS)


def test_the_gallery_shows_every_item_with_its_picture(page: Page) -> None:
    assert page.ids == IDS
    assert page.shown_pictures() == [True] * len(IDS)
    assert page.complaints() == []


def test_a_picture_at_a_url_is_shown_where_its_scheme_is_allowed(
    look_at: Callable[..., Page], gallery: Settings, embedder: FakeEmbedder, collection: Any
) -> None:
    content = (gallery.gallery_root / "blue.png").read_bytes()
    with picture_server() as server:
        server.answers["/blue.png"] = answering(content, Content_Type="image/png")
        uri = server.url("/blue.png?v=2", host="127.0.0.1")
        collection.update_one({"_id": "blue"}, {"$set": {"image.uri": uri}})

        page = look_at(replace(gallery, allow_http_images=True), embedder)

        assert page.shown_pictures() == [True] * len(IDS)
        assert [path for path, _ in server.requests] == ["/blue.png?v=2"]
        assert page.complaints() == []


def test_an_item_shows_what_is_similar_with_scores_best_first(page: Page) -> None:
    page.open_item("crimson", "A crimson one")

    assert page.ids[0] == ODD_ID
    assert sorted([*page.ids, "crimson"]) == IDS
    assert page.scores == sorted(page.scores, reverse=True)
    assert 0.9 < page.scores[0] <= 1.0
    assert page.complaints() == []


def test_an_item_shows_its_fields(page: Page) -> None:
    page.open_item("crimson", "A crimson one")

    assert page.fields == {
        "Price": "10.5",
        "Id": "crimson",
        "Category": "dress",
        "Color": "crimson",
        "In stock": "No",
        "Product": "p0",
    }


def test_an_id_of_reserved_characters_opens_and_can_be_linked(page: Page) -> None:
    page.open_item(ODD_ID, "A red one")
    address = page.driver.current_url
    page.reload()

    assert address.endswith(f"#item={quote(ODD_ID, safe='')}")
    assert page.title == "A red one"
    assert page.fields["Id"] == ODD_ID
    assert page.ids[0] == "crimson"
    assert page.complaints() == []


@pytest.mark.parametrize("item_id", ["a/../b", "./x", "a//b", "é ü/?#", "a%2Fb"])
def test_an_id_that_looks_like_a_path_opens(
    look_at: Callable[..., Page],
    gallery: Settings,
    embedder: FakeEmbedder,
    collection: Any,
    item_id: str,
) -> None:
    blue = collection.find_one({"_id": "blue"})
    collection.insert_one({**blue, "_id": item_id, "title": "An odd one"})
    page = look_at(gallery, embedder)
    page.wait_for(lambda: all(page.shown_pictures()))

    page.open_item(item_id, "An odd one")

    assert page.fields["Id"] == item_id
    assert page.complaints() == []


def test_an_item_that_does_not_exist_is_told_in_the_words_of_the_service(page: Page) -> None:
    page.open("/#item=nothing")

    assert "No item has the id 'nothing'" in page.notice
    assert page.cards == []


def test_a_photo_finds_what_looks_like_it(page: Page, photo: Path) -> None:
    page.search_photo(photo)

    assert page.ids[0] == "navy"
    assert page.scores[0] == pytest.approx(1.0, abs=1e-3)
    assert page.scroll_px == 0
    assert page.complaints() == []


def test_a_photo_can_be_dropped_on_the_page(page: Page) -> None:
    page.drop_picture_of("green")

    assert page.title == "Your photo"
    assert page.ids[0] == "green"


def test_a_file_that_is_no_picture_is_told_in_the_words_of_the_service(
    page: Page, tmp_path: Path
) -> None:
    path = tmp_path / "text.jpg"
    path.write_text("no picture")

    page.search_photo(path)

    assert page.cards == []
    assert page.notice


def test_a_text_finds_what_it_describes(page: Page) -> None:
    page.search_text("a green shirt")

    assert page.ids[0] == "green"


def test_a_model_without_text_says_so(
    look_at: Callable[..., Page], gallery: Settings, embedder: FakeEmbedder
) -> None:
    embedder.supports_text = False
    page = look_at(gallery, embedder)

    page.search_text("a green shirt")

    assert "clip" in page.notice.lower()
    assert page.cards == []


def test_a_text_goes_by_its_words_where_the_model_understands_none(
    look_at: Callable[..., Page], with_words: Settings, embedder: FakeEmbedder
) -> None:
    embedder.supports_text = False
    page = look_at(with_words, embedder)

    page.search_text("a crimson dress")

    assert page.ids == ["crimson", ODD_ID]
    assert "by their words" in page.notice
    assert page.scores == []
    assert page.complaints() == []


def test_the_text_box_suggests_how_to_go_on(
    look_at: Callable[..., Page], with_words: Settings, embedder: FakeEmbedder
) -> None:
    page = look_at(with_words, embedder)

    page.element("text").send_keys("na")
    page.wait_for(lambda: page.suggestions == ["A navy one"])
    page.element("text").send_keys("x")
    page.wait_for(lambda: page.suggestions == [])

    assert page.complaints() == []


def test_without_an_index_of_words_nothing_is_suggested(page: Page) -> None:
    page.element("text").send_keys("na")

    assert page.element("text").get_attribute("list") is None
    assert page.complaints() == []


def test_a_filter_narrows_the_gallery_and_what_is_similar(page: Page) -> None:
    page.choose("category", "shirt")
    narrowed = page.ids
    page.open_item("green", "A green one")

    assert narrowed == ["blue", "green", "navy", "white"]
    assert sorted(page.ids) == ["blue", "navy", "white"]


def test_a_filter_holds_for_texts_and_photos(page: Page, photo: Path) -> None:
    page.choose("category", "dress")
    page.search_text("a green shirt")
    by_text = sorted(page.ids)
    page.search_photo(photo)

    assert by_text == sorted(["crimson", ODD_ID])
    assert sorted(page.ids) == by_text


def test_filters_that_nothing_passes_can_be_cleared(page: Page) -> None:
    page.choose("category", "dress")
    page.choose("color", "navy")
    told = page.notice
    page.element("clear-filters").click()
    page.wait_for(lambda: page.ids == IDS)

    assert "No item has all of this." in told
    assert page.driver.current_url == f"{page.address}/"


def test_the_back_button_undoes_every_step(page: Page) -> None:
    page.choose("category", "dress")
    page.open_item("crimson", "A crimson one")
    page.back()
    returned = page.ids, page.focused.get_attribute("data-id")
    page.back()
    page.wait_for(lambda: page.ids == IDS)

    assert returned == (["crimson", ODD_ID], "crimson")


def test_each_item_begins_at_the_top_and_the_gallery_where_it_was_left(page: Page) -> None:
    page.resize(400, 500)
    page.scroll_to(page.card("green"))
    left_px = page.scroll_px
    page.open_item("green", "A green one")
    first_px = page.scroll_px
    page.scroll_to(page.card("white"))
    page.open_item("white", "A white one")
    second_px = page.scroll_px
    page.back()
    page.back()
    page.wait_for(lambda: page.ids == IDS)

    assert left_px > 100
    assert (first_px, second_px) == (0, 0)
    assert page.scroll_px == left_px


def test_an_item_opens_with_the_keyboard_and_its_title_takes_the_focus(page: Page) -> None:
    page.driver.execute_script("arguments[0].focus()", page.card("blue"))
    page.focused.send_keys("\n")
    page.wait_for(lambda: page.title == "A blue one")

    assert page.wait_for(lambda: page.focused.get_attribute("id")) == "subject-title"


def test_the_skip_link_leads_to_the_items_of_the_same_view(page: Page) -> None:
    page.open_item("blue", "A blue one")
    skip = page.element("skip")
    page.driver.execute_script("arguments[0].focus()", skip)
    skip.send_keys("\n")

    assert page.focused.get_attribute("id") == "main"
    assert page.title == "A blue one"


def test_a_hostile_title_is_text(
    look_at: Callable[..., Page], gallery: Settings, embedder: FakeEmbedder, collection: Any
) -> None:
    hostile = "<img src=x onerror=\"document.title='taken'\"><script>window.taken = 1</script>"
    collection.update_one({"_id": "blue"}, {"$set": {"title": hostile, "color": hostile}})
    page = look_at(gallery, embedder)

    page.open_item("blue", hostile)

    assert page.fields["Color"] == hostile
    assert page.driver.execute_script("return window.taken") is None
    assert page.driver.title == f"{hostile} · Similar items"
    assert page.complaints() == []


def test_many_items_come_page_by_page_also_without_pictures(
    look_at: Callable[..., Page], gallery: Settings, embedder: FakeEmbedder, collection: Any
) -> None:
    collection.insert_many({"_id": f"x{number:02d}"} for number in range(50))
    page = look_at(gallery, embedder)
    first = page.ids

    page.element("more").click()
    page.wait_for(lambda: len(page.cards) > len(first))

    assert page.ids == IDS + [f"x{number:02d}" for number in range(50)]
    assert len(first) == 48
    assert not page.element("more").is_displayed()
    assert page.focused.get_attribute("data-id") == page.ids[48]
    page.driver.execute_script("scrollTo(0, document.body.scrollHeight)")
    page.wait_for(lambda: "No picture" in page.cards[-1].text)


def test_an_empty_gallery_names_the_command_that_fills_it(
    look_at: Callable[..., Page], settings: Settings, embedder: FakeEmbedder
) -> None:
    page = look_at(settings, embedder)

    assert "python -m scripts.embed_gallery" in page.notice


def test_a_service_that_is_not_ready_says_why_and_is_asked_again(
    look_at: Callable[..., Page], gallery: Settings, embedder: FakeEmbedder, collection: Any
) -> None:
    index = read_index_file(gallery.index_file)
    collection.drop_search_index(index.name)
    page = look_at(gallery, embedder, "/#item=blue")
    told = page.notice

    apply_index(collection, index, update=False)
    wait_until_queryable(collection, index, timeout_s=30)
    page.wait_for(lambda: len(page.cards) == len(IDS) - 1)

    assert index.name in told
    assert page.notice == ""


@pytest.mark.parametrize("path", ["/", "/#item=blue"], ids=["gallery", "item"])
def test_nothing_is_cut_off_on_a_narrow_phone(page: Page, path: str) -> None:
    page.resize(360, 740)
    page.open(path)

    hidden_px = page.driver.execute_script(
        "const root = document.documentElement; return root.scrollWidth - root.clientWidth"
    )

    assert page.cards
    assert hidden_px == 0


def test_a_service_that_has_gone_is_told(
    look_at: Callable[..., Page], gallery: Settings, embedder: FakeEmbedder
) -> None:
    page = look_at(gallery, embedder)
    page.driver.execute_cdp_cmd("Network.enable", {})
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    try:
        page.open_item("blue", "…")
        assert "The service does not answer." in page.notice
    finally:
        online = {**offline, "offline": False, "downloadThroughput": -1, "uploadThroughput": -1}
        page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", online)
    page.wait_for(lambda: page.title == "A blue one")
