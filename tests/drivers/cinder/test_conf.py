"""The backends of a ``cinder.conf``: their own options, and what they take from the other sections."""

from __future__ import annotations

import json
import runpy
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.cinderlib.cmd import cinder_cfg_to_python, cinder_to_yaml
from cl_notebook.drivers import registry
from cl_notebook.drivers.cinder.conf import Conf
from tests.drivers.cinder.conftest import FAKE

if TYPE_CHECKING:
    from pathlib import Path

CONF = """
[DEFAULT]
enabled_backends = one, two
[backend_defaults]
fake_number = 5
nfs_qcow2_volumes = true
[one]
volume_driver = cinder.volume.drivers.fake.FakeDriver
volume_backend_name = any
fake_path = {path}/one
fake_many = a:1
fake_many = b:2
[two]
volume_driver = cinder.volume.drivers.fake.FakeDriver
fake_path = {path}/two
fake_number = 6
"""


def test_the_backends_of_a_cinder_conf_are_read(python: str, lab: cl.Session, tmp_path: Path) -> None:
    """``enabled_backends`` are read with their options, those of ``backend_defaults`` that the driver has behind them."""
    file = tmp_path / "cinder.conf"
    file.write_text(CONF.format(path=tmp_path), encoding="utf-8")
    conf = Conf(str(file), python)
    assert conf.enabled() == ["one", "two"]
    assert conf.options("one") == {
        "volume_driver": FAKE,
        "fake_number": "5",
        "fake_path": f"{tmp_path}/one",
        "fake_many": ["a:1", "b:2"],
        "python": python,
    }
    assert conf.options("two")["fake_number"] == "6"
    assert lab.backend("two", **conf.options("two")).config["fake_number"] == 6
    assert conf.remarks == [
        "Left out of "
        + str(file)
        + ", since no driver reads it or cl_notebook sets it itself: [backend_defaults] nfs_qcow2_volumes."
    ]


def _read(file: str, names: list[str], python: str) -> None:
    conf = Conf(file, python)
    for name in names or conf.enabled():
        conf.options(name)


@pytest.mark.parametrize(
    ("text", "names", "words"),
    [
        ("[DEFAULT]\n", [], "no enabled_backends in [DEFAULT]"),
        ("[DEFAULT]\nenabled_backends = lvm\n[lvn]\nvolume_driver = x\n", [], "no section [lvm]. Did you mean 'lvn'?"),
        ("[DEFAULT]\n[lvm]\n", ["lvm"], "section [lvm] has no volume_driver"),
        ("[DEFAULT]\nno sense\n", [], "cinder.conf, line 2: No ':' or '=' found in assignment"),
    ],
)
def test_a_wrong_cinder_conf_is_one_line(python: str, tmp_path: Path, text: str, names: list[str], words: str) -> None:
    """A file that names no backends, or misses a section or a driver, is one line that says so."""
    file = tmp_path / "cinder.conf"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(errors.InvalidInput) as caught:
        _read(str(file), names, python)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_line_that_is_no_option_is_not_shown(python: str, tmp_path: Path) -> None:
    """A line without an equals sign is named by its number alone, for it may hold a secret."""
    file = tmp_path / "cinder.conf"
    file.write_text("[lvm]\nsan_password p4ssw0rd\n", encoding="utf-8")
    with pytest.raises(errors.InvalidInput, match="line 2: No ':' or '=' found") as caught:
        _read(str(file), ["lvm"], python)
    assert "p4ssw0rd" not in "".join(traceback.format_exception(caught.value))


def test_a_secret_that_refers_to_nothing_is_not_shown(python: str, lab: cl.Session, tmp_path: Path) -> None:
    """A password with a dollar sign is refused, and the words of oslo.config, which hold it, are not shown."""
    file = tmp_path / "cinder.conf"
    file.write_text(f"[one]\nvolume_driver = {FAKE}\nfake_path = {tmp_path}/one\nchap_password = $p4ssw0rd\n", encoding="utf-8")
    with pytest.raises(errors.Error, match=r"'chap_password' cannot be \*\*\*: write \$\$") as caught:
        lab.backend("one", **Conf(str(file), python).options("one"))
    assert "p4ssw0rd" not in "".join(traceback.format_exception(caught.value))


def test_a_missing_cinder_conf_is_one_line(python: str) -> None:
    """A file that is not there is named."""
    with pytest.raises(errors.InvalidInput, match=r"There is no file /nowhere/cinder\.conf"):
        Conf("/nowhere/cinder.conf", python)


