import { z } from 'zod';
import { UserId } from '../ids';
import { Instant, Labels, PersonName } from './fields';

export const User = z
  .object({
    id: UserId,
    name: PersonName,
    email: z.email().nullable(),
    labels: Labels,
    createdAt: Instant,
    updatedAt: Instant,
  })
  .meta({ id: 'User' });
export type User = z.infer<typeof User>;

export const CreateUser = z
  .strictObject({ name: PersonName, email: z.email().max(254).nullish(), labels: Labels.optional() })
  .meta({ id: 'CreateUser' });
export type CreateUser = z.infer<typeof CreateUser>;

export const UpdateUser = z
  .strictObject({
    name: PersonName.optional(),
    email: z.email().max(254).nullish(),
    labels: Labels.optional(),
  })
  .refine((change) => Object.keys(change).length > 0, 'must contain at least one field to change')
  .meta({ id: 'UpdateUser' });
export type UpdateUser = z.infer<typeof UpdateUser>;
