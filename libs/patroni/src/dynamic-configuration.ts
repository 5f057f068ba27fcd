import type { Etcd3 } from 'etcd3';
import { namespace } from './keys';

type Settings = Record<string, unknown>;

/** Another writer changed the configuration at the same moment. */
export class ConfigurationChanged extends Error {
  constructor(scope: string) {
    super(`Patroni's configuration of ${scope} was changed by somebody else at the same moment`);
    this.name = 'ConfigurationChanged';
  }
}

/**
 * Changes values of Patroni's dynamic configuration (the key `config`) and leaves the others alone. Every member applies them
 * within a moment. A value of null is removed, so that Patroni's default applies again.
 * Returns false if the values were already set. Throws ConfigurationChanged, and an error if the cluster has no configuration
 * yet.
 * @see https://patroni.readthedocs.io/en/latest/dynamic_configuration.html
 */
export async function changeConfiguration(etcd: Etcd3, scope: string, change: Settings): Promise<boolean> {
  const key = `${namespace}${scope}/config`;
  const { kvs } = await etcd.getAll().prefix(key).exec();
  const [found] = kvs;
  if (!found) throw new Error(`${scope} has no configuration in etcd: Patroni has never run there`);
  const current = JSON.parse(found.value.toString()) as Settings;
  const next = Object.fromEntries(
    Object.entries({ ...current, ...change }).filter(([, value]) => value !== null),
  );
  if (JSON.stringify(next) === JSON.stringify(current)) return false;
  const { succeeded } = await etcd
    .if(key, 'Mod', '==', Number(found.mod_revision))
    .then(etcd.put(key).value(JSON.stringify(next)))
    .commit();
  if (!succeeded) throw new ConfigurationChanged(scope);
  return true;
}
