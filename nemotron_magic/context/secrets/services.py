"""The keys of services, known by the form that the service gives them."""

from __future__ import annotations

from nemotron_magic.context.secrets.rule import key, rule

__all__ = ["SERVICES"]

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
