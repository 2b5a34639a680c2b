"""The second factor: time-based codes (RFC 6238), their QR code, recovery codes. Must not know rows or pages."""

from __future__ import annotations

import hashlib
import hmac
import io
import re
import secrets
import time

import pyotp
import segno

PERIOD_S = 30
RECOVERY_CODES = 8
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without what is easily mistaken


def new_secret() -> str:
    """160 random bits, base32."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, email: str, company: str) -> str:
    """What authenticator apps read from the QR code."""
    return pyotp.TOTP(secret, interval=PERIOD_S).provisioning_uri(name=email, issuer_name=company)


def qr_svg(text: str) -> str:
    """An inline SVG drawing, black on white whatever the page's colours, so that every camera reads it."""
    drawn = io.BytesIO()
    segno.make(text, error="m").save(
        drawn, kind="svg", scale=5, border=3, dark="#000", light="#fff", xmldecl=False, svgns=True, nl=False
    )
    return drawn.getvalue().decode()


def step_of(secret: str, code: str, now: float | None = None) -> int | None:
    """The period that a six-digit code belongs to: this one, the one before or after it; None for a wrong code."""
    digits = re.sub(r"[\s-]", "", code)
    if not (len(digits) == 6 and digits.isascii() and digits.isdigit()):
        return None
    current = int((time.time() if now is None else now) // PERIOD_S)
    generator = pyotp.TOTP(secret, interval=PERIOD_S)
    fits = [
        step
        for step in (current, current - 1, current + 1)
        if hmac.compare_digest(generator.generate_otp(step), digits)
    ]
    return fits[0] if fits else None


def recovery_codes() -> list[str]:
    """Eight codes such as "k3w9-mm4t-pd7x" (59 bits each), shown once."""
    return [
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(3)) for _ in range(RECOVERY_CODES)
    ]


def recovery_hash(code: str) -> str:
    """What is kept of a recovery code; hyphens, spaces and case do not count."""
    plain = re.sub(r"[\s-]", "", code).lower()
    return hashlib.sha256(b"recovery:" + plain.encode("utf-8", "replace")).hexdigest()
