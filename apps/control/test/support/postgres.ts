import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { atEnd } from './cleanup.ts';
import type { NewPlace } from './place.ts';
import { temporaryFolder } from './temporary-folder.ts';

const root = '/usr/lib/postgresql';
const user = 'postgres';

/** The folder of the server's programs, or why there is no server to test with. */
export function findPostgres(): { readonly bin: string } | { readonly reason: string } {
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const bin = versions
    .map((version) => path.join(root, version, 'bin'))
    .find((each) => existsSync(path.join(each, 'initdb')));
  if (bin === undefined) return { reason: `no initdb below ${root}` };
  // The server refuses to run as root, so somebody else has to run it.
  if (process.getuid?.() === 0 && !hasUser()) return { reason: `this is root, and there is no user ${user}` };
  return { bin };
}

/** Starts a private server on a socket in its own folder; every place is a new database of it. */
export async function startPostgres(bin: string): Promise<NewPlace> {
  // Short, because a socket's path may not be long.
  const folder = mkdtempSync(path.join(tmpdir(), 'pg-'));
  const asRoot = process.getuid?.() === 0;
  if (asRoot) chownSync(folder, idOf('-u'), idOf('-g'));
  const data = path.join(folder, 'data');
  const command = (program: string, args: string[]): [string, string[]] =>
    asRoot ? ['runuser', ['-u', user, '--', path.join(bin, program), ...args]] : [path.join(bin, program), args];
  execFileSync(...command('initdb', ['-D', data, '-U', user, '-A', 'trust', '-E', 'UTF8', '--no-sync']), {
    stdio: 'pipe',
    cwd: folder,
  });
  const server = spawn(
    ...command('postgres', ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'fsync=off']),
    {
      stdio: 'ignore',
      cwd: folder,
    },
  );
  const ended = new Promise((resolve) => server.once('close', resolve));
  atEnd(async () => {
    execFileSync(...command('pg_ctl', ['-D', data, '-m', 'immediate', 'stop']), { stdio: 'pipe', cwd: folder });
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  const url = (database: string) => `postgres://${user}@/${database}?host=${encodeURIComponent(folder)}`;
  const admin = await connect(url('postgres'));
  atEnd(() => admin.end());
  let made = 0;
  return async () => {
    made += 1;
    await admin.query(`create database place_${made}`);
    return { dataDir: temporaryFolder(), store: url(`place_${made}`) };
  };
}

async function connect(connectionString: string): Promise<pg.Client> {
  for (;;) {
    const client = new pg.Client({ connectionString });
    try {
      await client.connect();
      return client;
    } catch {
      // Not up yet; the test's time limit ends a wait in vain.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function idOf(flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, user], { stdio: 'pipe' }));
}

function hasUser(): boolean {
  try {
    return Number.isInteger(idOf('-u'));
  } catch {
    return false;
  }
}
