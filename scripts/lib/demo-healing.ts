import { setTimeout } from 'node:timers/promises';
import type { DemoWorld } from './demo-world.ts';

/** ms between two requests of the visitor that never stops. */
const PAUSE = 20;

/** Rules flushed, a bridge deleted, the daemon killed: what comes back, and what never went. */
export async function showHealing({ stage, shell, lan, host, engine }: DemoWorld, startDaemon: () => Promise<void>): Promise<void> {
  const fromLan = `curl -sS -m 0.2 http://${host.address4}:8080/`;

  stage.say('Somebody throws away every rule of the machine. From the LAN, at once:');
  await stage.type(shell, 'nft flush ruleset');
  const rules = await stage.type(lan, fromLan, { shows: /^hello$/, within: 5000 });
  stage.say(`Answered after ${rules.ms.toFixed(0)} ms, by the daemon's own socket until its rules are back. (The engine's own stay away until it is restarted.)`);
  await stage.type(shell, "grep 'packet filter' /run/netctl.log", { shows: /put back/, within: 5000 });

  stage.say('Somebody deletes the bridge:');
  const bridge = `br-${(await engine.ask('network', 'inspect', '-f', '{{.Id}}', 'blue')).slice(0, 12)}`;
  await stage.type(shell, `ip link delete ${bridge}`);
  const link = await stage.type(lan, fromLan, { shows: /^hello$/, within: 5000 });
  stage.say(`There again after ${link.ms.toFixed(0)} ms. What the daemon says of it:`);
  // the last of a repair is its report: the visitor is answered before
  await stage.type(shell, "grep 'made again' /run/netctl.log", { shows: new RegExp(`link ${bridge} made again`), within: 5000 });

  stage.say('The daemon is killed while a visitor in the LAN asks and asks:');
  await using visitor = new Visitor(() => host.outside.canReach(host.address4, 8080));
  await setTimeout(300);
  await stage.type(shell, 'kill -9 $daemon');
  await stage.type(lan, fromLan, { shows: /^hello$/ });
  await stage.type(shell, 'docker exec client wget -q -O - http://web/', { shows: /^hello$/ });
  await startDaemon();
  await stage.type(shell, 'netctl port web', { shows: /8080/ });
  await setTimeout(300);
  const { answered, failed } = await visitor.stop();
  stage.check(answered > 10 && failed === 0, `the visitor was to be answered all the time; ${String(answered)} requests were, ${String(failed)} were not`);
  stage.say(`The visitor was answered ${String(answered)} times of ${String(answered + failed)}.`);
}

/** Asks again and again until stopped. */
class Visitor implements AsyncDisposable {
  #over = false;
  #answered = 0;
  #failed = 0;
  readonly #asking: Promise<void>;

  constructor(ask: () => Promise<boolean>) {
    this.#asking = this.#askOn(ask);
  }

  async stop(): Promise<{ readonly answered: number; readonly failed: number }> {
    this.#over = true;
    await this.#asking;
    return { answered: this.#answered, failed: this.#failed };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // what went wrong with it is of no interest when the demo has failed already
    await this.stop().catch(() => {});
  }

  async #askOn(ask: () => Promise<boolean>): Promise<void> {
    while (!this.#over) {
      if (await ask()) this.#answered += 1;
      else this.#failed += 1;
      await setTimeout(PAUSE);
    }
  }
}
