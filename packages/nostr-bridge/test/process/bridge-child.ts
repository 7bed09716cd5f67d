// The process of a bridge, as an owner writes it; with a fault where a test asks for one.
import { systemHttp, systemPorts as ports } from '@autopilot/sync-contract/system-ports';
import {
  Bridge,
  type BridgeSettings,
  loadSigner,
  nodeBridgeOwner,
  nodeRelaySockets,
  nodeVerifyWorkers,
  secretKeyCipher,
  serveBridge,
} from '../../src/index.ts';

/** What goes wrong in the process. */
export type BridgeFault =
  | 'none'
  | 'dies at its start'
  | 'dies later'
  | 'hangs'
  | 'grows on its heap'
  | 'grows beside it';

/** What the process is told. */
export interface BridgeChildData {
  readonly settings: BridgeSettings;
  readonly secretKey: Uint8Array;
  readonly fault: BridgeFault;
  /** That of the bridge by default when missing. */
  readonly beatMs?: number;
}

const { owner, data } = await nodeBridgeOwner<BridgeChildData>(ports);
const { settings, secretKey, fault, beatMs } = data;

function fail(): void {
  if (fault === 'dies later') throw new Error('a defect of the bridge');
  if (fault === 'hangs') for (;;);
  const kept: unknown[] = [];
  const grow = () => {
    for (let n = 0; n < 1_000; n += 1) {
      if (fault === 'grows on its heap') kept.push(new Array(1_000).fill({ n }));
      if (fault === 'grows beside it') kept.push(Buffer.alloc(1 << 16, n));
    }
    setTimeout(grow, 1);
  };
  if (fault.startsWith('grows')) grow();
}

if (fault === 'dies at its start') throw new Error('a defect of the bridge');
await serveBridge({
  ports,
  owner,
  ...(beatMs === undefined ? {} : { beatMs }),
  open: async (journal) =>
    Bridge.open(settings, {
      ports,
      sockets: nodeRelaySockets(1 << 20),
      http: systemHttp,
      signer: await loadSigner(secretKey, ports.random),
      cipher: secretKeyCipher(secretKey, ports.random),
      spawnVerifier: nodeVerifyWorkers,
      journal,
      policy: ({ kind, payload }) => {
        const { relays, quorum = { type: 'majority' } } = settings;
        return { template: { kind: 1, tags: [['k', kind]], content: payload }, relays, quorum };
      },
      work: {
        quote: () => undefined,
        run: async ({ inputs }) => inputs.map(({ data }) => data.toUpperCase()).join(),
      },
    }),
});
// Time enough to do something of its work, which takes its share of a processor and no more.
setTimeout(fail, fault === 'dies later' ? 1_000 : 100);
