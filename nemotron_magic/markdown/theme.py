"""The look of a reply: one style sheet, in the colours of the page around it.

A colour is taken from JupyterLab's theme (nbconvert writes it too), else from VS
Code's, else it is one for a plain light or dark page.
"""

from __future__ import annotations

import re
from functools import cache

__all__ = ["stylesheet"]

_TOKENS = """
k keyword name #7928a1 #d2a8ff
a number boolean #0a5 #79c0ff
s string string #a31515 #ff9d8a
m number number #0b6b3a #7ee787
c comment - #57606a #9aa4ae
f def name #0550ae #79c0ff
b builtin name #0550ae #79c0ff
d meta name #6b5900 #e3b341
t tag name #116329 #7ee787
"""

_SHEET = """
.nm-reply{
 --nm-muted:color-mix(in srgb,currentColor 78%,transparent);
 --nm-line:var(--jp-border-color2,var(--vscode-panel-border,#8886));
 --nm-back:var(--jp-cell-editor-background,var(--vscode-textCodeBlock-background,#8882));
 overflow-wrap:break-word;max-width:100%
}
.nm-reply>:first-child{margin-top:0}
.nm-reply pre[class]{
 background:var(--nm-back);border:1px solid var(--nm-line);border-radius:4px;
 padding:.6em .8em;margin:.6em 0;overflow-x:auto;line-height:1.45
}
.nm-reply pre[class] code{background:none;padding:0;white-space:pre}
.nm-reply .nm-plain[class],.nm-reply pre[class] .language-prompt{white-space:pre-wrap}
.nm-reply :not(pre)>code{background:var(--nm-back);border-radius:3px;padding:.1em .3em}
.nm-reply .nm-table{overflow-x:auto;margin:.6em 0}
.nm-reply .nm-table table{
 border-collapse:collapse;width:auto;margin:0;table-layout:auto;font-size:inherit
}
.nm-reply .nm-table tr th,.nm-reply .nm-table tr td{
 border:1px solid var(--nm-line);padding:.3em .7em;max-width:none;white-space:normal;
 text-align:left;vertical-align:top
}
.nm-reply .nm-table tr [align=center]{text-align:center}
.nm-reply .nm-table tr [align=right]{text-align:right}
.nm-reply :is(p,li,td){unicode-bidi:plaintext}
.nm-reply>p{text-align:start}
.nm-reply li{text-align:left}
.nm-reply ul,.nm-reply ol{padding-left:1.8em;margin:.4em 0}
.nm-reply li>ul,.nm-reply li>ol{margin:0}
.nm-reply li>p{margin:.4em 0}
.nm-reply li:has(>.nm-task),.nm-reply li:has(>p>.nm-task){list-style:none}
.nm-task{margin-left:-1.3em;display:inline-block;width:1.1em}
.nm-reply blockquote{
 border-left:3px solid var(--nm-line);margin:.6em 0;padding:0 .9em;color:var(--nm-muted)
}
.nm-reply img{max-width:100%}
.nm-hidden,.nm-host,.nm-image{font-size:.85em;color:var(--nm-muted)}
.nm-hidden{border:1px solid var(--nm-line);border-radius:3px}
.nm-math{max-width:100%;overflow:auto hidden}
.nm-joined>:first-child,.nm-joined>:first-child>table{margin-top:0}
.nm-open>:last-child,.nm-open>:last-child>table{margin-bottom:0}
.nm-reply.nm-open>pre:last-child{border-bottom:0;padding-bottom:0}
.nm-reply.nm-joined>pre:first-child{border-top:0;padding-top:0}
.nm-joined>.nm-table:first-child thead{display:none}
.nm-in-1{margin-left:1.8em}.nm-in-2{margin-left:3.6em}
.nm-in-3{margin-left:5.4em}.nm-in-4{margin-left:7.2em}
.nm-reasoning{
 border-left:3px solid var(--nm-line);color:var(--nm-muted);
 padding:.1em .9em;margin:.4em 0
}
.nm-reply summary{cursor:pointer}
.nm-reply details:not([class]){margin:.4em 0 .8em}
.nm-reply details:not([class])>summary{color:var(--nm-muted);font-size:.9em}
.nm-footer,.nm-notice{color:var(--nm-muted);font-size:.9em;margin:.6em 0}
.nm-error{
 color:color-mix(in srgb,var(--jp-error-color1,
  var(--vscode-errorForeground,light-dark(#b3261e,#ff8a80))) 75%,currentColor);
 white-space:pre-wrap;overflow-wrap:anywhere
}
"""


@cache
def stylesheet() -> str:
    """Give the CSS of all classes used here; it goes once into a page."""
    return _small(_SHEET) + "".join(map(_token_rule, _TOKENS.split("\n")[1:-1]))


def _token_rule(row: str) -> str:
    name, jupyter, code, light, dark = row.split()
    plain = f"light-dark({light},{dark})"
    other = (
        f"var(--vscode-debugTokenExpression-{code},{plain})" if code != "-" else plain
    )
    colour = f"var(--jp-mirror-editor-{jupyter}-color,{other})"
    # Some themes' colours are too faint: a part of the text's own helps.
    return f".nm-{name}{{color:color-mix(in srgb,{colour} 75%,currentColor)}}"


def _small(css: str) -> str:
    return re.sub(r"\s*([{};,])\s*|\n", r"\1", css.strip())
