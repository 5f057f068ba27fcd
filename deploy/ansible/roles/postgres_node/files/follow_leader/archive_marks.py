"""Marks that save a node requests to the object store, which take a few tenths of a second each, while customers wait.

Each mark is a file with the machine's uptime in seconds at its creation. It expires after ten or thirty seconds.

streaming       Renewed while this node streams and lacks no whole segment: it is synchronous, or receives the segment that its
                leader writes. When that leader is gone, it would ask in vain for the next segment, just before its promotion.
                A replica that lags does ask: the archive may have what it did not receive. Read by restore_command (archive-get).
next-timeline   A moment ago, in a planned switchover, the archive was asked for a history file and did not have it. Only a
                promotion creates one, and the leader still held the lead. So neither the candidate that promotes needs to ask
                again, nor a replica that follows it to its timeline and looks for the one after. Read by restore_command
                (archive-get). The program `restore` also creates it where a lineage begins, because its archive is empty.
"""

import os
import subprocess

FOLDER = "/var/lib/pgfleet/pooler/"


def streams():
    mark("streaming")


def mark(name):
    with open("/proc/uptime", encoding="ascii") as file:
        uptime = file.read().split(".")[0]
    with open(FOLDER + name + ".new", "w", encoding="ascii") as file:
        file.write(uptime + "\n")
    os.replace(FOLDER + name + ".new", FOLDER + name)


def look_for_timeline(history, stanza, log):
    """Asks the archive for a history file and remembers if it has none. Returns True if it has none."""
    target = FOLDER + "history.look"
    command = ["pgbackrest", "--stanza=" + stanza, "archive-get", history, target]
    try:
        ended = subprocess.run(command, check=False, timeout=20, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return False
    if ended.returncode == 0:
        os.unlink(target)
        log("the archive has %s already" % history)
        forget_timeline()
    if ended.returncode != 1:  # pgBackRest: 1 = it looked and found none
        return False
    mark("next-timeline")
    return True


def forget_timeline():
    try:
        os.unlink(FOLDER + "next-timeline")
    except FileNotFoundError:
        pass
