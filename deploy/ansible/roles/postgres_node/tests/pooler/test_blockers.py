"""Who stands in the way of a switchover, asked of a real PostgreSQL."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "files", "follow_leader"))

import blockers as module  # noqa: E402

BIN = "/usr/lib/postgresql/17/bin/"


class Database:
    """As the agent's, of the spec's own server."""

    def __init__(self, folder):
        self._folder, self._connection = folder, None

    def another(self):
        return Database(self._folder)

    def close(self):
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def ask(self, query):
        if self._connection is None:
            self._connection = psycopg2.connect(host=self._folder, dbname="postgres", user="postgres")
            self._connection.autocommit = True
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()


class Keys:
    wanted = None

    def wanted_blockers(self):
        return self.wanted


class Report:
    def __init__(self):
        self.said = []

    def say(self, blockers):
        if not self.said or self.said[-1] != blockers:
            self.said.append(blockers)


class TestBlockers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(dir="/srv")
        os.chmod(cls.folder, 0o777)
        as_postgres = {"user": "postgres", "group": "postgres", "extra_groups": [], "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        data = os.path.join(cls.folder, "data")
        subprocess.run([BIN + "initdb", "-D", data, "-A", "trust", "--no-sync"], check=True, **as_postgres)
        cls.server = subprocess.Popen(
            [BIN + "postgres", "-D", data, "-c", "listen_addresses=", "-c", "unix_socket_directories=" + cls.folder], **as_postgres)
        ends = time.monotonic() + 20
        while True:
            try:
                Database(cls.folder).ask("SELECT 1")
                break
            except psycopg2.OperationalError:
                if time.monotonic() > ends:
                    raise
                time.sleep(0.05)
        cls.as_user("postgres", "CREATE ROLE app LOGIN; CREATE ROLE pgfleet_monitor LOGIN")

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()
        cls.server.wait()
        shutil.rmtree(cls.folder)

    @classmethod
    def as_user(cls, user, statement):
        connection = psycopg2.connect(host=cls.folder, dbname="postgres", user=user, application_name="spec")
        connection.autocommit = statement.startswith("CREATE")
        connection.cursor().execute(statement)
        return connection

    def setUp(self):
        self.open = []
        self.keys, self.report = Keys(), Report()
        self.blockers = module.Blockers("n1", Database(self.folder), self.keys, self.report)

    def tearDown(self):
        for connection in self.open:
            connection.close()

    def begin(self, user="app", statement="SELECT 'secret'"):
        connection = self.as_user(user, statement)
        self.open.append(connection)
        return connection

    def during(self, drain_ms=200, **more):
        return self.blockers.during({"id": "op/1", "drainMs": drain_ms, **more})

    def until_told(self, total):
        ends = time.monotonic() + 10
        while not self.report.said or self.report.said[-1]["total"] != total:
            self.assertLess(time.monotonic(), ends, self.report.said)
            time.sleep(0.02)

    def test_it_names_customers_transactions_without_their_text(self):
        began = self.begin()
        self.begin("pgfleet_monitor")
        self.begin("postgres")
        time.sleep(0.1)
        [session] = module.open_longer_than(Database(self.folder), 50)
        self.assertEqual(session["pid"], began.info.backend_pid)
        self.assertEqual((session["user"], session["database"], session["application"], session["state"]),
                         ("app", "postgres", "spec", "idle in transaction"))
        self.assertNotIn("secret", str(session))
        self.assertEqual(module.open_longer_than(Database(self.folder), 60_000), [])

    def test_it_tells_while_it_is_asked_to_and_only_what_changed(self):
        module.LOOK_EVERY = 0.05
        self.keys.wanted = {"id": "op/1", "leader": "n1", "olderThanMs": 50}
        self.blockers.start()
        connection = self.begin()
        self.until_told(1)
        time.sleep(0.3)
        connection.rollback()
        self.until_told(0)
        self.keys.wanted = None
        self.assertLessEqual(len(self.report.said), 3)

    def test_a_transaction_that_ends_in_time_does_not_stand_in_the_way(self):
        connection = self.begin()
        hold = self.during(drain_ms=5000)
        threading.Timer(0.05, connection.rollback).start()
        self.assertIsNone(hold.remain())
        hold.close()

    def test_one_that_goes_on_is_named_and_one_that_began_after_is_not(self):
        connection = self.begin()
        hold = self.during()
        time.sleep(0.05)
        self.begin()
        self.assertIn("1 transactions", hold.remain())
        hold.close()
        [session] = self.report.said[-1]["sessions"]
        self.assertEqual(session["pid"], connection.info.backend_pid)
        self.assertFalse(self.report.said[-1]["terminated"])

    def test_one_that_goes_on_is_terminated_when_that_is_asked_for(self):
        connection = self.begin()
        hold = self.during(drain_ms=3000, terminate=True)
        self.assertIsNone(hold.remain())
        hold.close()
        self.until_told(1)
        self.assertTrue(self.report.said[-1]["terminated"])
        with self.assertRaises(psycopg2.Error):
            connection.cursor().execute("SELECT 1")


if __name__ == "__main__":
    unittest.main()
