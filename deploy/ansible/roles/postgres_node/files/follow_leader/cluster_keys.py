"""Follows what Patroni and the control plane have in etcd for the cluster."""

import json
import threading
import time
from urllib.parse import urlsplit

from etcd import EtcdError

# How old the last read from etcd's quorum may be. Patroni's lease lasts at least 20 s.
FRESH_SECONDS = 4.0
READ_EVERY = 1.0
# How long a change may be on its way before a watch that has not delivered it counts as deaf.
ON_ITS_WAY = 0.5


class ClusterKeys:
    """Keeps the cluster's keys and calls `changed` after each change. One thread watches, another reads the quorum."""

    def __init__(self, etcd_watch, etcd_read, scope, changed, log):
        self._watch_client, self._read_client = etcd_watch, etcd_read
        self.prefix = "/service/%s/" % scope
        self._changed, self._log = changed, log
        self._lock = threading.Lock()
        self._keys = {}
        self._revision = 0  # the keys contain everything up to it
        self._read_at = None
        self._read = threading.Event()

    def start(self):
        for work in (self._follow, self._check):
            threading.Thread(target=work, daemon=True).start()

    def fresh(self):
        """Whether the quorum was read a moment ago, so that the keys can be trusted."""
        return self._read_at is not None and time.monotonic() - self._read_at < FRESH_SECONDS

    def leader(self):
        with self._lock:
            return self._keys.get("leader")

    def lineage(self):
        """The mark of the data that lead since the last restore, "" if they have none; None if there was no restore, or one is
        running."""
        with self._lock:
            return self._keys.get("pgfleet/lineage")

    def switchover(self):
        """The planned switchover under way: {id, phase: prepare|hold, leader, candidate, nodes, capMs, drainMs}, or None."""
        return self._json("pgfleet/switchover")

    def wanted_blockers(self):
        """The transactions that a planned switchover wants reported: {id, leader, olderThanMs}, or None."""
        return self._json("pgfleet/blockers")

    def is_synchronous(self, member):
        """Whether every acknowledged write waits, or may wait, for the member: then only such a member is promoted."""
        standbys = (self._json("sync") or {}).get("sync_standby") or ""
        return member in standbys.split(",")

    def report(self, member):
        """A node's last report (node_report.py); {} if there is none."""
        return self._json("pgfleet/nodes/%s" % member) or {}

    def _json(self, key):
        with self._lock:
            text = self._keys.get(key)
        try:
            return json.loads(text) if text else None
        except ValueError:
            return None

    def address(self, member):
        """A member's address; None if it never registered."""
        with self._lock:
            text = self._keys.get("members/%s" % member) or self._keys.get("\0last %s" % member)
        try:
            return urlsplit(json.loads(text)["conn_url"]).hostname if text else None
        except (ValueError, KeyError):
            return None

    def member_at(self, address):
        """The member at an address; None if there is none."""
        with self._lock:
            names = {key.split("/", 1)[1] for key in self._keys if key.startswith("members/")}
        return next((name for name in names if self.address(name) == address), None)

    def config(self):
        """The cluster's configuration as Patroni keeps it in etcd; {} before it was read."""
        return self._json("config") or {}

    def members(self):
        """The names of the members that have a lease."""
        with self._lock:
            return sorted(key.split("/", 1)[1] for key in self._keys if key.startswith("members/"))

    def is_running(self, member):
        """Whether the member's Patroni reports that PostgreSQL runs."""
        return (self._json("members/%s" % member) or {}).get("state") == "running"

    def wait(self):
        """Waits until the keys were read for the first time; takes longer than a moment only when etcd cannot be reached."""
        self._read.wait(1.0)

    def _follow(self):
        while True:
            try:
                keys, revision = self._watch_client.get_prefix(self.prefix)
                self._take_all(keys, revision)
                self._read.set()
                self._changed()
                for events, reached in self._watch_client.watch(self.prefix, revision + 1):
                    with self._lock:
                        if reached <= self._revision:
                            continue  # _check has read it meanwhile
                        for key, value in events:
                            self._take(key[len(self.prefix):], value)
                        self._revision = reached
                    self._changed()
            except EtcdError as error:
                self._log("etcd: %s" % error)
                time.sleep(0.5)

    def _take_all(self, keys, revision, newer_only=False):
        with self._lock:
            if newer_only and revision <= self._revision:
                return
            gone = [key for key in self._keys if not key.startswith("\0") and self.prefix + key not in keys]
            for key in gone:
                self._take(key, None)
            for key, value in keys.items():
                self._take(key[len(self.prefix):], value)
            self._revision = revision

    def _take(self, key, value):
        if value is None:
            gone = self._keys.pop(key, None)
            # A member whose lease ran out keeps its address: it may still hold the leader key, or hold it again.
            if gone and key.startswith("members/"):
                self._keys["\0last %s" % key[8:]] = gone
        else:
            self._keys[key] = value

    def _check(self):
        """Compares with the quorum: a watch on a member that lost power, or is cut off from the others, stays silent without an
        error."""
        behind_at = None
        while True:
            try:
                newest, count = self._read_client.newest(self.prefix)
                self._read_at = time.monotonic()
                with self._lock:
                    at = self._revision
                    known = sum(not key.startswith("\0") for key in self._keys)
                behind = newest > at or count != known
                # Once may be a change that is on its way. A watch that has delivered nothing since is deaf.
                if behind and behind_at == at:
                    self._replace_watch(at)
                    behind = False
                behind_at = at if behind else None
            except EtcdError:
                pass
            time.sleep(READ_EVERY if behind_at is None else ON_ITS_WAY)

    def _replace_watch(self, deaf_at):
        self._log("etcd: the watch brings nothing since revision %d; watching another member" % deaf_at)
        keys, revision = self._read_client.get_prefix(self.prefix)
        self._take_all(keys, revision, newer_only=True)
        self._watch_client.end_watch()
        self._changed()
