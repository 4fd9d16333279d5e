"""Names of variables: those that tell of a secret, in eight languages, and others."""

from __future__ import annotations

# Those of a password, those that leave no doubt, and those that leave one.
_PASSWORDS = """
password passwords Password PASSWORD db_password dbPassword DB_PASSWORD password_2
password1 old_password newPassword user_passwords password_str pass user_pass
smtp_pass DB_PASS userpass dbpass dbpw bindpw pw my_pw PW userPw pwd PWD_ADMIN
dbpwd passwd
root_passwd passphrase passPhrase key_passphrase passcode passcodes pin PIN card_pin
pin_code _password __password passWord pass_word passwort Passwort passwörter
Passwörter passwoerter datenbank_passwort kennwort Kennwort MEIN_KENNWORT kennwörter
geheimzahl zugangscode mot_de_passe motDePasse mots_de_passe MOT_DE_PASSE mdp
mon_mdp phrase_de_passe contraseña contraseñas Contraseña contrasena contrasenas
mi_contraseña CONTRASEÑA clave claves clave_bd clave_api senha senhas minha_senha
SENHA_BANCO palavra_passe palavraPasse пароль Пароль пароли мой_пароль пароль_бд
ПАРОЛЬ паролей пин_код 密码 密碼 数据库密码 用户密码 口令 db_密码 パスワード
db_パスワード ﾊﾟｽﾜｰﾄﾞ 暗証番号 パスフレーズ 合言葉
"""
_SECRETS = """
api_key apiKey API_KEY APIKey apikey api_keys apiKeys OPENAI_API_KEY
openai_api_key_prod x_api_key _api_key api_key_2 access_token accessToken
ACCESS_TOKEN auth_token MY_AUTH_TOKENS authtoken refresh_token bearer_token
github_token hf_token slackToken session_token id_token access_key private_key
privateKey ssh_key encryption_key fernet_key signing_key license_key secret secrets
SECRET client_secret clientSecret app_secrets aws_secret_access_key secret_value
_secret_value client__secret webhook_secret credential credentials creds db_creds
CREDENTIALS bearer jwt my_jwt dsn sentry_dsn webhook slack_webhook connection_string
conn_str otp geheimnis api_schluessel geheimer_schlüssel zugangsdaten clé_api
cle_api clés_secretes secretos secreto credenciales api_llave credenciais segredo
chave_api chave_secreta секрет api_ключ секреты 密钥 api密钥 私钥 凭证 秘密鍵
シークレット APIキー 資格情報
"""
_HINTS = """
key keys KEY my_key key_1 token tokens TOKEN TOKENS my_token tokenList token_map
token_header auth AUTH auth_header authorization Authorization session SESSION
session_id sessionId cookie cookies session_cookie keyring_key customertoken
stripe_pat signature schlüssel Schlüssel jeton jetons llave chave ключ ключи токен
токены 令牌 トークン トークン_2
"""
_ORDINARY = """
sort_key sortKey group_key primary_key foreignKey cache_key partition_key join_key
public_key pass_rate pass_count first_pass low_pass compass bypass passed passing
passage passenger passengers passport author authors authority authored monkey
monkeys donkey turkey hockey keyboard keyword keywords keyed keypoints keystroke
key_name key_column key_error tokenizer tokenize token_type token_count token_ids
token_pattern max_tokens n_tokens pad_token session_count session_start
palabra_clave clave_primaria mot_cle palavra_chave secretary spin pinned pin_count
opinion shipping region customer disks password_field secret_name api_key_url
token_expiry auth_method keys_seen
"""
PASSWORDS, SECRETS, HINTS, ORDINARY = (
    tuple(text.split()) for text in (_PASSWORDS, _SECRETS, _HINTS, _ORDINARY)
)
