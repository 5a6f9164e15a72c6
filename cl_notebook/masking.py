"""Recognise secrets in names, texts and data, and mask them.

The module imports only the standard library: it is also sent to the child processes of Cinder drivers, and to other hosts.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import html
import json
import re
import shlex
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MASK = "***"
"""The text in place of a secret."""

SHORTEST = 4
"""Characters that a known secret must have to be masked in texts: shorter ones are part of too many words."""

_LOOSE = 8
"""Characters from which a known secret is masked within longer words, too."""

FIELDS = frozenset({"conn_info", "connector_info", "device", "driver_data", "provider_location"})
"""Columns whose values may contain secrets."""

_STAND_IN = "YTo5YTo5"
"""A value that every pattern masks: base64 of a user and a password, and a token by its form."""

_SECRET_NAME = re.compile(
    r"""
      passw | passphrase | pswd | (^|_)pwd | pwd$ | (^|_)(pass|psk|jwt)($|_)
    | secret | token | credential | keyring | cookie | (^|_)(proxy_)?authori[sz]ation$ | (^|_)(provider_|swift_)?auth$
    | (^|_)keys?$ | priv(ate)?key | accesskey | apikey | authkey | sshkey | (^|_)(access|api|auth|secret)_key_\d
    | private_key | account_key
    """,
    re.VERBOSE,
)
_PLAIN_NAME = re.compile(
    r"""
      _(file|path|dir|conf|type|uuid|name|length|len|timeout|ttl|interval|expir\w*|enabled|disabled|insecure|method|format|size
        |scheme|version|policy|required|algorithm|prompt|url|uri|count|limit)s?$
    | file$ | passwordless | ^send_ | ^use_ | (key|keyring)_id$
    | (^|_)(public|primary|foreign|sort|partition|routing|cache|index|object|group|row|host|hosts|lookup|dict|map|metadata)_keys?$
    | ^(san|nas|gpfs)_private_key$ | ^driver_client_cert_key$ | ^nec_ismcli_privkey$
    """,
    re.VERBOSE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PATH = re.compile(r"[\"']?(?:~[\w.-]*)?/[\w.+/-]*\.?[\w-]*[\"']?$")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{8,}={0,2}(?![A-Za-z0-9+/_=])")


# A value after its name: quoted (also within JSON in a text), a list, or one word.
_QUOTED = r"""[bu]?(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?P<deep>\\+["'])(?:(?!(?P=deep)).)*(?P=deep))"""
_WORD = r"""[^\s,;&"'<>()\[\]{}\\]+"""
_NAMED = re.compile(
    rf"""(?P<name>(?<![\w/.-])-{{0,2}}[A-Za-z_][\w.-]*)(?P<sign>\\*["']?\s*(?:=>|[=:])\s*)(?P<value>{_QUOTED}|\[[^\]]*\]|{_WORD})"""
)
_INI = re.compile(r"""(?P<name>(?<![\w/.-])[A-Za-z_][\w.-]*)(?P<sign>[ \t]+=[ \t]+)(?P<value>(?![\s"'])[^\n,;"'{}\[\]]+)""")
_OPTION = re.compile(
    rf"""(?P<name>(?<![\w-])--?[A-Za-z][\w.-]*)(?P<sign>(?:["']\s*,\s*(?=["'])|\s+))(?P<value>{_QUOTED}|(?!-){_WORD})"""
)
_ISCSIADM = re.compile(r"(?P<name>[\w.]*password(?:_in)?)(?P<sign>[\"']?,?\s+[\"']?(?:-v|--value)[\"']?,?[\s=]+)(?P<value>\S+)")
_ELEMENT = re.compile(r"(?<=<)(?P<name>[A-Za-z_][\w.:-]*)(?P<sign>[^<>]*>)(?P<value>[^<]+)(?=</)")
_SCHEME = re.compile(
    r"(?i)\b(?P<lead>(?:Proxy-)?Authori[sz]ation[\"'\\]*\s*[:=]\s*[\"'\\]*\s*(?:[A-Za-z-]+\s+)?)(?P<value>[^\s\"',\\]+)"
)
_BASIC = re.compile(r"(?i)\b(?P<lead>Basic\s+)(?P<value>[A-Za-z0-9+/_-]{4,}={0,2})")
_CHAP = re.compile(
    r"(?P<lead>\bCHAP\s+(?!(?:authentication|auth|user|username|login|secret|password|credentials?|is|was|not|for|with|and)\b)"
    r"[^\s,;\"'{}\[\]]+\s+)(?P<value>[^\s,;\"'{}\[\]]+)"
)
_BEARER = re.compile(r"(?i)\b(?P<lead>Bearer\s+)(?P<value>(?=[^\s\"',]*[\d._~+/=-])[A-Za-z0-9._~+/=-]{6,})")
_URL = re.compile(
    r"(?P<lead>(?:\b[A-Za-z][A-Za-z0-9+.-]*:|(?<![\w:/]))//[^\s/:@\"'<>\[\]]*:)(?!\d{1,5}(?:/|$))(?P<value>[^\s\"'<>]*)(?=@)"
)
_USERINFO = re.compile(
    r"(?<![\w/@:.%-])(?P<lead>[A-Za-z][\w.-]*:)(?P<value>[^\s/\"'<>@:,;=()\[\]{}]+(?:@[^\s/\"'<>@:,;=()\[\]{}]+)?)"
    r"(?=@(?!sha\d)(?:[A-Za-z0-9-]+\.[A-Za-z0-9.-]*[A-Za-z0-9]|localhost|[A-Za-z0-9-]+(?=:\d|/)))"
)
_WHOLE = re.compile(
    r"""
      -----BEGIN[ ](?:[A-Z0-9]+[ ])*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z0-9 ]*-----|\Z)
    | \bAQ[A-Za-z0-9+/]{36}==
    | \b(?:DHHC-1|NVMeTLSkey-1):\d\d:[A-Za-z0-9+/=]+:?
    | \beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*
    """,
    re.VERBOSE | re.DOTALL,
)
_LONG_KEY = re.compile(r"(?P<lead>\bkey\s*[=:]\s*)(?P<value>[A-Za-z0-9+/]{16,}={0,2})")
_OTHERWISE = frozenset({"key", "keys", "auth", "authorization", "authorisation", "proxy-authorization"})
"""Names that are too common in texts, or have a pattern of their own (``_SCHEME``, ``_LONG_KEY``)."""

_PROSE = frozenset({"…", "none", "null", "true", "false", "required", "missing", "invalid", "unknown", "wrong", "expired", MASK})
_HINT = re.compile(
    r"(?i)pass|pswd|pwd|psk|jwt|secret|token|credential|key|cookie|auth|basic|bearer|chap|://|@|-----BEGIN|\bAQ|DHHC-1|eyJ"
)


def is_secret(name: str) -> bool:
    """Return whether the value of an option, a field or a header that is called *name* is a secret.

    ``san_password``, ``psk``, ``dhchap_key``, ``x-auth-token``, ``privateKey`` are; ``keyring_path``, ``secret_uuid`` and
    ``password_length`` only describe one.
    """
    plain = re.sub(r"[\W_]+", "_", _CAMEL.sub("_", name)).strip("_").lower()
    return bool(_SECRET_NAME.search(plain)) and not _PLAIN_NAME.search(plain)


def _is_path(name: str, value: object) -> bool:
    # an option called key or keyring often names the file with it
    return (
        isinstance(value, str) and re.search(r"key(ring)?$", name, re.IGNORECASE) is not None and _PATH.match(value) is not None
    )


def may_hold_secrets(value: str) -> bool:
    """Return False if *value*, a text or JSON, certainly contains no secret: a cheap test before :func:`text`."""
    return _HINT.search(value) is not None


def text(value: str) -> str:
    """Mask everything in *value*, a text for people, that looks like a secret.

    Named values (``password=…``, ``"token": "…"``, ``--psk …``), credentials of HTTP (``Basic …``, ``Bearer …``), the password in
    a URL or in ``user:password@host``, private keys and the keys of Ceph and NVMe. Names and other text stay readable.
    """
    if not may_hold_secrets(value):
        return value
    value = _WHOLE.sub(MASK, value)
    value = _SCHEME.sub(_keep_lead, value)
    value = _BASIC.sub(lambda match: _keep_lead(match) if _is_userinfo(match["value"]) else match[0], value)
    value = _BEARER.sub(_keep_lead, value)
    value = _CHAP.sub(_keep_lead, value)
    value = _URL.sub(_keep_lead, value)
    value = _USERINFO.sub(_keep_lead, value)
    value = _LONG_KEY.sub(_keep_lead, value)
    for pattern in (_ISCSIADM, _ELEMENT, _OPTION, _INI, _NAMED):
        value = pattern.sub(_named, value)
    return value


def _keep_lead(match: re.Match[str]) -> str:
    return f"{match['lead']}{MASK}"


def _named(match: re.Match[str]) -> str:
    name, value = match["name"].lstrip("-"), match["value"]
    bare = value.strip("\"'\\")
    quoted = re.match(r"[bu]?(\\*[\"'])", value)
    is_a_key = (quoted is not None and match["sign"].lstrip("\\")[:1] in {'"', "'"}) or match["name"].startswith("--")
    if not is_secret(name) or (name.lower() in _OTHERWISE and not (name.lower() == "key" and is_a_key)):
        # the value may contain named values itself: JSON in a text, the query of a URL
        return match[0][: -len(value)] + value[:1] + match.re.sub(_named, value[1:])
    is_prose = quoted is None and match["sign"].lstrip("\\")[:1] in {'"', "'"} and bare.isalpha()
    if not bare or bare.lower() in _PROSE or is_prose or _is_path(name, value):
        return match[0]
    mask = f"{quoted[0]}{MASK}{quoted[1]}" if quoted else MASK
    return f"{match['name']}{match['sign']}{mask}"


def _is_userinfo(word: str) -> bool:
    return ":" in (_decoded(word) or "")


def _decoded(word: str) -> str | None:
    padded = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def data(value: Any, name: str = "") -> Any:  # noqa: ANN401 - plain data of any shape
    """Mask the secrets in *value*, JSON-like data called *name*: by their names, and in texts."""
    secret = bool(name) and is_secret(name)
    if isinstance(value, dict):
        return {key: data(item, name if secret else str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [data(item, name) for item in value]
    if secret and value not in (None, "") and not isinstance(value, bool) and not _is_path(name, value):
        return MASK
    return text(value) if isinstance(value, str) else value


def values(given: Any, name: str = "") -> Iterator[str]:  # noqa: ANN401 - plain data of any shape
    """Yield the values in *given*, JSON-like data, whose names are those of secrets; for :class:`Known`."""
    if isinstance(given, dict):
        for key, item in given.items():
            yield from values(item, name if name and is_secret(name) else str(key))
    elif isinstance(given, (list, tuple)):
        for item in given:
            yield from values(item, name)
    elif name and is_secret(name) and given not in (None, "") and not isinstance(given, bool):
        yield str(given)


class Known:
    """Secrets that are known by their values: masked in texts in every form in which a library writes them."""

    def __init__(self, secrets: Iterable[object] = ()) -> None:
        """Mask *secrets*, except those of fewer than ``SHORTEST`` characters."""
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for secret in secrets:
            self.add(secret)

    def add(self, secret: object) -> None:
        """Mask *secret*, too; of a list or a dict each item."""
        if isinstance(secret, dict):
            secret = list(secret.values())
        if isinstance(secret, (list, tuple, set, frozenset)):
            for item in secret:
                self.add(item)
            return
        plain = "" if secret is None or isinstance(secret, bool) else str(secret)
        if len(plain.strip()) >= SHORTEST and plain != MASK and plain not in self._secrets:
            self._secrets = {*self._secrets, plain}
            self._pattern = None

    def text(self, value: str) -> str:
        """Mask the known secrets in *value*, and everything that :func:`text` recognises."""
        return text(self.values_only(value))

    def values_only(self, value: str) -> str:
        """Mask only the known secrets in *value*: plain, encoded, quoted or escaped."""
        secrets = self._secrets
        if not secrets:
            return value
        if self._pattern is None:
            forms = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(_as_pattern, forms)))
        value = self._pattern.sub(MASK, value)
        return _BASE64.sub(lambda match: MASK if _holds(match[0], secrets) else match[0], value)


def _holds(word: str, secrets: Iterable[str]) -> bool:
    plain = _decoded(word)
    return plain is not None and any(secret in plain for secret in secrets)


def _as_pattern(form: str) -> str:
    escaped = re.escape(form)
    if len(form) >= _LOOSE or not form.isalnum():
        return escaped
    return rf"(?<![A-Za-z0-9]){escaped}(?![A-Za-z0-9])"


def _forms(secret: str) -> Iterator[str]:
    encoded = secret.encode(errors="surrogatepass")
    once = [json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]]
    percent = [
        quote(encoded, safe=""),
        quote(encoded),
        quote_plus(encoded),
        quote(encoded, safe="!$&'()*+,;=:@"),
        quote(encoded, safe="~@"),
    ]
    yield from (secret, secret.strip(), " ".join(secret.split()))
    yield from (*once, *(json.dumps(form)[1:-1] for form in once), *(repr(form)[1:-1] for form in once))
    yield from (*percent, *(re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), form) for form in percent))
    yield from (
        shlex.quote(secret).removeprefix("'").removesuffix("'"),
        secret.replace("'", "\\'"),
        secret.replace("'", "''"),
        re.sub(r"([^\w@%+=:,./-])", r"\\\1", secret),
    )
    yield from (html.escape(secret, quote=False), html.escape(secret), html.escape(secret).replace("&#x27;", "&apos;"))
    yield from (encoded.hex(), encoded.hex().upper())
    for plain in (base64.b64encode(encoded).decode(), base64.urlsafe_b64encode(encoded).decode()):
        yield from {plain, plain.rstrip("=")}
    lines = [line.strip() for line in secret.splitlines() if len(line.strip()) >= _LOOSE]
    yield from lines if len(lines) > 1 else ()