AS_WRITTEN = """\
# Written by hand; an ä in a comment
[DEFAULT]
enabled_backends = Gold , lead,
my_ip = 192.0.2.40
state_path = {path}/state
host = ctl-1
volume_name_template = vol-%s
snapshot_name_template = snap-%s
ssh_hosts_key_file = $state_path/known_hosts
storage_availability_zone = west
transport_url = rabbit://u:sesame@mq:5672/
zoning_mode = fabric
rack = r7
array_password = se$$same
debug = true

[backend_defaults]
fake_number = 5
lvm_type = thin

[gold]
volume_driver = cinder.volume.drivers.fake.FakeDriver
volume_backend_name = disks
fake_path: "{path}/${{rack}}"
fake_password = $array_password
fake_old = kept
fake_mode = odd
fake_mode = plain
fake_list = a,
  b
fake_many = first:1,second:2
fake_ratio =
fake_flag = yes
fake_uri = http://$array.address/%41
backend_host = cluster
iscsi_helper = tgtadm
fake_numbr = 7
[lead]
volume_driver = cinder.volume.drivers.fake.FakeDriver
volume_backend_name = disks
fake_path = {path}/lead

[array]
address = 192.0.2.50
[database]
connection = mysql://cinder:sesame@db/cinder
[nova]
password = sesame
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Return a file as people write them."""
    file = tmp_path / "cinder.conf"
    file.write_text(AS_WRITTEN.format(path=tmp_path), encoding="utf-8")
    return file


def _seen(backend: cl.Backend, **names: str) -> dict[str, Any]:
    volume = backend.create_volume(1, "configured", metadata=names)
    found: dict[str, Any] = json.loads(volume.provider_location or "")
    return found


@pytest.mark.parametrize("release", ["python", "older_python"])
def test_a_driver_finds_what_it_would_find_in_cinder(
    written: Path, tmp_path: Path, request: pytest.FixtureRequest, release: str
) -> None:
    """What its section and ``[DEFAULT]`` say (older names, options twice, references) reaches the driver as in Cinder."""
    conf = Conf(str(written), request.getfixturevalue(release))
    assert conf.enabled() == ["Gold", "lead"]
    with cl.Session(store=tmp_path / "store.db") as session:
        backend = session.backend("Gold", **conf.options("Gold"))
        own = "fake_new fake_mode fake_list fake_many fake_ratio fake_flag fake_number fake_uri fake_password fake_path"
        own += " backend_host"
        beside = "my_ip state_path ssh_hosts_key_file volume_name_template storage_availability_zone"
        seen = _seen(backend, own=own, beside=beside)
    assert seen == {
        "fake_new": "kept",
        "fake_mode": "plain",
        "fake_list": ["a", "b"],
        "fake_many": ["first:1,second:2"],
        "fake_ratio": 1.0,
        "fake_flag": True,
        "fake_number": 5,
        "fake_uri": "http://192.0.2.50/%41",
        "fake_password": "se$same",
        "fake_path": f"{tmp_path}/r7",
        "backend_host": "cluster",
        "my_ip": "192.0.2.40",
        "state_path": f"{tmp_path}/state",
        "ssh_hosts_key_file": f"{tmp_path}/state/known_hosts",
        "volume_name_template": "vol-%s",
        "storage_availability_zone": "west",
        "at": "cluster@Gold",
        "host": "ctl-1",
    }


def test_what_came_from_other_sections_is_there_again(written: Path, tmp_path: Path, python: str) -> None:
    """A backend that is opened again by its name alone has its ``[DEFAULT]``, host and templates; no secret is stored."""
    store = tmp_path / "store.db"
    conf = Conf(str(written), python)
    with cl.Session(store=store) as session:
        lead = session.backend("lead", **conf.options("lead"))
        volume = lead.create_volume(1, "plain")
        names = (volume.host, volume.name_in_storage, volume.create_snapshot().name_in_storage)
    assert names[0] == "ctl-1@lead"
    assert (names[1], names[2][:5]) == (f"vol-{volume.id}", "snap-")
    with cl.Session(store=store) as session:
        lead = session.backend("lead")
        assert _seen(lead, beside="my_ip volume_name_template") == {
            "my_ip": "192.0.2.40",
            "volume_name_template": "vol-%s",
            "at": "ctl-1@lead",
            "host": "ctl-1",
        }
        assert (tmp_path / "lead" / names[1]).exists()
        lead.volumes_filtered(volume_id=volume.id)[0].delete(cascade=True)
        assert not (tmp_path / "lead" / names[1]).exists()
    assert b"sesame" not in store.read_bytes()


