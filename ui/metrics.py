"""Counters of what the dialogue does, and `/metrics` for Prometheus. Holds numbers only; must not know what is said."""

from __future__ import annotations

import hmac

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.exceptions import HTTPException

from chatbot.types import Reply
from ui.events import EventHub
from ui.identity import bearer_token

TURN_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)


class Metrics:
    """Implements `chatbot.protocols.Meter`. One a process, with a registry of its own, so that tests do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = self.registry
        self._messages = Counter("precedent_messages", "Customer messages stored", registry=own)
        self._replies = Counter("precedent_replies", "Replies stored", ("decision", "mode"), registry=own)
        self._stopped = Counter("precedent_replies_stopped", "Replies that the customer stopped", registry=own)
        self._degraded = Counter(
            "precedent_replies_degraded", "Replies made without a part that failed", ("part",), registry=own
        )
        self._unsaved = Counter("precedent_replies_unsaved", "Replies that the database did not take", registry=own)
        self._seconds = Histogram(
            "precedent_turn_seconds", "From a turn's start to its stored reply", buckets=TURN_SECONDS, registry=own
        )
        self._windows = Gauge("precedent_open_windows", "Windows that listen for events", registry=own)

    def message(self) -> None:
        self._messages.inc()

    def turn(self, reply: Reply, seconds: float) -> None:
        self._replies.labels(reply.decision.action.value, reply.mode.value).inc()
        self._seconds.observe(seconds)
        if reply.partial:
            self._stopped.inc()
        for part in {why.partition(":")[0] for why in reply.provenance.degraded}:
            self._degraded.labels(part).inc()

    def unsaved(self) -> None:
        self._unsaved.inc()

    def watch(self, hub: EventHub) -> None:
        """Reads the number of open windows whenever it is asked for."""
        self._windows.set_function(lambda: hub.open_windows)


def metrics_routes(metrics: Metrics, token: str | None) -> APIRouter:
    """`GET /metrics` for the bearer of `token`; without a token set there is no such page."""
    router = APIRouter(include_in_schema=False)

    @router.get("/metrics")
    async def read(request: Request) -> Response:
        if token is None:
            raise HTTPException(404, "There is nothing here.")
        if not hmac.compare_digest((bearer_token(request) or "").encode(), token.encode()):
            raise HTTPException(401, "This page needs the bearer token of metrics_token.")
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router
