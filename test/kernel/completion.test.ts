import assert from 'node:assert/strict';
import { PrivateHost } from '../support/host.ts';
import { Netctl, NETCTL } from '../support/netctl.ts';
import { skip } from '../support/skip.ts';

/** Types into a zsh on a terminal of its own: each argument behind the first and TAB; prints what stands on the line then. */
const TYPIST = `zmodload zsh/zpty
zpty shell 'TERM=vt100 PS1= zsh -f -i'
zpty -w shell "unsetopt zle_bracketed_paste; $1"
zpty -w shell 'report() { print -r -- "[[$BUFFER]]"; BUFFER=; zle redisplay }; zle -N report; bindkey "^Xr" report; print READ""Y'
zpty -r -m shell out '*READY*'
shift
for words; do
  zpty -w -n shell "$words"$'\\t'
  zpty -w -n shell $'\\C-xr'
  zpty -r -m shell out '*\\[\\[*\\]\\]*'
  print -r -- "\${\${out##*\\[\\[}%%\\]\\]*}|"
done
zpty -d shell`;

describe('completion in a real zsh', function () {
  let host: PrivateHost;
  let netctl: Netctl;

  before(async function () {
    host = await PrivateHost.start();
    if ((await host.exec(['sh', '-c', 'command -v zsh'], { allowFail: true })).code !== 0) skip(this, 'program zsh');
    netctl = new Netctl(host);
    await netctl.daemon(['--docker-plugins', 'none']);
    await netctl.ok('network', 'create', '--subnet', '10.9.0.0/24', 'blue');
    await netctl.ok('sandbox', 'create', 'web');
    await host.sh(`mkdir -p /run/bin /run/functions /run/files
      printf '#!/bin/sh\\nexec ${NETCTL.join(' ')} "$@"\\n' >/run/bin/netctl; chmod +x /run/bin/netctl
      /run/bin/netctl completion zsh >/run/functions/_netctl
      touch "/run/files/a file.txt"`);
    await host.sh('cat >/run/typist', { input: TYPIST });
  });

  after(() => host[Symbol.asyncDispose]());

  const type = async (setUp: string, ...lines: readonly string[]): Promise<string[]> => {
    const { stdout } = await host.exec(['sh', '-c', 'PATH=/run/bin:$PATH; cd /run/files; exec zsh -f /run/typist "$@"', 'sh', setUp, ...lines]);
    return stdout.split('|\n').slice(0, -1);
  };

  for (const [how, setUp] of [
    ['a function of fpath', 'fpath=(/run/functions $fpath); autoload -Uz compinit; compinit -D -u'],
    ['its output, sourced', 'autoload -Uz compinit; compinit -D -u; source <(netctl completion zsh)'],
  ] as const) {
    it(`knows commands, options, values, names and files, as ${how}`, async () => {
      const cases = {
        'netctl sandb': 'netctl sandbox ',
        'netctl network conn': 'netctl network connect ',
        // The second TAB takes the first of several.
        'netctl sandbox \t': 'netctl sandbox adopt',
        'netctl network connect b': 'netctl network connect blue ',
        'netctl network connect blue w': 'netctl network connect blue web ',
        'netctl sandbox create --netw': 'netctl sandbox create --network ',
        'netctl sandbox create --network b': 'netctl sandbox create --network blue ',
        'netctl network ls --format j': 'netctl network ls --format json ',
        'netctl --no-autostart exec w': 'netctl --no-autostart exec web ',
        'netctl exec web -- cat a': 'netctl exec web -- cat a\\ file.txt ',
        'netctl nothing like that': 'netctl nothing like that',
      };
      assert.deepEqual(await type(setUp, ...Object.keys(cases)), Object.values(cases));
    });
  }
});
