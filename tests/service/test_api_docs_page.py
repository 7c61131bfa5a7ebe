"""The documentation page in a real browser: a request is tried on it, and nothing it does is blocked or missing."""

import os
import shutil

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.service.api_server import add_shop, serving, settings_for

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        if os.environ.get("CI"):
            pytest.fail("CI must have chromium and chromedriver: .ci/run installs them")
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1300,1000"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    made = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    yield made
    made.quit()


def test_a_return_is_submitted_from_the_page_and_nothing_on_it_is_blocked(browser, migrated_url):
    key = add_shop(migrated_url)
    with serving(settings_for(migrated_url)) as address:
        browser.get(f"{address}/docs")
        form = browser.find_element(By.CSS_SELECTOR, 'form[data-method="POST"][data-path="/v1/returns"]')
        answer = form.find_element(By.CSS_SELECTOR, ".answer")
        form.find_element(By.TAG_NAME, "button").click()
        WebDriverWait(browser, 20).until(lambda _: "unauthorized" in answer.text)
        browser.find_element(By.ID, "key").send_keys(key)
        form.find_element(By.TAG_NAME, "button").click()
        WebDriverWait(browser, 20).until(
            lambda _: "202 Accepted" in answer.text and '"status": "received"' in answer.text
        )
        blocked = [entry for entry in browser.get_log("browser") if "Content Security Policy" in entry["message"]]
        assert blocked == []
        browser.get(f"{address}/")
        assert [link.get_attribute("href") for link in browser.find_elements(By.CSS_SELECTOR, ".doors a")] == [
            f"{address}{path}" for path in ("/review", "/ops", "/docs")
        ]
