"""Which names tell that their value is a secret, and which values they hide."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from nemotron_magic.context.secrets.values import Strength, is_placeholder

__all__ = [
    "KEYWORD",
    "Telling",
    "hides",
    "is_telling",
    "strength_of",
    "told_by",
    "words_of",
]

KEYWORD = (
    r"(?:passw|passphrase|passcode|pwd|pass|secret|token|key|credential|creds|auth|dsn"
    r"|conn_?str|connection_?string|connection string|signature|cookie|session|bearer"
    r"|webhook|jwt|sig|pw(?![a-z])|(?<![a-z])(?:pin|pat|otp|cl[eé]s?)(?![a-z])|passe|mdp"
    r"|kennw|zugangscode|llave|segredo|contrase(?:ñ|n|ny)a|clave"
    r"|mots?[ _-]de[ _-]passe|parola|wachtwoord|has[lł]o|heslo|l(?:ö|o)senord|salasana"
    r"|adgangskode|parool|[şs]ifre|비밀번호|(?<![a-z])(?:sid|csrf|xsrf|sessid)(?![a-z])"
    r"|phpsess|jsess|senha|credencia|chave|jeton|schl(?:ü|u|ue)ssel|geheim|zugangsdaten|пароль|парол|пин_?код"
    r"|ключ|токен|секрет|密[码碼钥鑰匙]|口令|令牌|[私秘][钥鑰]|凭[证据]|パスワード|パスフレーズ"
    r"|暗証番号|合言葉|秘密鍵|トークン|シークレット|キー|資格情報)"
)
"""Where a telling name may stand in a text of small letters, to be judged by itself."""

# On the words of a name in small letters, without accents, underscores between them.
_PASSWORD = re.compile(
    r"(?:^|_)(?:[a-z]{2,12}pw|pw|pwd|psw|pswd|pword|pass_?(?:word|wd|phrase|code|wort)|kennwort"
    r"|mdp|claves?|senha|palavra_?passe|parol|mima)s?(?:_|$)"
    r"|passw|passphrase|kennwo|pwds?(?:_|$)|contrasen"
    r"|(?:mots?|palavras?|phrases?|frases?)_?(?:de_?)?passe|geheimzahl|zugangscode"
    r"|(?:^|_)(?:parola|wachtwoord|hasło|haslo|heslo|losenord|salasana|adgangskode|parool"
    r"|sifre)(?:_|$)|비밀번호|парол|пин_?код|密[码碼]|口令|パスワード|パスフレーズ|暗証番号|合言葉"
    r"|(?:^|[a-z]_?)pass(?:_(?:str|text|value|old|new|dict|list))?$|(?:^|_)pin(?:_code)?$"
)
_OWNERS = (
    r"api|access|private|account|client|master|sign(?:ing)?|encrypt(?:ion)?|crypto"
    r"|service|shared|subscription|licen[cs]e|app(?:lication)?|admin|root|consumer"
    r"|security|storage|function|auth|authorization|refresh|bearer|bot|id|csrf|xsrf|push"
    r"|personal|deploy|ci|hf|hub|github|gitlab|slack|user|db|database|ssh|gpg|pgp|fernet"
    r"|hmac|jwt|oauth|login|session|openai|aws|azure|gcp|google|stripe|registry|npm|pypi"
)
_SECRET = re.compile(
    rf"(?:^|_)(?:{_OWNERS})_?(?:key|token)s?(?:_|$)"
    r"|secret(?!ar)|credential|credencia|(?:^|_)creds?(?:_|$)|(?:^|_)(?:dsn|webhook|jwt"
    r"|sas|otp|bearer)s?(?:_|$)|conn(?:ection)?_?str|apikey|_access_key_id$"
    r"|zugangsdaten|geheimnis|geheim(?:er|es|e)?_?schl|api_?schl"
    r"|(?:cle|clave|chave|llave)s?_?(?:d_)?(?:api|secret|priv|segre)"
    r"|(?:api|secreta?|privee?|privada)_(?:cle|chave|llave)s?(?:_|$)|segredo"
    r"|секрет|апи_?ключ|api_?ключ|密[钥鑰匙]|[私秘][钥鑰]|凭[证据]|秘密鍵|シークレット"
    r"|資格情報|apiキー|api_キー"
)
_HINT = re.compile(
    r"(?:^|_)(?:key|token|auth|authorization|session|cookie|pat|sig|signature|jeton"
    r"|cle|chave|llave|ficha_de_acesso)s?(?:_|$)"
    r"|(?:^|_)(?:sid|csrf|xsrf|\w*sess(?:ion)?_?id)(?:_|$)"
    r"|(?:key|token|schlu?e?ssel)s?(?:_|$)|ключ|токен|令牌|トークン|キー(?:_|$)"
)
# Other things that are called so: the key of a table, the token of a text.
_ORDINARY = re.compile(
    r"(?:^|_)(?:pad|eos|bos|unk|mask|sep|cls|special|next|prev|max|min|num|n|total|per"
    r"|first|last|stop|start|end|image|input|output|prompt|completion|cached|primary"
    r"|foreign|sort|order|group|cache|partition|object|dict|row|index|join|merge|col"
    r"|column|public|lookup|map|by|idempotency|random"
    r"|prng|natural|surrogate|hash|bucket|page|continuation|answer|legend|shift|ctrl"
    r"|arrow|enter|palabras?|palavras?|mots?|primaria|foranea)_?"
    r"(?:key|token|clave|chave|cle|キー)s?(?:$|_)"
    r"|(?:clave|chave|cle)s?_(?:primaria|foranea|primaire|etrangere|estrangeira)"
    r"|(?:mon|tur|don|whis|joc|hoc|hot|sub|fun|jer|jo)key|keyerror|secretar"
    r"|(?:^|_)(?:first|second|third|last|next|low|high|band|all|forward|backward|by|n"
    r"|is|has|did|can|will|single|multi|one|two|each|per|boarding|season|ski|bus"
    r"|com|sur|over|under|tres)_?pass(?:es)?$"
)
_ASIDE = frozenset(
    """
    name names url uri path paths file files filename type types kind count counts
    counter len length field fields col cols column columns expiry expires expiration
    ttl size sizes limit limits usage rate rates policy prompt env var variable scope
    scopes endpoint label labels hint hints index idx dir directory manager func
    function callback class format error errors version user users username required
    enabled method methods mode arn strength reset changed provider prefix suffix
    position positions offset offsets freq frequency frequencies ratio score scores prob
    probs level levels address addr server logprob logprobs pattern regex message msg
    help title placeholder tooltip description desc backend scheme plugin state status
    time times date start duration timeout valid check checked validator mark grade
    threshold metric metrics figure figures finding findings point points feature
    features press event events word words phrase embedding embeddings host port sock by
    seen at id ids ips
    """.split()  # noqa: SIM905 - a list of a hundred words is read by nobody
)
_NOT_ASIDE = re.compile(
    r"(?:session|access_key|private_key|cookie)_ids?$|pass_(?:words?|phrase)$"
)
_EDGES = re.compile(
    r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[а-яё])(?=[А-ЯЁ])|[\W_\d]+"
)
_ACCENTS = re.compile("[\u0300-\u036f]")

_SHORTEST_PASSWORD = 4
_SHORTEST = 8
# Two letters that stand together in hardly a word of the languages that we know.
_UNSPOKEN = re.compile(
    r"q[^u]|j[^aeiouy]|v[^aeiouylrs]|x[bdfgjkmnqrsvwxz]|z[bcdfgjkmnpqrsvx]|[cfghkqvx]z"
    r"|[bcdfgkmpqtvwxz]j|[bcdfghjkmpqtvwz][xq]|w[bcfgjmpqvxz]|k[cdfgjmpqvxz]|y[hjqy]"
    r"|h[bcfghjkpqvxz]|f[bcdghjkmnpqvwxz]|p[bcdfgjkmqvwxz]|b[cfghkmpqvwz]|g[cdfjkpqvxz]"
    r"|m[dfghjkqrvwxz]|c[bdfgjmnpvwx]|d[cfkpqtxz]|[bcdfghjklmnpqrstvwxz]{6}"
)
_PLACE = re.compile(
    r"[~.]*(?:[/\\][\w. ~-]*){2,}|[~.]*[/\\][A-Za-z_.-]*|[A-Za-z]:[\\/].*"
    r"|[\w./\\ -]+\.(?:csv|tsv|json|parquet|txt|py|ipynb|pem|key|ya?ml|toml|ini|cfg|env"
    r"|png|jpe?g|svg|pdf|html?|xml|zip|gz|xlsx?|pkl|log|md|sql|db|sqlite|npz|h5|crt)"
    r"|(?:[a-z_-]+\d{0,4}[/.]|\d{1,4}[/.])+(?:[a-z_-]+\d{0,4}|\d{1,4})?"
    r"|[a-z][a-z0-9+]*://[^@?]*"
)
_FIGURE = re.compile(
    r"[-+]?\d+[.,]\d+(?:e[-+]?\d+)?|\d\d?:\d\d(?::\d\d)?(?:\.\d+)?"
    r"|(?:19|20)\d\d[-/.]\d\d?(?:[-/.]\d\d?)?(?:[T ].*)?|\d\d?[./]\d\d?[./]\d{4}"
)
_TITLED = re.compile(
    r"[^\W\d_]?[^\W\d_A-Z]*(?:[ _-][^\W\d_]?[^\W\d_A-Z]*)*|[A-Z]+(?:[ _-][A-Z]+)*"
)
_OPENING = tuple("<{[$%#(")
_ENCLOSED = re.compile(
    r"<[\w .:-]*>|\{\{?[\w .:'\"-]*\}\}?|\$\{[\w .:-]*\}|%\(?\w*\)?s|\[[a-z: -]*\]"
    r"|\([a-z ]*\)"
)


@dataclass(frozen=True, slots=True)
class Telling:
    """A name that tells, and how much.

    Parameters
    ----------
    kind : str
        What its value is called in a placeholder.
    """

    name: str
    strength: Strength
    kind: str

    def passes_over(self, name: object) -> bool:
        """Return whether a part of this name is no secret, as a user's name is none."""
        if self.strength is Strength.PASSWORD or type(name) is not str:
            return False
        return not _ASIDE.isdisjoint(words_of(name)[-1:])


