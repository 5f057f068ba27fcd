"""Stops a PostgreSQL that takes writes while its Patroni no longer watches over it.

Patroni stops its PostgreSQL when it cannot keep the lead. A Patroni that hangs, is frozen or stays dead does not, and after its
lease another member leads. This guard is a separate process. It trusts nothing that Patroni believes, and needs only its REST API.
It stops PostgreSQL if it takes writes and one of these holds for the whole time given:

silent    Patroni's REST API has not answered for the shortest life of a lease: it was renewed at most one round before that.
stalled   Patroni itself reports for a round and two seconds more that its loop has not run for a ttl (GET /liveness). It says that
          by the wall clock: a clock that is set forward makes it say so until its next round. Meanwhile no other member that
          reaches this one leads: it asks before electing itself, hears that this one is still a primary, and does not.
alone     etcd has not been read for as long, and another member's Patroni misses three questions in a row: that member may be
          electing. If all answer, each of them reaches this node, and does not become the leader, as above.
deposed   etcd has named another leader for two seconds. Patroni itself stops when it first sees this.

The guard kills Patroni first, because it would start PostgreSQL again. systemd restarts Patroni, which then follows what it finds
in etcd. A watchdog device, where there is one, acts earlier, at ttl - 5 s.
"""

import http.client
import os
import signal
import subprocess
import threading
import time

LOOK_EVERY = 1.0
DEPOSED_FOR = 2.0
MISSES = 3
STALLED_MORE = 2.0
SPARE_SECONDS = 3.0  # to stop PostgreSQL before the others' leases can begin


def shortest_lease(config):
    """The shortest time that a lease lives after its last renewal, minus the time to stop PostgreSQL."""
    return max(config.get("ttl", 30) - config.get("loop_wait", 10) - SPARE_SECONDS, 1.0)


class LeaseGuard:
    def __init__(self, member, keys, patroni, database, stop, log, clock=time.monotonic):
        self._me, self._keys, self._patroni, self._database = member, keys, patroni, database
        self._stop, self._log, self._clock = stop, log, clock
        self._misses = {}
        self._begin(clock())

    def _begin(self, now):
        self._answered_at = self._ran_at = self._read_at = self._not_deposed_at = now
        self._misses.clear()

    def start(self):
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            time.sleep(LOOK_EVERY)
            self.look()

    def look(self):
        now = self._clock()
        if self._keys.fresh():
            self._read_at = now
        if self._keys.leader() in (None, self._me) or not self._keys.fresh():
            self._not_deposed_at = now
        # Ask at every look whether it is dead or stalled, so that the time is known when it counts.
        alive = self._patroni.is_alive()
        if alive is not None:
            self._answered_at = now
        if alive is not False:
            self._ran_at = now
        if self._database.role()[0] != "leader":
            self._not_deposed_at = now
            return
        if (reason := self._reason(now, alive)) is not None:
            self._log("PostgreSQL is stopped: " + reason)
            self._stop()
            self._begin(self._clock())

    def _reason(self, now, alive):
        config = self._keys.config()
        if config.get("pause"):
            return None
        if now - self._answered_at >= shortest_lease(config):
            return "Patroni has not answered for %.0f s" % (now - self._answered_at)
        if alive is False and now - self._ran_at >= config.get("loop_wait", 10) + STALLED_MORE:
            return "Patroni's loop has not run for a ttl"
        if now - self._not_deposed_at >= DEPOSED_FOR:
            return "%s leads by etcd" % self._keys.leader()
        if now - self._read_at >= shortest_lease(config):
            for name in self._keys.members():
                if name == self._me:
                    continue
                self._misses[name] = 0 if answers(self._keys.address(name)) else self._misses.get(name, 0) + 1
                if self._misses[name] >= MISSES:
                    return "etcd has not answered for %.0f s, and %s does not either" % (now - self._read_at, name)
        else:
            self._misses.clear()
        return None


def answers(address, port=8008):
    """Whether a Patroni answers there, whatever its answer."""
    if address is None:
        return False
    connection = http.client.HTTPConnection(address, port, timeout=1)
    try:
        connection.request("GET", "/liveness")
        connection.getresponse()
        return True
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def stop_postgresql(data_dir, programs, log):
    """Kills the Patroni of this data directory, then stops PostgreSQL immediately."""
    for pid in patronis():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        except PermissionError as error:
            log("Patroni, process %d: %s" % (pid, error))
    argv = [programs + "/pg_ctl", "stop", "--pgdata=" + data_dir, "--mode=immediate", "--silent", "--timeout=10"]
    ended = subprocess.run(argv, check=False, capture_output=True, text=True)
    if ended.returncode != 0:
        log("pg_ctl: %s" % ended.stderr.strip())


def patronis(proc="/proc"):
    """Finds processes that run `patroni CONFIGURATION`."""
    for entry in os.listdir(proc):
        if not entry.isdigit():
            continue
        try:
            with open("%s/%s/cmdline" % (proc, entry), "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if any(os.path.basename(word) == b"patroni" for word in words[:3]) and b"python" in words[0]:
            yield int(entry)
