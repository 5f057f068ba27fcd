"""Creates password verifiers on the controller, so that servers never see, and logs never hold, a plain password.

The salt is derived from the password and its name: the same input gives the same verifier, which keeps playbooks idempotent. That
is sound only because every password here is random (32 characters of 62, about 190 bits): there is no dictionary to precompute.
"""

import base64
import ctypes
import hashlib
import hmac

from ansible.errors import AnsibleFilterError


def _salt(password, name, size):
    return hmac.new(password.encode(), name.encode(), hashlib.sha256).digest()[:size]


def scram_sha_256(password, name, iterations=4096):
    """The verifier that PostgreSQL stores in pg_authid.rolpassword (RFC 5803)."""
    salt = _salt(password, name, 16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.new(salted, b"Client Key", hashlib.sha256).digest()).digest()
    server = hmac.new(salted, b"Server Key", hashlib.sha256).digest()
    encoded = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return "SCRAM-SHA-256$%d:%s$%s:%s" % (iterations, *encoded)


def bcrypt(password, name, cost=4):
    """A $2a$ hash, the only form that nats-server reads. It uses the lowest cost, because stretching adds nothing to a random
    password."""
    crypt = ctypes.CDLL("libcrypt.so.1")
    crypt.crypt_gensalt.restype = ctypes.c_char_p
    crypt.crypt.restype = ctypes.c_char_p
    salt = _salt(password, name, 16)
    setting = crypt.crypt_gensalt(b"$2a$", ctypes.c_ulong(cost), salt, len(salt))
    hashed = crypt.crypt(password.encode(), setting)
    if not hashed or not hashed.startswith(b"$2a$"):
        raise AnsibleFilterError("libcrypt on the controller cannot make bcrypt hashes")
    return hashed.decode()


class FilterModule:
    def filters(self):
        return {"scram_sha_256": scram_sha_256, "bcrypt": bcrypt}
