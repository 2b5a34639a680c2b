"""A sign-in service of the tests' own (OpenID Connect), on a free port of this machine; it can be told to misbehave."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from joserfc import jwt
from joserfc.jwk import RSAKey

from ui.__main__ import take_port

CLIENT, SECRET = "precedent-desk", "a secret of the test"


@dataclass
class FakeProvider:
    """claims: what the next ID token says beside the usual. key: what signs it; only `published` is told to anybody."""

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    published: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    key: RSAKey | None = None
    header: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def person(self, email: str, subject: str = "person-1", **claims: Any) -> None:
        self.claims = {"email": email, "email_verified": True, "sub": subject, **claims}

    def describe(self) -> dict[str, Any]:
        paths = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return {"issuer": self.issuer} | {name: f"{self.issuer}/{path}" for name, path in paths.items()}

    def keys(self) -> dict[str, Any]:
        return {"keys": [self.published.as_dict(private=False)]}

    def authorize(self, request: Request) -> Response:
        """Everybody is let through at once."""
        asked = dict(request.query_params)
        if asked.get("client_id") != CLIENT or asked.get("code_challenge_method") != "S256":
            return Response("refused", 400)
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 302)

    async def token(self, request: Request) -> Response:
        """Checks the client, the code (once), the redirect address and the PKCE verifier."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        basic = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        right = asked and asked["code_challenge"] == challenge and asked["redirect_uri"] == form.get("redirect_uri")
        if not right or request.headers.get("authorization") != basic:
            return JSONResponse({"error": "invalid_grant"}, 400)
        assert asked is not None
        now = int(time.time())
        said = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.claims}
        header = {"alg": "RS256", "kid": self.published.kid, **self.header}
        token = jwt.encode(header, {k: v for k, v in said.items() if v is not None}, self.key or self.published)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": token})


@contextlib.contextmanager
def provider() -> Iterator[FakeProvider]:
    fake, app = FakeProvider(), FastAPI()
    app.add_api_route("/.well-known/openid-configuration", fake.describe)
    app.add_api_route("/keys", fake.keys)
    app.add_api_route("/authorize", fake.authorize)
    app.add_api_route("/token", fake.token, methods=["POST"])
    with take_port("127.0.0.1", 0) as listening:
        fake.issuer = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the provider did not start"
                time.sleep(0.02)
            yield fake
        finally:
            server.should_exit = True
            thread.join(10)
