"""Secrets and ordinary lines that were written after the rules, to hold them against.

The figures before the rules were mended for them are in `test_redact.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from secrets_corpus import Case, coded, digits, hexed, jwt, lower, mixed, upper, uuid

A, B, C, D = mixed(32), hexed(40), coded(30), "Blue" + "Moon#42"
E, F, G, H = "sun" + "flower9", lower(24), uuid(), "n0t" + "-so-Safe"
TOKEN = "gh" + "o_" + mixed(36)

SECRETS = [
    (f'db = Database(user="root", pwd="{D}", name="shop")', D),
    (f"!aws configure set aws_secret_access_key {mixed(30)}/{A[:9]}", A[:9]),
    (f"{{'AWS_SESSION_TOKEN': 'IQoJb3JpZ2lu{A}{A}=='}}", A),
    (f"!git clone https://ann:{TOKEN}@github.com/a/b.git", TOKEN),
    (f"!git remote set-url origin https://{TOKEN}@github.com/a/b", TOKEN),
    (f'kaggle.json: {{"username":"ann","key":"{B[:32]}"}}', B[:32]),
    (f"os.environ['KAGGLE_KEY'] = '{B[:32]}'", B[:32]),
    (f"wandb.login(key='{B}')", B),
    (f'mlflow.set_tracking_uri("http://ann:{E}@mlflow.local:5000")', E),
    (f"clickhouse-client --user ann --password '{D}' -q 'select 1'", D),
    (f"snowflake.connector.connect(user='ann', password='{H}', account='xy')", H),
    (f'spark.read.format("jdbc").option("password", "{D}").load()', D),
    (f'jdbc_url = "jdbc:sqlserver://db:1433;user=ann;password={E};encrypt=true"', E),
    (f'"jdbc:mysql://db/shop?user=ann&password={E}"', E),
    (f"tweepy.OAuthHandler(consumer_key='{F}', consumer_secret='{A}')", A),
    (f"reddit = praw.Reddit(client_id='x', client_secret='{A}')", A),
    (f"bot = telebot.TeleBot('{digits(10)}:A" + f"A{mixed(33)}')", None),
    (f"pinecone.init(api_key='{G}', environment='gcp')", G),
    (f"cohere.Client('{mixed(40)}')  # COHERE_API_KEY={A}", A),
    (f"ALPHAVANTAGE_KEY = '{upper(16)}'", None),
    (f'FRED_API_KEY: "{B[:32]}"', B[:32]),
    (f"curl 'https://api.nasa.gov/planetary/apod?api_key={A}'", A),
    (f"https://maps.example.com/api/js?key={A}&callback=init", A),
    (f"requests.post(url, json={{'user': 'ann', 'pass': '{D}'}})", D),
    (f"requests.post(url, data='user=ann&password={E}')", E),
    (f"ftp = FTP('host'); ftp.login(user='ann', passwd='{E}')", E),
    (f"ssh.connect('host', username='ann', password='{H}')", H),
    (f"> set-cookie: session={jwt()}; Path=/", None),
    (f"proxies = {{'https': 'http://ann:{E}@proxy.example:3128'}}", E),
    (f"pip install --index-url https://ann:{A}@pypi.example/simple x", A),
    (f"export SLACK_SIGNING_SECRET='{B[:32]}'", B[:32]),
    (f"NEXTAUTH_SECRET={C}", C),
    (f"spring.datasource.password={D}", D),
    (f"      POSTGRES_PASSWORD: {E}", E),
    (f"define('DB_PASSWORD', '{D}');", D),
    (f'"connectionString": "mongodb://ann:{E}@h1:27017,h2:27017/?replicaSet=r"', E),
    (f"account: ann / password: {D}", D),
    (f"Your temporary password is {D}", D),
    (f"user='ann' token='{F}' ttl=3600", F),
    (f"  Authorization: ApiKey {C}", C),
    (f"tokens = {{'access': '{A}', 'refresh': '{F}'}}", A),
    (f"id  login  password_plain  city\n 1    ann  {E:>14}  York", E),
]

ORDINARY = """\
import tiktoken; enc = tiktoken.get_encoding("cl100k_base")
tokens_per_doc = docs["text"].map(lambda s: len(enc.encode(s)))
print("avg tokens/doc:", tokens_per_doc.mean())
avg tokens/doc: 412.75
df = df.assign(key=lambda d: d.country + "_" + d.year.astype(str))
df.key.value_counts().head()
FR_2019    1203
DE_2021     998
counts = df.groupby(["key", "token"]).size().unstack(fill_value=0)
stopword_token = token in STOP
special = tokenizer.special_tokens_map
{'bos_token': '<s>', 'eos_token': '</s>', 'unk_token': '<unk>', 'pad_token': '<pad>'}
{'cls_token': '[CLS]', 'mask_token': '[MASK]', 'sep_token': '[SEP]'}
Token indices sequence length is longer than the specified maximum (1045 > 512)
embedding(input=tokens, encoding_format="float", user="analysis-2024-batch-17")
passwords = pd.read_csv("rockyou_lengths.csv")["length"]
passwords.describe()
password_strength = df["password_strength"].map({"weak": 0, "strong": 2})
df["password_hash"].isna().mean()
df["secret_question"].value_counts()
Mother's maiden name    310
keys, values = zip(*scores.items())
key_metrics = ["auc", "f1", "recall"]
key_col: str = "customer_id"
JOIN_KEY = "order_id"
KEY_COLUMNS = ("order_id", "line_no")
pk = "PRIMARY KEY (order_id, line_no)"
s3.download_file(Bucket="open-data", Key="2024/trips/part-0003.parquet", Filename="t")
s3.get_object(Bucket="open-data", Key=f"{prefix}/{name}")
obj["Key"], obj["ETag"]
('raw/2024/03/events-000017.json.gz', '"5d41402abc4b2a76b9719d911017c592"')
bucket_key = "landing/2024/03/17/customer_events_v2.csv"
redis_client.set(f"user:{uid}:token_count", n)
cache.get("token:daily:2024-03-17")
blob = repo.commit("9fceb02d0ae598e95dc970b74767f19372d61af8").tree
HEAD is now at 9fceb02 Fix key error in token counts
Untracked files: secrets.yaml.example, token_stats.ipynb
sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
Collecting secretstorage>=3.2; Downloading keyring-25.2.1-py3-none-any.whl (38 kB)
Hash: SHA256 fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9
ETag: W/"33a64df551425fcc55e4d42a148795d9f25f89d4"
trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7
request id: 7f9c24e8-3b12-4fef-91e0-0d1e9f1b2c3d
session: 3f2504e0-4f89-11d3-9a0c-0305e82c3301 (expired)
X-RateLimit-Remaining-Tokens: 149984
x-ratelimit-reset-tokens: 6ms
usage={'prompt_tokens': 25, 'completion_tokens': 110, 'total_tokens': 135}
max_tokens must be at most 4096, got 10000
finish_reason='length' token_limit=2048 stop_token=None
openai.AuthenticationError: No API key provided. Set OPENAI_API_KEY.
KeyError: "None of [Index(['token', 'key'], dtype='object')] are in the [columns]"
AttributeError: 'DataFrame' object has no attribute 'token'
TypeError: unhashable type: 'list' for key ['a', 'b']
wrong password, try again
auth failed: no credentials
credentials = json.load(open("credentials.json"))
creds, project = google.auth.default()
gc = gspread.authorize(creds)
auth.authenticate_user()
login(token=os.environ["HF_TOKEN"])
login(token=token, add_to_git_credential=False)
login()
notebook_login()
hf_token = userdata.get("HF_TOKEN")
token=hf_token
use_auth_token=True
openai.api_key = key
openai.api_key = open("key.txt").read().strip()
api_key=settings.api_key.get_secret_value()
api_key_present = bool(api_key)
API_KEY = "..."
API_KEY = "xxxxxxxxxxxxxxxx"
API_KEY = "REPLACE_ME"
API_KEY = "put-your-key-here"
api_key="test"
password="test"
password='password'
password: "{{ vault_db_password }}"
password: !vault |
password: ${{ secrets.DB_PASSWORD }}
secret_key: env('SECRET_KEY')
environment:
  - API_KEY=${API_KEY}
