"""Secrets are recognised by their names, by their looks and by their values, in whatever form they are written."""

from __future__ import annotations

import base64
import html
import json
import shlex
import traceback
from urllib.parse import quote, quote_plus

import pytest

from cl_notebook import masking
from cl_notebook.masking import MASK, Known

HIDDEN = (
    "psk dhchap_key dhchap_ctrlr_key key client_key auth_password discovery_auth_password token private_key secret "
    "passphrase keyring api_key x-auth-token X-Subject-Token kioxia_token san_password nas_password "
    "zadara_access_key pure_api_token privateKey AuthToken provider_auth chap_secret node.session.auth.password "
    "admin_pwd synology_one_time_pass encryption_key cookie jwt Authorization proxy-authorization secret_id "
    "token_id accessKey password2 credentials vmware_host_password "
)
SHOWN = (
    "keyring_path rbd_keyring_conf secret_uuid rbd_secret_uuid secret_type password_length chap_password_len "
    "auth_method auth_username use_chap_auth token_auth_url ssh_hosts_key_file netapp_private_key_file "
    "san_private_key nas_private_key driver_client_cert_key strict_ssh_host_key_policy fujitsu_passwordless "
    "encryption_key_id public_key primary_key monkey_patch san_login san_ip compass bypass_cache "
    "keystone_catalog_info volume_transfer_key_length name id size path turkey hockey author authority passive "
)


@pytest.mark.parametrize("name", HIDDEN.split())
def test_names_of_secrets(name: str) -> None:
    """Options, fields and headers whose values are secret are known by their names."""
    assert masking.is_secret(name)


@pytest.mark.parametrize("name", SHOWN.split())
def test_names_that_only_describe_secrets(name: str) -> None:
    """The file, the type or the length of a secret, and words that look like one, are no secrets."""
    assert not masking.is_secret(name)


@pytest.mark.parametrize(
    "text",
    [
        "password=hush",
        "-o username=ann,password=hush,vers=3",
        "password = hush and a blank",
        '{"password": "hush and a blank", "a": 1}',
        "{'auth_password': 'it\\'s hush', 'user': 'ann'}",
        r'{"a": "{\"token\": \"hush\", \"b\": \"{\\\"psk\\\": \\\"hush\\\"}\"}"}',
        'passwd="a\\"hush" next',
        "secret: b'hush'",
        "api_key => hush",
        "tokens=['hush', 'hush2']",
        "--password hush --user ann",
        "--psk=hush",
        "['nvme', 'connect', '--dhchap-secret', 'hush']",
        "iscsiadm -m node -o update -n node.session.auth.password -v hush",
        "['-n', 'node.session.auth.password', '-v', 'hush']",
        "<password>hush</password>",
        "<ns:adminPass type='x'>hush</ns:adminPass>",
        f"Authorization: Basic {base64.b64encode(b'ann:hush').decode()}",
        f"sent Basic {base64.b64encode(b'ann:hush').decode()} to it",
        "Authorization: Bearer hush",
        "CHAP ann hush",
        "{'provider_auth': 'CHAP ann hush'}",
        '{"key": "hush", "name": "x"}',
        "{'data': {'key': 'hush'}}",
        "--key hush",
        "mount //ann:hush@host/share",
        "{'Authorization': 'Bearer hush'}",
        "Bearer hush.h4sh_hush",
        "X-Auth-Token: hush",
        "http://ann:hush@10.0.0.1/x",
        "http://ann:p@hush@10.0.0.1:8080/x",
        "rsync://ann:p%40hush@host/x",
        "mysql://ann:p/a?hush#@db.example/lab",
        "cannot reach https://ann:hush@array.example: refused",
        "ann:p@hush@array.example",
        "root:hush@10.0.0.1:/export",
        "https://array.example/login?user=ann&password=hush&x=1",
        "-----BEGIN RSA PRIVATE KEY-----\nhush\nhush==\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\\nhush",
    ],
)
def test_texts_with_secrets(text: str) -> None:
    """What looks like a secret in a text is masked, and masking it again changes nothing."""
    found = masking.text(text)
    assert "hush" not in found
    assert base64.b64encode(b"ann:hush").decode() not in found
    assert MASK in found
    assert masking.text(found) == found


@pytest.mark.parametrize(
    "text",
    [
        "AQBvaZ9kAAAAABAAnVVGEcTcmLr9mXVBSz1P0A==",
        "key = AQBvaZ9kAAAAABAAnVVGEcTcmLr9mXVBSz1P0A==",
        "DHHC-1:00:ia6zGodOr4SEG0Zzaw398rpY0wqipUWj4jWjUh4HWUz6aQ2n:",
        "NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
    ],
)
def test_keys_are_known_by_their_looks(text: str) -> None:
    """Keys of Ceph, of NVMe and JSON web tokens are masked wherever they stand."""
    assert masking.text(f"it has {text} there").split() == f"it has {masking.text(text)} there".split()
    assert MASK in masking.text(text)
    assert text.rsplit(maxsplit=1)[-1] not in masking.text(f"it has {text} there")


