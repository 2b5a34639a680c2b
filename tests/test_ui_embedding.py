"""The chat on another site's page: who may show it, which cookie it gets there, and the launcher in a real Chromium."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect

from chatbot.errors import SettingsError
from chatbot.settings import load_settings
from tests.fakes_ui import ANSWER, fake_parts
from tests.test_ui_browser import Running, serving
from ui.app import create_app_from

SHOP = "https://www.shop.example"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 780}


def client(folder: Path, **settings: Any) -> TestClient:
    return TestClient(create_app_from(fake_parts(folder, settings=settings)), base_url="http://127.0.0.1")


@pytest.mark.parametrize(
    "value",
    [
        *(
            "www.shop.example",
            "https://shop.example/page",
            "https://",
            "https://a.example; script-src *",
            "*",
            "https://*",
        ),
        *(
            "https://*.com",
            "https://a..b",
            "https://shop.example:0",
            "https://shop.example:65536",
            "https://-a.example",
        ),
    ],
)
def test_what_is_no_address_of_a_site_is_refused_by_name(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATBOT_EMBED_ORIGINS", value)
    with pytest.raises(SettingsError, match=r"CHATBOT_EMBED_ORIGINS: embed_origins = .*without a path"):
        load_settings(data=tmp_path)


def test_a_host_with_letters_of_its_own_is_to_be_written_as_browsers_send_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATBOT_EMBED_ORIGINS", "https://müller.example")
    with pytest.raises(SettingsError, match="xn--"):
        load_settings(data=tmp_path)


def test_several_sites_and_a_domain_with_all_below_it_may_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATBOT_EMBED_ORIGINS", f"{SHOP}, https://*.shop.example, http://localhost:8000")
    assert load_settings(data=tmp_path).embed_origins == (SHOP, "https://*.shop.example", "http://localhost:8000")


def test_without_a_site_that_may_nobody_can_frame_it_and_there_is_no_script(tmp_path: Path) -> None:
    with client(tmp_path) as http:
        answer = http.get("/widget.js")
        assert answer.status_code == 404
        assert "embed_origins" in answer.json()["error"]["message"]
        page = http.get("/", headers={"sec-fetch-dest": "iframe"})
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert page.headers["x-frame-options"] == "DENY"
        assert "SameSite=Lax" in page.headers["set-cookie"]


def test_only_the_chat_window_may_be_framed_and_only_by_the_sites_that_are_named(tmp_path: Path) -> None:
    with client(tmp_path, embed_origins=(SHOP,), public_url="https://chat.shop.example") as http:
        page = http.get("/")
        assert f"frame-ancestors 'self' {SHOP}" in page.headers["content-security-policy"]
        assert "x-frame-options" not in page.headers
        for path in ("/login", "/healthz", "/nothing", "/widget.js", "/api/v1/openapi.json"):
            answer = http.get(path)
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path
            assert answer.headers["x-frame-options"] == "DENY", path


def test_the_cookie_of_a_frame_is_kept_apart_for_each_site(tmp_path: Path) -> None:
    with client(tmp_path, embed_origins=(SHOP,), public_url="https://chat.shop.example") as http:
        framed = http.get("/", headers={"sec-fetch-dest": "iframe"}).headers["set-cookie"]
        http.cookies.clear()
        alone = http.get("/", headers={"sec-fetch-dest": "document"}).headers["set-cookie"]
    assert framed.startswith("__Host-precedent=")
    assert framed.endswith("; HttpOnly; Secure; SameSite=None; Partitioned")
    assert alone.endswith("; HttpOnly; Secure; SameSite=Lax")


def test_the_script_may_be_loaded_by_other_sites_and_carries_no_secret(tmp_path: Path) -> None:
    with client(tmp_path, embed_origins=(SHOP,), company="A </script> & Söhne") as http:
        answer = http.get("/widget.js", headers={"sec-fetch-site": "cross-site"})
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert "set-cookie" not in answer.headers
    assert "A </script> & S\\u00f6hne" in answer.text


# --- in a browser ----------------------------------------------------------------------------------------


RUDE = (
    "<style>* { position: relative } div { opacity: 0; transform: translate(-300px); bottom: auto } div:empty { display: none }"
    "html > div { position: static !important; width: 50% !important } body { transform: translateZ(0); height: 3000px }</style>"
)


class Site(BaseHTTPRequestHandler):
    """A page of the company on another site, with a policy that allows the chat and nothing inline; /rude styles what is not its
    own."""

    def __init__(self, chat: str, *args: Any) -> None:
        self.chat = chat
        super().__init__(*args)

    def do_GET(self) -> None:
        body = (
            f'<!doctype html><html lang="en"><title>Shop</title><meta name="viewport" content="width=device-width">'
            f'<script src="{self.chat}widget.js" async></script><script src="{self.chat}widget.js" async></script>'
            f'{RUDE if self.path == "/rude" else ""}<h1 id="Precedent">Tents</h1><input aria-label="Search">'
            f'<a href="/next">Next page</a>{"<p>Long</p>" * 60}</html>'
        ).encode()
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        origin = self.chat.rstrip("/")
        policy = f"default-src 'none'; script-src {origin}; frame-src {origin}; require-trusted-types-for 'script'"
        self.send_header(
            "content-security-policy", policy + ("; style-src 'unsafe-inline'" if self.path == "/rude" else "")
        )
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture(scope="module")
def shop() -> Iterator[ThreadingHTTPServer]:
    """Bound first, so that the chat can name it; it serves once the chat's address is known."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    yield server
    server.server_close()


