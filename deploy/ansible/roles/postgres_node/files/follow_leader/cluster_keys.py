"""What Patroni and the control plane say of the cluster in etcd, followed as it changes."""

import json
import threading
import time
from urllib.parse import urlsplit

from etcd import EtcdError

# How old the last word of etcd's quorum may be to be believed. Patroni's lease lives 20 s at least.
FRESH_SECONDS = 4.0
READ_EVERY = 1.0


class ClusterKeys:
    """Keeps the cluster's keys; `changed` is called after each change. Two threads: one watches, one reads the quorum."""

    def __init__(self, etcd_watch, etcd_read, scope, changed, log):
        self._watch_client, self._read_client = etcd_watch, etcd_read
        self.prefix = "/service/%s/" % scope
        self._changed, self._log = changed, log
        self._lock = threading.Lock()
        self._keys = {}
        self._read_at = None
        self._read = threading.Event()

    def start(self):
        for work in (self._follow, self._check):
            threading.Thread(target=work, daemon=True).start()

    def fresh(self):
        """Whether the quorum was read a moment ago: what is known of it can be believed."""
        return self._read_at is not None and time.monotonic() - self._read_at < FRESH_SECONDS

    def leader(self):
        with self._lock:
            return self._keys.get("leader")

    def switchover(self):
        """The planned switchover that is under way: {id, phase: prepare|hold, leader, candidate, nodes, capMs, drainMs}, or None."""
        return self._json("pgfleet/switchover")

    def report(self, member):
        """What a node last said of itself (node_report.py), {} when it never did."""
        return self._json("pgfleet/nodes/%s" % member) or {}

    def _json(self, key):
        with self._lock:
            text = self._keys.get(key)
        try:
            return json.loads(text) if text else None
        except ValueError:
            return None

    def address(self, member):
        """A member's address, None for one that never registered."""
        with self._lock:
            text = self._keys.get("members/%s" % member) or self._keys.get("\0last %s" % member)
        try:
            return urlsplit(json.loads(text)["conn_url"]).hostname if text else None
        except (ValueError, KeyError):
            return None

    def member_at(self, address):
        """The member at an address, None when no member is there."""
        with self._lock:
            names = {key.split("/", 1)[1] for key in self._keys if key.startswith("members/")}
        return next((name for name in names if self.address(name) == address), None)

    def wait(self):
        """Until the keys were read for the first time; longer than a moment only when etcd cannot be reached."""
        self._read.wait(1.0)

    def _follow(self):
        while True:
            try:
                keys, revision = self._watch_client.get_prefix(self.prefix)
                with self._lock:
                    kept = {key: value for key, value in self._keys.items() if key.startswith("\0")}
                    self._keys = kept
                    for key, value in keys.items():
                        self._take(key[len(self.prefix):], value)
                self._read.set()
                self._changed()
                for events, _ in self._watch_client.watch(self.prefix, revision + 1):
                    with self._lock:
                        for key, value in events:
                            self._take(key[len(self.prefix):], value)
                    self._changed()
            except EtcdError as error:
                self._log("etcd: %s" % error)
                time.sleep(0.5)

    def _take(self, key, value):
        if value is None:
            gone = self._keys.pop(key, None)
            # A member whose lease ran out keeps its address: it may hold the leader key still, or again.
            if gone and key.startswith("members/"):
                self._keys["\0last %s" % key[8:]] = gone
        else:
            self._keys[key] = value

    def _check(self):
        """Reads the leader from the quorum: a watch on a member that is cut off from the others stays silent for ever."""
        missed = None
        while True:
            try:
                leader = self._read_client.get(self.prefix + "leader")
                self._read_at = time.monotonic()
                with self._lock:
                    differs = leader != self._keys.get("leader")
                    # Once may be a change that is on its way; what still differs at the next look, the watch did not get.
                    deaf = differs and missed == (leader,)
                    if deaf:
                        self._take("leader", leader)
                missed = (leader,) if differs else None
                if deaf:
                    self._changed()
            except EtcdError:
                pass
            time.sleep(0.2 if missed else READ_EVERY)
