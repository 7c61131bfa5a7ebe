"""Real Chromium for tests, read so that a page which changes under the reader is waited for and never an error.

A `Spot` is a selector, not an element: each reading finds its element anew, and an element that left the page between
the finding and the reading means "not yet". Another page is known by its document's own id, not by what an old element
answers. Where no Chromium is installed the tests skip with a line saying so, and fail when CI is set.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import pytest
from selenium import webdriver
from selenium.common.exceptions import (
    ElementNotInteractableException,
    NoSuchElementException,
    StaleElementReferenceException,
    WebDriverException,
)
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
)
PATIENCE_SECONDS = 60
POLL_SECONDS = 0.03
_LEFT_THE_PAGE = (
    "does not belong to the document",
    "no node with given id",
    "could not find node with given id",
    "cannot find context with specified id",
    "execution context was destroyed",
    "node is detached from document",
    "aborted by navigation",
    "no such execution context",
)
"""What chromedriver passes on from the inspector, as a plain WebDriverException, where it means a stale element."""

Found = TypeVar("Found")


def need_chromium() -> None:
    if CHROMIUM and DRIVER:
        return
    if os.environ.get("CI"):
        pytest.fail("CI is set, but chromium or chromedriver is not installed: .ci/run installs them")
    pytest.skip("no chromium or chromedriver here: browser tests are skipped")


@contextmanager
def chromium(
    width: int = 1360, height: int = 900, *, javascript: bool = True, dark: bool = False, zone: str = ""
) -> Iterator[webdriver.Chrome]:
    """Start a browser of its own. `zone`: the time zone it believes to be in, such as `Asia/Tokyo`."""
    need_chromium()
    options = Options()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--window-size={width},{height}"):
        options.add_argument(flag)
    if dark:
        options.add_argument("--blink-settings=preferredColorScheme=0")
    if not javascript:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        if zone:
            driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": zone})
        yield driver
    finally:
        driver.quit()


def is_not_yet(error: WebDriverException) -> bool:
    """Tell whether an error only says that the page changed while it was read, so that reading again is right."""
    if isinstance(error, (StaleElementReferenceException, NoSuchElementException, ElementNotInteractableException)):
        return True
    return any(said in (error.msg or "").lower() for said in _LEFT_THE_PAGE)


class Page:
    """What a browser shows. Every reading is repeated until it holds or patience ends."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def until(self, read: Callable[[], Found], what: str = "what was waited for did not come") -> Found:
        """Return the first true value of `read`. Raises AssertionError with the page's text when patience ends."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        late: WebDriverException | None = None
        while True:
            try:
                found, late = read(), None
                if found:
                    return found
            except WebDriverException as error:
                if not is_not_yet(error):
                    raise
                late = error
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}; at {self.driver.current_url}:\n{self._last_words()}") from late
            time.sleep(POLL_SECONDS)

    def open(self, address: str) -> None:
        self.driver.get(address)
        self._whole()

    def at(self, selector: str) -> "Spot":
        return Spot(self, selector)

    def button(self, words: str) -> "Spot":
        """Return the first button whose text holds these words."""
        return Spot(self, f"//button[contains(., '{words}')]", By.XPATH)

    def count(self, selector: str) -> int:
        """Return how many elements there are now, without waiting."""
        return len(self.driver.find_elements(By.CSS_SELECTOR, selector))

    def shows(self, words: str, selector: str = "body") -> bool:
        """Wait until the element's visible text holds these words; fail with what it holds instead."""
        return self.at(selector).says(words)

    def texts(self, selector: str) -> list[str]:
        """Return the visible texts of all elements of one moment."""
        return self._all(selector, lambda one: one.text)

    def attributes(self, selector: str, name: str) -> list[str | None]:
        return self._all(selector, lambda one: one.get_attribute(name))

    def keys(self, *keys: str) -> None:
        """Type into whatever has the focus, as a hand does."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def with_control(self, key: str) -> None:
        webdriver.ActionChains(self.driver).key_down(Keys.CONTROL).send_keys(key).key_up(Keys.CONTROL).perform()

    def leaves(self, act: Callable[[], Any]) -> None:
        """Do something and wait for another document to be there whole."""
        before = self._document()
        try:
            act()
        except WebDriverException as error:  # The page may be gone before the driver has told what it did to it.
            if not is_not_yet(error) or self._document() == before:
                raise
        self.until(lambda: self._document() != before, "the page did not change")
        self._whole()

    @property
    def text(self) -> str:
        return self.at("body").text

    def complaints(self) -> list[str]:
        """Return what the browser's console holds: scripts that failed, and what the content policy stopped."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def _all(self, selector: str, read: Callable[[WebElement], Any]) -> list[Any]:
        def moment() -> tuple[list[Any]]:
            return ([read(one) for one in self.driver.find_elements(By.CSS_SELECTOR, selector)],)

        return self.until(moment)[0]

    def _document(self) -> str:
        """Return the id of the document shown; each navigation makes another, with or without JavaScript."""
        return self.driver.execute_cdp_cmd("Page.getFrameTree", {})["frameTree"]["frame"]["loaderId"]

    def _whole(self) -> None:
        """Wait for the page to be complete, so that its scripts hear the first key."""

        def complete() -> bool:
            return self.driver.execute_script("return document.readyState") == "complete" and self.count("body") == 1

        self.until(complete, "the page did not load whole")

    def _last_words(self) -> str:
        try:
            return self.driver.find_element(By.CSS_SELECTOR, "body").text[:1_500]
        except WebDriverException as error:
            return f"(unreadable: {error.msg})"


