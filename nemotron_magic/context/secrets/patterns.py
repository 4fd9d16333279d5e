"""Secrets known by their form: keys of services, URLs, headers, commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

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
    "pattern_secrets",
    "rules",
]


class Rule(NamedTuple):
    """One form of a secret."""

    kind: str
    needles: list[str]
    form: re.Pattern[str]
    is_random: bool


_PARTS = {
    # An argument: with its quotes, if it has any, around it.
    "{ARGUMENT}": r"[\"']?(?P<secret>[^\s\"'$]{3,200})",
    "{STRING}": r"[bu]?[\"'](?P<secret>[^\"'\n]{3,200})[\"']",
    "{OPTION}": r"\b[^\n]{0,200}?[ \t]",
    "{WORDS}": r"(?:password|passwd|pwd)",
    "{GAP}": r"(?:\\[nrt]|[\s\"'|│>#*,+()\\])",
    "{BASE64}": r"[\w./+-]",
}


def rules(table: str, form: str = "%s") -> tuple[Rule, ...]:
    """Return the rules of a table: in each row a kind, needles and a form.

    A row goes on where the next line is indented. `?` behind a kind says that what is
    found has to look random.
    """
    for name, part in _PARTS.items():
        table = table.replace(name, part)
    found = []
    for row in re.sub(r"\n +", "", table.strip()).split("\n"):
        kind, needles, written = row.split("  ", 2)
        pattern = re.compile(form.replace("%s", written), re.ASCII)
        is_random = kind.endswith("?")
        found.append(Rule(kind.rstrip("?"), needles.split(","), pattern, is_random))
    return tuple(found)


# A run in a key is possessive, so that no text takes it back.
# Most forms are those that the services name in their documentation or that hosts of
# code scan for, https://docs.github.com/en/code-security/secret-scanning, 2026-11.
_KEYS = r"""
aws-key  akia,asia,abia,acca,a3t  (?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}
google-key  aiza  AIza[\w-]{35}
google-token  ya29.  ya29\.[\w.-]{20,}+
google-secret  gocspx-  GOCSPX-[\w-]{20,}+
google-token  1//0  1//0[\w-]{30,}+
github-token  ghp_,gho_,ghu_,ghs_,ghr_  gh[pousr]_[A-Za-z0-9]{30,}+
github-token  github_pat_  github_pat_\w{22,}+
gitlab-token  gl  gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas|imt|ffct)-[\w.-]{18,}+
slack-token  xox  xox[abdeoprsc](?:\.xox[bp])?-[\w-]{10,}+
slack-token  xapp-  xapp-\d-[\w-]{10,}+
stripe-key  _live_,_test_  (?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}+
stripe-secret  whsec_  whsec_[A-Za-z0-9+/]{20,}+={0,2}
api-key  sk-  sk-(?=[\w-]{0,60}\d)[\w-]{20,}+
nvidia-key  nvapi-  nvapi-[\w-]{20,}+
huggingface-token  hf_,api_org_  (?:hf|api_org)_[A-Za-z0-9]{30,}+
api-key  gsk_,xai-,pplx-,csk-,tvly-,fw_,r8_,pcsk_,jina_,bsa,lsv2_,wandb_v1_  (?:gsk_
    |xai-|pplx-|csk-|tvly-(?:dev-|prod-)?|fw_|r8_|pcsk_|jina_|BSA|lsv2_(?:pt|sk)_
    |wandb_v1_)(?=[\w-]{0,40}\d)[\w-]{20,}+
