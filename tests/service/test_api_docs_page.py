"""The documentation page in a real browser: a request is tried on it, and nothing it does is blocked or missing."""

import pytest

from tests.service.api_server import add_shop, serving, settings_for
from tests.support.browser import Page, chromium

pytestmark = pytest.mark.browser

FORM = 'form[data-method="POST"][data-path="/v1/returns"]'


@pytest.fixture(scope="module")
def browser():
    with chromium(1300, 1000) as driver:
        yield Page(driver)


def test_a_return_is_submitted_from_the_page_and_nothing_on_it_is_blocked(browser, migrated_url):
    key = add_shop(migrated_url)
    with serving(settings_for(migrated_url)) as address:
        browser.open(f"{address}/docs")
        browser.at(f"{FORM} button").click()
        assert browser.shows("unauthorized", f"{FORM} .answer")
        browser.at("#key").write(key)
        browser.at(f"{FORM} button").click()
        assert browser.shows("202 Accepted", f"{FORM} .answer")
        assert browser.shows('"status": "received"', f"{FORM} .answer")
        blocked = [said for said in browser.complaints() if "Content Security Policy" in said]
        assert blocked == []
        browser.open(f"{address}/")
        assert browser.attributes(".doors a", "href") == [f"{address}{path}" for path in ("/review", "/ops", "/docs")]
