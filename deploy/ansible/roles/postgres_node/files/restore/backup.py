"""The files of a backup."""

import json
import os
import re
import shutil
import subprocess
import time

from data_dirs import Refused

# Beside the backup itself: WAL that is fetched, and what recovery makes.
SPARE_BYTES = 1 << 30
# restore file /…/base/1/2619 (bundle 1/32, bi 16KB, 12.34%) checksum …
RESTORED = re.compile(r"restore (?:zeroed )?file .*\((?:[^()]*, )?(?:bi )?([\d.]+)(B|KB|MB|GB|TB|PB), ([\d.]+)%\)")
UNITS = {"B": 0, "KB": 1, "MB": 2, "GB": 3, "TB": 4, "PB": 5}
TELL_EVERY = 1.0


def check_room(dirs, config, stanza, label):
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
    """Beside the data directory, which may be in use meanwhile."""
    state = dirs.notes().get("state")
    if state in ("restored", "promoted", "recovered"):
        return print("The files are restored already.")
    dirs.note(state="restoring")
    os.makedirs(dirs.beside, 0o700, exist_ok=True)
    run(argv + ["--pg1-path=" + dirs.beside] + continued(dirs.beside))
    dirs.note(state="restored")


def continued(data):
    """An earlier try that got far enough is gone on with; of another one nothing is kept."""
    if any(os.path.exists("%s/%s" % (data, name)) for name in ("PG_VERSION", "backup.manifest")):
        print("An earlier try is gone on with.")
        return ["--delta"]
    for name in os.listdir(data):
        path = "%s/%s" % (data, name)
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
    return []


def run(argv):
    """Runs pgBackRest; a line a second tells how far it is, instead of one a file."""
    begun = told = time.monotonic()
    done = 0
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, errors="replace") as child:
        for line in child.stdout:
            match = RESTORED.search(line)
            if not match:
                if "DETAIL" not in line:
                    print(line.rstrip(), flush=True)
                continue
            done += float(match[1]) * 1024 ** UNITS[match[2]]
            now = time.monotonic()
            if now - told >= TELL_EVERY:
                told = now
                print("%s %%, %s, %s/s" % (match[3], words(done), words(done / (now - begun))), flush=True)
    if child.returncode != 0:
        raise SystemExit(child.returncode)


def words(count):
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1024:
            return "%.0f %s" % (count, unit) if unit == "B" else "%.1f %s" % (count, unit)
        count /= 1024
    return "%.1f TB" % count
