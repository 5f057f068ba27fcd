import { z } from 'zod';
import { Cause, Instant } from '../api/fields';
import { defineEvent } from '../define-event';

/** Events that belong to no cluster. The id in the subject is the service. */
const certificate = z.object({
  service: z.string().meta({
    description:
      '`etcd`, `nats`, `management-database`, `object-store`; `platform-ca` and `clusters-ca` for the authorities',
    example: 'etcd',
  }),
  machine: z.string().meta({ description: 'address or name of the machine', example: '10.77.0.10' }),
  notAfter: Instant.meta({ description: 'when it expires' }),
});

export const platformCertificateRenewed = defineEvent({
  name: 'platform.certificate.renewed',
  version: 1,
  description: 'A service of the platform uses a new certificate.',
  data: certificate,
});
export const platformCertificateExpiring = defineEvent({
  name: 'platform.certificate.expiring',
  version: 1,
  description:
    'A certificate of the platform, or a certificate authority, is past five sixths of its life and was not renewed. Published once per certificate.',
  data: certificate.extend({ cause: Cause }),
});
const alarm = z.object({
  service: z.literal('etcd'),
  alarm: z.string().meta({
    description: '`NOSPACE`: the database has reached its quota, and etcd refuses writes; `CORRUPT`',
    example: 'NOSPACE',
  }),
});
export const platformAlarmRaised = defineEvent({
  name: 'platform.alarm.raised',
  version: 1,
  description:
    'etcd raised an alarm. Until you clear it by hand, no leader can change and no operation makes progress.',
  data: alarm,
});
export const platformAlarmEnded = defineEvent({
  name: 'platform.alarm.ended',
  version: 1,
  description: 'An etcd alarm was cleared.',
  data: alarm,
});
