import { describe, expect, test } from '@jest/globals';
import { createDatabaseAdmin } from '../src/spacetime/database-admin.ts';

function adminAgainst(status: number, body: string) {
  return createDatabaseAdmin({
    http: async () => ({ status, headers: {}, body }),
    uri: 'http://127.0.0.1:1',
    database: 'x',
    ownerToken: async () => 'token',
  });
}

describe('administration of the database', () => {
  test.each([
    ['a bare 401: the host may not have our keys yet', 401, 'Invalid token', 'database_unavailable'],
    [
      'a 401 that denies permission: the database is another owner’s',
      401,
      '{"PermissionDenied":{"name":"x"}}',
      'publish_refused',
    ],
    ['a 400: the module is not accepted', 400, 'Database update rejected', 'publish_refused'],
    ['a 503', 503, '', 'database_unavailable'],
  ])('publishing: %s', async (_name, status, body, code) => {
    await expect(adminAgainst(status, body).publish(new Uint8Array())).rejects.toMatchObject({ code });
  });
});
