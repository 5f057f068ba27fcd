"""Proves restored data: they end where they should, and every page, index and table is sound and can be read."""

import json
import os
import subprocess
import tempfile

from data_dirs import Refused, delete, programs_for
from recovery import PORT, Server

# A customer may set these for their database, and so for every session in it; a session's own settings take precedence.
OWN_SETTINGS = " ".join(
    "-c %s=%s" % setting
    for setting in {
        "role": "none", "default_transaction_read_only": "off", "search_path": "pg_catalog", "row_security": "off",
        "statement_timeout": "0", "lock_timeout": "0", "transaction_timeout": "0", "idle_in_transaction_session_timeout": "0",
    }.items()
)


def prove(dirs, marks):
    """`marks`, as JSON: which canary rows and transactions must be there, and which must not. Ends with a line of JSON."""
    notes = dirs.notes()
    if notes.get("state") != "recovered":
        raise Refused("The data are not recovered yet.")
    programs = programs_for(dirs.current)
    must([programs + "pg_checksums", "--check", "--pgdata", dirs.current], "pages")
    with tempfile.TemporaryDirectory(prefix="pgfleet-proof-") as private:
        server = Server(dirs.current, private)
        try:
            server.wait()
            databases = Databases(programs, private)
            # Before anything changes the data: what pg_amcheck installs takes transaction ids, which may be the ones that are
            # looked for.
            if "found" not in notes:
                dirs.note(found=databases.found(json.loads(marks)))
            judge(json.loads(marks), dirs.notes()["found"])
            names = databases.names()
            databases.check()
            for name in names:
                databases.read(name)
        finally:
            server.stop()
    print(json.dumps({"databases": len(names)}))


def begin_again(dirs):
    """Deletes everything of the restore, so that another can be proven on the machine."""
    dirs.discard()
    delete(dirs.current)


def judge(marks, found):
    wrong = ["the canary row %s is missing" % name for name in marks["rows"]["present"] if name not in found["rows"]]
    wrong += ["the canary row %s is there, and was written after the target" % name for name in marks["rows"]["absent"] if name in found["rows"]]
    states = found["transactions"]
    wrong += ["transaction %d is missing: it is %s" % (xid, states[str(xid)]) for xid in marks["transactions"]["present"] if states[str(xid)] != "committed"]
    wrong += ["transaction %d is there, and was committed after the target" % xid for xid in marks["transactions"]["absent"] if states[str(xid)] == "committed"]
    if wrong:
        raise Refused("The restore did not end at its target: %s." % "; ".join(wrong))
    print("What was written just before the target is there, and nothing of what came just after.")


class Databases:
    def __init__(self, programs, private):
        self._programs = programs
        login = {"PGHOST": private, "PGPORT": PORT, "PGUSER": "postgres", "PGDATABASE": "postgres", "PGOPTIONS": OWN_SETTINGS}
        self._environment = {**os.environ, **login, "LC_ALL": "C.UTF-8"}

    def found(self, marks):
        xids = marks["transactions"]["present"] + marks["transactions"]["absent"]
        rows = self._ask("SELECT name FROM pgfleet.canary") if self._ask("SELECT to_regclass('pgfleet.canary') IS NOT NULL") == ["t"] else []
        return {"rows": rows, "transactions": {str(xid): self._state(xid) for xid in xids}}

    def names(self):
        return self._ask("SELECT datname FROM pg_database WHERE datallowconn AND datconnlimit <> -2 ORDER BY datname")

    def check(self):
        """Checks every table, and that each index contains all of its table, in order."""
        argv = ["--all", "--install-missing", "--parent-check", "--heapallindexed", "--jobs=%d" % (os.cpu_count() or 1)]
        must([self._programs + "pg_amcheck"] + argv, "tables and indexes", self._environment)

    def read(self, name):
        """Reads everything in it. The name goes through the environment, because it may look like a connection string."""
        must([self._programs + "pg_dump"], "contents of %s" % name, {**self._environment, "PGDATABASE": name}, subprocess.DEVNULL)

    def _state(self, xid):
        """The outcome of a transaction. Only the lower half of its id is known; the whole id is the one nearest to the next id."""
        coming = int(self._ask("SELECT pg_snapshot_xmax(pg_current_snapshot())")[0])
        whole = min(((coming >> 32) + epoch << 32 | xid for epoch in (-1, 0, 1)), key=lambda candidate: abs(candidate - coming))
        if whole >= coming:
            return "not begun"
        return self._ask("SELECT coalesce(pg_xact_status('%d'), 'forgotten')" % whole)[0]

    def _ask(self, query):
        argv = [self._programs + "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", query]
        ended = subprocess.run(argv, capture_output=True, text=True, env=self._environment, check=False)
        if ended.returncode != 0:
            raise Refused("The restored data cannot be asked: %s" % first_lines(ended.stderr))
        return ended.stdout.splitlines()


def must(argv, what, environment=None, stdout=subprocess.PIPE):
    ended = subprocess.run(argv, stdout=stdout, stderr=subprocess.PIPE, text=True, errors="replace", env=environment, check=False)
    said = (ended.stderr + (ended.stdout or "")).strip()
    if ended.returncode != 0:
        print(said, flush=True)
        raise Refused("The restored %s are not sound: %s" % (what, first_lines(said)))
    print("The restored %s are sound." % what, flush=True)


def first_lines(text):
    return " ".join(line.strip() for line in text.strip().splitlines()[:2]) or "it said nothing"
