"""The last that the cluster wrote before it is restored."""

import os
import subprocess
import time

from data_dirs import programs_for

PATIENCE = 60


def begin_checkpoint(data):
    """While customers are served still: the one at the end of PostgreSQL then has little to write. It is not waited for."""
    try:
        argv = [programs_for(data) + "psql", "-Xq", "-d", "postgres", "-c", "checkpoint"]
    except FileNotFoundError:
        return
    subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def flush(data):
    """Switches the WAL segment and waits until it is archived. Not a condition of what follows: the data themselves are kept."""
    try:
        programs = programs_for(data)
    except FileNotFoundError:
        return print("There are no data here.")

    def ask(query):
        argv = [programs + "psql", "-XAtq", "-d", "postgres", "-c", query]
        try:
            ended = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            return None
        return ended.stdout.strip() if ended.returncode == 0 else None

    if ask("select pg_is_in_recovery()") != "f":
        return print("No leader runs here: what was archived is all there is in the archive.")
    segment = ask("select pg_walfile_name(pg_current_wal_lsn())")
    ask("select pg_switch_wal()")
    # An empty segment is not switched, and never archived.
    ready, done = ("%s/pg_wal/archive_status/%s.%s" % (data, segment, state) for state in ("ready", "done"))
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if os.path.exists(done) or not os.path.exists(ready) and not os.path.exists("%s/pg_wal/%s" % (data, segment)):
            return print("%s is archived." % segment)
        if not os.path.exists(ready) and ask("select pg_walfile_name(pg_current_wal_lsn())") == segment:
            return print("Nothing is left to archive.")
        time.sleep(0.2)
    print("%s was not archived within %d s: it is in what is set aside only." % (segment, PATIENCE))
