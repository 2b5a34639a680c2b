"""The generator: catalogue, engines, model server, client and supervisor."""
