"""/healthz says that the process lives, /readyz that each part it needs works. Must not know what the parts do."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from chatbot.errors import ChatbotError
from ui.parts import Check, Parts

CHECK_S = 3.0


def health_routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        """Database, index and model, each named; 503 when one that is needed for answering does not work."""
        answers = await asyncio.gather(*(_run(check) for check in parts.checks.values()))
        named = {name: answer or "ok" for name, answer in zip(parts.checks, answers, strict=True)}
        ready = all(named.get(name) == "ok" for name in parts.required)
        return JSONResponse({"ready": ready, "checks": named}, 200 if ready else 503)

    return router


async def _run(check: Check) -> str | None:
    try:
        return await asyncio.wait_for(check(), CHECK_S)
    except TimeoutError:
        return f"no answer within {CHECK_S:.0f} s"
    except ChatbotError as error:
        return type(error).__name__
    except Exception as error:  # noqa: BLE001 - a probe reports whatever is broken, and never breaks itself
        return type(error).__name__
