import { z } from 'zod';
import { PageQuery } from '../api/page';
import { CreateUser, UpdateUser, User } from '../api/user';
import { UserId } from '../ids';
import { UserPage } from '../requests/user-requests';
import { defineEndpoint } from './define-endpoint';

const tag = 'Users';
const params = z.strictObject({ userId: UserId });
const missing = 'The user does not exist.';

export const postUser = defineEndpoint({
  id: 'createUser',
  method: 'POST',
  path: '/users',
  tag,
  summary: 'Create a user',
  description: 'Creates a user, who can own clusters. The e-mail is optional and unique.',
  body: CreateUser,
  answer: { status: 201, description: 'The user was created.', schema: User, location: '/users/{id}' },
  refusals: { 409: 'Another user has this e-mail.' },
});

export const getUsers = defineEndpoint({
  id: 'listUsers',
  method: 'GET',
  path: '/users',
  tag,
  summary: 'List users',
  description: 'Lists users, newest first. To get the next page, pass `next` as `before`.',
  query: PageQuery,
  answer: { status: 200, description: 'A page of users.', schema: UserPage },
});

export const getUserById = defineEndpoint({
  id: 'getUser',
  method: 'GET',
  path: '/users/{userId}',
  tag,
  summary: 'Get a user',
  description: 'Returns one user.',
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
  description: 'Changes the fields that are present and leaves the others. `email: null` removes the e-mail.',
  params,
  body: UpdateUser,
  answer: { status: 200, description: 'The changed user.', schema: User },
  refusals: { 404: missing, 409: 'Another user has this e-mail.' },
});

export const removeUser = defineEndpoint({
  id: 'deleteUser',
  method: 'DELETE',
  path: '/users/{userId}',
  tag,
  summary: 'Delete a user',
  description: 'Deletes a user that owns no clusters.',
  params,
  answer: { status: 204, description: 'The user was deleted.', schema: null },
  refusals: { 404: missing, 409: 'The user owns clusters; the problem says which.' },
});
