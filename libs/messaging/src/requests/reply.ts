import { Problem } from '@pgfleet/contracts';
import { z } from 'zod';

/** What goes back over NATS: the output, or the problem that the request was refused with. */
export const Reply = z.union([z.object({ problem: Problem }), z.object({ output: z.unknown() })]);
export type Reply = z.infer<typeof Reply>;
