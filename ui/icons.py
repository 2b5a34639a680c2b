"""The pages' icons as inline SVG, drawn for this product on a 24 px grid with a 1.75 px line. Knows nothing else."""

from __future__ import annotations

_PATHS = {
    "arrow": '<path d="M5 12h14M13 6l6 6-6 6"/>',
    "send": '<path d="M12 19V5M6 11l6-6 6 6"/>',
    "stop": '<rect x="7" y="7" width="10" height="10" rx="2" fill="currentColor" stroke="none"/>',
    "person": '<circle cx="12" cy="8" r="3.5"/><path d="M5 20c.6-3.6 3.3-5.5 7-5.5s6.4 1.9 7 5.5"/>',
    "menu": '<g fill="currentColor" stroke="none"><circle cx="12" cy="5.5" r="1.6"/><circle cx="12" cy="12" r="1.6"/>'
    '<circle cx="12" cy="18.5" r="1.6"/></g>',
    "plus": '<path d="M12 5v14M5 12h14"/>',
    "download": '<path d="M12 4v11M7.5 10.5 12 15l4.5-4.5M5 19.5h14"/>',
    "star": '<path d="m12 4 2.4 5 5.5.7-4 3.8 1 5.4-4.9-2.7-4.9 2.7 1-5.4-4-3.8 5.5-.7z"/>',
    "end": '<circle cx="12" cy="12" r="8"/><path d="m8.8 12.2 2.2 2.2 4.3-4.6"/>',
    "trash": '<path d="M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10.5 11v5M13.5 11v5"/>',
    "copy": '<rect x="9" y="9" width="10.5" height="10.5" rx="2.5"/><path d="M15 9V7a2.5 2.5 0 0 '
    '0-2.5-2.5H7A2.5 2.5 0 0 0 4.5 7v5.5A2.5 2.5 0 0 0 7 15h2"/>',
    "check": '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
    "thumb-up": '<path d="M7.5 11v8.5H5A1 1 0 0 1 4 18.5V12a1 1 0 0 1 1-1zm0 0 3.6-6.6c1.3 0 2.3 1 2.3 '
    '2.3V10h4.4a2 2 0 0 1 2 2.3l-.9 5.5a2 2 0 0 1-2 1.7H7.5"/>',
    "book": '<path d="M5 5.5A1.5 1.5 0 0 1 6.5 4H18v16H6.5A1.5 1.5 0 0 1 5 18.5zM5 18a1.5 1.5 0 0 1 '
    '1.5-1.5H18M9 8h5.5"/>',
    "down": '<path d="m7 10 5 5 5-5"/>',
    "clock": '<circle cx="12" cy="12" r="8"/><path d="M12 7.5V12l3 2"/>',
    "close": '<path d="m7 7 10 10M17 7 7 17"/>',
    "spark": '<path d="M12 4.5c.5 4.3 3.2 7 7.5 7.5-4.3.5-7 3.2-7.5 7.5-.5-4.3-3.2-7-7.5-7.5 4.3-.5 7-3.2 7.5-7.5z" '
    'fill="currentColor" stroke="none"/>',
}
_PATHS["thumb-down"] = f'<g transform="rotate(180 12 12)">{_PATHS["thumb-up"]}</g>'


def icon(name: str) -> str:
    """One icon in the colour of the text around it, hidden from screen readers: its button has the name."""
    return (
        f'<svg class="icon icon-{name}" viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" '
        f'stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">'
        f"{_PATHS[name]}</svg>"
    )
