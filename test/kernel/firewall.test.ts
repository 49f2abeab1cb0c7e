import assert from 'node:assert/strict';
import { acceptRules, type AcceptRulesOptions } from '../../src/firewall/accept-rules.ts';
import type { FirewallBackend } from '../../src/firewall/backend.ts';
import { iptablesBackend } from '../../src/firewall/iptables-backend.ts';
import { nftBackend } from '../../src/firewall/nft-backend.ts';
import { iptablesProgram } from '../../src/kernel/iptables.ts';
import { applyOps, dockerRules, everyRule, flushEverything, labList, labSave } from '../support/firewall-apply.ts';
import { FACTS } from '../support/firewall-cases.ts';
import { FirewallLab } from '../support/firewall-lab.ts';
import { runCases } from '../support/firewall-run.ts';

const INSTANCE = '0a1b2c3d';

interface Setup {
  readonly name: string;
  readonly backend: FirewallBackend;
  /** The rule set in which Docker's rules stand. */
  readonly docker: 'nft' | 'legacy';
  /** Alone it would be the same as another. */
  readonly neverAlone?: true;
  readonly chains?: NonNullable<AcceptRulesOptions['chains']>;
}

const SETUPS: readonly Setup[] = [
  { name: 'nft', backend: nftBackend(INSTANCE), docker: 'nft' },
  { name: 'nft and iptables-legacy', backend: nftBackend(INSTANCE), docker: 'legacy', neverAlone: true },
  { name: 'iptables-nft', backend: iptablesBackend(INSTANCE, { variant: 'nft' }), docker: 'nft', chains: 'nft' },
  { name: 'iptables-legacy', backend: iptablesBackend(INSTANCE, { variant: 'legacy' }), docker: 'legacy', chains: 'legacy' },
];

describe('packet filter, with real packets', function () {
  this.timeout(600_000); // slow only in an emulated machine
  let lab: FirewallLab;

  before(async () => {
    lab = await FirewallLab.start();
  });
  after(() => lab[Symbol.asyncDispose]());

  for (const { name, backend, docker, chains, neverAlone } of SETUPS) {
    const accept = async (wanted: boolean): Promise<void> => {
      const kernel = { nftList: (command: string): Promise<unknown> => labList(lab, command) };
      applyOps(lab, await acceptRules(kernel, INSTANCE, wanted, { save: labSave(lab), ...(chains === undefined ? {} : { chains }) }));
    };

    for (const beside of neverAlone === true ? [true] : [false, true]) {
      describe(`${name}, ${beside ? 'beside Docker’s FORWARD DROP' : 'alone'}`, () => {
        let foreign: readonly string[];

        before(async () => {
          flushEverything(lab);
          if (beside) for (const family of [4, 6] as const) lab.host(iptablesProgram(family, docker, 'restore'), [], dockerRules(family));
          foreign = everyRule(lab);
          applyOps(lab, backend.rebuild(FACTS));
          await accept(true);
        });

        for (const bridgeNf of ['0', '1']) {
          it(`decides every case with bridge-nf-call-iptables=${bridgeNf}`, async () => {
            lab.host('sysctl', ['-qw', `net.bridge.bridge-nf-call-iptables=${bridgeNf}`, `net.bridge.bridge-nf-call-ip6tables=${bridgeNf}`]);
            assert.deepEqual(await runCases(lab, { docker: beside }), []);
          });
        }

        it('leaves nothing behind and has touched nothing else', async () => {
          applyOps(lab, backend.rebuild([]));
          await accept(false);
          assert.deepEqual(everyRule(lab), foreign);
        });
      });
    }
  }
});
