"""The serving PostgreSQL before it stops, and what it leaves."""

import os
import subprocess

from data_dirs import Refused, programs_for

# For the notes, a checkpoint, and what PostgreSQL writes as it stops.
SPARE_BYTES = 64 << 20


def begin_checkpoint(data):
    """Starts a checkpoint while customers are still served, so that the one at shutdown has little to write. Does not wait for it."""
    try:
        argv = [programs_for(data) + "psql", "-Xq", "-d", "postgres", "-c", "checkpoint"]
    except FileNotFoundError:
        return
    subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def check_ready(dirs, step):
    """Checks, while the cluster still serves, whether this node can do `step` with its data."""
    state = dirs.notes().get("state")
    if step == "set-aside":
        if not os.path.exists(dirs.before) and not os.path.isdir(dirs.beside):
            raise Refused("%s is gone: the restored data are not here." % dirs.beside)
        if state not in ("restored", "promoted", "recovered"):
            raise Refused("The restore on this node is not complete: its state is %s." % (state or "unknown"))
    elif step == "put-back" and not os.path.isdir(dirs.before) and not dirs.is_back():
        raise Refused("%s is gone: there is nothing to put back." % dirs.before)
    check_disk(dirs.current)
    print("This node is ready.")


def check_disk(data):
    disk = os.statvfs(os.path.dirname(data))
    if disk.f_bavail * disk.f_frsize < SPARE_BYTES:
        raise Refused("The disk with %s is full." % data)


def replicates(data):
    """Whether PostgreSQL is a replica, or was one when it stopped. False if there are no data."""
    try:
        argv = [programs_for(data) + "pg_controldata", data]
    except FileNotFoundError:
        return False
    environment = {**os.environ, "LC_ALL": "C"}
    ended = subprocess.run(argv, check=True, capture_output=True, text=True, env=environment)
    state = next(line for line in ended.stdout.splitlines() if line.startswith("Database cluster state:"))
    return state.endswith("recovery")  # `in archive recovery`, `shut down in recovery`


def stop(data):
    """Stops PostgreSQL; does nothing if it does not run."""
    if not os.path.exists(data + "/postmaster.pid"):
        return
    argv = [programs_for(data) + "pg_ctl", "stop", "--pgdata=" + data, "--silent", "--timeout=60", "--mode="]
    for mode in ("fast", "immediate"):
        if subprocess.run(argv[:-1] + [argv[-1] + mode], check=False).returncode == 0:
            return
    if os.path.exists(data + "/postmaster.pid"):
        raise Refused("PostgreSQL did not end within two minutes.")


def say_what_is_archived(data):
    """Reports what PostgreSQL could not archive while it stopped. What follows does not depend on it, because the data are kept."""
    try:
        entries = os.listdir(data + "/pg_wal/archive_status")
    except FileNotFoundError:
        return print("There are no data here.")
    waiting = sorted(entry.removesuffix(".ready") for entry in entries if entry.endswith(".ready"))
    if not waiting:
        return print("All that was written is archived.")
    print("Not archived, and so only in the data that are set aside: %s." % ", ".join(waiting[:3] + ["…"] * (len(waiting) > 3)))
