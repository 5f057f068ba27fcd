"""Keeps Patroni's leader lock from every member while a cluster is stopped for a restore.

A member that sees a leader does not elect itself. That holds for any version of Patroni, patched or not, whether or not the
standstill reached its machine, and whatever the machine did meanwhile. So nothing else has to be known about the others. The
control plane gives the lock to the restored node, or removes it on the way back.
"""

import os
import sys
import time

from data_dirs import LINEAGE_MARK, Refused

# Before the packages: python-etcd has the same name.
sys.path.insert(1, os.environ.get("PGFLEET_AGENT", "/usr/local/lib/pgfleet/follow_leader"))

from etcd import Etcd, EtcdError, encode  # noqa: E402

ENVIRONMENT = os.environ.get("PGFLEET_AGENT_ENVIRONMENT", "/etc/pgfleet/follow-leader.env")
# No member has this name. libs/patroni knows it, too.
NOBODY = "pgfleet:standstill"
HELD = os.environ.get("PGFLEET_HELD", "/etc/pgfleet/patroni-held")
PATIENCE = 150
GATE_PATIENCE = 6
LOOK_EVERY = 0.05


class LeadLock:
    def __init__(self, settings):
        endpoints = settings["ETCD_ENDPOINTS"].split(",")
        self._etcd = Etcd(endpoints, settings["ETCD_CA"], settings["ETCD_USER"], settings["ETCD_PASSWORD"])
        self._key = "/service/%s/leader" % settings["SCOPE"]
        self._lineage_key = "/service/%s/pgfleet/lineage" % settings["SCOPE"]
        self._mark = os.path.join(settings["DATA_DIR"], LINEAGE_MARK)

    @staticmethod
    def of_this_node():
        with open(ENVIRONMENT, encoding="utf-8") as file:
            lines = [line.rstrip("\n").partition("=") for line in file if line.startswith("PGFLEET_")]
        return LeadLock({name.removeprefix("PGFLEET_"): value for name, _, value in lines})

    def holder(self):
        return self._value(self._key)

    def written(self):
        """The mark of the data that lead since the last restore, "" if they have none; None if there was no restore, or one is
        running."""
        return self._value(self._lineage_key)

    def _value(self, key):
        return self._etcd.get_prefix(key)[0].get(key)

    def mark(self):
        """The mark of this node's data."""
        try:
            with open(self._mark, encoding="ascii") as file:
                return file.read().strip()
        except FileNotFoundError:
            return ""

    def has_data(self):
        return os.path.exists(os.path.join(os.path.dirname(self._mark), "PG_VERSION"))

    def take_from(self, leader):
        """Takes the lock from the leader, or if nobody has it. Raises Refused if another member leads by now."""
        key = encode(self._key)
        put = {"request_put": {"key": key, "value": encode(NOBODY)}}
        is_free = {"compare": [{"key": key, "target": "CREATE", "create_revision": "0"}], "success": [put]}
        is_the_leaders = [{"key": key, "target": "VALUE", "value": encode(leader)}]
        self._etcd.transact({"compare": is_the_leaders, "success": [put], "failure": [{"request_txn": is_free}]})
        holder = self.holder()
        if holder != NOBODY:
            raise Refused("%s leads by now: nothing was exchanged." % holder)


def keep_lead(data, leader):
    """Takes the lock when the leader's PostgreSQL is about to stop. From then on its Patroni does not look at the lock, and removes
    it only while it is its own."""
    lock = LeadLock.of_this_node()
    deadline = time.monotonic() + PATIENCE
    while is_up(data):
        if time.monotonic() > deadline:
            raise Refused("PostgreSQL did not begin to stop within %d s." % PATIENCE)
        time.sleep(LOOK_EVERY)
    while True:
        try:
            lock.take_from(leader)
            return print("Nobody can take the lead.")
        except EtcdError as error:
            if time.monotonic() > deadline:
                raise Refused("etcd does not answer: %s" % error) from error
            time.sleep(LOOK_EVERY * 10)


def check_lead():
    """Checks that etcd answers this node."""
    try:
        print("%s leads." % (LeadLock.of_this_node().holder() or "Nobody"))
    except EtcdError as error:
        raise Refused("etcd does not answer: %s" % error) from error


def keep_left_behind():
    """Runs before Patroni starts. A machine that was away while its cluster was restored has data of the lineage that the cluster
    has left. Its Patroni is kept stopped until the control plane has had those data deleted."""
    lock = LeadLock.of_this_node()
    deadline = time.monotonic() + GATE_PATIENCE
    while not is_held():
        try:
            written = lock.written()
        except EtcdError as error:
            if time.monotonic() > deadline:
                return print("etcd does not answer, so Patroni cannot work either: %s" % error)
            time.sleep(LOOK_EVERY * 10)
            continue
        mark = lock.mark()
        if written in (None, mark) or not lock.has_data():
            return print("The data are of the lineage that the cluster writes.")
        with open(HELD, "w", encoding="ascii") as file:
            file.write("left behind by a restore: these data are of %s, those that lead of %s\n" % (mark or "before any", written or "before any"))


def is_held():
    try:
        return os.stat(HELD).st_size > 0
    except OSError:
        return False


def is_up(data):
    """Whether there is a server that has not begun to stop. The last line of its pid file is its state."""
    try:
        with open(data + "/postmaster.pid", encoding="ascii") as file:
            lines = file.read().split("\n")
        os.kill(int(lines[0]), 0)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return False
    except PermissionError:
        pass
    return len(lines) < 8 or lines[7].strip() != "stopping"
