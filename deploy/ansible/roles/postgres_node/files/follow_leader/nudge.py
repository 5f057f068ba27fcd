"""Tells this node's Patroni to look now, where it would look in its next turn only, seconds later.

Its postmaster has ended: it is to be started again, or another is to lead. Or, on the leader, a replica streams that ought to be named
synchronous and is not: commits wait for too few, or for those that are gone.

Patroni looks when it is asked to change its configuration, also when there is nothing to change (PATCH /config).
"""

import os
import select
import threading
import time

LOOK_EVERY = 0.5
# The same replicas are told of again after twice the time, up to this: Patroni may have reasons of its own not to name one.
TELL_AGAIN_WITHIN = 16.0


class Nudge:
    def __init__(self, member, keys, patroni, database, data_dir, log):
        self._me, self._keys, self._patroni, self._database = member, keys, patroni, database
        self._data_dir, self._log = data_dir, log
        self._unnamed, self._pause, self._told = None, LOOK_EVERY, 0.0

    def start(self):
        for work in (self._watch_postmaster, self._watch_standbys):
            threading.Thread(target=work, daemon=True).start()

    def _watch_postmaster(self):
        while True:
            process = self._postmaster()
            if process is None:
                time.sleep(LOOK_EVERY)
                continue
            select.select([process], [], [])  # readable: it has ended
            os.close(process)
            self._patroni.look_now()
            time.sleep(LOOK_EVERY)

    def _postmaster(self):
        """A descriptor of the process; None when there is none."""
        try:
            with open(self._data_dir + "/postmaster.pid", encoding="ascii") as file:
                return os.pidfd_open(int(file.readline()))
        except (OSError, ValueError):
            return None

    def _watch_standbys(self):
        while True:
            time.sleep(LOOK_EVERY)
            self.look_at_standbys(time.monotonic())

    def look_at_standbys(self, now):
        mode = self._keys.config().get("synchronous_mode")
        if not mode or self._keys.leader() != self._me:
            self._unnamed = None
            return
        rows = self._database.ask("SELECT application_name, sync_state FROM pg_stat_replication WHERE state = 'streaming'") or []
        unnamed = sorted(name for name, state in rows if state == "async" and self._keys.is_running(name))
        # Where commits wait for a quorum every replica is to be in it, else one replica is enough.
        if not unnamed or mode != "quorum" and len(unnamed) < len(rows):
            self._unnamed = None
            return
        if unnamed != self._unnamed:
            self._unnamed, self._pause = unnamed, LOOK_EVERY
        elif now - self._told < self._pause:
            return
        else:
            self._pause = min(self._pause * 2, TELL_AGAIN_WITHIN)
        self._told = now
        self._patroni.look_now()
