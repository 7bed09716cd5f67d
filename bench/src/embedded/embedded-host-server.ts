// The process of an embedded host; see server-process.ts.
import { type EmbeddedHost, startEmbedded } from '@autopilot/spacetime-embedded';
import { database } from '../host/connect-session.ts';
import { answerParent } from '../host/child.ts';
import { bundleModule } from './bundle-module.ts';
import { ownFigures, type ServerQuestion } from './server-process.ts';

let host: EmbeddedHost | undefined;

answerParent<ServerQuestion>(async (question) => {
  if (question.ask === 'start') {
    const kept = question.dataDir === undefined ? {} : { dataDir: question.dataDir };
    host = await startEmbedded({ module: await bundleModule(), database, listen: '127.0.0.1:0', ...kept });
    return `ws://127.0.0.1:${host.port}/v1/database/${database}/subscribe`;
  }
  if (question.ask === 'evaluations') return host?.evaluations;
  if (question.ask === 'stop') return host?.close();
  return ownFigures(question);
});
