"""Real Chromium for journeys. Where none is installed the tests skip with a line saying so, and fail when CI is set."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

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
PATIENCE_SECONDS = 40


def need_chromium() -> None:
    if CHROMIUM and DRIVER:
        return
    if os.environ.get("CI"):
        pytest.fail("CI is set, but chromium or chromedriver is not installed")
    pytest.skip("no chromium or chromedriver here: browser tests are skipped")


@contextmanager
def chromium(
    width: int = 1360, height: int = 900, *, javascript: bool = True, dark: bool = False
) -> Iterator[webdriver.Chrome]:
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
        yield driver
    finally:
        driver.quit()


class Person:
    """Someone at a browser: types keys, reads what is on the page."""

    def __init__(self, driver: webdriver.Chrome, address: str, name: str, password: str) -> None:
        self.driver, self.address = driver, address
        self.open("/review/login")
        self.find("[name=name]").send_keys(name)
        self.find("[name=password]").send_keys(password, Keys.ENTER)
        self.until(lambda: "/login" not in driver.current_url)

    def open(self, path: str) -> None:
        self.driver.get(self.address + path)

    def find(self, selector: str):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def keys(self, *keys: str) -> None:
        """Type into whatever has the focus, as a hand does."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def with_control(self, key: str) -> None:
        webdriver.ActionChains(self.driver).key_down(Keys.CONTROL).send_keys(key).key_up(Keys.CONTROL).perform()

    def until(self, holds, what: str = ""):
        return WebDriverWait(self.driver, PATIENCE_SECONDS, poll_frequency=0.05).until(lambda _: holds(), what)

    def leaves(self, act) -> None:
        """Do something and wait for another page to be there whole."""
        self.driver.execute_script("document.documentElement.dataset.old = 'yes'") if self._scripts() else None
        before = self.find("html")
        act()
        self.until(lambda: self._gone(before), "the page did not change")
        self.until(lambda: self.all("main"))

    def _scripts(self) -> bool:
        return "js" in (self.find("html").get_attribute("class") or "")

    @staticmethod
    def _gone(element) -> bool:
        from selenium.common.exceptions import StaleElementReferenceException  # noqa: PLC0415

        try:
            element.tag_name  # noqa: B018 - asks the browser
        except StaleElementReferenceException:
            return True
        return False

    @property
    def text(self) -> str:
        return self.find("body").text

    @property
    def path(self) -> str:
        return self.driver.current_url.removeprefix(self.address).partition("?")[0]

    def complaints(self) -> list[str]:
        """Return what the browser's console holds: scripts that failed, and what the content policy stopped."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
