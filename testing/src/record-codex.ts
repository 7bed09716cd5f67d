// Records testing/fixtures/codex-app-server.jsonl: drives a real `codex app-server` through the scripted session against
// the fake model, and writes every line of both directions with the milliseconds since the start.
//
//   node --conditions=@autopilot/source testing/src/record-codex.ts --codex PATH --out FILE [--root DIR]
//
// DIR (default /srv/demo) holds the working folder and CODEX_HOME of the run and is made by the recorder; it must not be
// below the temp dir, where Codex refuses to set up its sandbox.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { AppServerRecording } from './app-server-recording.ts';
import { startFakeModel } from './fake-model.ts';
import { projectFiles, type RecordedTurn, recordedTurns } from './recorded-session.ts';

const { values } = parseArgs({
  options: { codex: { type: 'string' }, out: { type: 'string' }, root: { type: 'string', default: '/srv/demo' } },
});
if (values.codex === undefined || values.out === undefined) {
  console.error('Usage: record-codex.ts --codex PATH_OF_CODEX --out FILE [--root DIR]');
  process.exit(2);
}
const root = values.root;
const cwd = path.join(root, 'project');
if (existsSync(root)) {
  console.error(`${root} exists already. Remove it, or give another folder with --root.`);
  process.exit(2);
}
for (const folder of ['project', 'codex-home', 'home']) mkdirSync(path.join(root, folder), { recursive: true });
for (const [file, text] of Object.entries(projectFiles)) {
  mkdirSync(path.dirname(path.join(cwd, file)), { recursive: true });
  writeFileSync(path.join(cwd, file), text);
}

const model = await startFakeModel({ turns: recordedTurns, paceMs: 15 });
const provider = `{name="fake",base_url="${model.url}",wire_api="responses",requires_openai_auth=false,request_max_retries=0,stream_max_retries=0}`;
const declined = new Set(recordedTurns.flatMap((turn) => turn.declined));
const recording = new AppServerRecording({
  command: values.codex,
  // Plug-ins and apps would look for hosts on the internet.
  args: ['app-server', '--disable', 'plugins', '--disable', 'apps', '-c', 'model="fake-model"'].concat([
    ...['-c', 'model_provider="fake"', '-c', `model_providers.fake=${provider}`],
  ]),
  // Nothing of this machine's environment: it would end up in the recording by way of the shell.
  env: {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: path.join(root, 'home'),
    CODEX_HOME: path.join(root, 'codex-home'),
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
  },
  cwd,
  decide: (command) => ([...declined].some((text) => command.includes(text)) ? 'decline' : 'accept'),
});

await recording.request('initialize', {
  clientInfo: { name: 'autopilot-desktop', title: 'Autopilot', version: '0.1.0' },
  capabilities: { experimentalApi: false, requestAttestation: false },
});
recording.notify('initialized');
const threads = [...new Set(recordedTurns.map((turn) => turn.thread))];
await Promise.all(
  threads.map(async (thread) => {
    // People do not start three threads in the same millisecond.
    await pause(thread * 400);
    const answer = await recording.request('thread/start', {
      cwd,
      approvalPolicy: 'untrusted',
      sandbox: 'workspace-write',
      model: 'fake-model',
      modelProvider: 'fake',
    });
    const threadId = (answer as { thread: { id: string } }).thread.id;
    for (const turn of recordedTurns.filter((candidate) => candidate.thread === thread)) await runTurn(threadId, turn);
  }),
);
const exit = await recording.close();
await model.close();
writeFileSync(values.out, recording.lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
console.log(`${recording.lines.length} messages recorded in ${values.out}; codex app-server ended with ${exit}.`);

async function runTurn(threadId: string, turn: RecordedTurn): Promise<void> {
  const completed = recording.nextTurnCompleted(threadId);
  const input = [{ type: 'text', text: turn.prompt, text_elements: [] }];
  await recording.request('turn/start', { threadId, input });
  await completed;
  await pause(600);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
