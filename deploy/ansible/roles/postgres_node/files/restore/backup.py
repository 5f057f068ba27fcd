"""Fetches the files of a backup."""

import json
import os
import shutil
import subprocess

from data_dirs import Refused
from passwords import remember
from present import begin_checkpoint

# In addition to the backup: WAL that is fetched, and what recovery writes.
SPARE_BYTES = 1 << 30


def check_room(dirs, restore):
    """Checks, before anything is fetched, that the backup fits beside the existing data. `restore` is the command that will fetch
    it."""
    config, stanza, label = (option(restore, name) for name in ("config", "stanza", "set"))
    dirs.delete_given_up()
    if dirs.others():
        raise Refused("An earlier restore has set data aside here: %s." % ", ".join(dirs.others()))
    spaces = dirs.current + "/pg_tblspc"
    if os.path.isdir(spaces) and os.listdir(spaces):
        raise Refused("There are tablespaces outside the data directory: they cannot be set aside.")
    argv = ["pgbackrest", "--config=" + config, "--stanza=" + stanza, "--log-level-console=off", "--log-level-stderr=error"]
    ended = subprocess.run(argv + ["--set=" + label, "--output=json", "info"], capture_output=True, text=True, check=False)
    backups = json.loads(ended.stdout or "[]")[:1]
    sizes = [backup["info"]["size"] for found in backups for backup in found.get("backup", []) if backup["label"] == label]
    if not sizes:
        raise Refused("The store does not show the backup %s: %s" % (label, ended.stderr.strip() or "no error"))
    disk = os.statvfs(os.path.dirname(dirs.current))
    free, needed = disk.f_bavail * disk.f_frsize, sizes[0] + sizes[0] // 10 + SPARE_BYTES
    if free < needed:
        raise Refused("The disk has %s free; beside what is there the restore needs %s." % (words(free), words(needed)))
    print("The backup is %s, the disk has %s free." % (words(sizes[0]), words(free)))


def restore_files(dirs, argv):
    """Restores beside the data directory, which may be in use meanwhile."""
    state = dirs.notes().get("state")
    if state in ("restored", "promoted", "recovered"):
        return print("The files are restored already.")
    if state is None:
        check_room(dirs, argv)
    dirs.note(state="restoring")
    remember(dirs)
    os.makedirs(dirs.beside, 0o700, exist_ok=True)
    ended = subprocess.run(argv + ["--pg1-path=" + dirs.beside] + continued(dirs.beside), check=False)
    if ended.returncode != 0:
        raise SystemExit(ended.returncode)
    dirs.note(state="restored")
    # For a restore to the end of the archive, the serving PostgreSQL stops next, so it writes out its memory meanwhile. If this
    # program ends first, only time is lost.
    begin_checkpoint(dirs.current)


def continued(data):
    """Resumes an earlier attempt that got far enough; deletes the files of any other."""
    if any(os.path.exists("%s/%s" % (data, name)) for name in ("PG_VERSION", "backup.manifest")):
        print("An earlier try is gone on with.")
        return ["--delta"]
    for name in os.listdir(data):
        path = "%s/%s" % (data, name)
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
    return []


def option(argv, name):
    return next(word.split("=", 1)[1] for word in argv if word.startswith("--%s=" % name))


def words(count):
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024:
            return "%.0f %s" % (count, unit) if unit == "B" else "%.1f %s" % (count, unit)
        count /= 1024
    return "%.1f TB" % count
