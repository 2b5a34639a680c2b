"""An engine that says what it is told, for tests of everything around engines; as a program, a model server over it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time

from chatbot.generation.engine import Emit, Job, Piece, Prompt, PromptTooLongError, Pulse

CONTEXT = 1000


class ScriptedEngine:
    """Replies by the last message: "say A B C" gives those words, "forever" never ends, "fail" fails, "die" kills the
    process, "freeze" stops it as a hang would, "mute" says nothing. One token a word, `pace_s` between tokens."""

    name = "scripted"

    def __init__(self, pace_s: float = 0.0) -> None:
        self.pulse = Pulse()
        self.prompts: list[Prompt] = []
        self.cancelled = 0
        self._pace_s = pace_s
        self._closing = threading.Event()

    def submit(self, prompt: Prompt, emit: Emit) -> Job:
        if self.pulse.failure is not None:
            raise RuntimeError(self.pulse.failure)
        tokens = sum(len(message.content.split()) for message in prompt.messages)
        if tokens >= CONTEXT:
            raise PromptTooLongError(tokens, CONTEXT)
        self.prompts.append(prompt)
        cancelled = threading.Event()
        threading.Thread(target=self._write, args=(prompt, emit, cancelled), daemon=True).start()
        return Job(tokens, cancelled.set)

    def close(self) -> None:
        self._closing.set()

    def _write(self, prompt: Prompt, emit: Emit, cancelled: threading.Event) -> None:
        text = prompt.messages[-1].content
        words = text.removeprefix("say ").split() if text.startswith("say ") else ["Hello", "there."]
        if text == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if text == "freeze":
            os.kill(os.getpid(), signal.SIGSTOP)
        if text == "fail":
            emit(Piece("", 0, "error", "The model failed on this request."))
            return
        if text == "mute":
            words = []
        written = 0
        while written < (prompt.max_tokens if text == "forever" else min(len(words), prompt.max_tokens)):
            if cancelled.wait(self._pace_s or (0.01 if text == "forever" else 0)) or self._closing.is_set():
                self.cancelled += 1
                emit(Piece("", 0, "cancelled"))
                return
            emit(Piece(("" if written == 0 else " ") + words[written % len(words)], 1))
            written += 1
        emit(Piece("", 0, "stop" if text != "forever" and written == len(words) else "length"))


def _open(options: argparse.Namespace) -> ScriptedEngine:
    time.sleep(float(os.environ.get("SCRIPTED_LOAD_S", "0")))
    if broken := os.environ.get("SCRIPTED_BROKEN_MODEL"):
        from chatbot.errors import ModelError

        if broken in options.name:
            raise ModelError(f"The model file {options.name} is broken; run `chatbot doctor`.")
    return ScriptedEngine(float(os.environ.get("SCRIPTED_PACE_S", "0")))


if __name__ == "__main__":
    from chatbot.generation.server import main

    sys.exit(main(open_engine=_open))
