import assert from 'node:assert/strict';
import { forbiddenImports } from '../../scripts/lib/import-rules.ts';

describe('import rules', () => {
  const refused = [
    ['src/common/error.ts', '../kernel/op.ts', /common imports kernel .*may import nothing/],
    ['src/kernel/op.ts', '../firewall/facts.ts', /kernel imports firewall/],
    ['src/ipam/pool.ts', '../store/store.ts', /ipam imports store/],
    ['src/firewall/x.ts', '../../drivers/driver.ts', /firewall imports driver-contract/],
    ['drivers/bridge/x.ts', '../macvlan/y.ts', /driver 'bridge' imports driver 'macvlan'/],
    ['drivers/parent/x.ts', '../macvlan/y.ts', /driver-base imports driver/],
    ['src/controller/x.ts', '../../drivers/parent/y.ts', /controller imports driver-base/],
    ['drivers/bridge/x.ts', '../../src/controller/controller.ts', /driver imports controller/],
    ['drivers/bridge/x.ts', '../../plugins/docker/door.ts', /driver imports door/],
    ['src/controller/x.ts', '../cli/main.ts', /controller imports door/],
    ['src/index.ts', './api/server.ts', /library imports door/],
    ['plugins/docker/x.ts', '../../test/support/host.ts', /door imports test/],
    ['drivers/driver.ts', '../test/support/host.ts', /driver-contract imports test/],
    ['src/controller/x.ts', '../../scripts/lib/import-rules.ts', /controller imports scripts/],
    ['src/kernel/x.ts', '../../bench/main.ts', /kernel imports bench/],
    ['src/new-part/x.ts', '../common/error.ts', /'new-part' is no part/],
  ] as const;

  for (const [file, target, reason] of refused) {
    it(`refuse ${file} importing ${target}`, () => {
      const [problem = ''] = forbiddenImports(file, `// first\nimport { x } from '${target}';\n`);
      assert.ok(problem.startsWith(`${file}:2: `), problem);
      assert.match(problem, reason);
    });
  }

  it('see every form of import', () => {
    const forms = [
      `import type { X } from '../kernel/op.ts';`,
      `import {\n  x,\n} from "../kernel/op.ts";`,
      `export * from '../kernel/op.ts';`,
      `import '../kernel/op.ts';`,
      `await import('../kernel/op.ts');`,
      `new Worker(new URL('../kernel/worker.ts', import.meta.url));`,
    ];
    for (const form of forms) assert.equal(forbiddenImports('src/common/x.ts', form).length, 1, form);
  });

  it('do not take comments for imports', () => {
    const text = `/** import { x } from '../kernel/op.ts' */\n// from '../kernel/op.ts'\n`;
    assert.deepEqual(forbiddenImports('src/common/x.ts', text), []);
  });

  it('let through what points down', () => {
    const fine = [
      ['plugins/docker/x.ts', '../../src/controller/controller.ts'],
      ['src/cli/main.ts', '../api/client.ts'],
      ['src/controller/x.ts', '../../drivers/bridge/bridge-driver.ts'],
      ['drivers/bridge/x.ts', '../driver.ts'],
      ['drivers/driver.ts', '../src/firewall/facts.ts'],
      ['src/dns/x.ts', '../kernel/kernel.ts'],
      ['bench/main.ts', '../test/support/host.ts'],
      ['src/ipam/x.ts', './y.ts'],
    ] as const;
    for (const [file, target] of fine) assert.deepEqual(forbiddenImports(file, `import { x } from '${target}';`), [], file);
  });
});
