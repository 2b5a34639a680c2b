"""The whole story in the real product and a real Chromium: question, hand-over, person, bot, rating, review, correction."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chromium import chromium
from tests.product import Product
from tests.story import Story, hire

pytestmark = [pytest.mark.browser, pytest.mark.models]
WIDE: dict[str, object] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, object] = {"viewport": {"width": 390, "height": 844}}


def test_from_the_question_to_the_corrected_answer(copy_demo: Callable[[Path], Path], tmp_path: Path) -> None:
    """The agent is on a phone, where the desk has most to fold away."""
    data = copy_demo(tmp_path / "data")
    token = hire(data)
    product = Product(data)
    product.start()
    try:
        with chromium() as started:
            story = Story(started, product.url, token, WIDE, desk=PHONE)
            story.walk()
            story.close()
    finally:
        assert product.stop(signal.SIGINT) == 0
    assert story.errors == []
    assert "Traceback" not in product.log