def test_what_is_left_out_is_said(written: Path, python: str) -> None:
    """Options that nobody registers, sections that no driver reads, secrets, and older names are named; no value is shown."""
    conf = Conf(str(written), python)
    for name in conf.enabled():
        conf.options(name)
    said = " ".join(conf.remarks)
    assert "Options of [Gold] have other names now: 'fake_old' is 'fake_new'." in said
    left = "Gold: left out options that its driver does not have and that Cinder ignores: iscsi_helper"
    assert left in said
    assert "fake_numbr (did you mean 'fake_number'?)" in said
    assert "[DEFAULT] transport_url, zoning_mode" in said
    assert "[backend_defaults] lvm_type; " in said
    assert said.endswith("[database]; [nova].")
    assert "sesame" not in said


@pytest.mark.parametrize(("encoding", "ending"), [("utf-8-sig", "\r\n"), ("latin-1", "\n")])
def test_a_file_is_read_in_the_encoding_that_it_has(
    written: Path, tmp_path: Path, python: str, ending: str, encoding: str
) -> None:
    """A byte order mark, the line ends of another system and letters of another encoding change nothing."""
    expected = Conf(str(written), python)
    other = tmp_path / "other.conf"
    other.write_bytes(written.read_text(encoding="utf-8").replace("\n", ending).encode(encoding))
    found = Conf(str(other), python)
    assert found.enabled() == expected.enabled()
    assert found.options("lead") == expected.options("lead")


def test_several_files_are_one_configuration(written: Path, tmp_path: Path, python: str) -> None:
    """Later files count more, and a folder is the files in it."""
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "10.conf").write_text("[LEAD]\nfake_number = 7\n[DEFAULT]\nenabled_backends = lead\n", encoding="utf-8")
    (folder / "20.conf").write_text("[lead]\nfake_number = 8\n", encoding="utf-8")
    conf = Conf([str(written), str(folder)], python)
    assert conf.enabled() == ["lead"]
    assert (conf.options("lead")["fake_number"], conf.options("lead")["fake_path"]) == ("8", f"{tmp_path}/lead")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(errors.InvalidInput, match=r"no \*\.conf in the folder"):
        Conf(str(empty), python)


