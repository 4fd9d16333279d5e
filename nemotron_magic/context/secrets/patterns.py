"""Secrets known by their form: keys of services, URLs, headers, commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nemotron_magic.context.secrets.values import (
    MASK,
    Span,
    is_placeholder,
    looks_random,
)

__all__ = [
    "RULES",
    "SERVICES",
    "Rule",
    "key",
    "pattern_secrets",
    "rule",
]


@dataclass(frozen=True, slots=True)
class Rule:
    """One form of a secret.

    Parameters
    ----------
    needles : tuple of str
        One of these stands in each text that the rule can match, in small letters;
        looking for them first is what makes many rules cheap.
    form : pattern
        The secret is its group `secret` if it has one, else all of it.
    is_random : bool
        What the form finds is a secret only if it looks made by a machine.
    """

    kind: str
    needles: tuple[str, ...]
    form: re.Pattern[str]
    is_random: bool = False


def rule(
    kind: str, needles: str, form: str, flags: int = 0, *, is_random: bool = False
) -> Rule:
    """Return a rule; `needles` are parted by blanks."""
    return Rule(
        kind, tuple(needles.split()), re.compile(form, re.ASCII | flags), is_random
    )


def key(kind: str, needles: str, form: str) -> Rule:
    """Return the rule for a key of a service: it does not begin within a word."""
    return rule(kind, needles, rf"(?<![A-Za-z0-9]){form}(?![A-Za-z0-9])")


# A run in a key is possessive, so that no text takes it back.
# Most forms are those that the services name in their documentation or that hosts of
# code scan for, https://docs.github.com/en/code-security/secret-scanning, 2026-11.
SERVICES = (
    key(
        "aws-key",
        "akia asia abia acca a3t",
        r"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}",
    ),
    rule(
        "aws-secret",
        "akia asia",
        r"(?:AKIA|ASIA)[A-Z0-9]{16}[\"']?[ \t]*[,;|:\t ][ \t]*[\"']?"
        r"(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
    ),
    key("google-key", "aiza", r"AIza[\w-]{35}"),
    key("google-token", "ya29.", r"ya29\.[\w.-]{20,}+"),
    key("google-secret", "gocspx-", r"GOCSPX-[\w-]{20,}+"),
    key("google-token", "1//0", r"1//0[\w-]{30,}+"),
    rule("azure-secret", "q~", r"(?<![\w~.-])[\w~.-]{3,4}\dQ~[\w~.-]{31,34}"),
    rule(
        "azure-key",
        "accountkey= sharedaccesskey=",
        r"(?i:(?:Account|SharedAccess)Key=)(?P<secret>[A-Za-z0-9+/%]{20,}+={0,2})",
    ),
    key("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{30,}+"),
    key("github-token", "github_pat_", r"github_pat_\w{22,}+"),
    key(
        "gitlab-token",
        "gl",
        r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas|imt|ffct)-[\w.-]{18,}+",
    ),
    key("slack-token", "xox", r"xox[abdeoprsc](?:\.xox[bp])?-[\w-]{10,}+"),
    key("slack-token", "xapp-", r"xapp-\d-[\w-]{10,}+"),
    rule(
        "slack-webhook",
        "hooks.slack.com",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[\w/+]{16,}+)",
    ),
    key("stripe-key", "_live_ _test_", r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}+"),
    key("stripe-secret", "whsec_", r"whsec_[A-Za-z0-9+/]{20,}+={0,2}"),
    key("api-key", "sk-", r"sk-(?=[\w-]{0,60}\d)[\w-]{20,}+"),
    key("nvidia-key", "nvapi-", r"nvapi-[\w-]{20,}+"),
    key("huggingface-token", "hf_ api_org_", r"(?:hf|api_org)_[A-Za-z0-9]{30,}+"),
    key(
        "api-key",
        "gsk_ xai- pplx- csk- tvly- fw_ r8_ pcsk_ jina_ bsa lsv2_ wandb_v1_",
        r"(?:gsk_|xai-|pplx-|csk-|tvly-(?:dev-|prod-)?|fw_|r8_|pcsk_|jina_|BSA|lsv2_(?:pt|sk)_|wandb_v1_)(?=[\w-]{0,40}\d)[\w-]{20,}+",
    ),
    key("sendgrid-key", "sg.", r"SG\.[\w-]{16,}+\.[\w-]{16,}+"),
    key("twilio-key", "ac sk", r"(?:AC|SK)[0-9a-f]{32}"),
    rule(
        "twilio-secret",
        "ac sk",
        r"(?:AC|SK)[0-9a-f]{32}[\"']?[ \t]*[,;|:\t ][ \t]*[\"']?"
        r"(?P<secret>[0-9a-f]{32})(?![0-9a-f])",
    ),
    key("npm-token", "npm_", r"npm_[A-Za-z0-9]{30,}+"),
    key("pypi-token", "pypi-", r"pypi-[\w-]{40,}+"),
    key("databricks-token", "dapi", r"dapi[0-9a-f]{32}(?:-\d{1,2})?"),
    key("mailgun-key", "key-", r"key-[0-9a-f]{32}"),
    key("mailchimp-key", "-us", r"[0-9a-f]{32}-us\d{1,2}"),
    key("brevo-key", "xkeysib-", r"xkeysib-[\w-]{40,}+"),
    # In a URL it stands right behind the word "bot".
    rule("telegram-token", ":aa", r"(?<!\d)\d{8,10}:AA[\w-]{32,35}(?![\w-])"),
    key("discord-token", ".", r"[MNO][\w-]{23,27}\.[\w-]{6,7}\.[\w-]{27,42}"),
    rule(
        "discord-webhook",
        "/api/webhooks/",
        r"discord(?:app)?\.com/api/webhooks/\d{10,25}/(?P<secret>[\w-]{30,}+)",
    ),
    key("square-token", "sq0", r"sq0[a-z]{3}-[\w-]{22,}+"),
    key("square-token", "eaaa", r"EAAA[\w-]{60,}+"),
    key("facebook-token", "eaa", r"EAA[A-Za-z0-9]{80,}+"),
    key("shopify-token", "shp", r"shp(?:at|ca|pa|ss|ua)_[0-9a-fA-F]{32}"),
    key("cloudflare-key", "v1.0-", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}+"),
    key("digitalocean-token", "_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    key("heroku-key", "hrku-", r"HRKU-[\w-]{30,}+"),
    key("vault-token", "hvs. hvb. hvr.", r"hv[sbr]\.[\w-]{20,}+"),
    key("terraform-token", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,}+"),
    key("docker-token", "dckr_", r"dckr_(?:pat|oat)_[\w-]{20,}+"),
    key("doppler-token", "dp.", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{40,}+"),
    key("grafana-token", "glsa_ glc_", r"(?:glsa|glc)_[\w+/=-]{30,}+"),
    key("atlassian-token", "atatt3 atctt3 atbb", r"(?:ATATT3|ATCTT3|ATBB)[\w=-]{24,}+"),
    key("notion-token", "secret_ ntn_", r"(?:secret_|ntn_)[A-Za-z0-9]{40,}+"),
    key("linear-key", "lin_", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,}+"),
    key("figma-token", "figd_", r"figd_[\w-]{30,}+"),
    key("postman-key", "pmak-", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    key("airtable-token", "pat", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    key("newrelic-key", "nrak- nral", r"NRA(?:K-[A-Z0-9]{27}|L[A-Za-z0-9]{36,})"),
    key("sentry-token", "sntry", r"sntry[su]_[\w+/=-]{40,}+"),
    key("supabase-key", "sbp_ sb_secret_", r"sb(?:p_[0-9a-f]{40}|_secret_[\w-]{20,}+)"),
    key("planetscale-token", "pscale_", r"pscale_(?:tkn|oauth|pw)_[\w.-]{30,}+"),
    key("kaggle-token", "kgat_", r"KGAT_[0-9a-f]{32}"),
    key("dropbox-token", "sl.", r"sl\.[\w-]{60,}+"),
    key("age-key", "age-secret-key-", r"AGE-SECRET-KEY-1[0-9A-Z]{50,}+"),
    rule("jwt", "eyj", r"(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{4,}+(?:\.[\w-]*+){0,3}"),
)

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
    ("openssl", "openssl", "-[kK]", "?"),
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
    rule("password", "pass:", rf"-pass(?:in|out)?[\"', =]+pass:{_ARGUMENT}"),
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


_MANIFEST = re.compile(r"(?m)^[ \t-]*[\"']?kind[\"']?:[ \t]*[\"']?Secret\b")
_DATA = re.compile(
    r"(?m)^([ \t]*)[\"']?(?:data|stringData)[\"']?:[ \t{]*\n((?:\1[ \t]+\S[^\n]*\n?)+)"
)
_ENTRY = re.compile(r"(?m)^[^\n:]{1,80}:[ \t]+[\"']?(?P<secret>[^\s\"',|>]{4,})")


def pattern_secrets(text: str, lowered: str) -> Iterator[Span]:
    """Yield every place where a rule of the table finds a secret."""
    if "secret" in lowered and _MANIFEST.search(text):
        for block in _DATA.finditer(text):
            for found in _ENTRY.finditer(text, *block.span(2)):
                if MASK not in lowered[slice(*found.span("secret"))]:
                    yield Span(*found.span("secret"), "secret")
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