sendgrid-key  sg.  SG\.[\w-]{16,}+\.[\w-]{16,}+
twilio-key  ac,sk  (?:AC|SK)[0-9a-f]{32}
npm-token  npm_  npm_[A-Za-z0-9]{30,}+
pypi-token  pypi-  pypi-[\w-]{40,}+
databricks-token  dapi  dapi[0-9a-f]{32}(?:-\d{1,2})?
mailgun-key  key-  key-[0-9a-f]{32}
mailchimp-key  -us  [0-9a-f]{32}-us\d{1,2}
brevo-key  xkeysib-  xkeysib-[\w-]{40,}+
discord-token  .  [MNO][\w-]{23,27}\.[\w-]{6,7}\.[\w-]{27,42}
square-token  sq0  sq0[a-z]{3}-[\w-]{22,}+
square-token  eaaa  EAAA[\w-]{60,}+
facebook-token  eaa  EAA[A-Za-z0-9]{80,}+
shopify-token  shp  shp(?:at|ca|pa|ss|ua)_[0-9a-fA-F]{32}
cloudflare-key  v1.0-  v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}+
digitalocean-token  _v1_  do[opr]_v1_[0-9a-f]{64}
heroku-key  hrku-  HRKU-[\w-]{30,}+
vault-token  hvs.,hvb.,hvr.  hv[sbr]\.[\w-]{20,}+
terraform-token  .atlasv1.  [A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,}+
docker-token  dckr_  dckr_(?:pat|oat)_[\w-]{20,}+
doppler-token  dp.  dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{40,}+
grafana-token  glsa_,glc_  (?:glsa|glc)_[\w+/=-]{30,}+
atlassian-token  atatt3,atctt3,atbb  (?:ATATT3|ATCTT3|ATBB)[\w=-]{24,}+
notion-token  secret_,ntn_  (?:secret_|ntn_)[A-Za-z0-9]{40,}+
linear-key  lin_  lin_(?:api|oauth)_[A-Za-z0-9]{32,}+
figma-token  figd_  figd_[\w-]{30,}+
postman-key  pmak-  PMAK-[0-9a-f]{24}-[0-9a-f]{34}
airtable-token  pat  pat[A-Za-z0-9]{14}\.[0-9a-f]{64}
newrelic-key  nrak-,nral  NRA(?:K-[A-Z0-9]{27}|L[A-Za-z0-9]{36,})
sentry-token  sntry  sntry[su]_[\w+/=-]{40,}+
supabase-key  sbp_,sb_secret_  sb(?:p_[0-9a-f]{40}|_secret_[\w-]{20,}+)
planetscale-token  pscale_  pscale_(?:tkn|oauth|pw)_[\w.-]{30,}+
kaggle-token  kgat_  KGAT_[0-9a-f]{32}
dropbox-token  sl.  sl\.[\w-]{60,}+
age-key  age-secret-key-  AGE-SECRET-KEY-1[0-9A-Z]{50,}+
"""
# Keys of services: they do not begin or end within a word.
SERVICES = rules(_KEYS, r"(?<![A-Za-z0-9])%s(?![A-Za-z0-9])")
_OTHERS = r"""
private-key  private  -----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:
    {GAP}*+(?:[A-Z][A-Za-z-]{1,20}: [^\n\\]{0,120}|[A-Za-z0-9+/=]{16,}+))+(?:(?:
    {GAP}*+[A-Za-z0-9+/=]{1,15}+){0,3}{GAP}*+-----END [A-Z0-9 ]{1,60}-----)?
private-key  putty-user-key-file  PuTTY-User-Key-File-\d: [^\n]{0,80}+(?:\r?\n[ \t]*
    (?:[A-Z][A-Za-z0-9-]{1,30}:[^\n]*+|[A-Za-z0-9+/=]{8,}+))+
aws-secret  akia,asia  (?:AKIA|ASIA)[A-Z0-9]{16}["']?[ \t]*[,;|:\t ][ \t]*["']?
    (?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])
azure-secret  q~  (?<![\w~.-])[\w~.-]{3,4}\dQ~[\w~.-]{31,34}
azure-key  accountkey=,sharedaccesskey=  (?i:(?:Account|SharedAccess)Key=)
    (?P<secret>[A-Za-z0-9+/%]{20,}+={0,2})
slack-webhook  hooks.slack.com  hooks\.slack\.com/(?:services|workflows|triggers)/
    (?P<secret>[\w/+]{16,}+)
teams-webhook  webhook.office.com  webhook\.office\.com/webhookb2/
    (?P<secret>[\w@/-]{30,400})
