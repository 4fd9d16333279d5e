"""Lines of ordinary analysis notebooks: cells and what they print, with no secret.

Keys, tokens, passes, hashes and passwords in name only are everywhere in them.
"""

from __future__ import annotations

import base64
import hashlib
import random
import uuid

CHANCE = random.Random(7)
TABLES = ["orders", "trips", "sensors", "patients", "matches", "reviews", "flights"]
COLUMNS = ["region", "price", "age", "token", "key", "length", "n_tokens", "user_id"]
MODELS = ["bert-base-uncased", "meta-llama/Llama-3.1-8B", "all-MiniLM-L6-v2", "gpt2"]
WORDS = ["the", "cat", "sat", "on", "every", "third", "mat", "and", "[SEP]"]
WORDS += ["purred", "##ing", "softly", "until", "dawn"]

CODE = """\
import pandas as pd
import numpy as np
import os, re, json, getpass
from dotenv import load_dotenv; load_dotenv()
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import train_test_split, GridSearchCV
from transformers import AutoTokenizer, AutoModelForCausalLM
{t} = pd.read_csv("data/{t}.csv", parse_dates=["date"])
{t} = pd.read_parquet("s3://bucket/{t}/part-0001.parquet")
{t}.groupby("{c}")["{d}"].agg(["mean", "count"]).sort_values("mean")
{t}.merge(lookup, left_on="{c}_key", right_on="key", how="left")
{t}["{c}"] = {t}["{c}"].astype("category")
{t}.set_index("key").loc[key, "{d}"]
{t}["key"].nunique(), {t}["token"].str.len().max()
{t}.pivot_table(index="{c}", columns="key", values="{d}")
{t} = {t}.drop(columns=["password", "token", "{c}"])
{t}.rename(columns={{"pwd": "password", "tok": "token", "{c}": "key"}})
{t}[["key", "token", "{c}", "{d}"]].head()
sorted({t}_counts.items(), key=lambda kv: kv[1], reverse=True)[:{n}]
max(scores, key=scores.get)
min({t}, key=len)
sns.heatmap({t}.corr(), annot=True, cbar_kws={{"label": "{c}"}})
json.dumps({t}_stats, sort_keys=True, indent=2)
for key, value in {t}_dict.items():
    key = "{c}"
    key = f"{{prefix}}_{{key}}_{n}"
    keys = list({t}_dict.keys())
    token = tokens[{n}]
    tokens = {n}
    tokens += response.usage.total_tokens
    token = tokenizer.decode(ids[{n}])
    token = tok.text.lower().strip()
    next_token = logits[:, -1].argmax()
    n_tokens = len(tokenizer.encode(text))
    print(f"{{key}}: {{value:.2f}} tokens={{n_tokens}}")
tokenizer = AutoTokenizer.from_pretrained("{m}")
tokenizer.pad_token = tokenizer.eos_token
tokenizer.add_special_tokens({{"pad_token": "[PAD]", "sep_token": "<|sep|>"}})
model.generate(**inputs, max_new_tokens={n}, pad_token_id=tokenizer.eos_token_id)
client.chat.completions.create(model="{m}", max_tokens={n}, temperature=0.2)
resp = ask(prompt, max_tokens={n}, stop_token="###", token_budget={n}00)
api_key = os.environ["OPENAI_API_KEY"]
api_key = os.getenv("{T}_API_KEY", "")
API_KEY = os.environ.get("{T}_API_KEY")
password = getpass.getpass("Password for {t}: ")
password = getpass()
password = os.environ["DB_PASSWORD"]
password = config["{t}"]["password"]
password = None
secret = None
token = None
token: str | None = None
api_key: Optional[str] = None
password: str = ""
token = userdata.get("HF_TOKEN")
token = get_token(scope="{c}")
secret = client.get_secret_value(SecretId="prod/{t}")["SecretString"]
secret = dbutils.secrets.get(scope="{t}", key="{c}")
api_key = "your-api-key"
api_key = "YOUR_API_KEY_HERE"
api_key = "<API_KEY>"
api_key = "sk-..."
token = "<TOKEN>"
password = "***"
password = "changeme"
password = "{{{{ password }}}}"
password = "${{DB_PASSWORD}}"
headers = {{"Authorization": f"Bearer {{token}}"}}
headers = {{"Authorization": "Bearer " + token}}
headers = {{"X-API-Key": api_key, "Accept": "application/json"}}
client = OpenAI(api_key=api_key, base_url=base_url)
conn = psycopg2.connect(host=host, user=user, password=password, dbname="{t}")
engine = create_engine(f"postgresql://{{user}}:{{password}}@{{host}}/{t}")
engine = create_engine("sqlite:///data/{t}.db")
url = "https://data.example.org/{t}/{n}?page={n}&sort=key&order=desc"
url = "http://localhost:{n}80/api/{t}"
requests.get(url, params={{"key": "{c}", "limit": {n}}}, timeout=10)
requests.get(url, headers=headers, auth=(user, password))
def login(user: str, password: str) -> str:
def fetch(url, token=None, *, key="{c}", retries={n}):
    return self.session.get(url, headers=self._auth_headers(token))
    if not api_key: raise ValueError("api_key is missing; set {T}_API_KEY")
    raise RuntimeError("Invalid password or token for {t}")
assert password != "", "password must not be empty"
primary_key = "{c}_id"
partition_key = "{t}-{c}-{n}"
sort_key = ("{c}", "{d}")
cache_key = hashlib.md5(f"{t}-{n}".encode()).hexdigest()
cache_key = "{t}:{c}:{n}"
author = "R. A. Fisher"
authors = ["A. Gelman", "J. Hill"]
bypass = {n} > 3
n_pass, n_fail = {n}, 2
passed = {t}["pass"].sum()
compass_heading = {n}.5
passengers = {t}["passengers"].fillna(0)
keyword_counts = Counter(keywords)
keyboard = ["q", "w", "e"]
monkeypatch = True
plt.legend(title="key", loc="upper left")
plt.title("Tokens by {c} (n={n})"); plt.xlabel("token"); plt.ylabel("{d}")
commit = "{h40}"
sha256 = "{h64}"
checksum = "md5:{h32}"
run_id = "{u}"
{t}_uuid = uuid.UUID("{u}")
assert file_hash("{t}.csv") == "{h64}"
!pip install -q transformers=={n}.1.2 tokenizers keyring
!git checkout {h7}
!ls -la ~/.ssh/id_rsa.pub
!curl -s https://api.example.org/v1/{t}?limit={n} | head
!curl -H "Authorization: Bearer $TOKEN" https://api.example.org/{t}
!mysql -u root -p {t} < schema.sql
!export API_KEY=$(cat key.txt)
!docker run -e POSTGRES_PASSWORD=$PW -p 5432:5432 postgres
!psql -h localhost -U postgres -d {t} -c "select count(*) from {t}"
%env TOKENIZERS_PARALLELISM=false
%env CUDA_VISIBLE_DEVICES={n}
%sql SELECT {c}, COUNT(*) AS n FROM {t} GROUP BY {c} ORDER BY n DESC LIMIT {n}
%sql SELECT key, token, password_changed_at FROM users WHERE user_id = {n}
%sql CREATE TABLE {t} (id INT PRIMARY KEY, {c}_key TEXT UNIQUE, KEY (id))
%timeit {t}["{c}"].map(len)
%%time
# The key idea: each token is one row; the secret is a good index on {c}.
# TODO: move the password to the keyring, see docs/{t}.md
# Tokens per second: {n}00, tokens in: {n}1, keys: {n}
# Basic statistics of {t}, bearer of the largest {d}
widgets.Password(description="Password:", placeholder="password")
st.text_input("API key", type="password", key="{c}_key_{n}")
keyring.get_password("{t}", "ann")
parser.add_argument("--token", help="access token", default=None)
parser.add_argument("--password", required=True)
X = df[["age", "key_length", "n_tokens"]]; y = df["passed"]
sig = scipy.stats.ttest_ind(a, b).pvalue < 0.05
signature = inspect.signature(fit)
cookie_jar = requests.cookies.RequestsCookieJar()
pwd = os.getcwd()
dsn = build_dsn(host, port)
auth = HTTPBasicAuth(user, pw)
auth = ("user", "pass")
session_id = str(uuid.uuid4())
credentials = service_account.Credentials.from_service_account_file("key.json")
credentials = DefaultAzureCredential()
secrets.token_hex({n}), secrets.choice(words)
rng = np.random.default_rng(seed={n}); key = jax.random.PRNGKey({n})
key, subkey = jax.random.split(key)
q, k, v = query(x), key(x), value(x); attn = q @ k.T / {n}
nn.MultiheadAttention(embed_dim={n}00, num_heads=8, kdim=None)
doc = nlp("{w}"); [(token.text, token.pos_, token.lemma_) for token in doc]
vocab = {{token: i for i, token in enumerate(tokens)}}
word_tokenize("{w}")
df.query("key == '{c}' and token != 'the'")
map_key = {{"{c}": "{d}", "token": "word", "key": "{c}"}}
{{"properties": {{"password": {{"type": "string"}}, "token": {{"type": "string"}}}}}}
config = {{"key": "{c}", "token_type": "bearer", "auth": "none", "secret": false}}
px.bar({t}, x="token", y="{d}", color="key", hover_data=["{c}"])
""".splitlines()

