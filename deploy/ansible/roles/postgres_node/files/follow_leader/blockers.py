"""Finds the transactions that block a planned switchover: those on the leader that last longer than a hold may wait.

Everything that arrives through any node's pooler, or directly at PostgreSQL, runs on the leader, so only its node looks. Reads on a
replica do not count: a switchover does not interrupt them. The report names the session of a transaction, never its text.
"""

import threading
import time

from moment import moment

LOOK_EVERY = 0.5
AT_MOST = 50  # sessions that are listed
# The share of a hold's waiting time after which transactions are terminated, if that is requested.
PATIENCE = 0.6

OPEN = """
    SELECT a.pid, a.usename, a.datname, a.application_name, a.state, extract(epoch FROM a.xact_start)
    FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
    WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() AND NOT r.rolsuper AND a.usename NOT LIKE 'pgfleet\\_%%'
      AND a.xact_start < clock_timestamp() - %d * interval '1 millisecond'
    ORDER BY a.xact_start"""


class Blockers:
    def __init__(self, me, database, keys, report):
        self._me, self._database, self._keys, self._report = me, database, keys, report

    def start(self):
        """Looks for as long as the control plane asks for it (key pgfleet/blockers: {id, leader, olderThanMs})."""
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        database = self._database.another()
        while True:
            wanted = self._keys.wanted_blockers()
            if wanted and wanted["leader"] == self._me:
                self.tell(wanted["id"], open_longer_than(database, wanted["olderThanMs"]))
            else:
                database.close()
            time.sleep(LOOK_EVERY)

    def during(self, command):
        """For a hold of the leader's node: terminates transactions that have not ended after a while, if the command says so."""
        return HoldBlockers(self, command, self._database.another())

    def tell(self, of, sessions, terminated=False):
        if sessions is not None:
            named, total = sessions[:AT_MOST], len(sessions)
            self._report.say(blockers={"id": of, "total": total, "terminated": terminated, "sessions": named})


class HoldBlockers:
    """The blockers of one hold, on the leader's node."""

    def __init__(self, blockers, command, database):
        self._blockers, self._command, self._database = blockers, command, database
        database.ask("SELECT 1")  # log in now, because it takes a while: too long when statements are held
        self._began = time.monotonic()
        self._drain = float(command["drainMs"]) / 1000
        self._over = threading.Event()
        if command.get("terminate"):
            threading.Thread(target=self._terminate, daemon=True).start()

    def _older_ms(self):
        return int((time.monotonic() - self._began) * 1000)

    def _terminate(self):
        if self._over.wait(self._drain * PATIENCE):
            return
        database = self._database.another()
        ended = end_longer_than(database, self._older_ms())
        database.close()
        if ended:
            self._blockers.tell(self._command["id"], ended, terminated=True)

    def remain(self):
        """Once this node's pooler holds, waits for transactions that did not come through a pooler: no pooler can hold those.
        Returns why the lead must not be handed over, or None if no transaction older than the hold is left."""
        while sessions := open_longer_than(self._database, self._older_ms()):
            if time.monotonic() - self._began > self._drain:
                self._name(sessions)
                return "%d transactions that no pooler holds went on" % len(sessions)
            time.sleep(0.02)
        return None

    def name(self):
        """Reports the blockers when a node could not hold."""
        self._name(open_longer_than(self._database, self._older_ms()))

    def _name(self, sessions):
        if sessions:
            self._blockers.tell(self._command["id"], sessions)

    def close(self):
        self._over.set()
        self._database.close()


def open_longer_than(database, older_ms):
    """Sessions whose transaction began at least this long ago, oldest first; None if the database does not answer."""
    return sessions_of(database.ask(OPEN % older_ms))


def end_longer_than(database, older_ms):
    # Materialized: otherwise the planner may terminate a session before it checks whether it is one of them.
    return sessions_of(database.ask("WITH open AS MATERIALIZED (%s) SELECT * FROM open WHERE pg_terminate_backend(pid)" % (OPEN % older_ms)))


def sessions_of(rows):
    return rows if rows is None else [
        {"pid": pid, "user": user, "database": database, "application": application, "state": state, "since": moment(began)}
        for pid, user, database, application, state, began in rows
    ]
