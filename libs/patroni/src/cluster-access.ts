import {
  Etcd3,
  EtcdRoleExistsError,
  EtcdRoleNotFoundError,
  EtcdUserExistsError,
  EtcdUserNotFoundError,
  Range,
} from 'etcd3';
import { namespace } from './keys';

/** The range of keys that belongs to one cluster. */
const scopeRange = (scope: string): Range => Range.prefix(`${namespace}${scope}/`);

export interface ScopeUser {
  name: string;
  password: string;
  permission: 'Read' | 'Readwrite';
}

const unless = async (
  work: Promise<unknown>,
  ...expected: (new (message: string) => Error)[]
): Promise<boolean> => {
  try {
    await work;
    return true;
  } catch (error) {
    if (expected.some((kind) => error instanceof kind)) return false;
    throw error;
  }
};

/** Makes an etcd user that may touch the keys of one cluster and nothing else. Idempotent; a user that exists gets the password. */
export async function grantScope(etcd: Etcd3, scope: string, user: ScopeUser): Promise<void> {
  const role = etcd.role(user.name);
  await unless(role.create(), EtcdRoleExistsError);
  await role.grant({ permission: user.permission, range: scopeRange(scope) });
  const account = etcd.user(user.name);
  if (!(await unless(account.create(user.password), EtcdUserExistsError)))
    await account.setPassword(user.password);
  await account.addRole(role);
}

/** Removes the user and its role. Idempotent. */
export async function revokeScope(etcd: Etcd3, user: string): Promise<void> {
  await unless(etcd.user(user).delete(), EtcdUserNotFoundError);
  await unless(etcd.role(user).delete(), EtcdRoleNotFoundError);
}

/** Removes every key that Patroni kept of the cluster. */
export async function deleteScope(etcd: Etcd3, scope: string): Promise<void> {
  await etcd.delete().prefix(`${namespace}${scope}/`);
}
