"""Requests for paths of ours that no route takes, or not with that method. Must not know what the routes do."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Scope

from ui.guard import is_own

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class LastMount(Mount):
    """A mount at / that leaves our own paths alone, where a plain one would take whatever no route before it took.

    So the router itself sees that a path of ours is unknown (404) or is asked for with a wrong method (405).
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return (Match.NONE, {}) if is_own(scope.get("path", "")) else super().matches(scope)


def leave_own_paths(routes: list[BaseRoute]) -> None:
    """Puts a LastMount in place of the mount that was added last. Raises TypeError when that is none."""
    last = routes[-1]
    if not isinstance(last, Mount):
        raise TypeError(f"the last route is {type(last).__name__}, not a mount")
    routes[-1] = LastMount(last.path, last.app, name=last.name)


def allowed_methods(routes: Sequence[BaseRoute], path: str) -> list[str]:
    """What a path may be asked for with: the Allow header of a 405 (RFC 9110, 15.5.6)."""
    return [method for method in _METHODS if any(_takes(route, method, path) for route in routes)]


def _takes(route: BaseRoute, method: str, path: str) -> bool:
    scope: Scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": [], "query_string": b""}
    return route.matches(scope)[0] is Match.FULL
