import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config';
import { ClusterSecrets } from './cluster-secrets';

/** The secrets that a playbook of a cluster needs: the cluster's own, and the key to the object store. */
@Injectable()
export class JobSecrets {
  constructor(
    private readonly secrets: ClusterSecrets,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async of(clusterId: string): Promise<Record<string, string>> {
    return {
      ...(await this.secrets.reveal(clusterId)),
      s3_key: this.config.PGFLEET_S3_KEY,
      s3_secret: this.config.PGFLEET_S3_SECRET,
    };
  }
}