OUTPUT = """\
array([{n}.1, 2.5, 3.75, {n}e-3])
({n}00, {n})
{n} tokens, {n} keys, {n} passwords checked
Tokens used: {n}12 (prompt: {n}00, completion: 12)
total_tokens={n}0, prompt_tokens={n}, completion_tokens=7
CompletionUsage(completion_tokens={n}, prompt_tokens={n}1, total_tokens={n}9)
{{'input_ids': [101, {n}, 2003, 102], 'token_type_ids': [0, 0, 0, 0]}}
['[CLS]', '{w0}', '##{w1}', '[SEP]']
Token: {w0!r:<12} pos: NOUN  lemma: {w1}
token={w0} lemma={w1} key={c}
token   {w0}    {n}
{w0:<10}  {w1:<10}  {n}
key: {c}
key: {c}, value: {n}
key      {d}    {n}.5
Index: {n} entries, 0 to {n}
 {n}   key        {n}00 non-null   object
 {n}   token      {n}00 non-null   object
 {n}   password   0 non-null     object
key           object
token         object
password      object
n_tokens       int64
dtype: object
Name: token, dtype: object
KeyError: '{c}'
KeyError: 'api_key'
KeyError: 'DB_PASSWORD'
---> {n}     return self._engine.get_loc(casted_key)
   {n}         raise KeyError(key) from err
ValueError: password is required
ValueError: The api_key client option must be set by passing api_key
TypeError: login() missing 1 required positional argument: 'password'
OperationalError: FATAL: password authentication failed for user "postgres"
requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: https://api.example.org/v1/{t}
PermissionError: token expired at 2026-03-0{n}T12:00:00Z
Password: ········
Enter your API key: 
2026-01-1{n} 10:0{n}:11,{n}02 INFO {t}.loader - key={c} rows={n}00 took={n}.2s
2026-01-1{n} 10:0{n}:12 WARNING auth - token refresh in {n} s, session {u}
[I 2026-01-1{n} 10:00:0{n}] Trial {n} finished with value: 0.{n}7, {{'lr': 0.0{n}}}
Epoch {n}/10 - loss: 0.{n}31 - val_loss: 0.{n}44 - tokens/s: {n}210
commit {h40}
{h7} Merge branch 'key-fix' into main
{h64}  {t}.csv
{h32}  data/{t}.parquet
Downloading {t}.zip: 100%|██████████| {n}.2M/{n}.2M [00:0{n}<00:00, 3.1MB/s]
Successfully installed tokenizers-0.{n}.1 keyring-25.{n} secretstorage-3.3
Requirement already satisfied: python-dotenv in /usr/lib/python3/site-packages (1.{n}.0)
<class 'pandas.core.frame.DataFrame'>
<Figure size 640x480 with {n} Axes>
<matplotlib.legend.Legend at 0x7f{h7}d0>
<sqlalchemy.engine.base.Engine object at 0x7f{h7}90>
Engine(postgresql://ann:***@db/{t})
data:image/png;base64,{b64}
"image/png": "{b64}"
{b64}
{u}
id: {u}, key: {c}, n: {n}
ann.smith{n}@example.com, +44 20 7946 0{n}58, York
contact: {t}@example.org (tel 0113 496 0{n}99)
user_id,session,token_count,key
{n},{u},{n}00,{c}
{c},{d},{n},2026-0{n}-01
| key | value | tokens |
| {c} | {n}.5 | {n}00 |
|  {w0} | {w1} | {n} |
GridSearchCV(cv={n}, estimator=Pipeline(steps=[('tfidf', TfidfVectorizer())]))
TfidfVectorizer(token_pattern='(?u)\\\\b\\\\w\\\\w+\\\\b', tokenizer=None)
LogisticRegression(C=0.{n}, random_state={n})
Pass: {n}  Fail: 0  Skipped: {n}
passed {n} of {n}1 checks; key metric {d} = 0.{n}
PASS test_{t}_key_lookup
The password must be at least {n} characters long and contain a digit.
Please enter a valid token.
Set your password: see the user guide
Secret: none found in {t}
Keys: ['{c}', '{d}', 'token']
dict_keys(['key', 'token', '{c}'])
{{'key': '{c}', 'token': '{w0}', 'n': {n}}}
{{"token": "{w0}", "start": {n}, "end": 1{n}, "logprob": -0.{n}}}
[('{w0}', {n}), ('{w1}', {n})]
Authentication: none
auth: disabled
authorization: required
Content-Type: application/json; Set-Cookie: theme=dark
x-request-id: {u}
etag: "{h32}"
arn:aws:s3:::{t}-bucket/key/{n}
s3://{t}/raw/key=2026-0{n}-01/part-{n}.parquet
PRIMARY KEY ({c}), KEY idx_{c} ({c})
-----BEGIN CERTIFICATE-----
ssh-rsa is the type of the key in {t}.pub
R-squared: 0.{n}12   F-statistic: {n}.31   Prob: 1.{n}e-10
key takeaways: {d} grows with {c} (p < 0.0{n})
""".splitlines()


