"""Makes this node's Patroni look now instead of in its next round, seconds later.

There are two reasons. Its postmaster has ended: PostgreSQL must be started again, or another member must lead. Or, on the leader, a
streaming replica should be synchronous and is not named yet: commits wait for too few replicas, or for lost ones.

Patroni looks when it is asked to change its configuration, even if nothing changes (PATCH /config).
"""

import os
import select
import threading
import time

LOOK_EVERY = 0.5
# The pause before a nudge for the same replicas doubles, up to this: Patroni may have its own reasons not to name one.
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
        """A descriptor of the process; None if there is none."""
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
        # Where commits wait for a quorum, every replica should be in it; otherwise one replica is enough.
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
