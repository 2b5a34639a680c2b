"""Fixtures that several areas share; each lives in a module of its own."""

from __future__ import annotations

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # before torch: threads of two processes that spin for the same cores stall both
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from tests.demo import copy_demo, demo_copy, demo_folder
from tests.postgres import postgres_server, postgres_url

__all__ = ["copy_demo", "demo_copy", "demo_folder", "postgres_server", "postgres_url"]