def test_the_converter_takes_the_other_sections_along(
    written: Path, tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its backends have their ``sections``; two of one ``volume_backend_name`` stay two; what is left out is a warning."""
    monkeypatch.setenv("CL_NOTEBOOK_PYTHON", python)
    with pytest.warns(errors.ConfigurationWarning) as caught:
        backends = {backend["volume_backend_name"]: backend for backend in cinder_to_yaml.convert(str(written))["backends"]}
    assert list(backends) == ["Gold", "lead"]
    assert backends["lead"]["sections"]["DEFAULT"]["my_ip"] == "192.0.2.40"
    assert any("Several sections have volume_backend_name = disks" in str(each.message) for each in caught)
    script = tmp_path / "script.py"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.ConfigurationWarning)
        cinder_cfg_to_python.convert(str(written), str(script))
    monkeypatch.setattr("cl_notebook.cinderlib.Backend", dict)
    assert runpy.run_path(str(script))["Gold"] == backends["Gold"]


def test_sections_are_typed_by_hand(python: str, tmp_path: Path) -> None:
    """``sections`` are checked as options are: an unknown one has a close match, a wrong value is named, a secret is refused."""
    options: dict[str, Any] = {"volume_driver": FAKE, "python": python, "fake_path": str(tmp_path / "array")}
    with cl.Session("memory", my_ip="192.0.2.1") as session:
        backend = session.backend("typed", **options, sections={"DEFAULT": {"my_ip": "192.0.2.2"}})
        assert _seen(backend, beside="my_ip")["my_ip"] == "192.0.2.2"
        other = session.backend("other", **options | {"fake_path": str(tmp_path / "other")})
        assert _seen(other, beside="my_ip")["my_ip"] == "192.0.2.1"
        for section, words in {
            ("DEFAULT", "my_ipp", "x"): "an option 'my_ipp'. Did you mean 'my_ip'?",
            ("DEFAULT", "my_ip", "a b"): "Option 'my_ip' of [DEFAULT] cannot be 'a b'",
            ("DEFAULT", "transport_password", "x"): "an option 'transport_password'",
            ("vault", "root_token_id", "x"): "'root_token_id'",
            ("nowhere", "name", "x"): "Cinder's [nowhere] does not have an option 'name'",
            ("backend_defaults", "array_password", "x"): "is secret, and sections are stored",
        }.items():
            group, name, value = section
            with pytest.raises(errors.InvalidInput) as caught:
                session.backend("wrong", **options, sections={group: {name: value}})
            assert words in str(caught.value)
        with pytest.raises(errors.InvalidInput, match="must be a dict of sections"):
            session.backend("wrong", **options, sections={"DEFAULT": "my_ip"})
        assert session.backends.keys() == {"typed", "other"}


@pytest.mark.parametrize("release", ["python", "older_python"])
def test_a_driver_has_a_short_name(request: pytest.FixtureRequest, release: str) -> None:
    """A class of Cinder's is found by its name in any letter case, by the end of its path, and by a path that it had before."""
    options = {"python": request.getfixturevalue(release)}
    top = "cinder.volume.drivers."
    for typed, path in {
        "RBDDriver": "rbd.RBDDriver",
        "rbddriver": "rbd.RBDDriver",
        "lvm.LVMVolumeDriver": "lvm.LVMVolumeDriver",
        "LVMVolumeDriver": "lvm.LVMVolumeDriver",
        "rbd": "rbd.RBDDriver",
        "LVM": "lvm.LVMVolumeDriver",
        f"{top}nimble.NimbleFCDriver": "hpe.nimble.NimbleFCDriver",
        "VMAXFCDriver": "dell_emc.powermax.fc.PowerMaxFCDriver",
    }.items():
        assert registry.driver_name(registry.load_driver(typed, options), typed) == top + path


def test_what_is_no_driver_is_one_line(python: str) -> None:
    """A name that several drivers have is refused with their paths, one that none has with a close match."""
    with pytest.raises(
        errors.Ambiguous, match=r"2 drivers called 'NexentaNfsDriver'.*Type the path of one: cinder\..*, cinder\."
    ):
        registry.load_driver("NexentaNfsDriver", {"python": python})
    with pytest.raises(errors.NotFound, match=r"No driver is called 'RBDDrivr'.*Did you mean 'RBDDriver'\?"):
        registry.load_driver("RBDDrivr", {"python": python})
    with pytest.raises(errors.NotFound, match=r"No driver is called 'lvmm'.*Did you mean 'lvm'\?"):
        registry.load_driver("lvmm", {"python": python})
    with pytest.raises(errors.Ambiguous, match=r"drivers called 'nimble'"):
        registry.load_driver("nimble", {"python": python})
    with pytest.raises(errors.NotFound, match=r"has no driver 'os\.path\.join'"):
        registry.load_driver("os.path.join", {"python": python})
    with pytest.raises(errors.NotFound, match="nothing else is imported"):
        registry.load_driver("cinder.volume.manager.VolumeManager", {"python": python})


def test_a_driver_may_be_from_elsewhere(python: str, lab: cl.Session, tmp_path: Path) -> None:
    """A class of another package in the child's Python is taken by its path, in a file as well, and stored by it."""
    file = tmp_path / "cinder.conf"
    file.write_text(f"[mine]\nvolume_driver = elsewhere.FakeDriver\nfake_path = {tmp_path}/mine\n", encoding="utf-8")
    backend = lab.backend("mine", **Conf(str(file), python).options("mine"))
    assert backend.create_volume(1, "plain").status == "available"
    assert backend.volume_driver == "elsewhere.FakeDriver"
    backend.close()


def test_an_old_path_in_a_file_is_the_driver_of_today(python: str, tmp_path: Path) -> None:
    """A path that Cinder maps to another one is taken, and said."""
    file = tmp_path / "cinder.conf"
    old = "cinder.volume.drivers.dell_emc.vxflexos.driver.VxFlexOSDriver"
    file.write_text(f"[flex]\nvolume_driver = {old}\nvxflexos_storage_pools = a:b\n", encoding="utf-8")
    conf = Conf(str(file), python)
    options = conf.options("flex")
    assert options["volume_driver"] == "cinder.volume.drivers.dell_emc.powerflex.driver.PowerFlexDriver"
    assert options["powerflex_storage_pools"] == "a:b"
    assert f"flex: the driver {old} is {options['volume_driver']} now." in conf.remarks
