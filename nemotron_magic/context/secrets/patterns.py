"""Secrets known by their own form: services' keys, blocks, URLs, headers, commands."""

from __future__ import annotations

from collections.abc import Iterator

from nemotron_magic.context.secrets.rule import Rule, rule
from nemotron_magic.context.secrets.services import SERVICES
from nemotron_magic.context.secrets.spans import MASK, Span
from nemotron_magic.context.secrets.values import is_placeholder, looks_random

__all__ = ["RULES", "pattern_secrets"]

_GAP = r"(?:\\[nrt]|[\s\"'|│>#*,+()\\])"
_HEADER = r"[A-Z][A-Za-z-]{1,20}: [^\n\\]{0,120}"
_BLOCKS = (
    # In a JSON or Python string its lines end in a backslash and an n. One that was cut
    # has no end.
    rule(
        "private-key",
        "private",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        rf"(?:{_GAP}*+(?:{_HEADER}|[A-Za-z0-9+/=]{{16,}}+))+"
        rf"(?:(?:{_GAP}*+[A-Za-z0-9+/=]{{1,15}}+){{0,3}}"
        rf"{_GAP}*+-----END [A-Z0-9 ]{{1,60}}-----)?",
    ),
    rule(
        "private-key",
        "putty-user-key-file",
        r"PuTTY-User-Key-File-\d: [^\n]{0,80}+"
        r"(?:\r?\n[ \t]*(?:[A-Z][A-Za-z0-9-]{1,30}:[^\n]*+|[A-Za-z0-9+/=]{8,}+))+",
    ),
)

