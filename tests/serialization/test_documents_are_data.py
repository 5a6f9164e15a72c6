"""A document is data: nothing that it names is run, reached, opened or written before the user said so."""

from __future__ import annotations

import functools
import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import cinderlib, errors, serialization
from cl_notebook.attach import address
from cl_notebook.inventory.cleanup import plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Document = dict[str, Any]

VOLUME = "11111111-1111-4111-8111-111111111111"
CONNECTION = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """Return a file that is made if anything of a document is run."""
    return tmp_path / "marker"


@pytest.fixture
def program(tmp_path: Path, marker: Path) -> Path:
    """Return a program that makes the marker."""
    made = tmp_path / "program"
    made.write_text(f"#!/bin/sh\ntouch {marker}\n", encoding="utf-8")
    made.chmod(made.stat().st_mode | stat.S_IXUSR)
    return made


def hostile(backend: Document, **connection: Any) -> Document:
    """Return the document of a volume with a connection that says what its sender wants."""
    own = {
        "id": CONNECTION,
        "volume_id": VOLUME,
        "attach_status": "attached",
        "attached_host": "lab1",
        "connector_info": {"host": "lab1"},
        "conn_info": {"driver_volume_type": "local", "data": {"device_path": "/dev/null"}},
        "path": "/dev/null",
    }
    data = {"id": VOLUME, "name": "ledger", "size": 1, "status": "in-use", "attach_status": "attached"}
    return {"class": "Volume", "version": 1, "backend": backend, "data": data | {"connections": [own | connection]}}


@pytest.fixture
def lab() -> cl.Session:
    """Open a session whose host has the name that the documents say."""
    return cl.setup("memory", host="lab1")


def gateways(program: Path) -> list[str]:
    """Return gateways that would run *program* if execnet or ssh saw them."""
    return [
        f"popen//python={program}",
        "popen",
        f"ssh=-oProxyCommand={program} host",
        f"ssh=host -oProxyCommand={program}",
        f"-oProxyCommand={program}",
        f"ssh=host//python={program}",
        f"ssh=host//ssh_config={program}",
        f"ssh=$({program})",
        f"vagrant_ssh=x//python={program}",
        f"socket=127.0.0.1:1//installvia=popen//python={program}",
        "ssh=root@192.0.2.1",
    ]


def _try(act: Callable[[], object]) -> None:
    """Do *act*, or be refused with one line."""
    said = ""
    try:
        act()
    except errors.Error as error:
        said = str(error)
    assert "\n" not in said


ACTS: list[tuple[str, Callable[[Any], object]]] = [
    ("attach", lambda volume: volume.connections[0].attach()),
    ("detach", lambda volume: volume.connections[0].detach()),
    ("detach by force", lambda volume: volume.connections[0].detach(force=True)),
    ("open", lambda volume: volume.connections[0].open("r+b")),
    ("release", lambda volume: volume.connections[0].release()),
    ("cleanup", lambda volume: volume.cleanup()),
    ("cleanup by force", lambda volume: volume.cleanup(force=True)),
    ("extend device", lambda volume: volume.connections[0].extend_device()),
    ("detach by name", lambda volume: volume.detach(host="node2")),
    ("repair", lambda volume: cl.inventory.repair(volume.connections[0])),
    ("scan", lambda _volume: cl.inventory.scan()),
    ("clean up", lambda _volume: plan.plan_cleanup(all=True).run()),
]


@pytest.mark.lane("slow")
@pytest.mark.parametrize("number", range(11))
def test_no_gateway_of_a_document_is_run(tmp_path: Path, program: Path, marker: Path, number: int) -> None:
    """A connection's gateway is shown, and reached by no act: it has to be typed, and can name a host alone."""
    gateway = gateways(program)[number]
    document = hostile({"volume_backend_name": "sim"}, gateway=gateway, attached_host="node2", connector_info={"host": "node2"})
    for name, act in ACTS:
        with cl.setup("memory", host="lab1") as session:
            session.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
            volume = cl.load(document, save=True)
            assert volume.connections[0].gateway == gateway
            _try(functools.partial(act, volume))
            assert not marker.exists(), name


