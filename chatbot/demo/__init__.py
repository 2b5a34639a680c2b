"""The demo company: its past conversations and held-out test questions, shipped as data."""
