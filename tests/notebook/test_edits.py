"""What people type without reading: words without options, the OpenStack client's verbs, and edits of fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.notebook.conftest import Notebook


@pytest.mark.parametrize(
    ("typed", "name", "size"),
    [
        ("db 10", "db", 10),
        ("10 db", "db", 10),
        ("10G", "", 10),
        ("db 1.5T", "db", 1536),
        ("db --size 10", "db", 10),
        ("10 --name db", "db", 10),
        ("10 20", "10", 20),
        ("10 --size 20", "10", 20),
        ("-- -x- 10", "-x-", 10),
    ],
)
def test_a_name_and_a_size_need_no_option(lab: Notebook, typed: str, name: str, size: int) -> None:
    """A word that can only be the size is the size, the last one first; another one is the name."""
    volume = lab.run(f"%cl_volume create {typed}")
    assert (volume.name, volume.size) == (name, size)


def test_what_fits_no_option_is_refused(lab: Notebook) -> None:
    """A word too many, or a size that is none, is an error, and nothing is created."""
    assert "'x' is one word too many" in lab.refused("%cl_volume create db 10 x")
    assert "'--size' is one word too many" not in lab.refused("%cl_volume create db")
    assert "needs --size GIB" in lab.refused("%cl_volume create db")
    assert "--size takes a whole number of GiB above 0 (10, 10G, 1.5T), not '0'." in lab.refused("%cl_volume create db 0")
    assert "'10' is one word too many" in lab.refused("%cl_volume create 10 --size 1 --name db")
    assert len(lab.run("%cl_volumes")) == 0


def test_names_and_sizes_need_no_option_elsewhere(lab: Notebook) -> None:
    """A clone, a volume from a snapshot and a snapshot take their names and sizes as words, too; extend takes its size."""
    lab.run("%cl_volume create db 1")
    assert lab.run("%cl_volume extend db 2").size == 2
    assert lab.run("%cl_volume extend db +1T").size == 1026
    twin = lab.run("%cl_volume clone db twin 2T")
    assert (twin.name, twin.size) == ("twin", 2048)
    assert lab.run("%cl_snapshot create db before").name == "before"
    copy = lab.run("%cl_snapshot create-volume before copy")
    assert (copy.name, copy.size) == ("copy", 1026)


def test_the_verbs_of_the_openstack_client_work(lab: Notebook) -> None:
    """list, set, unset, rename, snapshot create and --property mean what they mean there."""
    volume = lab.run("%cl_volume create db 1 --property tier=gold")
    assert volume.metadata == {"tier": "gold"}
    for line in ("%cl_volume snapshot create --volume db one", "%cl_snapshot create --volume db --name two"):
        assert lab.run(line).volume is volume
    assert lab.run("%cl_volume list --name db -c size").index.tolist() == [volume.id]
    for line in ("%cl_snapshot list", "%cl_volume snapshot list"):
        assert lab.run(line)["name"].tolist() == ["one", "two"]
    assert lab.run("%cl_backend list")["name"].tolist() == ["sim"]
    assert len(lab.run("%cl_connection list")) == 0
    assert lab.run("%cl_volume rename db data").name == "data"
    assert lab.run("%cl_snapshot rename one first").name == "first"
    assert "%cl_snapshot set --name gives several the same name" in lab.refused("%cl_snapshot rename fir* x")
    assert "%cl_volumes --help" in lab.printed("%cl_volume list --help")
    assert "%cl_snapshot create" in lab.printed("%cl_volume snapshot create --help")


def test_a_volume_with_the_name_of_a_verb_has_snapshots_too(lab: Notebook) -> None:
    """In quotes a word behind snapshot is a volume, whatever it spells."""
    volume = lab.run("%cl_volume create create 1")
    assert lab.run("%cl_volume snapshot 'create' --name s").volume is volume


def test_set_changes_the_fields_that_are_typed(lab: Notebook) -> None:
    """Set writes names, descriptions, flags and keys, and leaves all others; no-property removes the keys first."""
    volume = lab.run("%cl_volume create db 1 --metadata tier=gold --description 'for tests'")
    assert lab.run("%cl_volume set db --name data --property owner=bob --bootable") is volume
    assert (volume.name, volume.bootable, volume.description) == ("data", True, "for tests")
    assert volume.metadata == {"tier": "gold", "owner": "bob"}
    lab.run("%cl_volume set data --no-property --metadata owner=eve --non-bootable --description ''")
    assert (volume.metadata, volume.bootable, volume.description) == ({"owner": "eve"}, False, "")
    assert lab.run("%cl_volume unset data --property owner").metadata == {}
    snapshot = lab.run("%cl_snapshot create data s")
    assert lab.run("%cl_snapshot set s --metadata a=1 --description kept").metadata == {"a": "1"}
    assert lab.run("%cl_snapshot unset s --metadata a") is snapshot
    assert (snapshot.metadata, snapshot.description) == ({}, "kept")
    volume.refresh()
    assert volume.name == "data"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%cl_volume set db", "needs what to change: --name NAME"),
        ("%cl_volume set db --bootable --non-bootable", "exclude each other"),
        ("%cl_volume unset db", "needs --metadata KEY"),
        ("%cl_volume unset db --metadata teir", "has no key 'teir'. Did you mean 'tier'?"),
        ("%cl_volume unset db --metadata x", "has no key 'x'. Its keys: tier."),
        ("%cl_volume rename db", "needs a NAME"),
        ("%cl_snapshot create", "needs --volume VOLUME"),
    ],
)
def test_an_edit_that_says_nothing_is_refused(lab: Notebook, line: str, message: str) -> None:
    """A line that would change nothing says what is missing, and a key that is not there is an error with the close match."""
    lab.run("%cl_volume create db 1 --metadata tier=gold")
    assert message in lab.refused(line)


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("--metadata owner=bob", ["a"]),
        ("--property owner", ["a", "b"]),
        ("--property owner --property tier=g*", ["a"]),
        ("--size 2..3", ["b", "c"]),
        ("--size '>1.5G,<1T'", ["b", "c"]),
        ("--age '<1h' --created-at today --size 1", ["a"]),
        ("--age '>1h'", []),
    ],
)
def test_a_list_is_filtered_as_people_type(lab: Notebook, typed: str, names: list[str]) -> None:
    """Metadata, ranges, sizes with units and ages are filters of a list."""
    lab.run("%cl_volume create a 1 --metadata owner=bob --metadata tier=gold\n%cl_volume create b 2 --metadata owner=eve")
    lab.run("%cl_volume create c 3")
    assert lab.run(f"%cl_volumes {typed}")["name"].tolist() == names


def test_a_status_or_a_key_that_cannot_be_is_an_error(lab: Notebook) -> None:
    """A misspelt status is one line with the close match, in every list."""
    assert lab.refused("%cl_volumes --status eror").endswith("No status is called 'eror'. Did you mean 'error'?")
    assert lab.refused("%cl_history --status faild").endswith("Did you mean 'failed'?")
    assert "Did you mean 'attached'?" in lab.refused("%cl_connections --status atached")


def test_protection_is_set_and_unset(lab: Notebook) -> None:
    """What set --protected protects is not deleted before unset --protected, not even with --yes; the error names the line."""
    lab.run("%cl_volume create db 1")
    lab.run("%cl_volume create web 1")
    lab.run("%cl_volume set db --protected")
    assert lab.refused("%cl_volume delete db").endswith(" %cl_volume unset db --protected")
    assert lab.refused("import cl_notebook as cl\ncl.find('db').delete()").endswith(
        " cl.find('db').unprotect() (line 2 of the cell)"
    )
    lab.seen("%cl_volume delete db web --yes")
    assert lab.run("%cl_volumes --long")["protected"].tolist() == [True]
    plan = lab.printed("%cl_cleanup")
    assert plan.startswith("plan · cannot be done 1\n")
    assert plan.endswith("Nothing of this can be removed.\n")
    assert lab.run("%cl_volume unset db --protected").protected is False
    lab.run("%cl_volume delete db")