def hexed(count: int) -> str:
    return hashlib.sha256(CHANCE.randbytes(8)).hexdigest()[:count]


def filled(line: str) -> str:
    """Give a line with names and numbers put in, no two alike if it has any."""
    c, d = CHANCE.sample(COLUMNS, 2)
    w0, w1 = CHANCE.sample(WORDS, 2)
    t = CHANCE.choice(TABLES)
    return line.format(
        t=t,
        T=t.upper(),
        c=c,
        d=d,
        n=CHANCE.randrange(2, 10),
        m=CHANCE.choice(MODELS),
        w=" ".join(CHANCE.sample(WORDS, 5)),
        w0=w0,
        w1=w1,
        h7=hexed(7),
        h32=hexed(32),
        h40=hexed(40),
        h64=hexed(64),
        u=uuid.UUID(int=CHANCE.getrandbits(128), version=4),
        b64=base64.b64encode(CHANCE.randbytes(57)).decode(),
    )


def frame(rows: int) -> list[str]:
    """Give a frame as pandas prints it."""
    names = CHANCE.sample([*COLUMNS, "password_length", "secret_santa"], 4)
    head = "    " + "".join(f"{name:>16}" for name in names)
    cells = [
        [CHANCE.choice([*WORDS, "NaN", f"{CHANCE.random():.6f}"]) for _ in names]
        for _ in range(rows)
    ]
    lines = [
        f"{n:<4}" + "".join(f"{c:>16}" for c in row) for n, row in enumerate(cells)
    ]
    return [head, *lines, ""]


def ordinary_lines() -> list[str]:
    """Give the lines in the order of notebooks, cells and outputs by turns."""
    lines: list[str] = []
    for turn in range(26):
        for one in (*CODE, *OUTPUT):
            if not turn or "{" in one.replace("{{", ""):
                lines.append(filled(one))
        lines += frame(6 + turn)
    return lines