@pytest.mark.parametrize(
    "text",
    [
        "popen//python=/x",
        "popen",
        "ssh=-oProxyCommand=x",
        "-oProxyCommand=x",
        "ssh=root@-oProxyCommand=x",
        "ssh=a b",
        "ssh=a//ssh_config=/x",
        "ssh=a//via=b",
        "ssh=a//id=b",
        "ssh=a//env:X=1",
        "ssh=a//python=sh -c x",
        "ssh=a//python=$(x)",
        "ssh=a//python=-c",
        "ssh=a//python=/x//chdir=/",
        "root@",
        "@host",
        "host:",
        "host:0",
        "host:65536",
        "host:x",
        "[::1",
        "[::g]",
        "::1",
        "a@b@c",
        "host\n",
        "höst",
        "",
        None,
        7,
        "a" * 300,
        "[fe80::1%-o]",
    ],
)
def test_what_is_no_address(text: object) -> None:
    """Only [user@]host[:port] is the address of a host: no option, blank, other key of execnet's or other kind of gateway."""
    with pytest.raises(errors.InvalidInput, match=r"host must be \[user@\]host\[:port\]"):
        address.parse(text)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("node2", "ssh=node2"),
        ("ssh=root@node2", "ssh=root@node2"),
        ("root@node2.example:2222", "ssh=root@node2.example:2222"),
        ("root@192.0.2.7", "ssh=root@192.0.2.7"),
        ("root@[2001:db8::2]:22", "ssh=root@[2001:db8::2]:22"),
        ("[fe80::1%eth0]", "ssh=[fe80::1%eth0]"),
        ("ssh=node2//python=/opt/venv/bin/python", "ssh=node2//python=/opt/venv/bin/python"),
        ("node2//python=~/venv/bin/python3.12", "ssh=node2//python=~/venv/bin/python3.12"),
    ],
)
def test_addresses(text: str, spelled: str) -> None:
    """What people type for a host has one spelling, which leads to the same host."""
    assert address.parse(text).text == spelled
    assert address.leads_to(spelled, text)


def test_a_gateway_that_is_typed_is_the_typed_one(lab: cl.Session, tmp_path: Path, program: Path, marker: Path) -> None:
    """A loaded connection is reached by the address that the user types, and not by the program that its document adds."""
    lab.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
    gateway = f"ssh=nothing.invalid//python={program}"
    volume = cl.load(hostile({"volume_backend_name": "sim"}, gateway=gateway, attached_host="node2"), save=True)
    with pytest.raises(errors.Unconfirmed, match=r"host='ssh=nothing.invalid'"):
        volume.detach(host="node2")
    with pytest.raises(errors.HostUnreachable, match=r"ssh=nothing.invalid cannot be reached"):
        volume.detach(host="nothing.invalid")
    assert not marker.exists()