def missing(value: Any, name: str = "") -> list[str]:  # noqa: ANN401 - plain data of any shape
    """Return the names of the secrets that are masked in *value*."""
    if isinstance(value, dict):
        return [masked for key, item in value.items() for masked in missing(item, str(key))]
    if isinstance(value, (list, tuple)):
        return [masked for item in value for masked in missing(item, name)]
    return [name] if is_mask(value, name) else []


def without(value: Any, name: str = "") -> Any:  # noqa: ANN401 - plain data of any shape
    """Return *value* without its masked secrets, as a driver or os-brick may get it."""
    if isinstance(value, dict):
        return {key: without(item, str(key)) for key, item in value.items() if not is_mask(item, str(key))}
    if isinstance(value, (list, tuple)):
        return [without(item, name) for item in value if not is_mask(item, name)]
    return value


def is_mask(value: object, name: str = "") -> bool:
    """Return whether *value*, called *name*, is a mask, or a text with a masked secret."""
    if not isinstance(value, str) or MASK not in value:
        return False
    return (value == MASK and bool(name)) or MASK in text(value.replace(MASK, _STAND_IN))


def chain(error: BaseException, known: Known) -> None:
    """Mask the secrets in *error* and in all its causes and contexts, which tracebacks show."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        waiting += [current.__cause__, current.__context__, *getattr(current, "exceptions", ())]
        _mask_error(current, known)


def _mask_error(error: BaseException, known: Known) -> None:
    given = {"args": error.args, **vars(error)}
    if isinstance(error, OSError):
        given |= {"strerror": error.strerror, "filename": error.filename}
    for name, value in given.items():
        masked = _masked_argument(value, known)
        if masked != value:
            with contextlib.suppress(AttributeError, TypeError):  # a read-only attribute
                setattr(error, name, masked)
    message = str(error)
    if known.text(message) != message and not isinstance(error, OSError):
        error.args = (known.text(message),)  # its class builds the message from other attributes


def _masked_argument(value: Any, known: Known) -> Any:  # noqa: ANN401 - whatever was raised
    if isinstance(value, str):
        return known.text(value)
    if isinstance(value, bytes):
        plain = value.decode(errors="surrogateescape")
        return known.text(plain).encode(errors="surrogateescape")
    if type(value) in {list, tuple, set}:
        return type(value)(_masked_argument(item, known) for item in value)
    if type(value) is dict:
        return {_masked_argument(key, known): _masked_argument(item, known) for key, item in value.items()}
    return value


def mapping(config: Mapping[str, Any], secret: Iterable[str] = ()) -> dict[str, Any]:
    """Return *config* for display: the options *secret* masked, and what looks like a secret in the others."""
    hidden = set(secret)
    return {
        name: MASK if name in hidden and value is not None and value != "" else data(value, name)
        for name, value in config.items()
    }


def usable(text: str | None) -> str | None:
    """Return *text*, or None if a secret in it is masked: drivers never get a mask."""
    return None if is_mask(text) else text


def same(one: Any, other: Any) -> bool:  # noqa: ANN401 - plain data of any shape
    """Return whether the two are equal, or differ only in values that are masked on one side."""
    return bool(one == other or ((missing(one) or missing(other)) and data(one) == data(other)))