def words_of(name: str) -> list[str]:
    """Return the words of a name in small letters, without digits and accents.

    Examples
    --------
    >>> words_of("myAPIKey_2"), words_of("Contraseñas")
    (['my', 'api', 'key'], ['contrasenas'])
    """
    plain = name
    if not name.isascii():
        apart = unicodedata.normalize("NFKD", name)
        plain = unicodedata.normalize("NFC", _ACCENTS.sub("", apart))
    return [word.lower() for word in _EDGES.split(plain) if word]


def is_telling(name: str) -> bool:
    """Return whether the value of a variable, field or column is likely a secret.

    Examples
    --------
    >>> is_telling("db_password"), is_telling("apiKeys"), is_telling("sort_key")
    (True, True, False)
    """
    return strength_of(name) is not None


@lru_cache(maxsize=8192)
def strength_of(name: str) -> Strength | None:
    """Return how much a name says about its value; None if it says nothing.

    The name may be written in any style: `db_password`, `apiKeys`, `AUTH-TOKEN`.
    """
    words = words_of(name[:200])
    joined = "_".join(words)
    is_aside = not _ASIDE.isdisjoint(words[-1:]) and not _NOT_ASIDE.search(joined)
    if is_aside or _ORDINARY.search(joined):
        return None
    if _PASSWORD.search(joined):
        return Strength.PASSWORD
    if _SECRET.search(joined):
        return Strength.SECRET
    return Strength.HINT if _HINT.search(joined) else None