@pytest.mark.parametrize("kind", ["local", "unknown", "iscsi", "nfs"])
def test_no_device_of_a_document_is_written(lab: cl.Session, tmp_path: Path, kind: str) -> None:
    """A file that a document calls the device of a volume is neither opened nor measured; the storage says which it is."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious" * 64)
    info = {"driver_volume_type": kind, "data": {"device_path": str(victim), "name": "victim", "export": "h:/x"}}
    sim = lab.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
    document = sim.create_volume(1, name="own").dump
    document["data"]["connections"] = hostile({}, path=str(victim), conn_info=info, device={"path": str(victim)})["data"][
        "connections"
    ]
    document["data"]["connections"][0]["volume_id"] = document["data"]["id"]
    cl.load(document, save=True)
    connection = cl.Connection.get_by_id(CONNECTION)
    with pytest.raises(errors.Unconfirmed, match=r"attach\(\) asks"):
        connection.open("r+b")
    for act in (connection.attach, connection.extend_device, connection.detach):
        _try(act)
        assert connection.path != str(victim) or not connection.is_confirmed
    assert victim.read_bytes() == b"precious" * 64


def test_a_device_is_the_one_that_the_storage_names(lab: cl.Session, tmp_path: Path) -> None:
    """A loaded connection of an own volume is attached as the driver says, and can be opened then."""
    local = lab.backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
    volume = local.create_volume(1, name="own")
    volume.attach()
    text = cl.dumps()
    before = volume.connections[0].path
    with cl.setup("memory", host="lab1"):
        cl.Backend("sim", volume_driver="sim", path=str(tmp_path / "sim"))
        document = json.loads(text)
        document[0]["volumes"][0]["data"]["connections"][0]["path"] = "/etc/hostname"
        (backend,) = cl.load(document, save=True)
        (connection,) = backend.volumes[0].connections
        assert (connection.is_confirmed, connection.path) == (False, "/etc/hostname")
        assert connection.attach() == before
        assert (connection.is_confirmed, connection.extra) == (True, None)
        with connection.open("r+b") as file:
            file.write(b"mine")
        backend.volumes[0].detach()
        assert backend.volumes[0].connections == []


def described(tmp_path: Path, **options: Any) -> Document:
    """Return a backend that only a document describes, in a folder that is not there."""
    return {"volume_backend_name": "lab", "volume_driver": "sim", "path": str(tmp_path / "theirs"), **options}


@pytest.mark.parametrize("how", ["load", "save", "cinderlib", "class", "file", "look"])
@pytest.mark.usefixtures("lab")
def test_a_described_backend_is_not_opened(tmp_path: Path, how: str) -> None:
    """Loading opens no backend that only the document describes; looking stores none; its volumes are there to look at."""
    document = hostile(described(tmp_path))
    file = tmp_path / "lab.json"
    file.write_text(json.dumps([document]), encoding="utf-8")
    loads: dict[str, Callable[[], Any]] = {
        "load": lambda: cl.load(document),
        "save": lambda: cl.load(document, save=True),
        "cinderlib": lambda: cinderlib.load(document, save=True).obj,
        "class": lambda: cl.Volume.load(document),
        "file": lambda: serialization.load_file(file) and cl.find(VOLUME),
        "look": lambda: serialization.look_file(file)[0],
    }
    volume = loads[how]()
    assert volume.backend.config == {"volume_backend_name": "lab", "volume_driver": "sim", "path": str(tmp_path / "theirs")}
    assert cl.Backend.backends == {}
    assert not (tmp_path / "theirs").exists()
    is_looked_at = how in {"load", "class", "look"}
    assert len(cl.frames.backends()) == (0 if is_looked_at else 1)
    assert volume.backend.is_confirmed is False
    for act in (
        volume.delete,
        volume.attach,
        functools.partial(volume.extend, 2),
        lambda: volume.backend.stats(refresh=True),
        lambda: volume.backend.driver,
    ):
        with pytest.raises(errors.Error):
            act()
    repr(volume)
    cl.inventory.scan()
    cl.frames.tree()
    assert not (tmp_path / "theirs").exists()


def test_a_described_backend_is_confirmed_once(tmp_path: Path) -> None:
    """`trust=True` takes what stands there, and the store remembers it; the error before says where it leads."""
    store = f"sqlite:///{tmp_path / 'lab.db'}"
    with cl.setup(store, host="lab1"):
        volume = cl.load(hostile(described(tmp_path)), save=True)
        with pytest.raises(
            errors.Unconfirmed, match=r"was described by a document.*path=.*theirs.*cl.Backend\('lab', trust=True\)"
        ):
            cl.Backend("lab")
        backend = cl.Backend("lab", trust=True)
        assert volume.backend is backend
        assert backend.is_confirmed
    with cl.setup(store, host="lab1"):
        assert cl.Backend("lab").is_open


@pytest.mark.usefixtures("lab")
def test_a_looked_at_backend_is_saved_unconfirmed(tmp_path: Path) -> None:
    """What was only looked at, and is saved, is confirmed as little as what was loaded at once; trusted, it is."""
    cl.load(hostile(described(tmp_path))).save()
    assert (cl.find("lab").is_confirmed, cl.find("lab").is_open) == (False, False)
    with pytest.raises(errors.Unconfirmed):
        cl.find(VOLUME).delete()
    with cl.setup("memory", host="lab1"):
        cl.load(hostile(described(tmp_path)), trust=True).save()
        assert cl.find("lab").is_confirmed
        assert not (tmp_path / "theirs").exists()
        assert cl.Backend("lab").is_open


def test_loading_again_with_trust_confirms(tmp_path: Path, lab: cl.Session) -> None:
    """A document that was loaded, and is loaded again with `trust`, opens its backend; a changed one does not."""
    cl.load(hostile(described(tmp_path)), save=True)
    with pytest.raises(errors.AlreadyExists, match="path is"):
        cl.load(hostile(described(tmp_path / "other")), save=True, trust=True)
    assert cl.load(hostile(described(tmp_path)), save=True, trust=True).backend is lab.backends["lab"]


def test_a_typed_configuration_replaces_the_described_one(lab: cl.Session, tmp_path: Path) -> None:
    """What the user types for a backend that was only described is taken, without `replace`, and nothing of the document's."""
    cl.load(hostile(described(tmp_path, pools="a,b")), save=True)
    backend = lab.backend("lab", volume_driver="sim", path=str(tmp_path / "mine"))
    assert (backend.config["path"], backend.is_confirmed) == (str(tmp_path / "mine"), True)
    assert not (tmp_path / "theirs").exists()


@pytest.mark.usefixtures("lab")
def test_trusted_documents_open_their_backends(tmp_path: Path) -> None:
    """With `trust` a document of one's own opens its backends; a gateway that it names to start a program is none even then."""
    document = hostile(described(tmp_path), gateway="popen//python=/x")
    volume = cl.load(document, save=True, trust=True)
    assert volume.backend is cl.Backend.backends["lab"]
    assert (volume.connections[0].is_confirmed, volume.connections[0].is_in_reach) == (False, False)


