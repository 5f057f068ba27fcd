"""Answers the HTTP checks of the load balancer and the other nodes.

/primary   200: this node's pooler leads to the leader, send new sessions; 404: it does, but another node is nearer: keep the
           existing sessions; 503: it does not.
/replica   200: a replica that answers; 404: it leads now, and existing sessions may keep reading; 503: neither.
/leader    200: this node takes writes as the leader.
/status    all that the node knows, as JSON; `held`: whether its Patroni is kept stopped for a restore.
"""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# A check that arrives during the program's start waits for its first look, so that the node is not taken out of service.
PATIENCE = 1.5
# Not empty while this node's Patroni must not start: its unit checks this file.
HELD = "/etc/pgfleet/patroni-held"


def serve(address, port, follower):
    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            pass  # the client has hung up

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self):
            follower.ready.wait(PATIENCE)
            path = self.path.partition("?")[0].strip("/")
            status, body = follower.answer(path)
            if path == "status":
                body = {**body, "held": is_held()}
            text = (json.dumps(body) + "\n").encode()
            head = "HTTP/1.1 %d \r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (
                status, len(text))
            self.close_connection = True
            # In one piece: HAProxy hangs up as soon as it has read the status.
            self.wfile.write(head.encode() + (text if self.command != "HEAD" else b""))

        do_OPTIONS = do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = Server((address, port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def is_held():
    try:
        return os.stat(HELD).st_size > 0
    except OSError:
        return False
