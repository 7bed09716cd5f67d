import type { Step } from './plan.ts';
import type { World } from './world.ts';

/** Carries out a step of the plan. */
export function applyStep(world: World, step: Step): void {
  const { server, network, control, machine, sim, storeFaults } = world;
  switch (step.do) {
    case 'append':
      server.append(step.stream, step.count, step.apart, step.large);
      break;
    case 'call':
      world.call(step.stream);
      break;
    case 'follow':
      world.follow(step.stream);
      break;
    case 'unfollow':
      world.unfollow(step.stream);
      break;
    case 'retry-now':
      world.retryNow();
      break;
    case 'cut':
      server.cut(step.code);
      break;
    case 'half-open':
      server.freeze();
      break;
    case 'slow':
      network.slow(step.forMs, step.latencyMs);
      break;
    case 'duplicate':
      network.duplicates += step.frames;
      break;
    case 'reorder':
      network.reorders += step.frames;
      break;
    case 'corrupt':
      for (let left = step.frames; left > 0; left -= 1) network.damages.push(step.how);
      break;
    case 'restart':
      server.restart(step.downMs, step.answer, step.rebuilt ? step.content : undefined);
      break;
    case 'epoch':
      server.rebuild(step.stream, step.notice, step.events, step.firstKept);
      break;
    case 'retention':
      server.retain(step.stream, step.keep);
      break;
    case 'expire':
      control.endAll(step.forMs);
      break;
    case 'refuse':
      for (let left = step.times; left > 0; left -= 1) server.refusals.push(step.status);
      break;
    case 'rotate': {
      const { old, key } = control.addKey();
      sim.after(step.overlapMs, () => control.dropKey(old));
      sim.after(step.lagMs, () => control.signWith(key));
      break;
    }
    case 'token-fails':
      for (let left = step.times; left > 0; left -= 1) control.failures.push(step.how);
      break;
    case 'token-hangs':
      for (let left = step.times; left > 0; left -= 1) control.failures.push('hangs');
      break;
    case 'reject':
      server.reject(step.text, step.forMs);
      break;
    case 'clock':
      machine.jump(step.byMs);
      break;
    case 'suspend':
      if (step.sockets === 'half-open') server.freeze();
      machine.sleep(step.forMs, step.monotonic, () => {
        if (step.sockets === 'cut') server.cut(1006);
      });
      break;
    case 'crash':
      world.crash(step);
      break;
    case 'stop':
      world.stop(step.downMs);
      break;
    case 'store-fails':
      for (let left = step.times; left > 0; left -= 1) storeFaults.failures.push(step.code);
      break;
    case 'disk-full':
      world.fillDisk(step.forMs);
      break;
    case 'pages-fail':
      for (let left = step.times; left > 0; left -= 1) server.pageFailures.push(step.how);
      break;
    case 'lost-watch':
      server.loseWatch(step.stream);
      break;
    case 'lost-query':
      server.loseQueries();
      break;
    case 'revoke':
      server.revoke(step.stream, step.forMs);
      break;
    default:
      // A kind of step that nobody carries out does not compile.
      step satisfies never;
  }
}
