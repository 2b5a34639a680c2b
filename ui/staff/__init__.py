"""The team's pages: the agents' desk under /agents, the admin's pages under /admin, and the door to both."""
