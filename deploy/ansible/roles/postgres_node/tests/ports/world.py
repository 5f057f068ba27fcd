"""A node and its load balancer as the roles configure them: PostgreSQL, both PgBouncers and HAProxy, in a network namespace of their own.

The agent on port 8009 is played: `World.answers` says what HAProxy hears.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jinja2
import psycopg2

ROLES = os.environ.get("PGFLEET_ROLES", "/srv/roles")
BIN = "/usr/lib/postgresql/17/bin/"
ADDRESS = "10.9.0.1"
BALANCER = "10.9.0.9"
PASSWORD = "integration"
POOLED, SESSION = 5000, 5002


def until(true, seconds=20):
    ends = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends:
            raise AssertionError("not within %d s" % seconds)
        time.sleep(0.02)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class World:
    def __init__(self, client_tls="require"):
        self.answers = {"/primary": 200, "/leader": 200, "/replica": 404}
        self.folder = tempfile.mkdtemp(dir="/srv")
        os.chmod(self.folder, 0o755)
        self._client_tls = client_tls
        self._servers = []

    def start(self):
        # The image is shared: what is written outside of /srv is this process's own.
        for place in ("/run", "/var/lib"):
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        for address in (ADDRESS, BALANCER):
            subprocess.run(["ip", "address", "add", address + "/32", "dev", "lo"], check=True)
        self._certificate()
        self._postgres()
        self._poolers()
        self._agent()
        self._haproxy()
        until(self._all_answer)

    def stop(self):
        for server in reversed(self._servers):
            server.kill()
        for server in self._servers:
            server.wait()

    def connect(self, port=POOLED, user="app", **more):
        options = {"host": BALANCER, "port": port, "dbname": "app", "user": user, "password": PASSWORD,
                   "sslmode": "verify-full", "sslrootcert": self.folder + "/server.crt", "connect_timeout": 10, **more}
        connection = psycopg2.connect(**options)
        connection.autocommit = True
        return connection

    def superuser(self, statement):
        """Past everything: on the node's own socket."""
        argv = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", "app", "-c", statement]
        return subprocess.run(argv, check=True, capture_output=True, text=True, **self._as("postgres")).stdout.strip()

    def _all_answer(self):
        try:
            for port in (POOLED, SESSION):
                self.connect(port).cursor().execute("select 1")
            return True
        except psycopg2.Error:
            return False

    @staticmethod
    def _as(user):
        return {"user": user, "group": user, "extra_groups": []}

    def _run(self, *argv, user="postgres"):
        with open(os.path.join(self.folder, os.path.basename(argv[0]) + ".log"), "ab") as log:
            self._servers.append(subprocess.Popen(argv, stdout=log, stderr=log, **self._as(user)))

    def _certificate(self):
        path = self.folder + "/server"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
             "-subj", "/CN=node", "-addext", "subjectAltName=IP:%s,IP:%s" % (ADDRESS, BALANCER), "-keyout", path + ".key", "-out", path + ".crt"],
            check=True, stderr=subprocess.DEVNULL)
        with open(path + ".pem", "w", encoding="ascii") as pem:
            pem.write(read(path + ".key") + read(path + ".crt"))
        os.chmod(pem.name, 0o600)
        subprocess.run(["chown", "postgres", pem.name], check=True)

    def render(self, role, template, **more):
        folder = os.path.join(ROLES, role)
        environment = jinja2.Environment(loader=jinja2.FileSystemLoader(os.path.join(folder, "templates")), trim_blocks=True,
            keep_trailing_newline=True)
        environment.tests["version"] = lambda *_: True
        environment.filters["to_json"] = json.dumps
        return environment.get_template(template).render({**self.variables, **more})

    @property
    def variables(self):
        return {
            "node_address": ADDRESS, "load_balancer_addresses": [BALANCER], "node_addresses": [ADDRESS], "client_tls": self._client_tls,
            "pooler_ports": {"leader": 6432, "local": 6433}, "postgres_max_connections": 300,
            "keepalive_settings": {"idle": 3, "interval": 1, "count": 3}, "keepalive_milliseconds": 6000,
            "database_name": "app", "database_user": "app", "replication_user": "app_replication",
            "connections": self.connections,
            "load_balancer_primary_port": 5000, "load_balancer_replicas_port": 5001, "load_balancer_metrics_port": 8405,
            "load_balancer_primary_sessions_port": 5002, "load_balancer_replica_sessions_port": 5003,
        }

    connections = {"leader_pool": 50, "local_pool": 30, "sessions": 50}

    def _postgres(self):
        data = self.folder + "/data"
        os.mkdir(data, 0o700)
        subprocess.run(["chown", "postgres:postgres", data], check=True)
        subprocess.run(["install", "-d", "-o", "postgres", "-m", "0755", "/run/postgresql"], check=True)
        subprocess.run([BIN + "initdb", "-D", data, "--no-sync", "-A", "peer"], check=True, stdout=subprocess.DEVNULL, **self._as("postgres"))
        template = read(os.path.join(ROLES, "postgres_node/templates/patroni.yml.j2"))
        rules = re.search(r"\n  pg_hba:\n(.*?)\n\n?watchdog:", template, re.DOTALL).group(1)
        rules = jinja2.Environment(trim_blocks=True).from_string(rules).render(self.variables)
        with open(data + "/pg_hba.conf", "w", encoding="utf-8") as hba:
            hba.write("\n".join(line.strip()[2:] for line in rules.splitlines() if line.strip().startswith("- ")) + "\n")
        settings = {
            "listen_addresses": ADDRESS, "ssl": "on", "ssl_cert_file": self.folder + "/server.pem",
            "ssl_key_file": self.folder + "/server.pem", "unix_socket_directories": "/run/postgresql", "fsync": "off",
            "wal_level": "logical",
        }
        self._run(BIN + "postgres", "-D", data, *[word for name, value in settings.items() for word in ("-c", "%s=%s" % (name, value))])
        until(lambda: subprocess.run(["pg_isready", "-q", "-h", "/run/postgresql"], check=False).returncode == 0)
        subprocess.run(["createdb", "app"], check=True, **self._as("postgres"))
        for role in ("app", "pgbouncer_auth", "pgfleet_monitor"):
            self.superuser("create role %s login password '%s'" % (role, PASSWORD))
        self.superuser("create role app_replication login replication in role app password '%s'" % PASSWORD)
        self.superuser("create role replicator replication login password '%s'" % PASSWORD)
        self.superuser("alter role postgres password '%s'" % PASSWORD)
        self.superuser("grant create on schema public to app")

    def _poolers(self):
        subprocess.run(["install", "-d", "-o", "postgres", "/run/pgbouncer", "/run/pgbouncer-local"], check=True)
        with open(self.folder + "/users.txt", "w", encoding="utf-8") as users:
            users.writelines('"%s" "%s"\n' % (name, PASSWORD) for name in ("app", "pgfleet_monitor", "pgfleet_pooler", "pgbouncer_auth"))
        for pooler in ("leader", "local"):
            text = self.render("postgres_node", "pgbouncer.ini.j2", pooler=pooler)
            text = text.replace("/etc/pgbouncer/server.pem", self.folder + "/server.pem")
            text = text.replace("/etc/pgbouncer/userlist.txt", self.folder + "/users.txt")
            text = text.replace("/etc/pgfleet/cluster-ca.crt", self.folder + "/server.crt")
            text = text.replace("%include /var/lib/pgfleet/pooler/leader.ini", "[databases]\n* = host=/run/postgresql port=5432")
            text = re.sub(r"^auth_(user|dbname|query) = .*\n", "", text, flags=re.MULTILINE)
            path = "%s/%s.ini" % (self.folder, pooler)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            self._run("/usr/sbin/pgbouncer", path, user="postgres")

    def _agent(self):
        answers = self.answers

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(answers.get(self.path, 503))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer((ADDRESS, 8009), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def _haproxy(self):
        subprocess.run(["install", "-d", "-o", "haproxy", "/var/lib/haproxy", "/var/lib/pgfleet/load-balancer", "/run/haproxy"], check=True)
        os.environ.update(PGFLEET_CHECK_INTER_MS="200", PGFLEET_CHECK_FALL="2", PGFLEET_SESSIONS=str(self.connections["sessions"]))
        program = os.path.join(ROLES, "load_balancer/files/follow-members")
        config = self.folder + "/haproxy.cfg"
        with open(config, "w", encoding="utf-8") as file:
            file.write(self.render("load_balancer", "haproxy.cfg.j2").replace("log /dev/log", "log stderr").replace(
                "    option redispatch", "    source %s\n    option redispatch" % BALANCER))
        members = "/var/lib/pgfleet/load-balancer/members.cfg"
        subprocess.run(["sed", "s|^HAPROXY_CONFIG = .*|HAPROXY_CONFIG = \"%s\"|;w %s/follow-members" % (config, self.folder), program],
                       check=True, stdout=subprocess.DEVNULL)
        subprocess.run([sys.executable, self.folder + "/follow-members", "--first", json.dumps({"n1": ADDRESS})], check=True)
        self._run("/usr/sbin/haproxy", "-db", "-f", config, "-f", members, user="root")