@pytest.fixture(scope="module")
def chat(shop: ThreadingHTTPServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Cookies as behind https: a browser takes `Secure` ones from this machine without it."""
    settings = {
        "embed_origins": (f"http://localhost:{shop.server_port}",),
        "public_url": "https://chat.shop.example",
    }
    for running in serving(tmp_path_factory.mktemp("embedded"), {"pace_s": 0.05, "settings": settings}):
        shop.RequestHandlerClass = partial(Site, running.url)  # type: ignore[assignment]
        thread = threading.Thread(target=shop.serve_forever)
        thread.start()
        yield running
        shop.shutdown()
        thread.join()


def opened(
    browser: Browser, shop: ThreadingHTTPServer, host: str = "localhost", **options: Any
) -> tuple[BrowserContext, Page, list[str]]:
    context = browser.new_context(**{"locale": "en-US", "viewport": WIDE, **options})
    page, errors = context.new_page(), list[str]()
    page.on("console", lambda m: errors.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"http://{host}:{shop.server_port}/")
    return context, page, errors


def window(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[title='Northpine Outdoor']")


def ask(page: Page, text: str) -> None:
    window(page).get_by_label("Your message").fill(text)
    window(page).get_by_label("Your message").press("Enter")


@pytest.mark.browser
def test_a_customer_chats_on_the_shops_page_and_finds_the_chat_on_the_next(
    browser: Browser, shop: ThreadingHTTPServer, chat: Running
) -> None:
    context, page, errors = opened(browser, shop)
    launcher = page.get_by_role("button", name="Chat with Northpine Outdoor")
    expect(launcher).to_have_count(1)  # the script stands in the page twice
    assert page.locator("iframe").count() == 0  # nothing is fetched before it is wished
    launcher.click()
    expect(window(page).get_by_label("Your message")).to_be_focused(timeout=20_000)
    ask(page, "How long do I have?")
    expect(window(page).locator("[data-thread] .row.bot")).to_contain_text(ANSWER.text)
    (cookie,) = [each for each in context.cookies() if each["name"] == "__Host-precedent"]
    assert (cookie["sameSite"], cookie["secure"]) == ("None", True)
    assert cookie["partitionKey"] == "http://localhost"
    page.get_by_role("link", name="Next page").click()
    page.wait_for_url("**/next")
    expect(window(page).locator("[data-thread] .row.bot")).to_contain_text(ANSWER.text, timeout=20_000)
    window(page).get_by_role("button", name="Close chat").click()
    expect(page.locator("iframe")).to_be_hidden()
    page.reload()
    expect(page.get_by_role("button", name="Chat with Northpine Outdoor")).to_be_visible()
    expect(page.locator("iframe")).to_be_hidden()
    assert errors == []
    context.close()


@pytest.mark.browser
def test_an_answer_that_comes_after_a_change_of_page_is_told_on_the_next(
    browser: Browser, shop: ThreadingHTTPServer, chat: Running
) -> None:
    context, page, errors = opened(browser, shop)
    page.get_by_role("button", name="Chat with").click()
    ask(page, "Where is it?")
    expect(window(page).locator("[data-thread] .row.customer")).to_have_count(1, timeout=20_000)
    window(page).get_by_label("Your message").press("Escape")
    page.get_by_role("link", name="Next page").click()
    page.wait_for_url("**/next")
    told = page.get_by_role("button", name="Chat with Northpine Outdoor: new message")
    expect(told).to_be_visible(timeout=20_000)
    page.reload()
    expect(told).to_be_visible()  # until it is looked at
    told.click()
    expect(window(page).locator("[data-thread] .row.bot")).to_contain_text(ANSWER.text)
    expect(window(page).get_by_label("Your message")).to_be_focused()
    assert window(page).get_by_label("Your message").bounding_box()["height"] > 20  # type: ignore[index]
    page.locator("button[aria-expanded=true]").click()
    page.reload()
    page.wait_for_timeout(4_000)  # until the frame has told the same answer again
    expect(page.get_by_role("button", name="Chat with Northpine Outdoor", exact=True)).to_be_visible()
    assert errors == []
    context.close()


@pytest.mark.browser
def test_no_style_of_the_page_moves_or_hides_the_launcher(
    browser: Browser, shop: ThreadingHTTPServer, chat: Running
) -> None:
    context, page, errors = opened(browser, shop)
    page.goto(f"http://localhost:{shop.server_port}/rude")
    launcher = page.get_by_role("button", name="Chat with")
    expect(launcher).to_be_visible()
    assert launcher.bounding_box() == {"x": 1280 - 76, "y": 800 - 76, "width": 56, "height": 56}
    seen = "() => getComputedStyle(document.documentElement.lastElementChild)"
    assert page.evaluate(f"{seen}.opacity === '1' && {seen}.transform === 'none'".replace("() => ", ""))
    page.evaluate(
        "() => document.body.replaceWith(document.createElement('body'))"
    )  # as sites do that fetch pages by script
    launcher.click()
    expect(window(page).get_by_label("Your message")).to_be_visible(timeout=20_000)
    assert errors == []
    context.close()


@pytest.mark.browser
def test_who_went_on_elsewhere_while_the_chat_was_fetched_keeps_the_focus(
    browser: Browser, shop: ThreadingHTTPServer, chat: Running
) -> None:
    context, page, errors = opened(browser, shop)
    page.get_by_role("button", name="Chat with").click()
    page.get_by_label("Search").fill("tent")
    expect(window(page).locator(".row.welcome")).to_be_visible(timeout=20_000)
    page.wait_for_timeout(500)
    expect(page.get_by_label("Search")).to_be_focused()
    assert errors == []
    context.close()


@pytest.mark.browser
def test_a_chat_that_does_not_come_can_be_closed_on_a_phone_and_comes_when_it_is_opened_again(
    browser: Browser, shop: ThreadingHTTPServer, chat: Running
) -> None:
    context, page, _ = opened(browser, shop, viewport=PHONE, has_touch=True)
    page.route(chat.url, lambda route: route.abort())
    page.get_by_role("button", name="Chat with").click()
    expect(page.locator("iframe")).to_be_visible()
    page.get_by_role("button", name="Close chat").click()
    expect(page.locator("iframe")).to_be_hidden()
    page.get_by_role("button", name="Chat with").click()
    page.reload()
    expect(page.get_by_role("button", name="Chat with")).to_be_visible()
    assert page.locator("iframe").count() == 0
    page.get_by_role("button", name="Chat with").click()
    page.unroute(chat.url)
    page.get_by_role("button", name="Close chat").click()
    page.get_by_role("button", name="Chat with").click()
    expect(window(page).get_by_label("Your message")).to_be_visible(timeout=20_000)
    context.close()


@pytest.mark.browser
def test_an_answer_shows_on_the_launcher_while_the_chat_is_closed(
    browser: Browser, shop: ThreadingHTTPServer, chat: Running
) -> None:
    context, page, errors = opened(browser, shop)
    launcher = page.get_by_role("button", name="Chat with Northpine Outdoor", exact=True)
    launcher.click()
    ask(page, "Where is it?")
    expect(window(page).locator("[data-thread] .row.customer")).to_have_count(1, timeout=20_000)
    window(page).get_by_label("Your message").press("Escape")
    expect(page.locator("iframe")).to_be_hidden()
    told = page.get_by_role("button", name="Chat with Northpine Outdoor: new message")
    expect(told).to_be_focused()
    told.click()
    expect(window(page).locator("[data-thread] .row.bot")).to_contain_text(ANSWER.text)
    page.locator("button[aria-expanded=true]").click()
    expect(launcher).to_be_visible()
    assert errors == []
    context.close()


@pytest.mark.browser
def test_on_a_phone_the_chat_covers_the_page_and_can_be_closed(
    browser: Browser, shop: ThreadingHTTPServer, chat: Running
) -> None:
    context, page, errors = opened(browser, shop, viewport=PHONE, has_touch=True)
    page.get_by_role("button", name="Chat with").click()
    frame = page.locator("iframe")
    expect(frame).to_be_visible()
    frame.evaluate("shown => Promise.all(shown.parentElement.getAnimations({subtree: true}).map(one => one.finished))")
    assert frame.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 780}
    window(page).get_by_role("button", name="Close chat").click(timeout=20_000)
    expect(frame).to_be_hidden()
    expect(page.get_by_role("button", name="Chat with")).to_be_visible()
    assert errors == []
    context.close()


@pytest.mark.browser
def test_a_site_that_is_not_named_shows_no_chat(browser: Browser, shop: ThreadingHTTPServer, chat: Running) -> None:
    context, page, errors = opened(browser, shop, host="127.0.0.1")
    page.get_by_role("button", name="Chat with").click()
    page.wait_for_function("() => document.documentElement.lastElementChild.shadowRoot.querySelector('iframe')")
    page.wait_for_timeout(3_000)  # until a chat would have been there
    assert window(page).get_by_label("Your message").count() == 0
    assert any("frame-ancestors" in error for error in errors), errors
    context.close()
