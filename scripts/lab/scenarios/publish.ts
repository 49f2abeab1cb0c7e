import { check, timed } from '../check.ts';
import type { LabMachine } from '../lab-machine.ts';
import type { Scenario } from '../scenario.ts';

/** A port that is published on one host is there for the other hosts, and for sandboxes there. */
export const publish: Scenario = {
  name: 'publish',
  promise: 'a port published on one host is reached from the others and from their sandboxes',
  async run(lab) {
    const [one, two, three] = lab.machines;
    await lab.network('blue', { subnets: ['10.1.0.0/16'] });
    await one.attach('blue', 'web', { ports: ['8080:80'] });
    await two.attach('blue', 'client');
    await using server = await one.start(one.within('web', ['sh', '-c', 'mkdir -p /run/site && echo hello >/run/site/index.html && exec busybox httpd -f -p 80 -h /run/site']));
    const url = `http://${one.address}:8080/`;
    const fetch = async (machine: LabMachine, words: readonly string[]): Promise<void> => {
      const { stdout } = await machine.exec(words, { allowFail: true });
      check(stdout.trim() === 'hello', `${url} is not reached from ${machine.name}; it said: ${stdout.trim() || 'nothing'}`);
    };
    const get = ['curl', '-s', '-m', '5', '--retry', '5', '--retry-connrefused', '--retry-delay', '0', url];
    const { time } = await timed(async () => {
      await fetch(three, get);
      await fetch(two, two.within('client', get));
    });
    check(!server.isOver, 'the web server has ended');
    return { time, found: 'one page for a host, one for a sandbox of another host' };
  },
};
