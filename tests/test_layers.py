"""The layers hold, and importing the core is instant."""

import subprocess
import sys
from pathlib import Path

HEAVY = {"torch", "transformers", "openvino", "openvino_genai", "gradio", "sqlalchemy", "faiss", "numpy", "pydantic"}


def test_the_contracts_of_the_layers_are_kept():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_importing_the_core_loads_nothing_heavy():
    code = "import sys, chatbot, chatbot.types, chatbot.errors; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY.isdisjoint(loaded)


def test_the_web_process_starts_without_torch():
    code = "import sys, ui.app, ui.wiring; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"torch", "transformers"}.isdisjoint(loaded)
