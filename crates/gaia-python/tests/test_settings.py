"""One database, whichever way it is named (sections 4 and 5)."""

import os

import pytest

from gaia_lock_manager import GaiaLockManager, OtherDatabase


def test_the_argument_and_the_variable_mean_the_same_database(locks_dir, folder, monkeypatch):
    GaiaLockManager(locks_dir).acquire_lock(folder, "ana", 1)
    monkeypatch.setenv("GAIA_LOCKS_DIR", str(locks_dir))
    named = GaiaLockManager()
    assert named.is_locked(folder)[0]
    assert named.database == str(locks_dir / "assigner.db") and named.locks_dir == str(locks_dir)


def test_gaia_database_url_wins_over_the_argument_and_database_url_over_it(tmp_path, monkeypatch):
    monkeypatch.setenv("GAIA_DATABASE_URL", f"sqlite://{tmp_path}/named.db")
    assert GaiaLockManager(tmp_path / "dir").database == f"{tmp_path}/named.db"
    other = GaiaLockManager(tmp_path / "dir", database_url=f"sqlite://{tmp_path}/other.db")
    assert other.database == f"{tmp_path}/other.db"


def test_without_anything_it_is_in_gaia_home(monkeypatch, home):
    assert GaiaLockManager().database == str(home / "gaia" / "locks" / "assigner.db")


def test_dot_env_counts_in_gaia_home_and_not_in_the_current_folder(home, tmp_path, monkeypatch):
    (home / "gaia").mkdir()
    (home / "gaia" / ".env").write_text("GAIA_LOCK_TIMEOUT_HOURS=0.5\n")
    (tmp_path / ".env").write_text(f"GAIA_DATABASE_URL=sqlite://{tmp_path}/stolen.db\n")
    monkeypatch.chdir(tmp_path)
    manager = GaiaLockManager()
    assert manager.database == str(home / "gaia" / "locks" / "assigner.db")
    manager.acquire_lock("/somewhere", "ana", 1)
    assert 1790 < manager.is_locked("/somewhere")[1]["expires_in"] <= 1800


def test_a_variable_set_in_the_program_counts(tmp_path):
    os.environ["GAIA_LOCKS_DIR"] = str(tmp_path / "late")
    try:
        assert GaiaLockManager().locks_dir == str(tmp_path / "late")
    finally:
        del os.environ["GAIA_LOCKS_DIR"]


def test_many_managers_on_many_databases_in_one_process(tmp_path, folder):
    managers = [GaiaLockManager(tmp_path / str(number % 10)) for number in range(200)]
    granted = [
        manager.acquire_lock(f"{folder}/{at % 10}", f"s{at}", 1)
        for at, manager in enumerate(managers)
    ]
    assert granted == [True] * 10 + [False] * 190, "ten databases, one winner in each"


def test_a_folder_locked_through_another_database_is_refused_and_both_are_named(tmp_path, folder):
    one, other = GaiaLockManager(tmp_path / "one"), GaiaLockManager(tmp_path / "other")
    one.acquire_lock(folder, "ana", 1)
    with pytest.raises(OtherDatabase) as caught:
        other.acquire_lock(folder, "ben", 1)
    assert one.database in str(caught.value) and other.database in str(caught.value)


def test_the_folder_and_the_locks_directory_hold_a_marker(manager, folder, locks_dir):
    manager.acquire_lock(folder, "ana", 1)
    assert os.path.exists(folder + "/.gaia")
    assert len(list(locks_dir.glob(".gaia_*.lock"))) == 1
    manager.release_lock(folder, "ana")
    assert not os.path.exists(folder + "/.gaia")
