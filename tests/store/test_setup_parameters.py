"""The parameters of `cl.setup()` that cinderlib has, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import cl_notebook as cl
from cl_notebook import errors
from cl_notebook.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


class Plugin:
    """Stands for somebody's persistence plugin."""


@pytest.mark.parametrize(
    "config",
    [{"storage": "db", "connection": "sqlite:///{}"}, "sqlite:///{}", "{}"],
)
def test_a_store_is_named_cinderlibs_way(config: Any, tmp_path: Path) -> None:
    """The dict of cinderlib, a URL or a file name as persistence_config opens that store."""
    file = str(tmp_path / "lab.db")
    given = {**config, "connection": config["connection"].format(file)} if isinstance(config, dict) else config.format(file)
    with cl.setup(persistence_config=given) as session:
        assert session.store.url.database == file


@pytest.mark.parametrize("config", [{}, {"storage": "memory"}, {"storage": "memory_dbms"}, {"storage": None}, "memory"])
def test_memory_is_named_cinderlibs_way(config: object) -> None:
    """Either of cinderlib's stores in memory is ours in memory, and so is a dict that names none."""
    with cl.setup(persistence_config=config) as session:
        assert session.settings.store == "memory"


@pytest.mark.parametrize("config", [Plugin, Plugin(), {"storage": Plugin}, {"storage": Plugin()}, {"storage": "etcd"}, 7])
def test_a_persistence_plugin_is_answered_with_the_databases_that_were_tried(config: object) -> None:
    """A class, an instance or the name of a plugin is refused in one line that names what a store may be."""
    with pytest.raises(errors.InvalidInput, match=r"any database that SQLAlchemy .*SQLite.*PostgreSQL.*MariaDB") as caught:
        cl.setup(persistence_config=config)
    assert "\n" not in str(caught.value)


def test_a_dict_without_its_connection() -> None:
    """The error for a database without its URL says what is needed; that for a misspelt storage suggests one."""
    with pytest.raises(errors.InvalidInput, match="needs the URL"):
        cl.setup(persistence_config={"storage": "db"})
    with pytest.raises(errors.InvalidInput, match="Did you mean 'memory'"):
        cl.setup(persistence_config={"storage": "memroy"})


def test_two_stores() -> None:
    """A store and a persistence_config together are refused."""
    with pytest.raises(errors.InvalidInput, match="give one of them"):
        cl.setup("memory", persistence_config={"storage": "memory"})


def test_settings_outlive_a_closed_session(tmp_path: Path) -> None:
    """A default session that was closed is opened again with every setting that it had."""
    session = cl.setup(
        tmp_path / "store.db",
        host="lab1",
        file_locks_path=tmp_path / "locks",
        non_uuid_ids=True,
        project_id="blue",
        user_id="ann",
        fail_on_missing_backend=False,
        disable_logs=True,
        my_ip="192.0.2.7",
        debug=True,
    )
    session.close()
    again = cl.default_session()
    assert again is not session
    assert again.settings == session.settings
    assert Settings.choose(again.settings.store, **again.settings.options()) == again.settings
    assert again.settings.cinder_options == {"my_ip": "192.0.2.7", "debug": True}
    again.close()


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"non_uuid_ids": "yes"}, "non_uuid_ids must be True or False"),
        ({"disable_logs": 1}, "disable_logs must be True or False"),
        ({"project_id": 7}, "project_id must be text"),
        ({"file_locks_path": 7}, "file_locks_path must be text"),
        ({"root_helpr": "sudo"}, "Did you mean 'root_helper'"),
        ({"hots": "lab1"}, "Did you mean 'host'"),
        ({"my_ip": object()}, "my_ip must be text, a number"),
    ],
)
def test_wrong_settings(wrong: dict[str, Any], word: str) -> None:
    """A setting of the wrong type, and a word that is nearly one, are refused with one line."""
    with pytest.raises(errors.InvalidInput, match=word):
        cl.setup("memory", **wrong)


def test_locks_are_kept_where_they_are_wanted(tmp_path: Path) -> None:
    """file_locks_path is the folder of os-brick's locks."""
    with cl.setup("memory", file_locks_path=str(tmp_path / "locks")) as session:
        assert session.host_at(None) is session.host
        assert session.host._lock_path == tmp_path / "locks"


def test_ids_that_are_no_uuids(tmp_path: Path) -> None:
    """With non_uuid_ids a volume may have any short id, and is found by it, capitals and all; without, it is refused."""
    with cl.setup("memory", non_uuid_ids=True) as session:
        lab = session.backend("lab", volume_driver="sim", path=tmp_path / "sim")
        volume = lab.create_volume(1, name="x", id="Rack 7-Disk 2")
        assert volume.name_in_storage == "volume-Rack 7-Disk 2"
        assert cl.Volume.get_by_id("Rack 7-Disk 2") is volume is cl.find("Rack 7-Disk 2")
        assert volume.create_snapshot("s").volume is volume
        for wrong in ("", " a", "x" * 37, "a\0"):
            with pytest.raises(errors.InvalidInput, match="id"):
                lab.create_volume(1, id=wrong)
    with cl.setup("memory") as session, pytest.raises(errors.InvalidInput, match="non_uuid_ids=True"):
        session.backend("lab", volume_driver="sim", path=tmp_path / "sim").create_volume(1, id="Rack 7")
