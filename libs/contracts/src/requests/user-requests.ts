import { z } from 'zod';
import { PageQuery, pageOf } from '../api/page';
import { CreateUser, UpdateUser, User } from '../api/user';
import { UserId } from '../ids';
import { defineRequest, Idempotency } from './define-request';

const service = 'cluster-service';
export const UserPage = pageOf(User, 'UserPage');

export const createUser = defineRequest({
  service,
  name: 'create-user',
  description: 'Creates a user. 409 when the e-mail is taken.',
  input: z.object({ user: CreateUser, idempotency: Idempotency }),
  output: User,
});
export const listUsers = defineRequest({
  service,
  name: 'list-users',
  description: 'Lists users, newest first.',
  input: PageQuery,
  output: UserPage,
});
export const getUser = defineRequest({
  service,
  name: 'get-user',
  description: 'Returns one user. 404.',
  input: z.object({ userId: UserId }),
  output: User,
});
export const updateUser = defineRequest({
  service,
  name: 'update-user',
  description: 'Changes a user. 404; 409 when the e-mail is taken.',
  input: z.object({ userId: UserId, change: UpdateUser }),
  output: User,
});
export const deleteUser = defineRequest({
  service,
  name: 'delete-user',
  description: 'Deletes a user. 404; 409 naming the clusters that the user owns.',
  input: z.object({ userId: UserId }),
  output: z.object({}),
});