@lru_cache(maxsize=8192)
def told_by(name: str) -> Telling | None:
    """Return what a name tells of its value; None if that is nothing."""
    strength = strength_of(name)
    if strength is None:
        return None
    words = "_".join(words_of(name))
    kinds = (one for one in ("token", "secret", "key") if one in words)
    is_password = strength is Strength.PASSWORD
    return Telling(
        name, strength, "password" if is_password else next(kinds, "credential")
    )


def hides(strength: Strength, value: str) -> bool:
    """Return whether a name of this strength makes a secret of the value.

    A password is any text of four characters. What another name holds is one if it has
    eight and, unless the name leaves no doubt, a digit, or small and capital letters.
    """
    shortest = _SHORTEST_PASSWORD if strength is Strength.PASSWORD else _SHORTEST
    if len(value.strip()) < shortest or _stands_in(value):
        return False
    if strength is Strength.PASSWORD:
        return True
    if _PLACE.fullmatch(value):
        return False
    return strength is Strength.SECRET or not _is_plain(value)


def _stands_in(value: str) -> bool:
    """Return whether a value is a placeholder, and not one that only begins so."""
    plain = value.strip("\"' ")
    if plain[:1] in _OPENING:
        return bool(_ENCLOSED.fullmatch(plain))
    return is_placeholder(plain.lower()) and not _is_mixed(plain)


def _is_mixed(value: str) -> bool:
    """Return whether small and capital letters stand in it as in no word."""
    return bool(re.search("[a-z][A-Z]|[A-Z]{2}[a-z]", value))


def _is_plain(value: str) -> bool:
    """Return whether a value is a date, a number, or words as people write them."""
    is_words = _TITLED.fullmatch(value) and not _UNSPOKEN.search(value.lower())
    return bool(is_words or _FIGURE.fullmatch(value))