twilio-secret  ac,sk  (?:AC|SK)[0-9a-f]{32}["']?[ \t]*[,;|:\t ][ \t]*["']?
    (?P<secret>[0-9a-f]{32})(?![0-9a-f])
telegram-token  :aa  (?<!\d)\d{8,10}:AA[\w-]{32,35}(?![\w-])
discord-webhook  /api/webhooks/  discord(?:app)?\.com/api/webhooks/\d{10,25}/
    (?P<secret>[\w-]{30,}+)
jwt  eyj  (?<![\w-])eyJ[\w-]{8,}+\.[\w-]{4,}+(?:\.[\w-]*+){0,3}
url-password  ://  ://[^\s:/@"'<>`\\|]{0,200}:(?P<secret>[^\s"'<>/`]{1,400})@(?=
    [\w\[$({.%-])
url-token  ://  ://(?P<secret>(?=[\w.~-]{0,40}\d)[\w.~-]{20,200}):?@
url-parameter  ?,&  (?i)[?&;](?:[\w-]{0,30}(?:token|secret|passw(?:or)?d|passwd
    |api_?-?key|apikey|signature|credential|subscription-key|access_?key)|sig|pwd
    |app_key|hapikey)=(?P<secret>[^\s&#"'<>`\\)\]},;|]{6,}+)
url-parameter?  ?,&  (?i)[?&;](?:auth|key|appid|session(?:_?id)?|sid|code)=
    (?P<secret>[^\s&#"'<>`\\)\]},;|]{8,}+)
url-token?  /key/,/token/,hook  (?i)/(?:key|token|[\w-]{0,20}hooks?\w{0,3})/
    (?P<secret>[\w@/.-]{16,400}+)
bearer-token  bearer  (?i)\bBearer(?:[ \t]+|%20|\\?["'][ \t]*,[ \t]*\\?["'])
    (?P<secret>(?=[^\s"']{0,60}\d|[^\s"']{24})[\w.~+/=:-]{12,}+)
basic-auth  basic  \b[Bb](?:asic|ASIC)[ \t]+(?P<secret>(?=[\w+/-]{0,60}[0-9=+])
    [\w+/-]{12,}+={0,2})(?![\w ])
authorization  authorization  (?i)\bauthorization["'\])]*[ \t]*[:=,][ \t]*["']?(?:
    token|apikey|api-key|key|bot|negotiate|hmac)[ \t]+(?P<secret>[^\s"',;]{8,})
signature  signature=  (?i)\bSignature=(?P<secret>[0-9a-f]{40,}+)
password  -u,--user  \bcurl\b[^\n]{0,300}?[ \t](?:-u|--user)[ =]?["']?
    [^\s:"'$]{1,80}:{ARGUMENT}
password  mysql,mariadb  \b(?:mysql\w{0,9}|mariadb){OPTION}-p{ARGUMENT}
password  redis-cli  \bredis-cli{OPTION}-a ?{ARGUMENT}
password  sshpass  \bsshpass{OPTION}-p ?{ARGUMENT}
password  docker  \bdocker login{OPTION}-p {ARGUMENT}
password  mongo  \b(?:mongo(?:sh|dump|restore|export|import)?){OPTION}-p ?{ARGUMENT}
password  az  \b(?:az login){OPTION}-p {ARGUMENT}
password  sqlcmd,bcp,osql,tsql  \b(?:sqlcmd|bcp|osql|tsql){OPTION}-P ?{ARGUMENT}
password  openssl  \bopenssl{OPTION}-[kK] ?{ARGUMENT}
password  ldap  \b(?:ldap(?:search|modify|add|delete|passwd|whoami)){OPTION}-w ?
    {ARGUMENT}
password  unzip,zip  \b(?:un)?zip{OPTION}-P ?(?!\S+\.zip){ARGUMENT}
password  7z,rar  \b(?:7za?|unrar|rar) [a-z]{OPTION}-p{ARGUMENT}
password  rclone  \brclone obscure {ARGUMENT}
password  isql  \bisql +[\w.-]{1,80} +[\w.-]{1,80} +(?!-){ARGUMENT}
password  smbclient  \bsmbclient{OPTION}-U ?["']?[^\s%]{1,80}%{ARGUMENT}
password  sqlplus,sqlldr,expdp,impdp,rman,exp,imp  \b(?:sqlplus|sqlldr|expdp|impdp
    |rman|exp|imp)\b[^\n]{0,80}?[ ="']\w{1,40}/(?P<secret>[^\s"'/@]{3,80})@\w
password  connect,create_pool  (?i)\b(?:connect|create_pool|connection)\( *(?:dsn=)?
    ["']\w{1,40}/(?P<secret>[^\s"'/@]{3,80})@\w
token?  login  (?i)\blogin(?:[ \t]+--?[\w-]{1,30}(?:=\S{1,200})?)*[ \t<]+(?P<secret>
    [\w.-]{16,}+)
password  pwd={,password={  (?i)\b(?:pwd|password)=\{(?P<secret>(?=[^{}\n]*(?:
    [^\w.{}\n]|\}\}))(?:[^{}\n]|\}\}){1,200})\}
password  http  \bhttps?{OPTION}(?:-a|--auth)[ =][^\s:"'$]{1,80}:{ARGUMENT}
password  auth  \bAUTH (?:PLAIN|LOGIN) (?P<secret>[A-Za-z0-9+/]{8,}={0,2})
password  input_value  (?im)^[\w.]{0,60}(?:pass|pwd|secret|token|key)\w{0,20}\n
    [^\n]{1,300}\binput_value={STRING}
password  pass:  -pass(?:in|out)?["', =]+pass:{ARGUMENT}
password  identified  (?i)\bIDENTIFIED +(?:WITH +[\w'"]+ +)?(?:BY|AS) +(?:PASSWORD +
    )?{STRING}
password  password  (?i)\bPASSWORD +{STRING}
password  auth,.login(  (?i)(?:\bauth *= *|(?:Basic|Digest|Proxy)_?Auth|\.login)\( *
    ["'][^"'\n]{1,80}["'] *, *{STRING}
password  secretstr(  SecretStr\({STRING}
azure-key  account.key  account\.key\.[\w.]{1,99}["']? *[,=:] *["']?(?P<secret>
    [\w+/=]{20,})
token?  access,refresh  ["'](?:access|refresh)["'] *: *["'](?P<secret>(?=\D{0,40}\d)
    [\w.-]{16,})
password  password=,passwd=,pwd=  (?i)(?:^|(?<=[\s"'?&;])){WORDS}=(?P<secret>
    [^\s&;"'=]{3,200})(?=[&;][\w. ]{1,40}=)
password  password=,passwd=,pwd=  (?i)[\w.]=[^\s&;"'=()]{1,80}[&;] ?{WORDS}=
    (?P<secret>[^\s&;"'=()]{3,200})(?=[;"'\s]|$)
password  passw,pwd  (?i)\bset_?\w{0,20}{WORDS}\((?:[^\n()]{0,120}, *)?{STRING} *\)
password  passw,pwd  (?i)\b(?:set\w{0,20}|put|option|conf|config)\((?:[\w.]+, *|["']
    [^"'\n]{1,80}["'], *){0,2}["'](?:[\w.-]{0,80}[._-])?{WORDS}["'], *{STRING} *\)
token  -stdin,sudo  \becho +(?:-n +)?{ARGUMENT}["']? *\|[^\n|]{0,200}
    (?:-stdin|sudo -S)\b
password  machine  \bmachine +\S{1,200}\s{1,9}login +\S{1,200}\s{1,9}password +
    (?P<secret>\S{1,200})
password  :  (?m)^[\w.*-]{1,100}:\d{2,5}:[\w*]{1,60}:[\w*]{1,60}:(?P<secret>
    \S{4,200})$
password-hash  $  \$(?:apr1|[1-9]|2[abxy]?|y|gy|md5|argon2[id]{1,2}|scrypt|pbkdf2
    [\w-]{0,20}|bcrypt-sha256|sha1|s0)\$(?:[\w=,.-]{1,60}\$){0,3}(?=[./\w+$]{0,60}
    [\d./]){BASE64}{0,120}\$?{BASE64}{20,200}+={0,2}
password-hash  $p$,$h$,$s$  \$[PHS]\$[\w./]{31,55}
password-hash  pbkdf2,scrypt,bcrypt,argon2,sha  \b(?:pbkdf2|scrypt|bcrypt|argon2
    |sha1|sha256|SCRAM-SHA-(?:1|256))[\w:-]{0,30}\$[\w:.$+/=-]{0,120}(?<![\w+/=])
    {BASE64}{22,200}+={0,2}
password-hash  {s,{m,{c  \{(?:S?SHA\d{0,3}|S?MD5|CRYPT)\}[\w+/$.]{20,200}={0,2}
password-hash  *  (?<![\w*])\*[0-9A-F]{40}(?!\w)
cookie  2|  \b2\|[0-9a-f]{8}\|[0-9a-f]{32}\|\d{10}
cookie  2|1:0|10:  2\|1:0\|10:\d{10}\|[^\s"';]{10,4000}+
"""
RULES = (*SERVICES, *rules(_OTHERS))

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
