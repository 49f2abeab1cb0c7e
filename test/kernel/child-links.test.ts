import { describeChildren } from '../support/child-cases.ts';
import { inPrivateNamespace } from '../support/private-namespace.ts';

inPrivateNamespace(import.meta.filename, () => {
  describeChildren('ifb', ['netlink', 'iproute2'], [
    [{ type: 'macvlan', mode: 'bridge' }, { mode: 'bridge' }],
    [{ type: 'macvlan', mode: 'private' }, { mode: 'private' }],
    [{ type: 'macvlan', mode: 'vepa' }, { mode: 'vepa' }],
    [{ type: 'macvlan', mode: 'passthru' }, { mode: 'passthru' }],
    [{ type: 'macvlan', mode: 'source', sources: ['02:00:00:00:00:08', '02:00:00:00:00:09'] }, { mode: 'source' }],
  ]);
});
