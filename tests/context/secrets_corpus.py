"""Secrets, made up and put where notebooks have them.

Each is put together when this runs, so that no scanner of a host takes a line of this
file for a secret. None is or was valid.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

CHANCE = random.Random(20261124)


@dataclass(frozen=True, slots=True)
class Case:
    """A text as a notebook has it, and what may not be left of it."""

    name: str
    text: str
    secrets: tuple[str, ...]


def some(letters: str, count: int) -> str:
    """Give so many random letters of a kind, of which one is a digit if it can be."""
    found = [CHANCE.choice(letters) for _ in range(count)]
    digits = [one for one in letters if one.isdigit()]
    if digits and count > 4:
        found[CHANCE.randrange(1, count)] = CHANCE.choice(digits)
    return "".join(found)


def mixed(count: int) -> str:
    return some(string.ascii_letters + string.digits, count)


def lower(count: int) -> str:
    return some(string.ascii_lowercase + string.digits, count)


def upper(count: int) -> str:
    return some(string.ascii_uppercase + string.digits, count)


def digits(count: int) -> str:
    return some("123456789", count)


def hexed(count: int) -> str:
    return some("0123456789abcdef", count)


def coded(count: int) -> str:
    return base64.b64encode(CHANCE.randbytes(count)).decode()


def jwt() -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": digits(9), "name": "A. Nother"})
    head = [
        base64.urlsafe_b64encode(json.dumps(one).encode()).decode() for one in parts
    ]
    return ".".join([*(one.rstrip("=") for one in head), mixed(43)])


def uuid() -> str:
    return "-".join(hexed(one) for one in (8, 4, 4, 4, 12))


def service_keys() -> list[tuple[str, str]]:
    """Give one key of each service, as the service makes them."""
    return [
        ("AWS id", "AK" + "IA" + upper(16)),
        ("AWS temporary id", "AS" + "IA" + upper(16)),
        ("Google", "AI" + "za" + mixed(35)),
        ("Google OAuth", "ya" + "29." + mixed(60)),
        ("Google client", "GOC" + "SPX-" + mixed(28)),
        ("Google refresh", "1/" + "/0" + mixed(50)),
        ("Azure client", mixed(3) + "8" + "Q~" + mixed(34)),
        ("GitHub", "gh" + "p_" + mixed(36)),
        ("GitHub app", "gh" + "s_" + mixed(36)),
        ("GitHub fine", "github" + "_pat_" + mixed(22) + "_" + mixed(59)),
        ("GitLab", "gl" + "pat-" + mixed(20)),
        ("GitLab app", "gl" + "rt-" + mixed(20)),
        ("Slack bot", "xo" + "xb-" + digits(11) + "-" + digits(12) + "-" + mixed(24)),
        ("Slack app", "xa" + "pp-1-A" + upper(9) + "-" + digits(12) + "-" + hexed(40)),
        ("Stripe", "sk" + "_live_" + mixed(24)),
        ("Stripe test", "rk" + "_test_" + mixed(30)),
        ("Stripe webhook", "wh" + "sec_" + mixed(32)),
        ("OpenAI", "s" + "k-" + mixed(48)),
        ("OpenAI project", "s" + "k-proj-" + mixed(40) + "_" + mixed(40)),
        ("Anthropic", "s" + "k-ant-api03-" + mixed(80) + "-" + mixed(6) + "AA"),
        ("OpenRouter", "s" + "k-or-v1-" + hexed(64)),
        ("DeepSeek", "s" + "k-" + hexed(32)),
        ("NVIDIA", "nv" + "api-" + mixed(64)),
        ("Hugging Face", "h" + "f_" + mixed(34)),
        ("Groq", "gs" + "k_" + mixed(52)),
        ("xAI", "xa" + "i-" + mixed(80)),
        ("Perplexity", "pp" + "lx-" + mixed(48)),
        ("Replicate", "r" + "8_" + mixed(37)),
        ("Tavily", "tv" + "ly-dev-" + mixed(32)),
        ("LangSmith", "ls" + "v2_pt_" + hexed(32) + "_" + hexed(10)),
        ("SendGrid", "S" + "G." + mixed(22) + "." + mixed(43)),
        ("Twilio", "A" + "C" + hexed(32)),
        ("npm", "np" + "m_" + mixed(36)),
        ("PyPI", "py" + "pi-AgEIcHlwaS5vcmc" + mixed(80)),
        ("Databricks", "da" + "pi" + hexed(32)),
        ("Mailgun", "ke" + "y-" + hexed(32)),
        ("Mailchimp", hexed(32) + "-u" + "s14"),
        ("Brevo", "xkey" + "sib-" + hexed(64) + "-" + mixed(16)),
        ("Telegram", digits(10) + ":A" + "A" + mixed(33)),
        ("Discord", "M" + mixed(25) + "." + mixed(6) + "." + mixed(38)),
        ("Square", "sq0" + "atp-" + mixed(22)),
        ("Shopify", "shp" + "at_" + hexed(32)),
        ("DigitalOcean", "do" + "p_v1_" + hexed(64)),
        ("Heroku", "HR" + "KU-" + mixed(60)),
        ("Vault", "hv" + "s." + mixed(90)),
        ("Terraform", mixed(14) + ".atlas" + "v1." + mixed(60)),
        ("Docker", "dck" + "r_pat_" + mixed(27)),
        ("Doppler", "dp" + ".pt." + mixed(43)),
        ("Grafana", "gl" + "sa_" + mixed(32) + "_" + hexed(8)),
        ("Atlassian", "ATA" + "TT3xFfGF0" + mixed(160)),
        ("Notion", "sec" + "ret_" + mixed(43)),
        ("Linear", "lin" + "_api_" + mixed(40)),
        ("Figma", "fig" + "d_" + mixed(40)),
        ("Postman", "PM" + "AK-" + hexed(24) + "-" + hexed(34)),
        ("Airtable", "pa" + "t" + mixed(14) + "." + hexed(64)),
        ("New Relic", "NR" + "AK-" + upper(27)),
        ("Supabase", "sb" + "p_" + hexed(40)),
        ("PlanetScale", "psc" + "ale_tkn_" + mixed(43)),
        ("Cloudflare", "v1" + ".0-" + hexed(24) + "-" + hexed(146)),
        ("age", "AGE-" + "SECRET-KEY-1" + upper(58)),
        ("JWT", jwt()),
        ("square access", "EA" + "AA" + mixed(60)),
        ("facebook", "EA" + "AB" + mixed(90)),
        ("sentry user", "sntr" + "yu_" + hexed(64)),
        ("kaggle", "KGA" + "T_" + hexed(32)),
        ("dropbox", "s" + "l." + mixed(130)),
    ]


SURROUNDINGS: list[Callable[[str], str]] = [
    lambda key: f"client = Client({key!r})\n",
    lambda key: f"'{key}'",
    lambda key: f"# old one: {key}, do not use\nrun(x)\n",
    lambda key: f"   user        value\n0   ann   {key}\n1   bob          NaN\n",
    lambda key: f"2026-05-03 12:01:44 DEBUG sending with {key} to host 3\n",
    lambda key: f"ValueError: Incorrect value provided: {key}. See the docs.\n",
    lambda key: f"['a', '{key}', 'b']\n",
    lambda key: f"!tool run {key} data.csv\n",
    lambda key: f'{{"id": 7, "v": "{key}", "n": null}}\n',
    lambda key: f"| ann | {key} | 2026-01-01 |\n",
    lambda key: f"https://example.com/hook/{key}/send\n",
    lambda key: f"---> 12 use({key!r})\n     13 done()\n",
    lambda key: f"name,value,day\nann,{key},2026-01-01\n",
]

# Passwords as people choose them, and keys that no service's form gives away.
P1, P2, P3, P4 = (
    "hun" + "ter2",
    "Tr0ub4" + "dor&3",
    "s3cr" + "et!Pass",
    "zX9" + "#qLp2vR",
)
P5, P6, P7 = "Winter" + "2025!", "correct" + "horsebattery", "qwerty" + "77abc"
K1, K2, K3, K4 = hexed(32), mixed(40), coded(48), uuid()
AWS = "AK" + "IA" + upper(16)
AWS2 = mixed(20) + "/" + mixed(12) + "+" + mixed(6)
BASIC = base64.b64encode(f"ann:{P4}".encode()).decode()
BODY = [coded(48) for _ in range(8)]
PEM = "\n".join(BODY)


def block(kind: str, body: str = PEM) -> str:
    dashes = "-" * 5
    kind = f"{kind}PRIVATE " + "KEY"
    return f"{dashes}BEGIN {kind}{dashes}\n{body}\n{dashes}END {kind}{dashes}\n"


CODE = [
    (f'password = "{P1}"', P1),
    (f"PASSWORD = '{P2}'  # TODO: move", P2),
    (f'db_password: str = "{P3}"', P3),
    (f'conn = connect(host="db", user="ann", password="{P7}")', P7),
    (f'conn = psycopg2.connect("dbname=shop user=ann password={P4} host=db")', P4),
    (
        f'engine = create_engine("postgresql+psycopg2://ann:{P1}x@db.example:5432/shop")',
        P1,
    ),
    (f"engine = create_engine('mysql+pymysql://root:{P7}@localhost/test')", P7),
    (f'client = MongoClient("mongodb+srv://ann:{P3}@cluster0.ab1cd.mongodb.net/")', P3),
    (f'r = redis.Redis.from_url("redis://:{P7}@cache:6379/0")', P7),
    (f'os.environ["OPENAI_API_KEY"] = "{K1}"', K1),
    (f"os.environ['DB_PASSWORD']='{P5}'", P5),
    (f'os.environ.setdefault("WANDB_API_KEY", "{hexed(0)}{K2}")', K2),
    (f'os.putenv("MY_TOKEN", "{K2}")', K2),
    (f"%env AIMLAPI_API_KEY={K1}", K1),
    (f"%set_env SERVICE_TOKEN {K2}", K2),
    (f"!export DB_PASS={P7} && ./run.sh", P7),
    (f"!PGPASSWORD={P5} psql -h db -U ann -c 'select 1'", P5),
    (f"!curl -u ann:{P4} https://api.example.com/v1/items", P4),
    (f'!curl -H "Authorization: Bearer {K2}" https://api.example.com', K2),
    (f"!curl -H 'X-Api-Key: {K1}' https://api.example.com", K1),
    (
        f"!curl --header 'PRIVATE-TOKEN: {K2[:20]}' https://git.example.com/api/v4",
        K2[:20],
    ),
    (f"!mysql -u root -p{P7} shop < dump.sql", P7),
    (f"!mysqldump --user=root --password={P5} shop > out.sql", P5),
    (f"!tool login --token {K2} --verbose", K2),
    (f"!tool deploy --api-key={K1} --region eu", K1),
    (f"!docker login -u ann -p {P4} registry.example.com", P4),
    (f"!sshpass -p '{P3}' ssh ann@host ls", P3),
    (f"!redis-cli -a {P7} keys '*'", P7),
    (f"!wandb login --relogin --key {K2}", K2),
    (f'headers = {{"Authorization": "Bearer {K2}", "Accept": "*/*"}}', K2),
    (f"headers = {{'authorization': 'Basic {BASIC}'}}", BASIC),
    (f"headers = {{'X-API-Key': '{K1}', 'User-Agent': 'x'}}", K1),
    (f'headers["Authorization"] = "Token {K2}"', K2),
    (f'session.headers.update({{"api-key": "{K1}"}})', K1),
    (f'requests.get(url, auth=("ann", "{P4}"))', P4),
    (f"requests.get(url, auth=HTTPBasicAuth('ann', '{P2}'))", P2),
    (f'requests.get(url, params={{"api_key": "{K1}", "q": "x"}})', K1),
    (f'requests.get("https://api.example.com/v1?q=x&api_key={K1}&n=10")', K1),
    (f'pd.read_csv("https://x.example/data.csv?token={K2}")', K2),
    (f'spark.conf.set("fs.azure.account.key.acct.dfs.core.windows.net", "{K3}")', K3),
    (f'hadoop.set("fs.s3a.secret.key", "{AWS2}")', AWS2),
    (f's3 = boto3.client("s3", aws_secret_access_key="{AWS2}")', AWS2),
    (f'boto3.Session("{AWS}", "{AWS2}")', AWS2),
    (f'openai.api_key = "{K1}"', K1),
    (f"client = OpenAI(api_key='{K1}', base_url=URL)", K1),
    (f'genai.configure(api_key="{K2}")', K2),
    (f'login(token="{K2}")', K2),
    (f'SECRET_KEY = "django-insecure-{K2}"', K2),
    (f'app.secret_key = b"{K2}"', K2),
    (f'jwt.encode(payload, key="{K2}", algorithm="HS256")', K2),
    (f'cipher = Fernet(b"x"); encryption_key = "{K3}"', K3),
    (f'CREATE USER ann IDENTIFIED BY "{P1}";', P1),
    (f"ALTER USER ann WITH PASSWORD '{P6}';", P6),
    (f"keyring.set_password('svc', 'ann', '{P1}')", P1),
    (f"config.set('db', 'password', '{P1}')", P1),
    (f"Server=db;User Id=ann;Password={P2};", P2),
    (f"!echo {K2} | docker login -u ann --password-stdin", K2),
    (f"CREATE ROLE ann LOGIN PASSWORD '{P1}'", P1),
    (f"%sql postgresql://ann:{P2}@db/shop", P2),
    (f'cfg = dict(user="ann", passwd="{P1}", port=3306)', P1),
    (f'if password == "{P1}":', P1),
    (f'payload = {{"grant_type": "password", "client_secret": "{K2}"}}', K2),
    (f'account_key = "{K3}"', K3),
    (
        f'cs = "DefaultEndpointsProtocol=https;AccountName=x;AccountKey={K3};Suffix=y"',
        K3,
    ),
    (f'cs = "Server=tcp:db;Database=x;User ID=ann;Password={P4};Encrypt=yes"', P4),
    (f'cs = "Driver={{ODBC}};Server=db;Uid=ann;Pwd={P2};"', P2),
    (f'cs = "Endpoint=sb://x.net/;SharedAccessKeyName=Root;SharedAccessKey={K3}"', K3),
    (f'sas = "https://x.blob.core.windows.net/c?sv=2022&sig={K2}%3D&se=2027"', K2),
    (f'smtp.login("ann@example.com", "{P4}")  # password: {P4}', P4),
    (f'passphrase = "{P6}"', P6),
    (f'token = ("{K2}")', K2),
    (
        'WEBHOOK = "https://hooks.slack'
        + f'.com/services/T0{upper(7)}/B0{upper(7)}/{K2[:24]}"',
        K2[:24],
    ),
    (
        'url = "https://discord' + f'.com/api/webhooks/{digits(18)}/{mixed(28)}{K2}"',
        K2,
    ),
    (f'SENTRY = "https://{K1}@o123.ingest.sentry.io/77"', K1),
    (f'remote = "https://oauth2:{K2}@gitlab.example.com/a/b.git"', K2),
]
OUTPUT = [
    (f"HOME=/root\nDB_PASS={P6[:7]}\nLANG=C", P6[:7]),
    (f"MAPS_KEY={K1[:12]}\nLANG=C", K1[:12]),
    (f"db_pw = '{P4}'", P4),
    (f"AIMLAPI_API_KEY={K1}\nHOME=/root\nLANG=C.UTF-8", K1),
    (f"environ({{'HOME': '/root', 'DB_PASSWORD': '{P3}', 'LANG': 'C'}})", P3),
    (f"{{'SHELL': '/bin/bash', 'SERVICE_SECRET': '{K2}'}}", K2),
    (f"Config(host='db', user='ann', password='{P1}', port=5432)", P1),
    (f"Settings(api_key='{K1}', debug=True)", K1),
    (f"Namespace(lr=0.1, token='{K2}', seed=3)", K2),
    (f"SecretStr('{P4}') -> password=SecretStr('{P4}')", P4),
    (f'{{"user": "ann", "password": "{P2}"}}', P2),
    (json.dumps({"body": json.dumps({"password": P1, "n": 1})}), P1),
    (json.dumps({"auth": {"token": K2, "expires": 3600}}, indent=2), K2),
    (f'{{"access_token":"{K2}","token_type":"Bearer","expires_in":3600}}', K2),
    (f'"refresh_token": "{K2}"', K2),
    (f"  user     password\n0  ann  {P3:>11}\n1  bob          NaN\n", P3),
    (f"user,password,city\nann,{P1},York\nbob,{P7},Hull\n", P7),
    (f"| user | password | age |\n|------|----------|-----|\n| ann | {P1} | 3 |", P1),
    (f" user | api_key \n------+---------\n ann  | {K1}\n(1 row)", K1),
    (
        f"┌──────┬────────┐\n│ user ┆ secret │\n╞══════╪════════╡\n│ ann  ┆ {K2} │\n",
        K2,
    ),
    (f"user\tpasswd\nann\t{P4}\n", P4),
    (f"{{'user': {{0: 'ann', 1: 'bob'}}, 'password': {{0: '{P1}', 1: '{P7}'}}}}", P7),
    (f"{{'password': ['{P1}', '{P5}'], 'n': [1, 2]}}", P5),
    (f"user             ann\npassword    {P3}\nName: 0, dtype: object", P3),
    (f"database:\n  host: db\n  password: {P4}\n  port: 5432", P4),
    (f"api_key: {K1}\nmodel: x", K1),
    (f"stringData:\n  token: {K2}\n", K2),
    (f"- name: DB_PASSWORD\n  value: x\nDB_PASSWORD: {P5}", P5),
    (f'{{"name": "DB_PASSWORD", "value": "{P3}"}}', P3),
    (f"[default]\naws_access_key_id = {AWS}\naws_secret_access_key = {AWS2}", AWS2),
    (f"[server]\npassword = {P4}\n", P4),
    (f"machine api.example.com login ann password {P7}", P7),
    (f"db.example:5432:shop:ann:{P7}", P7),
    (f"DEBUG urllib3: GET /v1/data?access_token={K2} HTTP/1.1 200", K2),
    (f"> Authorization: Bearer {K2}\n> Accept: */*\n< HTTP/2 200", K2),
    (f"send: b'GET / HTTP/1.1\\r\\nAuthorization: Basic {BASIC}\\r\\n'", BASIC),
    (f"x-api-key: {K1}", K1),
    (f"Cookie: sessionid={K1}; theme=dark", K1),
    (f"Set-Cookie: session_id={K2}; HttpOnly", K2),
    (f"OperationalError: could not connect: postgresql://ann:{P5}@db:5432/shop", P5),
    (f"ConnectionError: HTTPSConnectionPool: /v2?apikey={K1} (Caused by timeout)", K1),
    (f"-> 31 connect(user='ann', password='{P3}')\n     32 x = 1\n", P3),
    (f"        api_key = '{K1}'\n        self = <Client>\n", K1),
    (f"AuthenticationError: Incorrect API key provided: {K2}.", K2),
    (f"The password is {P1}\n", P1),
    (f"my api key is {K1}", K1),
    (f"Logging in with token: {K2}", K2),
    (f"<connection password=\"{P3}\" user='ann'/>", P3),
    (f"<password>{P1}</password>", P1),
    (f'<add key="ApiKey" value="{K1}" />', K1),
    (f"{{u'password': u'{P1}'}}", P1),
    (f"password={P7}&user=ann&next=%2F", P7),
    (f"Row(user='ann', password='{P2}')", P2),
    (f"('password', '{P4}')", P4),
    (f"[('user', 'ann'), ('api_key', '{K1}')]", K1),
    (f"Heroku API key: {K4}", K4),
    (f'"private_key_id": "{hexed(0)}{K2}"', K2),
    (f"snowflake://ann:{P4}@xy12345.eu-west-1/db/schema", P4),
    (f"amqp://guest:{P7}@rabbit:5672//", P7),
    (f"ftp://ann:{P1}@files.example.com/x.csv", P1),
    (
        f"Authorization: AWS4-HMAC-SHA256 Credential={AWS}, Signature={hexed(32)}{K1}",
        K1,
    ),
    (
        f"https://x.s3.amazonaws.com/f?X-Amz-Signature={hexed(32)}{K1}&X-Amz-Expires=60",
        K1,
    ),
    (f"client_secret={K2}\ntenant=common", K2),
    (f"!openssl enc -d -aes256 -in x.enc -pass pass:{P7}", P7),
]
BLOCKS = [
    ("RSA", block("RSA "), BODY[3]),
    ("PKCS 8", f"key:\n{block('')}print(1)", BODY[0]),
    ("OpenSSH", block("OPENSSH "), BODY[7]),
    ("EC in code", f'PEM = """{block("EC ")}"""\nx = 1', BODY[5]),
    ("encrypted", block("ENCRYPTED "), BODY[2]),
    (
        "JSON",
        json.dumps({"type": "service_account", "private_key": block("")}),
        BODY[4],
    ),
    ("repr", repr(block("RSA ")), BODY[6]),
    (
        "quoted by lines",
        "\n".join(f'    "{one}\\n"' for one in block("").split("\n")),
        BODY[1],
    ),
    ("cut short", block("RSA ")[:250] + "\n... output cut ...", BODY[0]),
    (
        "PGP",
        block("PGP ").replace("KEY-", "KEY BLOCK-").replace("BEGIN PGP", "BEGIN PGP"),
        BODY[2],
    ),
    (
        "with headers",
        block(
            "RSA ",
            f"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,{upper(32)}\n\n{PEM}",
        ),
        BODY[3],
    ),
    (
        "PuTTY",
        f"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nPublic-Lines: 1\n"
        f"{BODY[0]}\nPrivate-Lines: 2\n{BODY[1]}\n{BODY[2]}\nPrivate-MAC: {K1}\n",
        BODY[2],
    ),
]


def secret_cases() -> Iterator[Case]:
    """Give all cases but those that were held out."""
    for number, (name, key) in enumerate(service_keys()):
        yield Case(name, SURROUNDINGS[number % len(SURROUNDINGS)](key), (key,))
    for number, (text, secret) in enumerate([*CODE, *OUTPUT]):
        before = ("", "x = 1\n", "In [3]:\n")[number % 3]
        yield Case(text[:40], before + text, (secret,))
    for name, text, secret in BLOCKS:
        yield Case(name, text, (secret,))
