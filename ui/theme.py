"""The accent colour as CSS variables with readable text on it, in light and dark, and an empty Gradio theme. Pure."""

from __future__ import annotations

import colorsys

from gradio.themes import Base

_WHITE, _INK = (255, 255, 255), (13, 20, 18)
_DARK_SURFACE = (26, 30, 29)


def accent_css(accent: str) -> str:
    """`:root` variables for an accent like "#0f6b52". Text on it, and it on the page, reach 4.5:1 (WCAG 2.2, 1.4.3)."""
    light, on_light = on_white(accent)
    dark = _until_readable(_rgb(accent), _DARK_SURFACE, towards=_WHITE)
    return (
        f":root{{--accent:{light};--on-accent:{on_light}}}"
        f"@media(prefers-color-scheme:dark){{:root{{--accent:{_hex(dark)};--on-accent:{_hex(_text_on(dark))}}}}}"
    )


def on_white(accent: str) -> tuple[str, str]:
    """The accent where it can be read on white, and the colour of text on it."""
    light = _until_readable(_rgb(accent), _WHITE, towards=_INK)
    return _hex(light), _hex(_text_on(light))


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Contrast ratio of two sRGB colours, 1..21 (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def plain_theme() -> Base:
    """Gradio's base theme with system fonts, so that nothing is fetched; all looks come from static/chat.css."""
    return Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])


def _until_readable(
    colour: tuple[int, int, int], ground: tuple[int, int, int], towards: tuple[int, int, int]
) -> tuple[int, int, int]:
    """The nearest lightness of the same hue and saturation that can be read on `ground`."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(c / 255 for c in colour))
    end = colorsys.rgb_to_hls(*(c / 255 for c in towards))[1]
    for step in range(41):
        mixed = colorsys.hls_to_rgb(hue, lightness + (end - lightness) * step / 40, saturation)
        r, g, b = (round(c * 255) for c in mixed)
        if contrast((r, g, b), ground) >= 4.5:
            return r, g, b
    return towards


def _text_on(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    return _WHITE if contrast(colour, _WHITE) >= contrast(colour, _INK) else _INK


def _luminance(colour: tuple[int, int, int]) -> float:
    linear = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _rgb(text: str) -> tuple[int, int, int]:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
