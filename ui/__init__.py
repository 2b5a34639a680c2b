"""The web process: pages, routes and events. Nothing here is imported by `scripts`."""
