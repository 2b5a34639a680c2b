"""The generator: model catalogue, engines, the server that speaks for it, its client and supervisor."""