with keyring.get_keyring() as ring: pass
if not token: pass
pass  # nothing to do for this key
pass_rate = passed / total
Pass rate by cohort: A 0.82, B 0.79
2-pass encoding, single pass
fail/pass: 3/97
low-pass filter, cutoff 0.3, order 5
sos = signal.butter(5, 0.3, "low", output="sos"); bandpass = (1, 50)
grid.search(key="KneighborsClassifier__n_neighbors")
Pipeline(steps=[('tokenize', FunctionTransformer()), ('keyword', KeywordFilter())])
CountVectorizer(token_pattern=r"(?u)\\b\\w+\\b", lowercase=True)
nlp.tokenizer.explain("Don't panic")
[('SPECIAL-1', 'Do'), ('SPECIAL-2', "n't"), ('TOKEN', 'panic')]
Token(text='panic', idx=6, pos='VERB')
token.is_stop    token.like_num    token.shape_
False            False             xxxx
   token  count  share
0    the   1203   0.08
1     of    980   0.06
2  model    410   0.02
   key      value
0  lr       0.001
1  batch       32
2  seed      2024
 key | count | mean_price
-----+-------+-----------
 A12 |    31 |      17.40
 B07 |    12 |      22.10
| Key | Meaning | Example |
|-----|---------|---------|
| k1  | region  | North   |
key,region,tokens
A12,North,311
word_to_key = {"north": "N", "south": "S"}
answer_key = {1: "b", 2: "d", 3: "a"}
piano_keys = 88
music_key = "C minor"
df.plot(x="key", y="tempo", kind="scatter")
track_key 5 mode 1 tempo 120.02
spotify features: danceability, energy, key, loudness
plt.annotate("key point", xy=(3, 4))
ax.legend(handles, labels, title="Key")
legend_key = mpatches.Patch(color="red", label="above 0.5")
fig.update_layout(hovermode="x unified", uirevision="key")
st.session_state["key"] = "value"
st.button("Run", key="run_button_primary_2")
keydown, keyup = "keydown", "keyup"
np.random.seed(20240317)
key = jax.random.key(20240317)
PRNGKey([0 42])
attention: query (8, 64), key (8, 64), value (8, 64)
key_padding_mask = tokens == 0
past_key_values = outputs.past_key_values
state_dict keys: ['embed_tokens.weight', 'lm_head.weight']
<All keys matched successfully>
missing_keys=[], unexpected_keys=['classifier.bias']
model.layers.0.self_attn.k_proj.weight    torch.Size([1024, 4096])
token_embd.weight    [4096, 128256]
signature = "v1:analysis"
inferred signature: inputs: ['age': long], outputs: ['passed': long]
cookies = {"theme": "dark", "lang": "en"}
pin = "A4"
auth_rows = logs[logs.event == "auth"]
authors.merge(papers, on="author_key")
oauth_events = ["login", "logout", "token_refresh"]
event=token_refresh user=ann status=ok duration=31ms
user ann logged in; password last changed 2024-01-05
password_reset_sent = 31
reset-password clicks: 120
dsn = "host=localhost dbname=shop user=ann"
conn_str = f"Driver={driver};Server={server};Trusted_Connection=yes"
connection_string = os.environ["CONNECTION_STRING"]
jdbc:postgresql://localhost:5432/shop
http://user@example.org/path
mailto:ann@example.org?subject=key
ssh ann@host.example -p 2222
git@github.com:ann/analysis.git
git config user.email "ann@example.org"
ann@laptop:~/analysis$ ls secrets/
id_rsa.pub  known_hosts  token_counts.csv
-rw-r--r-- 1 ann ann 1.2K Mar 17 10:00 api_keys.example.json
chmod 600 ~/.kaggle/kaggle.json
Your Kaggle API key is readable by other users on this system!
!kaggle datasets download -d ann/token-counts
!python train.py --max-tokens 512 --key-column region --token-dropout 0.1
!python score.py --tokenizer gpt2 --password-file pw.txt
!pytest -k "token and not secret" -q
%config InlineBackend.figure_format = "retina"
%load_ext sql
%%bigquery --project open-data df
SELECT key, ANY_VALUE(token) AS token FROM t WHERE key IS NOT NULL
SELECT COUNT(DISTINCT session_id) FROM events WHERE token = 'the'
INSERT INTO counts (key, n) VALUES ('north', 3), ('south', 5)
ALTER TABLE t ADD CONSTRAINT fk FOREIGN KEY (region_key) REFERENCES r (key)
GRANT SELECT ON t TO analyst
bcrypt rounds = 12
hash_password(password)
verify_password(plain, hashed)
is_valid = check_password(user, form.password.data)
def token_count(text: str, tokenizer: Tokenizer = TOKENIZER) -> int:
def sort_key(row: dict[str, str]) -> tuple[str, int]:
class TokenBucket: rate: float; tokens: float = 0.0
class Credentials(NamedTuple): user: str; password: str
@dataclass class Login: user: str; password: SecretStr = SecretStr("")
lambda key: key.lower()
reverse_key = lambda s: s[::-1]
token_re = re.compile(r"[A-Za-z0-9]+")
base64.b64encode(b"hello world").decode()
'aGVsbG8gd29ybGQ='
iVBORw0KGgoAAAANSUhEUgAAAoAAAAHgCAYAAAA10dzkAAAAOXRFWHRTb2Z0d2FyZQBNYXRwbG90bGli
"image/png": "iVBORw0KGgoAAAANSUhEUgAAA2sAAAHgCAYAAAA10dzkAAAAOXRFWHRTb2Z0d2Fy",
<img src="data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbybl"/>
blob 00000000 89 50 4e 47 0d 0a 1a 0a  |.PNG....|
0x7ffee4c3a8b0
MAC 3c:22:fb:9a:11:0e
ISBN 978-3-16-148410-0
IBAN DE89 3704 0044 0532 0130 00
VIN 1HGCM82633A004352
gene ENSG00000139618 transcript ENST00000380152.8
PDB 1A4Y chain B sequence MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQ
>sp|P69905|HBA_HUMAN Hemoglobin subunit alpha
ATGGTGCTGTCTCCTGCCGACAAGACCAACGTCAAGGCCGCCTGGGGTAAGGTCGGCGCG
SMILES: CC(=O)Oc1ccccc1C(=O)O  InChIKey=BSYNRYMUTXBXSQ-UHFFFAOYSA-N
doi:10.1038/s41586-020-2649-2
arXiv:1706.03762v7
lat,lon,geohash
51.5074,-0.1278,gcpvj0duq
geohash key: gcpvj0duq53v
h3 index 8928308280fffff
order A-2024-000317 key account: ACME
sku: KX-77120-B, batch key: 2024W11
customer_key: C-000317-GB
date_key=20240317 store_key=17 product_key=4711
surrogate_key = 1000317
dim_customer.customer_key = fact.customer_key
shard key {region: 1, _id: 1}
_id: ObjectId('507f1f77bcf86cd799439011')
"_id": "507f191e810c19729de860ea",
"run_id": "b0a2f1b9c7d84e5f9a3c2d1e0f4b6a78",
experiment key: exp-2024-03-17-baseline
mlflow run 5f3c9e1b7a2d4c6e8f0a1b2c3d4e5f60
checkpoint: models/llama-token-2024-03-17T10-00-00.pt
seed everything: 42
loss: 0.3121 - token_accuracy: 0.8123 - val_token_accuracy: 0.7904
perplexity per token 12.31
tokens/sec: 1532.4
Throughput (tokens): 15324
Tokenizing: 100%|##########| 1000/1000
[tokens] 512 [keys] 64
n_heads: 32, n_kv_heads: 8, key_dim: 128
{"role": "user", "content": "What is a token?"}
{"role": "assistant", "content": "A token is a piece of a word. The key idea: ..."}
Q: what is the secret of good features? A: domain knowledge
"The secret to a good plot is less ink" - a reviewer
How do I reset my password?
Ticket 311: customer forgot password, asks for a link
intent=reset_password confidence=0.93
label: password_reset    n: 311
topic 3: password, login, account, reset, email
topic 7: token, coin, wallet, key, chain
positive: "love the keyboard, keys feel great"
review: "My password manager ate my tokens!"
spam: Please confirm your password: click here
Subject: Your password has been changed
regex_key = r"^[A-Z]{2}-\\d{6}$"
key_map.get(key, default_key)
config["auth"]["method"] = "oauth2"
auth_method: key_pair
private_key_path: ~/.ssh/snowflake_key.p8
key_file = Path.home() / ".config" / "key.json"
SSH_KEY_PATH=/home/ann/.ssh/id_ed25519
TOKEN_FILE=/run/secrets/token
secret_name = "prod/shop/db"
secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/shop-AbCdEf"
vault_url = "https://shop-kv.vault.azure.net/"
token_url = "https://login.example.org/oauth2/token"
auth_uri: https://accounts.example.org/o/oauth2/auth
token_expires = datetime(2024, 3, 17, 10, 0)
token_type: bearer, expires_in: 3600
grant_type=client_credentials
scope = "read:tokens write:keys"
public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN3Hn9mG6xnZ ann@laptop"
fingerprint SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8
-----BEGIN PUBLIC KEY-----
""".splitlines()


def held_out_cases() -> Iterator[Case]:
    """Give the secrets; None stands for the last long word of the text."""
    for text, secret in SECRETS:
        words = text.replace("'", " ").replace(";", " ").split()
        left = max(words[1:], key=len) if secret is None else secret
        yield Case(text[:40], text, (left,))


def held_out_lines() -> list[str]:
    """Give the ordinary lines."""
    return list(ORDINARY)
