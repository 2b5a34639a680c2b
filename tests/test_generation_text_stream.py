"""Whole characters only, and nothing of a stop string, whatever the pieces are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chatbot.generation.text_stream import TextStream


def by_bytes(ids: list[int]) -> str:
    """A tokenizer with a token a byte: the hardest one for streaming."""
    return bytes(ids).decode(errors="replace")


@given(st.text(max_size=40), st.integers(1, 5))
def test_the_pieces_add_up_to_the_text(text: str, size: int) -> None:
    ids = list(text.encode())
    stream = TextStream(by_bytes)
    pieces = [stream.push(ids[at : at + size]) for at in range(0, len(ids), size)]
    assert "".join(pieces) + stream.flush() == text
    assert all("\ufffd" not in piece for piece in pieces) or "\ufffd" in text


@given(st.text("ab#", max_size=30), st.integers(1, 4))
def test_nothing_from_the_first_stop_string_on_is_shown(text: str, size: int) -> None:
    ids = list(text.encode())
    stream = TextStream(by_bytes, ["##", "ab#"])
    shown = ""
    for at in range(0, len(ids), size):
        shown += stream.push(ids[at : at + size])
    shown += stream.flush()
    ends = [text.find(stop) for stop in ("##", "ab#") if stop in text]
    assert shown == (text[: min(ends)] if ends else text)
    assert stream.stopped == bool(ends)


def test_text_that_may_begin_a_stop_string_waits() -> None:
    stream = TextStream(by_bytes, ["\nUser:"])
    assert stream.push(list(b"Hi\nUs")) == "Hi"
    assert stream.push(list(b"eful")) == "\nUseful"


def test_after_a_stop_string_nothing_comes() -> None:
    stream = TextStream(by_bytes, ["END"])
    assert stream.push(list(b"aENDb")) == "a"
    assert stream.push(list(b"c")) == ""
    assert stream.flush() == ""


def test_bytes_that_never_become_a_character_do_not_hold_the_reply_for_ever() -> None:
    stream = TextStream(by_bytes)
    assert "".join(stream.push([0x80]) for _ in range(20))
