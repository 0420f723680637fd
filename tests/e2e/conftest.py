"""What tests in a real browser against a real Airflow share; each module has an Airflow of its own, `airflow`, by its URL."""

import httpx
import pytest


@pytest.fixture
def page_of(airflow, browser):
    """A browser's page of somebody who has logged in, whose name is the password; what its console says is kept in `said`."""
    contexts = []

    def page_of(who, scheme="light"):
        login = {"username": who, "password": who}
        token = httpx.post(f"{airflow}/auth/token", json=login, trust_env=False).json()["access_token"]
        context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        context.add_cookies([{"name": "_token", "value": token, "url": airflow}])
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.said = []
        page.on("console", lambda message: page.said.append(message.text))
        return page

    yield page_of
    for context in contexts:
        context.close()
