import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config';
import { Lineages } from '../lineages/lineages';
import { ClusterSecrets } from './cluster-secrets';

/**
 * The secrets that a playbook of a cluster needs: the cluster's own, the key to the object store, and while the cluster is restored the
 * key to the lineage that it is restored from.
 */
@Injectable()
export class JobSecrets {
  constructor(
    private readonly secrets: ClusterSecrets,
    private readonly lineages: Lineages,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async of(clusterId: string): Promise<Record<string, string>> {
    const source = (await this.lineages.underWay(clusterId))?.origin;
    return {
      ...(await this.secrets.reveal(clusterId)),
      ...(source && { restore_cipher: (await this.secrets.reveal(source.clusterId)).backup_cipher }),
      s3_key: this.config.PGFLEET_S3_KEY,
      s3_secret: this.config.PGFLEET_S3_SECRET,
    };
  }
}
