"""Signing in with a company account: OpenID Connect, code flow with PKCE. Must not know passwords, sessions or pages.

OpenID Connect Core 1.0, 3.1; RFC 7636 (PKCE); RFC 9700 (state, nonce, exact issuer). The two libraries are an extra.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import httpx

from chatbot.errors import ChatbotError, NotAllowed, SettingsError
from chatbot.settings import Settings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
KNOWN_FOR_S = 3600.0
TIMEOUT_S = 10.0
LEEWAY_S = 60


class ServiceError(ChatbotError):
    """The sign-in service does not answer, or not as the standard says."""


@dataclass(frozen=True)
class Begun:
    """What must come back unchanged; it waits in a signed cookie of the browser."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Claims:
    """Who the service says it is; the address is verified by it."""

    subject: str
    email: str


@dataclass
class Provider:
    """One sign-in service; one a process. Its description and keys are fetched when first needed and kept for an hour."""

    issuer: str
    client_id: str
    client_secret: str
    _known: dict[str, tuple[float, Any]] = field(default_factory=dict)
    _fetching: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def begin(self, redirect_uri: str) -> tuple[str, Begun]:
        """The address to send the browser to. Raises ServiceError."""
        begun = Begun(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48))
        endpoint = await self._endpoint("authorization_endpoint")
        async with self._client(redirect_uri) as client:
            address, _ = client.create_authorization_url(
                endpoint, state=begun.state, nonce=begun.nonce, code_verifier=begun.verifier
            )
        return str(address), begun

    async def finish(self, code: str, begun: Begun, redirect_uri: str) -> Claims:
        """Trades the code for an ID token and checks it. Raises ServiceError, and NotAllowed for a token that is not right."""
        from authlib.common.errors import AuthlibBaseError

        endpoint = await self._endpoint("token_endpoint")
        async with self._client(redirect_uri) as client:
            try:
                token = await client.fetch_token(endpoint, code=code, code_verifier=begun.verifier)
            except AuthlibBaseError as exc:
                raise NotAllowed("The sign-in service did not take the code.") from exc
            except (httpx.HTTPError, ValueError) as exc:
                raise ServiceError("The sign-in service did not answer.") from exc
        return await self._check(str(token.get("id_token") or ""), begun.nonce)

    async def _check(self, id_token: str, nonce: str) -> Claims:
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        rules = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.client_id},
            exp={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            try:
                claims = jwt.decode(id_token, KeySet.import_key_set(await self._keys()), list(ALGORITHMS)).claims
            except (JoseError, ValueError):  # the service may have changed its keys
                fresh = await self._keys(anew=True)
                claims = jwt.decode(id_token, KeySet.import_key_set(fresh), list(ALGORITHMS)).claims
            rules.validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as exc:
            raise NotAllowed("The sign-in service sent a token that is not right.") from exc
        return self._claims(claims)

    def _claims(self, claims: Mapping[str, Any]) -> Claims:
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != self.client_id:
            raise NotAllowed("The sign-in service sent a token for somebody else.")
        subject, email = f"{self.issuer} {claims['sub']}", str(claims.get("email") or "")
        if not email or claims.get("email_verified") not in (True, "true") or len(subject) > 255:
            raise NotAllowed("The sign-in service vouches for no e-mail address of this account.")
        return Claims(subject, email)

    async def _endpoint(self, name: str) -> str:
        address = str((await self._description()).get(name) or "")
        if urlsplit(address).scheme not in ("https", urlsplit(self.issuer).scheme):
            raise ServiceError(f"The sign-in service names no {name}.")
        return address

    async def _description(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = await self._fetched(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.issuer:
            raise ServiceError("The sign-in service calls itself otherwise than the setting oidc_issuer.")
        return found

    async def _keys(self, *, anew: bool = False) -> Any:
        return await self._fetched(await self._endpoint("jwks_uri"), anew=anew)

    async def _fetched(self, address: str, *, anew: bool = False) -> Any:
        async with self._fetching:
            when, kept = self._known.get(address, (0.0, None))
            if kept is not None and not anew and time.monotonic() - when < KNOWN_FOR_S:
                return kept
            try:
                async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                    answer = (await client.get(address)).raise_for_status().json()
            except (httpx.HTTPError, ValueError) as exc:
                raise ServiceError("The sign-in service did not answer.") from exc
            if not isinstance(answer, dict):
                raise ServiceError("The sign-in service answered with something else than the standard says.")
            self._known[address] = (time.monotonic(), answer)
            return answer

    def _client(self, redirect_uri: str) -> Any:
        from authlib.integrations.httpx_client import AsyncOAuth2Client

        return AsyncOAuth2Client(
            self.client_id,
            self.client_secret,
            scope="openid email profile",
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT_S,
        )


def provider_of(settings: Settings) -> Provider | None:
    """None when no sign-in service is set. Raises SettingsError for half a setting or a library that is not installed."""
    if settings.oidc_issuer is None:
        return None
    if not settings.oidc_client_id or not settings.oidc_client_secret:
        raise SettingsError("oidc_issuer is set, so oidc_client_id and oidc_client_secret are needed too.")
    if not (find_spec("authlib") and find_spec("joserfc")):
        raise SettingsError("oidc_issuer is set, but its libraries are not installed: pip install 'precedent[oidc]'.")
    return Provider(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret.get_secret_value())
