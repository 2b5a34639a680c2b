"""A program for `test_storage_chaos` to kill: clients that send, tell each ack, and retry what was not acknowledged."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from chatbot.protocols import ConversationStore
from storage.opening import open_store

OWNER = "chaos"


async def client(store: ConversationStore, conversation_id: str, following: int) -> None:
    """Sends message after message, each with its number as client id; never ends by itself."""
    while True:
        message, _ = await store.add_customer_message(conversation_id, OWNER, f"text {following}", f"id {following}")
        # One write of a short line is whole or not there, even when we are killed.
        os.write(1, f"{conversation_id} {following} {message.seq}\n".encode())
        following += 1


async def send(store: ConversationStore, following: dict[str, int]) -> None:
    await asyncio.gather(*(client(store, key, number) for key, number in following.items()))


def main(url: str, folder: str, following: str) -> None:
    """following: JSON of conversation id -> number of the message that was not yet acknowledged."""
    with open_store(url or None, Path(folder), server=True, ballast_bytes=1 << 20) as store:
        os.write(1, b"ready\n")
        asyncio.run(send(store.conversations, json.loads(following)))


if __name__ == "__main__":
    main(*sys.argv[1:])
