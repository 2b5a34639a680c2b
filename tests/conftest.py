"""Fixtures that several areas share; each lives in a module of its own."""

from __future__ import annotations

from tests.demo import copy_demo, demo_copy, demo_folder
from tests.postgres import postgres_server, postgres_url

__all__ = ["copy_demo", "demo_copy", "demo_folder", "postgres_server", "postgres_url"]
