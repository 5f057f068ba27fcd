"""The pooler that connects to the leader: PgBouncer, controlled through its admin console."""

import os
import threading

import psycopg2

ROUTE = "/var/lib/pgfleet/pooler/leader.ini"
AUTHORITY = "/etc/pgfleet/cluster-ca.crt"
SOCKET = "/run/postgresql"


class Pooler:
    """PgBouncer on this machine. `password` belongs to its admin user."""

    def __init__(self, password):
        self._login = {
            "host": "127.0.0.1", "port": 6432, "dbname": "pgbouncer", "user": "pgfleet_pooler", "password": password,
            "connect_timeout": 2, "sslmode": "verify-ca", "sslrootcert": AUTHORITY,
        }
        self._lock = threading.Lock()
        self._console = None
        self._pausing = None  # a separate console, because a PAUSE is answered only once it is complete
        self._turn = threading.Lock()
        self._holds = False  # the last request: to hold statements, or to let them continue

    def ask(self, command):
        """Runs one command of the console. Raises psycopg2.Error."""
        with self._lock:
            try:
                if self._console is None:
                    self._console = self._connect()
                return run(self._console, command)
            except psycopg2.Error:
                if self._console is not None and not self._console.closed:
                    raise  # an answer: the console refused
                self._console = None
                self._console = self._connect()  # PgBouncer was restarted: try once more
                return run(self._console, command)

    def _connect(self):
        console = psycopg2.connect(**self._login)
        console.autocommit = True  # the console knows no transactions
        return console

    def route(self):
        """The host that sessions go to; None if none was ever set."""
        try:
            with open(ROUTE, encoding="utf-8") as file:
                return next((word[5:] for word in file.read().split() if word.startswith("host=")), None)
        except FileNotFoundError:
            return None

    def lead_to(self, host):
        """Directs sessions to a host. Server connections to another host end with their transaction; from then on all go to the new
        one."""
        with open(ROUTE + ".new", "w", encoding="utf-8") as file:
            file.write("; Written by follow_leader.\n[databases]\n* = host=%s port=5432\n" % host)
        os.replace(ROUTE + ".new", ROUTE)
        self.ask("RELOAD")

    def make_ready_to_pause(self):
        """Logs in ahead of time: on a busy pooler that takes a tenth of a second."""
        self._pausing = self._connect()  # a new one: PgBouncer may have been restarted since the last time

    def pause(self, within):
        """Lets running transactions end and holds everything that follows. Returns False if they did not end within this many
        seconds."""
        answered, failure = threading.Event(), []

        def pause():
            console, self._pausing = self._pausing, None
            try:
                run(console or self._connect(), "PAUSE")
            except psycopg2.Error as error:
                failure.append(error)
            with self._turn:
                answered.set()
                # The answer to an abandoned PAUSE arrives late. PgBouncer may have processed it after the RESUME, or answers it
                # together with the next one. Only in the first case must statements continue.
                if not self._holds:
                    self._let_go()

        with self._turn:
            self._holds = True
        threading.Thread(target=pause, daemon=True).start()
        answered.wait(within)
        with self._turn:
            if answered.is_set() and not failure:
                return True
        self.resume()
        return False

    def resume(self):
        """Lets everything continue. Harmless if nothing was held."""
        with self._turn:
            self._holds = False
            self._let_go()

    def _let_go(self):
        try:
            self.ask("RESUME")
        except psycopg2.Error as error:
            if "not paused" not in str(error):
                raise


def run(console, command):
    with console.cursor() as cursor:
        cursor.execute(command)
        if cursor.description is None:
            return []
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]
