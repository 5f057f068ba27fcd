"""The documented table of what each port can do (docs/how-it-works/connections.md), asked of real programs as the roles configure them."""

import os
import re
import subprocess
import time
import unittest
import uuid

import psycopg2

from world import BALANCER, BIN, PASSWORD, POOLED, SESSION, World, until

DOCS = os.environ.get("PGFLEET_DOCS", "/srv/docs")


def run(connection, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else None


def value(connection, statement):
    return run(connection, statement)[0][0]


class Features:
    """One method for each row of the table; each says what it saw: works, forgotten, refused or never delivered."""

    def __init__(self, world, port):
        self.world, self.port = world, port

    def lasts(self, first, then, expected):
        """Runs two statements in transactions of their own, with another client in between."""
        with self.client() as one, self.client() as other:
            run(one, first)
            value(other, "select 1")
            try:
                return "works" if value(one, then) == expected else "forgotten"
            except psycopg2.Error:
                return "forgotten"

    def client(self, **more):
        return Closing(self.world.connect(self.port, **more))

    def psql(self, **parameters):
        """psql's exit code and errors: psycopg2 cannot speak everything."""
        target = {"host": BALANCER, "port": self.port, "user": "app", "dbname": "app", "sslmode": "require", **parameters}
        words = " ".join("%s='%s'" % pair for pair in target.items())
        command = "IDENTIFY_SYSTEM" if "replication" in parameters else "select 1"
        ended = subprocess.run(["psql", "-Xq", "-c", command, words], capture_output=True, text=True, check=False, timeout=20,
                               env={**os.environ, "PGPASSWORD": PASSWORD})
        if ended.returncode and "FATAL" not in ended.stderr:
            raise AssertionError("no clear error: " + ended.stderr)
        return "refused" if ended.returncode else "works"

    def in_transaction(self, *statements, expected):
        with self.client() as one:
            run(one, "begin")
            for statement in statements[:-1]:
                run(one, statement)
            seen = value(one, statements[-1])
            run(one, "commit")
            return "works" if seen == expected else "forgotten"

    def rows(self):
        name = "f" + uuid.uuid4().hex
        return {
            "transactions, isolation levels, savepoints": lambda: self.in_transaction(
                "set transaction isolation level serializable", "savepoint a", "rollback to a", "show transaction_isolation",
                expected="serializable"),
            "SET LOCAL": lambda: self.in_transaction("set local statement_timeout = '77s'", "show statement_timeout", expected="77s"),
            "SET of TimeZone, DateStyle, IntervalStyle, client_encoding, application_name": lambda: self.tracked(),
            "SET of anything else": lambda: self.lasts("set statement_timeout = '77s'", "show statement_timeout", "77s"),
            "SET search_path": lambda: self.lasts("set search_path = pg_catalog", "show search_path", "pg_catalog"),
            "SET ROLE, SET SESSION AUTHORIZATION": lambda: self.lasts("set role app_owner", "select current_user", "app_owner"),
            "options=-c … in the connection string": lambda: self.psql(options="-c search_path=x"),
            "pg_advisory_xact_lock": lambda: self.in_transaction(
                "select pg_advisory_xact_lock(7)", "select count(*) from pg_locks where locktype = 'advisory' and objid = 7", expected=1),
            "pg_advisory_lock": lambda: self.lasts(
                "select pg_advisory_lock(8)", "select count(*) from pg_locks where locktype = 'advisory' and objid = 8", 1),
            "cursor within a transaction": lambda: self.in_transaction("declare c cursor for select 5", "fetch c", expected=5),
            "cursor WITH HOLD": lambda: self.lasts("declare h cursor with hold for select 5", "fetch h", 5),
            "temporary table ON COMMIT DROP": lambda: self.in_transaction(
                "create temp table %s on commit drop as select 5" % name, "table %s" % name, expected=5),
            "temporary table that stays": lambda: self.lasts("create temp table %s as select 5" % name, "table %s" % name, 5),
            "prepared statements of drivers (the protocol's)": self.protocol_prepared,
            "PREPARE in SQL": lambda: self.lasts("prepare %s as select 5" % name, "execute %s" % name, 5),
            "currval, lastval in a later transaction": lambda: self.lasts("select nextval('numbers')", "select lastval() > 0", True),
            "NOTIFY": lambda: self.notified(listen_on=SESSION, notify_on=self.port),
            "LISTEN": lambda: "works" if self.notified(listen_on=self.port, notify_on=SESSION) == "works" else "never delivered",
            "COPY": self.copied,
            "logical replication (user …_replication)": lambda: self.psql(user="app_replication", replication="database"),
            "without TLS (sslmode=disable)": lambda: self.psql(sslmode="disable"),
        }

    def tracked(self):
        values = {"timezone": "Asia/Tokyo", "datestyle": "German, DMY", "intervalstyle": "sql_standard", "client_encoding": "LATIN1",
                  "application_name": "spec"}
        seen = {self.lasts("set %s = '%s'" % (name, wanted) if name != "datestyle" else "set datestyle = German, DMY",
                           "show " + name, wanted) for name, wanted in values.items()}
        return seen.pop() if len(seen) == 1 else "forgotten"

    def protocol_prepared(self):
        target = "host=%s port=%d user=app dbname=app sslmode=require" % (BALANCER, self.port)
        script = os.path.join(self.world.folder, "prepared.sql")
        with open(script, "w", encoding="ascii") as file:
            file.write("select 1;\n")
        ended = subprocess.run([BIN + "pgbench", "-n", "-M", "prepared", "-c", "4", "-t", "20", "-f", script, target],
                               capture_output=True, text=True, check=False, env={**os.environ, "PGPASSWORD": PASSWORD})
        if ended.returncode:
            raise AssertionError(ended.stderr)
        return "works"

    def notified(self, listen_on, notify_on):
        with Closing(self.world.connect(listen_on)) as one, Closing(self.world.connect(notify_on)) as two:
            run(one, "listen news")
            run(two, "notify news")
            for _ in range(5):
                run(one, "select pg_sleep(0.02)")
                one.poll()
                if one.notifies:
                    return "works"
            return "not"

    def copied(self):
        with self.client() as one, open(os.devnull, "w", encoding="ascii") as nowhere:
            one.cursor().copy_expert("copy (select generate_series(1, 1000)) to stdout", nowhere)
        return "works"


class Closing:
    def __init__(self, connection):
        self.connection = connection

    def __enter__(self):
        return self.connection

    def __exit__(self, *_):
        self.connection.close()


def documented():
    """{feature: (on pooled ports, on session ports)} as the page has it."""
    with open(os.path.join(DOCS, "how-it-works/connections.md"), encoding="utf-8") as page:
        table = page.read().split("<!-- features -->")[1].split("<!-- /features -->")[0]
    rows = [[cell.strip().replace("`", "") for cell in line.strip("|\n ").split("|")] for line in table.strip().splitlines()[2:]]
    return {feature: (pooled, session) for feature, pooled, session in rows}


class TestPorts(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.world.start()
        cls.world.superuser("create role app_owner nologin; grant app_owner to app; create sequence numbers owned by none;"
                            "grant all on sequence numbers to app")

    @classmethod
    def tearDownClass(cls):
        cls.world.stop()

    def test_each_port_does_what_the_table_says(self):
        seen = {}
        pooled, session = Features(self.world, POOLED).rows(), Features(self.world, SESSION).rows()
        for feature, ask in pooled.items():
            seen[feature] = (ask(), session[feature]())
        self.assertEqual(seen, documented())

    def test_a_client_of_a_pooled_port_sees_nothing_of_another(self):
        one, other = self.world.connect(POOLED), self.world.connect(POOLED)
        shown = ["show statement_timeout", "show search_path", "show default_transaction_read_only", "select current_user::text",
                 "select count(*) from pg_locks where locktype = 'advisory'", "select count(*) from pg_cursors",
                 "select count(*) from pg_prepared_statements", "select count(*) from pg_listening_channels()",
                 "select count(*) from pg_class where relpersistence = 't'"]
        before = [value(other, question) for question in shown]
        for statement in ("set statement_timeout = '77s'", "set search_path = ''", "set default_transaction_read_only = on",
                          "set role app_owner", "select pg_advisory_lock(9)", "declare held cursor with hold for select 1",
                          "prepare p as select 1", "listen news", "create temp table left_behind (v int)"):
            try:
                run(one, statement)
            except psycopg2.Error:
                self.fail("refused: " + statement)
            self.assertEqual([value(other, question) for question in shown], before, statement)

    def test_pg_dump_through_a_pooled_port_leaves_the_others_as_they_were(self):
        with Closing(self.world.connect(SESSION)) as one:
            run(one, "create table if not exists dumped (v int)")
        dump = {port: subprocess.run([BIN + "pg_dump", "host=%s port=%d user=app dbname=app sslmode=require" % (BALANCER, port)],
                                     capture_output=True, text=True, check=False, env={**os.environ, "PGPASSWORD": PASSWORD})
                for port in (SESSION, POOLED)}
        self.assertEqual(dump[SESSION].returncode, 0, dump[SESSION].stderr)
        self.assertIn("CREATE TABLE public.dumped", dump[SESSION].stdout)
        for _ in range(10):
            with Closing(self.world.connect(POOLED)) as other:
                self.assertEqual(value(other, "select count(*) from dumped"), 0)

    def test_session_ports_are_for_the_customers_role_only(self):
        for user in ("postgres", "replicator", "pgfleet_monitor", "pgbouncer_auth"):
            with self.assertRaises(psycopg2.OperationalError, msg=user) as refusal:
                self.world.connect(SESSION, user=user)
            self.assertRegex(str(refusal.exception), "pg_hba.conf")
        for database in ("postgres", "template1"):
            with self.assertRaises(psycopg2.OperationalError) as refusal:
                self.world.connect(SESSION, dbname=database)
            self.assertRegex(str(refusal.exception), "pg_hba.conf")
        refused = subprocess.run(["psql", "-Xc", "IDENTIFY_SYSTEM", "host=%s port=%d user=app_replication replication=true sslmode=require" % (BALANCER, SESSION)],
                                 capture_output=True, text=True, check=False, env={**os.environ, "PGPASSWORD": PASSWORD})
        self.assertRegex(refused.stderr, "pg_hba.conf")

    def test_sessions_of_a_node_that_leads_no_more_are_ended(self):
        one = self.world.connect(SESSION)
        self.assertEqual(value(one, "select 1"), 1)
        self.world.answers["/leader"] = 503
        try:
            until(lambda: self._is_gone(one))
        finally:
            self.world.answers["/leader"] = 200
        until(self._answers)

    def test_a_session_too_many_is_turned_away_and_pooled_clients_are_not(self):
        sessions = [self.world.connect(SESSION) for _ in range(self.world.connections["sessions"])]
        try:
            began = time.monotonic()
            with self.assertRaises(psycopg2.OperationalError):
                self.world.connect(SESSION, connect_timeout=20)
            self.assertLess(time.monotonic() - began, 15)
            with Closing(self.world.connect(POOLED)) as pooled:
                self.assertEqual(value(pooled, "select 1"), 1)
        finally:
            for session in sessions:
                session.close()
        until(self._answers)

    def _answers(self):
        try:
            return value(self.world.connect(SESSION), "select 1") == 1
        except psycopg2.Error:
            return False

    @staticmethod
    def _is_gone(connection):
        try:
            run(connection, "select 1")
            return False
        except psycopg2.Error:
            return True


if __name__ == "__main__":
    unittest.main()
