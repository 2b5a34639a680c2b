"""Fixtures that several areas share; each lives in a module of its own."""

from __future__ import annotations

import os

# before torch reads it: threads that spin at barriers stall where another process holds a core (two steps on the embedded
# model took 45 s of processor time with two threads, 10 s with one)
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest

from tests.chromium import browser
from tests.demo import copy_demo, demo_copy, demo_folder
from tests.embedded import converted_models, embedded_safetensors
from tests.postgres import empty_postgres_url, postgres_server, postgres_template, postgres_url

__all__ = [
    "browser",
    "converted_models",
    "copy_demo",
    "demo_copy",
    "demo_folder",
    "embedded_safetensors",
    "empty_postgres_url",
    "postgres_server",
    "postgres_template",
    "postgres_url",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with real models come first: they take longest, and what is left for one process at the end should be short."""
    long = {item.path for item in items if item.get_closest_marker("models")}
    items.sort(key=lambda item: item.path not in long)
