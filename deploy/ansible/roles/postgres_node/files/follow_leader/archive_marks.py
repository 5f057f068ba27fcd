"""What spares a node questions to the object store, a few tenths of a second each, while customers wait.

Each mark is a file that holds the machine's uptime in seconds when it was made; after ten seconds, or thirty, it does not count.

streaming       Made anew while this node streams and lacks no whole segment: it is synchronous, or writes the segment that its leader
                writes. When that leader has gone it would ask for the next segment in vain, just when it is to be promoted. A replica
                that lags asks: the archive may have what it did not get. Read by restore_command (archive-get).
next-timeline   The archive was asked for a history file a moment ago, in a planned switchover, and did not have it. Only a promotion
                makes one, and the leader still held the lead: neither the candidate, promoting, nor a replica, following it to its
                timeline and looking for one after that, need ask again. Read by restore_command (archive-get).
                The program `restore` makes it too, where a lineage begins: its archive is empty.
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
    """Asks the archive for a history file; remembers when it has none. True when there is none."""
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
    if ended.returncode != 1:  # pgBackRest: 1 = it looked, and there is none
        return False
    mark("next-timeline")
    return True


def forget_timeline():
    try:
        os.unlink(FOLDER + "next-timeline")
    except FileNotFoundError:
        pass
