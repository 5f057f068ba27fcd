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

/** Creates an etcd user that can only touch the keys of one cluster. Idempotent; an existing user gets the password. */
export async function grantScope(etcd: Etcd3, scope: string, user: ScopeUser): Promise<void> {
  const role = etcd.role(user.name);
  await unless(role.create(), EtcdRoleExistsError);
  await role.grant({ permission: user.permission, range: scopeRange(scope) });
  const account = etcd.user(user.name);
  if (!(await unless(account.create(user.password), EtcdUserExistsError)))
    await account.setPassword(user.password);
  await account.addRole(role);
}

/** Creates the role that may read and write a cluster's keys; each of its nodes has a user with this role. Idempotent. */
export async function makeScope(etcd: Etcd3, scope: string): Promise<void> {
  const role = etcd.role(scope);
  await unless(role.create(), EtcdRoleExistsError);
  await role.grant({ permission: 'Readwrite', range: scopeRange(scope) });
}

/** Creates an etcd user for one node of a cluster. Idempotent; an existing user gets the password. */
export async function admitMember(
  etcd: Etcd3,
  scope: string,
  { name, password }: Pick<ScopeUser, 'name' | 'password'>,
): Promise<void> {
  const account = etcd.user(name);
  if (!(await unless(account.create(password), EtcdUserExistsError))) await account.setPassword(password);
  await account.addRole(etcd.role(scope));
}

/** Removes the user but not its role, which other users share. Idempotent. */
export async function revokeUser(etcd: Etcd3, user: string): Promise<void> {
  await unless(etcd.user(user).delete(), EtcdUserNotFoundError);
}

/** Removes what a node's Patroni and agent have reported. */
export async function forgetMember(etcd: Etcd3, scope: string, member: string): Promise<void> {
  await etcd.delete().key(`${namespace}${scope}/members/${member}`);
  await etcd.delete().key(`${namespace}${scope}/pgfleet/nodes/${member}`);
}

/** Removes the user and its role. Idempotent. */
export async function revokeScope(etcd: Etcd3, user: string): Promise<void> {
  await unless(etcd.user(user).delete(), EtcdUserNotFoundError);
  await unless(etcd.role(user).delete(), EtcdRoleNotFoundError);
}

/** Removes all of Patroni's keys for the cluster. */
export async function deleteScope(etcd: Etcd3, scope: string): Promise<void> {
  await etcd.delete().prefix(`${namespace}${scope}/`);
}