_SECRET_PARAMETER = (
    r"(?:[\w-]{0,30}(?:token|secret|passw(?:or)?d|passwd|api_?-?key|apikey|signature"
    r"|credential|subscription-key|access_?key)|sig|pwd|app_key|hapikey)"
)
_HINTING_PARAMETER = r"(?:auth|key|appid|session(?:_?id)?|sid|code)"
_PARAMETER = r"[^\s&#\"'<>`\\)\]},;|]"
_URLS = (
    rule(
        "url-password",
        "://",
        r"://[^\s:/@\"'<>`\\|]{0,200}:(?P<secret>[^\s\"'<>/`]{1,400})@(?=[\w\[$({.%-])",
    ),
    rule("url-token", "://", r"://(?P<secret>(?=[\w.~-]{0,40}\d)[\w.~-]{20,200}):?@"),
    rule(
        "url-parameter",
        "? &",
        rf"(?i)[?&;]{_SECRET_PARAMETER}=(?P<secret>{_PARAMETER}{{6,}}+)",
    ),
    rule(
        "url-parameter",
        "? &",
        rf"(?i)[?&;]{_HINTING_PARAMETER}=(?P<secret>{_PARAMETER}{{8,}}+)",
        is_random=True,
    ),
    rule(
        "url-token",
        "/key/ /token/ hook",
        r"(?i)/(?:key|token|[\w-]{0,20}hooks?\w{0,3})/(?P<secret>[\w@/.-]{16,400}+)",
        is_random=True,
    ),
)
_LONG = r"(?P<secret>(?=[^\s\"']{0,60}\d|[^\s\"']{24})[\w.~+/=:-]{12,}+)"
_HEADERS = (
    rule(
        "bearer-token",
        "bearer",
        rf"(?i)\bBearer(?:[ \t]+|%20|\\?[\"'][ \t]*,[ \t]*\\?[\"']){_LONG}",
    ),
    rule(
        "basic-auth",
        "basic",
        r"\b[Bb](?:asic|ASIC)[ \t]+"
        r"(?P<secret>(?=[\w+/-]{0,60}[0-9=+])[\w+/-]{12,}+={0,2})(?![\w ])",
    ),
    rule(
        "authorization",
        "authorization",
        r"(?i)\bauthorization[\"'\])]*[ \t]*[:=,][ \t]*[\"']?"
        r"(?:token|apikey|api-key|key|bot|negotiate|hmac)[ \t]+"
        r"(?P<secret>[^\s\"',;]{8,})",
    ),
    rule("signature", "signature=", r"(?i)\bSignature=(?P<secret>[0-9a-f]{40,}+)"),
)
# An argument: with its quotes, if it has any, around it.
_ARGUMENT = r"[\"']?(?P<secret>[^\s\"'$]{3,200})"
_OPTIONS = (
    ("redis-cli", "redis-cli", "-a", "?"),
    ("sshpass", "sshpass", "-p", "?"),
    ("docker", "docker login", "-p", ""),
    ("mongo", "mongo(?:sh|dump|restore|export|import)?", "-p", "?"),
    ("az", "az login", "-p", ""),
    ("sqlcmd bcp osql tsql", "sqlcmd|bcp|osql|tsql", "-P", "?"),
    ("ldap", "ldap(?:search|modify|add|delete|passwd|whoami)", "-w", "?"),
)
_STRING = r"[bu]?[\"'](?P<secret>[^\"'\n]{3,200})[\"']"
_COMMANDS = (
    rule(
        "password",
        " -u  --user",
        r"\bcurl\b[^\n]{0,300}?[ \t](?:-u|--user)[ =]?"
        rf"[\"']?[^\s:\"'$]{{1,80}}:{_ARGUMENT}",
    ),
    rule(
        "password",
        "mysql mariadb",
        rf"\b(?:mysql\w{{0,9}}|mariadb)\b[^\n]{{0,200}}?[ \t]-p{_ARGUMENT}",
    ),
    *(
        rule(
            "password",
            needles,
            rf"\b(?:{commands})\b[^\n]{{0,200}}?[ \t]{option}[ ]{blank}{_ARGUMENT}",
        )
        for needles, commands, option, blank in _OPTIONS
    ),
    rule(
        "password",
        "isql",
        rf"\bisql[ ]+[\w.-]{{1,80}}[ ]+[\w.-]{{1,80}}[ ]+(?!-){_ARGUMENT}",
    ),
    rule(
        "password",
        "smbclient",
        rf"\bsmbclient\b[^\n]{{0,200}}?[ \t]-U[ ]?[\"']?[^\s%]{{1,80}}%{_ARGUMENT}",
    ),
    rule(
        "password",
        "sqlplus sqlldr expdp impdp rman exp imp",
        r"\b(?:sqlplus|sqlldr|expdp|impdp|rman|exp|imp)\b[^\n]{0,80}?[ =\"']\w{1,40}/"
        r"(?P<secret>[^\s\"'/@]{3,80})@\w",
    ),
    rule(
        "password",
        "connect create_pool",
        r"(?i)\b(?:connect|create_pool|connection)\([ ]*(?:dsn=)?[\"']\w{1,40}/"
        r"(?P<secret>[^\s\"'/@]{3,80})@\w",
    ),
    rule(
        "token",
        "login",
        r"(?i)\blogin(?:[ \t]+--?[\w-]{1,30}(?:=\S{1,200})?)*[ \t<]+"
        r"(?P<secret>[\w.-]{16,}+)",
        is_random=True,
    ),
    # In a connection string a password with signs stands in braces.
    rule(
        "password",
        "pwd={ password={",
        r"(?i)\b(?:pwd|password)=\{(?P<secret>(?=[^{}\n]*(?:[^\w.{}\n]|\}\}))"
        r"(?:[^{}\n]|\}\}){1,200})\}",
    ),
    rule("password", "pass:", rf"-pass(?:in|out)?[ ]+pass:{_ARGUMENT}"),
    rule(
        "password",
        "identified",
        r"(?i)\bIDENTIFIED[ ]+(?:WITH[ ]+[\w'\"]+[ ]+)?(?:BY|AS)[ ]+"
        rf"(?:PASSWORD[ ]+)?{_STRING}",
    ),
    rule("password", "password", rf"(?i)\bPASSWORD[ ]+{_STRING}"),
    rule(
        "password",
        "auth .login(",
        r"(?i)(?:\bauth[ ]*=[ ]*|(?:Basic|Digest|Proxy)Auth|\.login)\([ ]*"
        rf"[\"'][^\"'\n]{{1,80}}[\"'][ ]*,[ ]*{_STRING}",
    ),
    rule("password", "secretstr(", rf"SecretStr\({_STRING}"),
    rule(
        "azure-key",
        "account.key",
        r"account\.key\.[\w.]{1,99}[\"']?[ ]*[,=:][ ]*[\"']?(?P<secret>[\w+/=]{20,})",
    ),
    rule(
        "token",
        "access refresh",
        r"[\"'](?:access|refresh)[\"'][ ]*:[ ]*[\"']"
        r"(?P<secret>(?=\D{0,40}\d)[\w.-]{16,})",
        is_random=True,
    ),
    # What stands before another pair is no expression: of a form or a connection.
    rule(
        "password",
        "password= passwd= pwd=",
        r"(?i)(?:^|(?<=[\s\"'?&;]))(?:password|passwd|pwd)="
        r"(?P<secret>[^\s&;\"'=]{3,200})(?=[&;][\w. ]{1,40}=)",
    ),
    # So is what stands behind one and ends there.
    rule(
        "password",
        "password= passwd= pwd=",
        r"(?i)[\w.]=[^\s&;\"'=()]{1,80}[&;][ ]?(?:password|passwd|pwd)="
        r"(?P<secret>[^\s&;\"'=()]{3,200})(?=[;\"'\s]|$)",
    ),
    rule(
        "password",
        "passw pwd",
        r"(?i)\bset_?\w{0,20}(?:password|passwd|pwd)\("
        rf"(?:[^\n()]{{0,120}},[ ]*)?{_STRING}[ ]*\)",
    ),
    rule(
        "password",
        "passw pwd",
        r"(?i)\b(?:set\w{0,20}|put|option|conf|config)\((?:[\w.]+,[ ]*"
        r"|[\"'][^\"'\n]{1,80}[\"'],[ ]*){0,2}[\"'](?:[\w.-]{0,80}[._-])?"
        rf"(?:password|passwd|pwd)[\"'],[ ]*{_STRING}[ ]*\)",
    ),
    rule(
        "token",
        "-stdin",
        rf"\becho[ ]+(?:-n[ ]+)?{_ARGUMENT}[\"']?[ ]*\|[^\n|]{{0,200}}-stdin\b",
    ),
    rule(
        "password",
        "machine",
        r"\bmachine[ ]+\S{1,200}\s{1,9}login[ ]+\S{1,200}\s{1,9}password[ ]+"
        r"(?P<secret>\S{1,200})",
    ),
    rule(
        "password",
        ":",
        r"(?m)^[\w.*-]{1,100}:\d{2,5}:[\w*]{1,60}:[\w*]{1,60}:(?P<secret>\S{4,200})$",
    ),
)
_BASE64 = r"[\w./+-]"
# Passwords as systems keep them: they can be guessed from it.
_HASHES = (
    rule(
        "password-hash",
        "$",
        r"\$(?:apr1|[1-9]|2[abxy]?|y|gy|md5|argon2[id]{1,2}|scrypt|pbkdf2[\w-]{0,20}"
        r"|bcrypt-sha256|sha1|s0)\$(?:[\w=,.-]{1,60}\$){0,3}"
        rf"(?=[./\w+$]{{0,60}}[\d./]){_BASE64}{{0,120}}\$?{_BASE64}{{20,200}}+={{0,2}}",
    ),
    rule("password-hash", "$p$ $h$ $s$", r"\$[PHS]\$[\w./]{31,55}"),
    rule(
        "password-hash",
        "pbkdf2 scrypt bcrypt argon2 sha",
        r"\b(?:pbkdf2|scrypt|bcrypt|argon2|sha1|sha256|SCRAM-SHA-(?:1|256))"
        rf"[\w:-]{{0,30}}\$[\w:.$+/=-]{{0,120}}(?<![\w+/=]){_BASE64}{{22,200}}+={{0,2}}",
    ),
    rule(
        "password-hash",
        "{s {m {c",
        r"\{(?:S?SHA\d{0,3}|S?MD5|CRYPT)\}[\w+/$.]{20,200}={0,2}",
    ),
    rule("password-hash", "*", r"(?<![\w*])\*[0-9A-F]{40}(?!\w)"),
)
# As Jupyter and other programs of Tornado sign them.
_COOKIES = (
    rule("cookie", "2|", r"\b2\|[0-9a-f]{8}\|[0-9a-f]{32}\|\d{10}"),
    rule("cookie", "2|1:0|10:", r"2\|1:0\|10:\d{10}\|[^\s\"';]{10,4000}+"),
)
RULES = (*_BLOCKS, *SERVICES, *_URLS, *_HEADERS, *_COMMANDS, *_HASHES, *_COOKIES)


def pattern_secrets(text: str, lowered: str) -> Iterator[Span]:
    """Yield every place where a rule of the table finds a secret."""
    for one in RULES:
        if any(needle in lowered for needle in one.needles):
            group = "secret" if "secret" in one.form.groupindex else 0
            for found in one.form.finditer(text):
                start, end = found.span(group)
                if MASK not in lowered[start:end] and _is_one(one, found[group]):
                    yield Span(start, end, one.kind)


def _is_one(one: Rule, secret: str) -> bool:
    """Return whether it is a secret, and none that stands for it: `user:PASSWORD@`."""
    if "secret" in one.form.groupindex and is_placeholder(secret.lower()):
        return False
    return not one.is_random or looks_random(secret)
