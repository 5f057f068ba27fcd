import { z } from 'zod';
import { UserId } from '../ids';
import { defineEvent } from '../define-event';

const data = z.object({ userId: UserId, name: z.string().meta({ example: 'Ada Lovelace' }) });

export const userCreated = defineEvent({
  name: 'user.created',
  version: 1,
  description: 'A user was created.',
  data,
});
export const userUpdated = defineEvent({
  name: 'user.updated',
  version: 1,
  description: "A user's name, e-mail or labels changed.",
  data,
});
export const userDeleted = defineEvent({
  name: 'user.deleted',
  version: 1,
  description: 'A user was deleted.',
  data,
});
