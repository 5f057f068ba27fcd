"""Keeps the customer's password across a restore, because restored data contain an older one.

A customer may change it with SQL, and then only PostgreSQL knows it, as a verifier. So the serving PostgreSQL is asked for it
before it stops.
"""

import os
import subprocess

from data_dirs import Refused, programs_for

# Customers' roles, without the platform's. Each gets a statement that does nothing if the restored data have no such role.
VERIFIERS = r"""
    SELECT format('SELECT %L WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = %L) \gexec',
                  format('ALTER ROLE %I PASSWORD %L', rolname, rolpassword), rolname)
    FROM pg_authid
    WHERE rolcanlogin AND NOT rolsuper AND NOT rolreplication AND rolpassword IS NOT NULL
      AND rolname NOT IN ('rewind', 'pgbouncer_auth') AND rolname !~ '^pgfleet_'"""
# A failing statement must not write a verifier to the log, and none may wait for a replica that may be away.
SETTINGS = "SET log_min_error_statement = panic;\nSET log_statement = 'none';\nSET synchronous_commit = local;\n"
SECONDS = 10


def remember(dirs):
    """Stores the passwords now in force. Never fails: if PostgreSQL does not answer, the ones stored before stay."""
    try:
        ended = psql(dirs, ["-At", "-c", VERIFIERS])
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        return print("The passwords in force could not be read: %s" % error)
    if ended.returncode != 0:
        return print("The passwords in force could not be read: %s" % ended.stderr.strip())
    new = dirs.passwords + ".new"
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(SETTINGS + ended.stdout)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, dirs.passwords)


def carry_over(dirs):
    """Gives the stored passwords to the serving PostgreSQL. Refused if it is not a leader."""
    if not os.path.exists(dirs.passwords):
        return print("No passwords were remembered.")
    ended = psql(dirs, ["-v", "ON_ERROR_STOP=1", "-f", dirs.passwords])
    if ended.returncode != 0:
        raise Refused("The passwords could not be carried over: %s" % ended.stderr.strip().splitlines()[-1])
    print("The passwords are those of before.")


def psql(dirs, arguments):
    argv = [programs_for(dirs.current) + "psql", "-Xq", "-d", "postgres"] + arguments
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=SECONDS)
