"""The PostgreSQL of this machine, queried over its socket."""

import time

import psycopg2

CATCH_UP_SECONDS = 20
CAUGHT_UP_BYTES = 1 << 20
LEFT_BYTES = 2 << 20  # left in the segment, for what customers write until they are held
FILL_SEGMENT = """
    SELECT pg_logical_emit_message(false, 'pgfleet', repeat(' ', (rest - %d)::int), true)
    FROM (SELECT size - mod(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0'), size) AS rest
          FROM (SELECT setting::bigint AS size FROM pg_settings WHERE name = 'wal_segment_size') s) r
    WHERE rest > 2 * %d""" % (LEFT_BYTES, LEFT_BYTES)


class Database:
    """One connection, reopened when it is lost. No call raises: a database that does not answer returns None."""

    def __init__(self, data_dir):
        self._data_dir = data_dir
        self._connection = None

    def another(self):
        """A connection to the same database for another thread."""
        return Database(self._data_dir)

    def lineage(self):
        """The mark of its data, "" if they have none: see data_dirs.py of the program `restore`."""
        try:
            with open(self._data_dir + "/pgfleet.lineage", encoding="ascii") as file:
                return file.read().strip()
        except OSError:
            return ""

    def close(self):
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _rows(self, query):
        try:
            if self._connection is None:
                self._connection = psycopg2.connect(
                    host="/run/postgresql", dbname="postgres", user="postgres", connect_timeout=2,
                    application_name="pgfleet_follow_leader", options="-c statement_timeout=2000",
                )
                self._connection.autocommit = True
            with self._connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall() if cursor.description else []
        except psycopg2.Error:
            self.close()
            return None

    def ask(self, query):
        """The rows of any query; None if the database does not answer."""
        return self._rows(query)

    def role(self):
        """`leader` (takes writes), `replica` (in recovery) or None (no answer), and the timeline that it streams from a leader, if
        any."""
        rows = self._rows(
            "SELECT pg_is_in_recovery(), (SELECT received_tli FROM pg_stat_wal_receiver WHERE status = 'streaming')"
        )
        if not rows:
            return None, None
        return ("replica" if rows[0][0] else "leader"), rows[0][1]

    def has_every_segment(self):
        """Whether a replica has started the segment that its leader last reported to write: the archive has no segment that it
        lacks."""
        rows = self._rows(
            "SELECT same FROM (SELECT div(pg_wal_lsn_diff(latest_end_lsn, '0/0'), size) ="
            " div(pg_wal_lsn_diff(flushed_lsn, '0/0'), size) AS same FROM pg_stat_wal_receiver,"
            " (SELECT setting::numeric AS size FROM pg_settings WHERE name = 'wal_segment_size') s WHERE status = 'streaming') r"
        )
        return rows == [(True,)]

    def make_ready_to_hand_over(self, candidate):
        """Does in advance what a leader's shutdown would do while customers wait. Returns None when done, otherwise the reason.

        A checkpoint leaves little to write for the one at shutdown. Filling up most of the WAL segment helps, too: a server that
        archives ends the segment at shutdown, and the replicas receive the rest, up to 16 MB of nothing.
        """
        if self._rows("SET statement_timeout = '5min'") is None or self._rows("CHECKPOINT") is None:
            return "the checkpoint failed"
        if self._rows(FILL_SEGMENT) is None:
            return "the WAL segment could not be filled up"
        deadline = time.monotonic() + CATCH_UP_SECONDS
        while True:
            rows = self._rows(
                "SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), flush_lsn) FROM pg_stat_replication"
                " WHERE application_name = '%s'" % candidate.replace("'", "''")
            )
            if rows and rows[0][0] is not None and rows[0][0] <= CAUGHT_UP_BYTES:
                return None
            if time.monotonic() > deadline:
                return "%s did not catch up within %d s" % (candidate, CATCH_UP_SECONDS)
            time.sleep(0.02)

    def history_after(self, count):
        """The name of the history file of the timeline that comes this many after the node's own."""
        rows = self._rows("SELECT greatest(timeline_id, (SELECT received_tli FROM pg_stat_wal_receiver)) FROM pg_control_checkpoint()")
        return "%08X.history" % (rows[0][0] + count) if rows else None

    def timeline(self):
        """The timeline that a leader writes on, and the WAL position in bytes where it began (None for the first timeline)."""
        rows = self._rows("SELECT pg_split_walfile_name(pg_walfile_name(pg_current_wal_lsn()))::text")
        if not rows:
            return None, None
        timeline = int(rows[0][0].strip("()").split(",")[1])
        return timeline, begin_of(timeline, self._data_dir)


def begin_of(timeline, data_dir):
    """Where a timeline left the previous one, from its history file; None if there is none."""
    lines = lines_of_history(timeline, data_dir)
    return position_of(lines[-1][1]) if lines else None


def lines_of_history(timeline, data_dir):
    """[timeline, LSN where it was left, why] of each earlier timeline; empty for the first one, or while the file is missing."""
    try:
        with open("%s/pg_wal/%08X.history" % (data_dir, timeline), encoding="ascii") as file:
            return [line.rstrip("\n").split("\t") for line in file if line.strip() and not line.startswith("#")]
    except OSError:
        return []


def position_of(lsn):
    """`0/3000028` → bytes."""
    high, low = lsn.split("/")
    return (int(high, 16) << 32) + int(low, 16)