class Spot(NamedTuple):
    """A place on a page. Every use finds the element anew and repeats while the page changes."""

    page: Page
    selector: str
    by: str = By.CSS_SELECTOR

    def _read(self, read: Callable[[WebElement], Found], what: str = "") -> Found:
        def moment() -> tuple[Found]:
            return (read(self.page.driver.find_element(self.by, self.selector)),)

        return self.page.until(moment, f"{self.selector} {what or 'is not on the page'}")[0]

    @property
    def text(self) -> str:
        return self._read(lambda one: one.text)

    def says(self, words: str) -> bool:
        def holds() -> bool:
            return words in self.page.driver.find_element(self.by, self.selector).text

        return self.page.until(holds, f"{self.selector} does not say {words!r}")

    def attribute(self, name: str) -> str | None:
        return self._read(lambda one: one.get_attribute(name))

    def is_shown(self, *, shown: bool = True) -> bool:
        """Wait until it is visible, or is not."""

        def holds() -> bool:
            return self.page.driver.find_element(self.by, self.selector).is_displayed() is shown

        return self.page.until(holds, f"{self.selector} is {'not ' if shown else ''}shown")

    def has_focus(self) -> bool:
        """Wait until the keyboard's next letter goes there."""

        def holds() -> bool:
            here = self.page.driver.find_element(self.by, self.selector)
            return here == self.page.driver.switch_to.active_element

        return self.page.until(holds, f"{self.selector} has not the focus")

    def click(self) -> None:
        def once(one: WebElement) -> bool:
            one.click()
            return True

        self._read(once, "cannot be clicked")

    def write(self, words: str, *after: str) -> None:
        """Replace what a field holds, as a hand that marks all and types, then press what comes after."""

        def once(one: WebElement) -> bool:
            one.clear()
            one.send_keys(words, *after)
            return True

        self._read(once, "cannot be written into")

    def exists(self) -> bool:
        """Wait until there is such an element."""
        return self._read(lambda _: True)


def all_gone(page: Page, selector: str) -> bool:
    """Wait until no such element is left."""
    return page.until(lambda: page.count(selector) == 0, f"{selector} is still there")


class Person(Page):
    """Someone logged in at a browser of the review pages: paths are the desk's own."""

    def __init__(self, driver: webdriver.Chrome, address: str, name: str, password: str) -> None:
        super().__init__(driver)
        self.address = address
        self.open("/review/login")
        driver.delete_all_cookies()
        self.open("/review/login")
        self.at("[name=name]").write(name)
        self.leaves(lambda: self.at("[name=password]").write(password, Keys.ENTER))
        self.until(lambda: self.path != "/review/login", f"{name} could not log in")

    def open(self, address: str) -> None:
        super().open(self.address + address)

    @property
    def path(self) -> str:
        return self.driver.current_url.removeprefix(self.address).partition("?")[0]


def serious_violations(page: Page, axe: str) -> Sequence[tuple[Any, ...]]:
    """Return what axe-core finds serious or critical on the page as it is now."""
    page.driver.execute_script(axe)
    result = page.driver.execute_async_script("axe.run(document).then(arguments[0])")
    return [
        (one["id"], one["nodes"][0]["target"], one["nodes"][0].get("failureSummary", "")[:200])
        for one in result["violations"]
        if one["impact"] in ("serious", "critical")
    ]