@pytest.mark.usefixtures("lab")
def test_secrets_are_not_found_for_a_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret from the environment goes to no address of a document's; the error names secret, driver and address."""
    asked: list[str] = []

    class Seen(dict[str, str]):
        def get(self, name: str, *rest: Any) -> Any:
            asked.append(name)
            return super().get(name, *rest)

    monkeypatch.setenv("CL_NOTEBOOK_ARRAY_SAN_PASSWORD", "hush")
    driver = "cinder.volume.drivers.solidfire.SolidFireDriver"
    backend = {
        "volume_backend_name": "array",
        "volume_driver": driver,
        "san_ip": "192.0.2.66",
        "san_login": "ann",
        "secret_options": ["san_password"],
    }
    with monkeypatch.context() as patch:
        patch.setattr("cl_notebook.drivers.options.os.environ", Seen(os.environ))
        volume = cl.load(hostile(backend), save=True)
        for act in (lambda: cl.Backend("array"), volume.delete, lambda: cl.Backend("array", san_password="typed")):  # noqa: S106
            with pytest.raises(
                errors.Unconfirmed, match=r"driver '.*SolidFireDriver'.*san_ip='192.0.2.66'.*san_password"
            ) as caught:
                act()
            assert "hush" not in str(caught.value)
    assert not any("SAN_PASSWORD" in name for name in asked)


def test_secrets_in_a_document_are_not_stored(lab: cl.Session, tmp_path: Path) -> None:
    """The secrets that a described backend comes with are not stored; their names are, so that they are asked for."""
    volume = cl.load(hostile(described(tmp_path, san_password="hush", client_key="hush", pools="a")), save=True)  # noqa: S106
    assert volume.backend.secret_options == ("client_key", "san_password")
    with lab.store.reading() as connection:
        assert "hush" not in str(connection.exec_driver_sql("SELECT config FROM backend").all())


def test_a_program_is_typed(tmp_path: Path, program: Path, marker: Path) -> None:
    """The Python of a backend that nobody confirmed is run for no trust: only for one that is typed."""
    store = f"sqlite:///{tmp_path / 'lab.db'}"
    driver = "cinder.volume.drivers.lvm.LVMVolumeDriver"
    with cl.setup(store, host="lab1") as session:
        cl.load(hostile(described(tmp_path)), save=True)
        config = json.dumps({"python": str(program)})
        with session.store.writing() as writing:
            writing.exec_driver_sql("UPDATE backend SET volume_driver = ?, config = ?", (driver, config))
    with cl.setup(store, host="lab1"):
        for given in ({}, {"trust": True}):
            with pytest.raises(errors.Unconfirmed, match="python="):
                cl.Backend("lab", **given)
    assert not marker.exists()


@pytest.mark.usefixtures("superuser")
def test_a_store_of_another_user(tmp_path: Path, program: Path, marker: Path) -> None:
    """A store that another user owns is opened with a warning, and what stands in it is started when it is typed."""
    store = tmp_path / "lab.db"
    with cl.setup(store, host="lab1") as session:
        sim = session.backend("lab", volume_driver="sim", path=str(tmp_path / "sim"))
        volume = sim.create_volume(1, name="ledger")
        volume.attach()
        session.backend("other", volume_driver="sim", path=str(tmp_path / "other"))
    with cl.Session(store) as session, session.store.writing() as writing:
        writing.exec_driver_sql("UPDATE connection SET gateway = ?", (f"popen//python={program}",))
        theirs = ("cinder.volume.drivers.lvm.LVMVolumeDriver", json.dumps({"python": str(program)}))
        writing.exec_driver_sql("UPDATE backend SET volume_driver = ?, config = ? WHERE name = 'other'", theirs)
    os.chown(store, 65534, 65534)
    with pytest.warns(errors.Untrusted, match=r"lab.db belongs to the user .*Nothing that it names is started"):
        session = cl.setup(store, host="lab1")
    with session:
        again = session.find("ledger")
        for act in (
            lambda: session.backend("other"),
            lambda: session.backend("other", trust=True),
            lambda: session.backend("lab"),
            again.delete,
            again.cleanup,
            again.connections[0].detach,
            again.connections[0].attach,
        ):
            with pytest.raises(errors.Refused):
                act()
        session.backend("lab", volume_driver="sim", path=str(tmp_path / "sim"))
        assert session.backend("lab").is_open
        with pytest.raises(errors.Refused, match=r"no \[user@\]host\[:port\]|stands in a store"):
            again.connections[0].detach()
        made = session.backend("lab").create_volume(1, name="mine")
        with made.attach().open("r+b") as file:
            file.write(b"mine")
        made.detach()
        made.delete()
    assert not marker.exists()
