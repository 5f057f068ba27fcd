import { z } from 'zod';
import { PageQuery } from '../api/page';
import { CreateUser, UpdateUser, User } from '../api/user';
import { UserId } from '../ids';
import { UserPage } from '../requests/user-requests';
import { defineEndpoint } from './define-endpoint';

const tag = 'Users';
const params = z.strictObject({ userId: UserId });
const missing = 'There is no such user.';

export const postUser = defineEndpoint({
  id: 'createUser',
  method: 'POST',
  path: '/users',
  tag,
  summary: 'Make a user',
  description: 'Users own clusters. The e-mail is optional; no two users have the same one.',
  body: CreateUser,
  answer: { status: 201, description: 'The user was made.', schema: User, location: '/users/{id}' },
  refusals: { 409: 'Another user has this e-mail.' },
});

export const getUsers = defineEndpoint({
  id: 'listUsers',
  method: 'GET',
  path: '/users',
  tag,
  summary: 'List users',
  description: 'Newest first, page by page: pass `next` of a page as `before` to get the one after it.',
  query: PageQuery,
  answer: { status: 200, description: 'A page of users.', schema: UserPage },
});

export const getUserById = defineEndpoint({
  id: 'getUser',
  method: 'GET',
  path: '/users/{userId}',
  tag,
  summary: 'Get a user',
  description: 'One user.',
  params,
  answer: { status: 200, description: 'The user.', schema: User },
  refusals: { 404: missing },
});

export const putUser = defineEndpoint({
  id: 'updateUser',
  method: 'PUT',
  path: '/users/{userId}',
  tag,
  summary: 'Change a user',
  description:
    'Changes the fields that are given and leaves the others. `email: null` takes the e-mail away.',
  params,
  body: UpdateUser,
  answer: { status: 200, description: 'The user as it is now.', schema: User },
  refusals: { 404: missing, 409: 'Another user has this e-mail.' },
});

export const removeUser = defineEndpoint({
  id: 'deleteUser',
  method: 'DELETE',
  path: '/users/{userId}',
  tag,
  summary: 'Delete a user',
  description: 'Only a user that owns no clusters can be deleted.',
  params,
  answer: { status: 204, description: 'The user is gone.', schema: null },
  refusals: { 404: missing, 409: 'The user owns clusters; the problem says which.' },
});
