"""`python -m tests.screenshots FOLDER`: pictures of the running product with the demo company, for the README and the docs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.chromium import chromium
from tests.story import Story, hire

DESKTOP, PHONE = (1280, 800), (390, 844)
COLOURS = 255  # the pages are flat: a palette looks the same and takes a third of the bytes
ANSWERED_MS = 60_000
MODEL_S = 60
MOST_BYTES = 300_000
SCHEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Picture:
    """One file: what is asked, in which language and size, and whether the last answer's sources stand open."""

    name: str
    size: tuple[int, int]
    locale: str
    questions: Sequence[str]
    sources: bool = False


PICTURES = (
    Picture("chat-desktop", DESKTOP, "en-US", ("when do i get my money back after a return?",), sources=True),
    Picture("chat-german", DESKTOP, "de-DE", ("Wie lange dauert der Versand nach Deutschland?",), sources=True),
    Picture("chat-mobile", PHONE, "en-US", ("how long is the warranty on a tent?", "do you sell kayaks?")),
    Picture("welcome-mobile", PHONE, "en-US", ()),
)


def main(folder: Path) -> int:
    """Takes every picture in light and in dark. Returns an exit code: 1 when one came out larger than it may be."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, demo(Path(data)) as (url, token), chromium() as started:
        made = [take(started, url, picture, scheme, folder) for picture in PICTURES for scheme in SCHEMES]
    for name, size in (("", DESKTOP), ("-mobile", PHONE)):
        for scheme in SCHEMES:  # the story changes what is known, so each begins with a house of its own
            with (
                tempfile.TemporaryDirectory() as data,
                demo(Path(data)) as (url, token),
                chromium() as started,
            ):
                made += tell(started, url, token, (name, size, scheme), folder)
    for path in made:
        print(f"{path} {path.stat().st_size // 1000} kB")
    return int(any(path.stat().st_size > MOST_BYTES for path in made))


@contextmanager
def demo(data: Path) -> Iterator[tuple[str, str]]:
    """The product over a fresh data folder with the demo company, while it runs: its address, and Ann's session."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CHATBOT_")}
    fill = [sys.executable, "-m", "scripts.init", "--demo", "--data", str(data)]
    subprocess.run(fill, env=environment, check=True, stdout=subprocess.DEVNULL)
    token = hire(data)
    command = [sys.executable, "-m", "ui", "--data", str(data), "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            ready = server.stdout.readline()
            if not ready.startswith("Ready: "):
                raise SystemExit("The server did not start; what it said stands above.")
            url = f"{ready.removeprefix('Ready: ').strip().rstrip('/')}/"
            wait_for_the_model(url)
            yield url, token
        finally:
            server.terminate()
            server.wait(30)


def wait_for_the_model(url: str) -> None:
    """Until the model server writes, which it starts to do beside the first chats."""
    for _ in range(MODEL_S * 4):
        if httpx.get(f"{url}readyz").json()["checks"]["model"] == "ok":
            return
        time.sleep(0.25)
    raise SystemExit(f"No model server after {MODEL_S} s: the pictures are to show what it writes.")


def take(browser: Browser, url: str, picture: Picture, scheme: str, folder: Path) -> Path:
    """Asks in a window of its own and saves what a customer sees."""
    width, height = picture.size
    context = browser.new_context(
        locale=picture.locale,
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=2,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(url)
    expect(page.locator("[data-thread] .row").first).to_be_visible(timeout=ANSWERED_MS)
    for number, question in enumerate(picture.questions, 1):
        page.locator("[data-text]").fill(question)
        page.keyboard.press("Enter")
        expect(page.locator("[data-thread] .row.bot")).to_have_count(number, timeout=ANSWERED_MS)
    if picture.sources:
        open_sources(page)
    page.mouse.move(1, 1)
    page.evaluate("document.activeElement?.blur()")
    path = save(page, folder / (f"{picture.name}.png" if scheme == "light" else f"{picture.name}-dark.png"))
    context.close()
    return path


def tell(browser: Browser, url: str, token: str, look: tuple[str, tuple[int, int], str], folder: Path) -> list[Path]:
    """Walks the whole story and takes a picture at each of its stations."""
    name, (width, height), scheme = look
    made: list[Path] = []

    def shot(station: str, page: Page) -> None:
        page.wait_for_timeout(300)  # suggestions, toasts and scrolling come to rest
        if station == "story-3-taken":
            expect(page.locator("#copilot div.draft")).to_contain_text(
                "Reworded by"
            )  # a picture of what it is there for
        made.append(save(page, folder / f"{station}{name}{'' if scheme == 'light' else '-dark'}.png"))

    looks = {"viewport": {"width": width, "height": height}, "color_scheme": scheme, "reduced_motion": "reduce"}
    story = Story(browser, url, token, looks, shot)
    story.walk()
    story.close()
    return made


def save(page: Page, path: Path) -> Path:
    page.screenshot(path=str(path), animations="disabled")
    with Image.open(path) as full:
        full.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    return path


def open_sources(page: Page) -> None:
    summary = page.locator("[data-thread] .row.bot").last.locator(".sources summary")
    summary.click()
    expect(page.locator(".sources[open] .asked").first).to_be_visible()
    page.locator("[data-scroll]").evaluate("(list) => { list.scrollTop = 0; }")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("Usage: python -m tests.screenshots FOLDER")
    sys.exit(main(Path(sys.argv[1])))
