"""What a reader sees and does on the page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

T = TypeVar("T")

WAIT_S = 15


class Page:
    """The page in a browser."""

    def __init__(self, driver: Any, address: str) -> None:
        self.driver = driver
        self.address = address

    def open(self, path: str) -> None:
        self.driver.get("about:blank")  # a change of the fragment alone would load nothing
        self.driver.get(self.address + path)
        self.wait_until_loaded()

    def reload(self) -> None:
        self.driver.refresh()
        self.wait_until_loaded()

    def back(self) -> None:
        self.driver.back()
        self.wait_until_loaded()

    def resize(self, width_px: int, height_px: int) -> None:
        size = {"width": width_px, "height": height_px, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def wait_for(self, condition: Callable[[], T]) -> T:
        """Return the first true value of `condition`."""
        waiting = WebDriverWait(
            self.driver, WAIT_S, 0.05, ignored_exceptions=[StaleElementReferenceException]
        )
        return waiting.until(lambda _driver: condition())

    def wait_until_loaded(self) -> None:
        """Wait until cards or a notice stand where the placeholders were."""
        self.wait_for(
            lambda: self.driver.execute_script(
                "return document.readyState === 'complete'"
                " && !document.getElementById('grid').hasAttribute('aria-busy')"
                " && document.querySelector('.card:not(.placeholder), .notice') !== null"
            )
        )

    @property
    def cards(self) -> list[WebElement]:
        return list(self.driver.find_elements(By.CSS_SELECTOR, "#grid a.card"))

    @property
    def ids(self) -> list[str]:
        return [card.get_attribute("data-id") or "" for card in self.cards]

    @property
    def suggestions(self) -> list[str]:
        """What the text box offers."""
        script = "return [...document.getElementById('text').list.options].map((one) => one.value)"
        values: list[str] = self.driver.execute_script(script)
        return values

    @property
    def scores(self) -> list[float]:
        numbers = self.driver.find_elements(By.CSS_SELECTOR, "#grid .score .number")
        return [float(number.text) for number in numbers]

    @property
    def title(self) -> str:
        return str(self.element("subject-title").text)

    @property
    def notice(self) -> str:
        return str(self.element("notice").text)

    @property
    def fields(self) -> dict[str, str]:
        names = self.driver.find_elements(By.CSS_SELECTOR, "#subject-fields dt")
        values = self.driver.find_elements(By.CSS_SELECTOR, "#subject-fields dd")
        return {name.text: value.text for name, value in zip(names, values, strict=True)}

    @property
    def focused(self) -> WebElement:
        return self.driver.switch_to.active_element  # type: ignore[no-any-return]

    def element(self, element_id: str) -> WebElement:
        return self.driver.find_element(By.ID, element_id)  # type: ignore[no-any-return]

    def card(self, item_id: str) -> WebElement:
        return next(card for card in self.cards if card.get_attribute("data-id") == item_id)

    @property
    def scroll_px(self) -> int:
        return round(self.driver.execute_script("return scrollY"))

    def scroll_to(self, card: WebElement) -> None:
        self.driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", card)

    def open_item(self, item_id: str, title: str) -> None:
        """Click an item and wait for its own view."""
        self.card(item_id).click()
        self.wait_for(lambda: self.title == title)
        self.wait_until_loaded()

    def search_photo(self, path: Path) -> None:
        self.element("photo").send_keys(str(path))
        self.wait_for(lambda: self.title == "Your photo")
        self.wait_until_loaded()

    def drop_picture_of(self, item_id: str) -> None:
        """Drop an item's picture on the page, as if it came from the reader's disk."""
        self.driver.execute_script(
            """
            const done = fetch(arguments[0]).then((response) => response.blob());
            done.then((blob) => {
              const dataTransfer = new DataTransfer();
              dataTransfer.items.add(new File([blob], "dropped.png", { type: blob.type }));
              for (const kind of ["dragover", "drop"]) {
                document.body.dispatchEvent(
                  new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer }),
                );
              }
            });
            """,
            f"/items/{item_id}/image",
        )
        self.wait_for(lambda: self.title == "Your photo")
        self.wait_until_loaded()

    def search_text(self, text: str) -> None:
        box = self.element("text")
        box.clear()
        box.send_keys(text)
        box.submit()
        self.wait_for(lambda: self.title == f"“{text}”")
        self.wait_until_loaded()

    def choose(self, field: str, value: str) -> None:
        before = self.cards
        Select(self.driver.find_element(By.NAME, field)).select_by_value(value)
        self.wait_for(lambda: not before or self.cards != before)
        self.wait_until_loaded()

    def shown_pictures(self) -> list[bool]:
        """Return for each picture of a card whether the browser could show it."""
        self.driver.execute_script(
            "for (const image of document.querySelectorAll('#grid img')) image.loading = 'eager'"
        )
        script = "return [...document.querySelectorAll('#grid img')].every((one) => one.complete)"
        self.wait_for(lambda: self.driver.execute_script(script))
        widths = "return [...document.querySelectorAll('#grid img')].map((one) => one.naturalWidth)"
        return [width > 0 for width in self.driver.execute_script(widths)]

    def complaints(self) -> list[str]:
        """Return what the browser's console holds, of security policies for example."""
        return [entry["message"] for entry in self.driver.get_log("browser")]
