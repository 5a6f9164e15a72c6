"""Every driver of two releases of Cinder: what it reads is accepted, and opening it fails for no reason of ours."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from tools import drivers_page, every_driver
from tools.every_driver import Tried

SECTIONS = Path(__file__).with_name("sections.conf")
LEFT_OUT = {"open-e": ("backend_name", "jovian_rest_send_repeats"), "qnap": ("iscsi_protocol",), "vnx": ("san_secondary_ip",)}
"""What the pages of drivers show though nothing in Cinder registers it."""

DriversByRelease = dict[str, list[Tried]]


@pytest.fixture(scope="module")
def tried(cinder_29: str, cinder_28: str) -> DriversByRelease:
    """Open every driver of both releases, and the sections of the drivers' pages with the newer one: a minute or two."""
    parser = configparser.RawConfigParser()
    parser.read(SECTIONS, encoding="utf-8")
    sections = {name: dict(parser[name]) for name in parser.sections()}
    return {
        "29": every_driver.tried(cinder_29, sections),
        "28": every_driver.tried(cinder_28),
    }


def test_every_option_that_a_driver_reads_is_accepted(tried: DriversByRelease) -> None:
    """What a driver's sources read of their configuration, and what it registers when it is constructed, are options here."""
    every = [one for drivers in tried.values() for one in drivers]
    assert {one.label: sorted(one.refused) for one in every if one.refused} == {}
    plain = {release: [one for one in drivers if one.label == one.path] for release, drivers in tried.items()}
    assert {release: len(drivers) for release, drivers in plain.items()} == {"29": 104, "28": 101}
    assert all(len(one.read) > 2 for drivers in plain.values() for one in drivers)


def test_every_driver_gets_to_its_array_its_library_or_its_own_check(tried: DriversByRelease) -> None:
    """No driver fails before for a reason of ours; those with a fault of their own are listed with it."""
    every = [one for drivers in tried.values() for one in drivers if one.kind not in {"array", "command", "library", "check"}]
    unexpected = [one for one in every if one.name not in drivers_page.EXCEPTIONS and one.kind != "opened"]
    assert "\n".join(f"{one.label} ({one.release}): {one.text}\n{one.trace}" for one in unexpected) == ""
    assert {one.name for one in every if one.kind == "opened"} == {"prophetstor.dpl_iscsi.DPLISCSIDriver"}
    assert {one.name for one in every if one.kind == "fault"} <= drivers_page.EXCEPTIONS.keys()
    looked = {one.name for one in tried["29"] if one.kind in {"array", "command"}}
    assert len(looked) > 50


def test_sections_of_the_drivers_own_pages_open(tried: DriversByRelease) -> None:
    """A section as Cinder's page of a driver shows it is accepted whole, but for what nothing in Cinder registers."""
    sections = [one for one in tried["29"] if one.label != one.path]
    assert len(sections) > 80
    assert {one.label: one.left_out for one in sections if one.left_out} == LEFT_OUT
    assert [f"{one.label}: {one.text}" for one in sections if one.kind == "fault"] == []


def test_secrets_are_secret_also_where_cinder_does_not_declare_them(tried: DriversByRelease) -> None:
    """A text that is called a token or a password is secret; the file of a key and the length of a password are not."""
    options = {option.name: option for one in tried["29"] for option in one.cls.options()}
    secret = {name for name, option in options.items() if option.secret}
    assert {"kioxia_token", "pure_api_token", "vast_api_token", "lightos_jwt", "san_password", "nas_password"} <= secret
    plain = {"san_private_key", "nas_private_key", "chap_password_len", "use_chap_auth", "fujitsu_passwordless", "san_login"}
    assert not plain & secret


def test_what_a_drivers_own_check_asks_for_is_required(tried: DriversByRelease) -> None:
    """Options without a default that a driver's code calls required, or refuses to be set up without, are marked."""
    checked = {one.name: {option.name for option in one.cls.options() if option.checked} for one in tried["29"]}
    assert checked["ibm.storwize_svc.storwize_svc_fc.StorwizeSVCFCDriver"] == {"san_ip"}
    assert {"netapp_storage_protocol", "netapp_server_hostname", "netapp_vserver"} <= checked["netapp.common.NetAppDriver"]
    assert checked["vmware.vmdk.VMwareVcVmdkDriver"] == {"vmware_host_ip", "vmware_host_username", "vmware_host_password"}
    assert checked["lvm.LVMVolumeDriver"] == set()


def test_the_page_of_the_drivers_is_current(tried: DriversByRelease) -> None:
    """docs/drivers.md says what is found now: python -m tools.drivers_page writes it."""
    assert drivers_page.PAGE.read_text(encoding="utf-8") == drivers_page.page(tried)
