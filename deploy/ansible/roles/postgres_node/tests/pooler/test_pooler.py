"""Statements that a real PgBouncer holds, before a real PostgreSQL."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "files", "follow_leader"))

import pooler  # noqa: E402

BIN = "/usr/lib/postgresql/17/bin/"
CONFIG = """
[databases]
postgres = host={folder} port=5432 user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
admin_users = pgfleet_pooler
client_tls_sslmode = require
client_tls_cert_file = {folder}/server.crt
client_tls_key_file = {folder}/server.key
pool_mode = transaction
server_login_retry = 1
"""


def until(true, seconds=20):
    ends = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends:
            raise AssertionError("not within %d s" % seconds)
        time.sleep(0.02)


class TestPooler(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(dir="/srv")
        os.chmod(folder, 0o777)
        as_postgres = {"user": "postgres", "group": "postgres", "extra_groups": [], "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        data = os.path.join(folder, "data")
        subprocess.run([BIN + "initdb", "-D", data, "-A", "trust", "--no-sync"], check=True, **as_postgres)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=node",
             "-keyout", folder + "/server.key", "-out", folder + "/server.crt"], check=True, **as_postgres)
        pooler.AUTHORITY = folder + "/server.crt"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            cls.port = free.getsockname()[1]
        with open(os.path.join(folder, "pgbouncer.ini"), "w", encoding="utf-8") as file:
            file.write(CONFIG.format(folder=folder, port=cls.port))
        database = [BIN + "postgres", "-D", data, "-c", "listen_addresses=", "-c", "unix_socket_directories=" + folder]
        cls.servers = [subprocess.Popen(argv, **as_postgres) for argv in (database, ["pgbouncer", file.name])]
        until(cls.answers)

    @classmethod
    def tearDownClass(cls):
        for server in cls.servers:
            server.kill()
            server.wait()

    @classmethod
    def connect(cls):
        return psycopg2.connect(host="127.0.0.1", port=cls.port, dbname="postgres", user="app", sslmode="require")

    @classmethod
    def answers(cls):
        try:
            cls.connect().cursor().execute("select 1")
            return True
        except psycopg2.Error:
            return False

    def setUp(self):
        self.pooler = pooler.Pooler("")
        self.pooler._login["port"] = self.port

    def paused(self):
        return {row["key"]: row["value"] for row in self.pooler.ask("SHOW STATE")}["paused"] == "yes"

    def test_it_holds_statements_and_lets_them_go(self):
        self.assertTrue(self.pooler.pause(5))
        answered = threading.Event()
        threading.Thread(target=lambda: self.answers() and answered.set(), daemon=True).start()
        self.assertFalse(answered.wait(0.3))
        self.pooler.resume()
        self.assertTrue(answered.wait(5))
        self.pooler.resume()

    def test_made_ready_it_does_not_log_in_when_the_time_has_come(self):
        self.pooler.make_ready_to_pause()
        self.pooler.ask("SHOW STATE")
        self.pooler._login["port"] = 1  # nobody there
        self.assertTrue(self.pooler.pause(5))
        self.pooler.resume()

    def test_pgbouncer_refuses_to_pause_twice(self):
        self.assertTrue(self.pooler.pause(5))
        with self.assertRaises(psycopg2.Error):
            pooler.run(self.pooler._connect(), "PAUSE")
        self.assertTrue(self.paused())
        self.pooler.resume()

    def test_it_gives_up_on_a_transaction_that_goes_on_and_holds_the_next_time_to_the_end(self):
        client = self.connect()
        client.cursor().execute("select 1")  # begins a transaction
        self.assertFalse(self.pooler.pause(0.1))
        self.assertFalse(self.paused())
        client.commit()
        self.assertTrue(self.pooler.pause(5))
        # PgBouncer answers the first PAUSE together with the second: it was given up, and must not end what holds now.
        time.sleep(0.5)
        self.assertTrue(self.paused())
        self.pooler.resume()
        self.assertFalse(self.paused())


if __name__ == "__main__":
    unittest.main()
