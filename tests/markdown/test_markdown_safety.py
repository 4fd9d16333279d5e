"""Nothing that a model writes can run, load, leave its place or vanish."""

import itertools
import subprocess
import sys

import pytest
from markdown_policy import read, violations

from nemotron_magic.markdown import to_html

_ADDRESSES = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "&#106;avascript:alert(1)",
    "javascript&colon;alert(1)",
    "javascript:123",
    "vbscript:x",
    "data:text/html,<script>1</script>",
    "data:image/svg+xml;base64,PHN2Zz4=",
    'data:image/png;base64,x" onerror="1',
    "file:///etc/passwd",
    "//host.example/x",
    "/logout",
    "files/x.svg",
    "#top",
    "?a=b",
    "\\\\host.example\\x",
    "https:\\\\host.example",
    "https:///host.example",
    "https://good.example@host.example",
    "https://user:word@host.example/",
    "https:host.example",
    "ftp://host.example",
    "tel:123",
    "blob:https://host.example/x",
    "https://host.example/\u202egpj.exe",
    "https://[::1/",
    'https://host.example/" onclick="1',
]
_PLACES = [
    "[text]({})",
    "[text](<{}>)",
    "![alt]({})",
    "[text][a]\n\n[a]: {}",
    "![alt][a]\n\n[a]: <{}>",
    "<{}>",
    "[![alt]({})]({})",
    "| a |\n|---|\n| [x]({}) |",
    "see {}",
]
_TAGS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<math><mi xlink:href=javascript:1>",
    "<iframe srcdoc='<script>1</script>'>",
    "<style>@import '//host.example'</style>",
    "<base href=//host.example>",
    "<form action=/x><button>go</button></form>",
    "<div id=a name=b class=jp-x data-commandlinker-command=a>x</div>",
    "<a href=https://a.b style=position:fixed>x</a>",
    "<!-- x --><![CDATA[x]]><?x?>",
    "</pre></code></div><b onclick=1>",
    "<textarea><img title='</textarea><img src=x onerror=1>'>",
    "<noscript><p title='</noscript><img src=x onerror=1>'>",
    "<x-y is=z onfocus=1 autofocus tabindex=0>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<meta http-equiv=refresh content=0>",
]
_AROUND = [
    "{}",
    "- {}",
    "> {}",
    "# {}",
    "**{}**",
    "`{}`",
    "``` {}\n{}\n```",
    "```html\n{}\n```",
    "| {} |\n|---|\n| {} |",
    "[{}](https://a.b '{}')",
    "![{}](https://a.b/{} '{}')",
    "${}$",
    "\\[{}\\]",
    "text\n{}\n\n    {}",
    "{} {{.jp-x #id onclick=1}}",
]
ATTACKS = [
    outer.replace("{}", inner)
    for outer, inner in [
        *itertools.product(_PLACES, _ADDRESSES),
        *itertools.product(_AROUND, _TAGS),
    ]
]


def test_there_are_enough_attacks():
    assert len(ATTACKS) > 500


@pytest.mark.parametrize("start", range(8))
def test_no_attack_gets_through(start):
    found = {text: violations(to_html(text)) for text in ATTACKS[start::8]}

    assert {text: bad for text, bad in found.items() if bad} == {}


def test_no_prefix_of_an_attack_gets_through():
    texts = {text[:end] for text in ATTACKS[::9] for end in range(0, len(text), 3)}

    assert {text for text in texts if violations(to_html(text))} == set()


@pytest.mark.parametrize("tag", _TAGS[:-3])
def test_raw_html_is_shown_as_text(tag):
    assert tag in read(to_html(f"see {tag} here"))[1].replace("’", "'")


@pytest.mark.parametrize(
    "text",
    [
        "List<String> and Map<K, V>",
        "<DataFrame shape=(3, 2)>",
        "template<typename T>",
        "a<b>c</b>",
        "#include <vector>",
        "x <- y",
    ],
)
def test_angle_brackets_are_never_swallowed(text):
    assert read(to_html(text.replace("#i", "\\#i")))[1].strip() == text


def test_a_remote_image_is_named_not_loaded():
    html = to_html("![a chart](https://host.example/a.png?secret=1)")

    assert "<img" not in html
    assert "a chart [image not loaded: host.example/a.png]" in read(html)[1]


def test_a_picture_inside_the_text_is_shown():
    html = to_html("![dot](data:image/png;base64,iVBORw0KGgo=)")

    assert '<img src="data:image/png;base64,iVBORw0KGgo=" alt="dot">' in html


@pytest.mark.parametrize(
    ("markdown", "host"),
    [
        ("[paypal.com](https://evil.example)", "(evil.example)"),
        ("[https://a.com/x](https://b.com/x)", "(b.com)"),
        ("[`a.com`](https://b.com)", "(b.com)"),
        ("[x](https://xn--pple-43d.com)", "(xn--pple-43d.com)"),
        (f"[x](https://b.com/?q={'a' * 101})", "(b.com)"),
    ],
)
def test_a_link_that_may_deceive_shows_its_host(markdown, host):
    assert host in read(to_html(markdown))[1]


@pytest.mark.parametrize(
    "markdown",
    [
        "[the docs](https://a.com)",
        "[a.com](https://www.a.com/x)",
        "[`pd.read_csv`](https://a.com)",
        "[plot.py](https://a.com)",
        "https://a.com/x",
    ],
)
def test_a_plain_link_shows_no_host(markdown):
    assert "nm-host" not in to_html(markdown)


@pytest.mark.parametrize("form", ["a{}b", "`a{}b`", "```\na{}b\n```", "a&#x{:X};b"])
@pytest.mark.parametrize(
    "sign", list("\u202e\u202a\u2066\u2069\u200b\u2060\ufeff\u200e")
)
def test_what_cannot_be_seen_is_shown_by_number(form, sign):
    markdown = form.format(ord(sign) if "X" in form else sign)

    assert f"a[U+{ord(sign):04X}]b" in read(to_html(markdown))[1]
    assert sign not in to_html(markdown)


@pytest.mark.parametrize("form", ["a{}b", "`a{}b`", "```\na{}b\n```"])
def test_hidden_tags_are_removed(form):
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")

    assert read(to_html(form.replace("{}", hidden)))[1].strip() == "ab"


def test_joiners_of_emoji_and_letters_stay():
    for text in ("👩\u200d🔬", "می\u200cخواهم"):
        assert text in to_html(text)


@pytest.mark.parametrize("sign", ["\ud800", "\x00", "\x1b[31m", "\x85", "\r"])
def test_no_character_raises(sign):
    for text in (sign, f"a{sign}b", f"`{sign}`", f"[{sign}]({sign})", f"${sign}$"):
        assert violations(to_html(text)) == []


def test_without_the_sanitiser_the_text_is_only_escaped():
    code = (
        "import sys; sys.modules['nh3'] = None\n"
        "from nemotron_magic.markdown import to_html\n"
        "print(to_html('**a** <b>'))"
    )

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert run.stdout.strip() == '<pre class="nm-plain">**a** &lt;b&gt;</pre>'


def test_nothing_heavy_is_loaded_before_the_first_reply():
    code = (
        "import sys\n"
        "from nemotron_magic.markdown import Blocks, CodeBlock, code_blocks, to_html\n"
        "Blocks().feed('# a\\n\\nb\\n\\nc'); code_blocks('```\\nx\\n```')\n"
        "heavy = {'markdown', 'nh3', 'pygments', 'pymdownx'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert run.stdout.strip() == "[]", run.stderr