@pytest.mark.parametrize(
    "text",
    [
        "The password is wrong.",
        "Basic authentication failed",
        "CHAP authentication failed for it",
        "KeyError: 'name'",
        "the key: value pairs",
        "--key /etc/keys/client.pem",
        "bearer token missing",
        "the option 'san_password' of driver 'x' is missing",
        "driver 'x' needs the option 'san_password': Password for SAN controller",
        "password: required",
        "token: ",
        "secret_type: ceph, auth_method=CHAP",
        "KeyError: 'key'",
        "http://array.example:8080/a@b",
        "http://[fe80::1]:80/@x",
        "rbd:volumes/img@snap",
        "quay.io/lab:tag@sha256:abcd",
        "git@host.example:x",
        "sftp://ann@host/x",
        "at 10:20@host",
        "cannot read /etc/ceph/ceph.client.admin.keyring: No such file",
        "keyring=/etc/ceph/ceph.client.admin.keyring",
        "iqn.2010-10.org.openstack:volume-6f1c4a5e",
        "volume.extend(2)  # bytes",
    ],
)
def test_texts_without_secrets(text: str) -> None:
    """Ordinary text stays as it is, also where it speaks of passwords."""
    assert masking.text(text) == text


@pytest.mark.parametrize(
    "secret", ["correct horse battery", "p@ss/w?rd#%", 'it\'s "so"\nhush\\x', "<a&b>'c'", "ümläut secret", "hunter2"]
)
def test_known_secrets_in_other_clothes(secret: str) -> None:
    """A secret that is known is masked as it is, percent-encoded, in base64, quoted for a shell, escaped for JSON or HTML."""
    known = Known([secret])
    pair = f"ann:{secret}".encode()
    forms = [
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        base64.b64encode(secret.encode()).decode(),
        base64.b64encode(pair).decode(),
        base64.urlsafe_b64encode(pair).decode(),
        json.dumps(secret),
        json.dumps(secret, ensure_ascii=False),
        json.dumps(json.dumps({"a": secret})),
        repr(secret),
        shlex.quote(secret),
        html.escape(secret),
        secret.encode().hex(),
        " ".join(secret.split()),
    ]
    for form in forms:
        found = known.text(f"it said {form} and left")
        assert form.strip("\"'") not in found
        assert MASK in found
        assert found.startswith("it said ")
        assert found.endswith(" and left")


@pytest.mark.parametrize("secret", ["", None, True, "a", "abc", "   ", MASK])
def test_what_is_too_short_is_not_looked_for(secret: object) -> None:
    """An empty or very short secret masks no text."""
    assert Known([secret]).text("a table of abc and None, True or 3") == "a table of abc and None, True or 3"


def test_a_short_secret_is_a_word_of_its_own() -> None:
    """A secret that is an ordinary word is masked where it stands alone, and not within other words."""
    assert Known(["admin"]).text("admin of administrators") == f"{MASK} of administrators"


def test_data_of_any_depth() -> None:
    """Secrets in nested data are masked by name and in texts; what is empty, true or false stays."""
    given = {
        "data": {"auth_username": "ann", "auth_password": "hush", "paths": [{"psk": "hush"}], "auth": {"a": ["hush", 3]}},
        "options": "-o user=ann,password=hush",
        "json": '{"token": "hush"}',
        "url": "nfs://ann:hush@host/x",
        "encrypted": False,
        "password": "",
        "token": None,
        "secret": True,
        "keyring": "/etc/ceph/keyring",
    }
    found = masking.data(given)
    assert "hush" not in json.dumps(found)
    assert (found["data"]["auth_username"], found["password"], found["token"], found["secret"]) == ("ann", "", None, True)
    assert found["keyring"] == "/etc/ceph/keyring"
    assert masking.data(found) == found
    assert set(masking.missing(found)) == {"auth_password", "psk", "a", "options", "json", "url"}
    assert MASK not in json.dumps(masking.without(found))
    assert set(masking.values(given)) == {"hush", "3", "/etc/ceph/keyring"}


def test_a_traceback_is_masked() -> None:
    """The whole chain of an error is masked: its arguments, its attributes and what the system said."""
    cause = OSError(5, "login with hunter2 failed", "/x/hunter2")
    error = ValueError("password=hush", ["hunter2"])
    error.__cause__ = cause
    error.cmd = "login -p hunter2"  # type: ignore[attr-defined] # as libraries do
    masking.chain(error, Known(["hunter2"]))
    story = "".join(traceback.format_exception(error))
    assert "hush" not in story
    assert "hunter2" not in story + str(vars(error))
    assert "Errno 5" in story
