"""The transactions that a planned switchover has to wait for: those on the leader that go on for longer than a hold may wait.

Whatever comes in by a pooler of any node, or straight to PostgreSQL, runs on the leader, so its node alone looks. Reads on a replica do not
count: a switchover does not interrupt them. Who runs a transaction is told, never its text.
"""

import threading
import time

from moment import moment

LOOK_EVERY = 0.5
AT_MOST = 50  # sessions that are named
# Of the time that a hold waits for transactions to end; then they are terminated, if that is asked for.
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
        """For a hold that the leader's node begins: terminates what has not ended after a while, if the command says so."""
        return HoldBlockers(self, command, self._database.another())

    def tell(self, of, sessions, terminated=False):
        if sessions is not None:
            named, total = sessions[:AT_MOST], len(sessions)
            self._report.say(blockers={"id": of, "total": total, "terminated": terminated, "sessions": named})


class HoldBlockers:
    """What stands in the way of one hold, on the leader's node."""

    def __init__(self, blockers, command, database):
        self._blockers, self._command, self._database = blockers, command, database
        database.ask("SELECT 1")  # to log in takes a while: not when statements are held
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
        """Waits, once this node's pooler holds, for transactions that did not come by a pooler: no pooler can hold those. Gives why the lead
        is not to be handed over; None when no transaction is left that is older than the hold."""
        while sessions := open_longer_than(self._database, self._older_ms()):
            if time.monotonic() - self._began > self._drain:
                self._name(sessions)
                return "%d transactions that no pooler holds went on" % len(sessions)
            time.sleep(0.02)
        return None

    def name(self):
        """Tells who stands in the way, when a node could not hold."""
        self._name(open_longer_than(self._database, self._older_ms()))

    def _name(self, sessions):
        if sessions:
            self._blockers.tell(self._command["id"], sessions)

    def close(self):
        self._over.set()
        self._database.close()


def open_longer_than(database, older_ms):
    """Sessions with a transaction that began so long ago, the oldest first; None when the database does not answer."""
    return sessions_of(database.ask(OPEN % older_ms))


def end_longer_than(database, older_ms):
    # Materialized: else the planner may end a session before it looks whether it is one of those.
    return sessions_of(database.ask("WITH open AS MATERIALIZED (%s) SELECT * FROM open WHERE pg_terminate_backend(pid)" % (OPEN % older_ms)))


def sessions_of(rows):
    return rows if rows is None else [
        {"pid": pid, "user": user, "database": database, "application": application, "state": state, "since": moment(began)}
        for pid, user, database, application, state, began in rows
    ]
