import type { Engine } from '../../test/support/engine.ts';
import type { PrivateHost } from '../../test/support/host.ts';
import type { Stage } from './stage.ts';
import type { TypedShell } from './typed-shell.ts';

/** Where the demo plays. */
export interface DemoWorld {
  readonly stage: Stage;
  readonly host: PrivateHost;
  readonly engine: Engine;
  /** On the host. */
  readonly shell: TypedShell;
  /** On another machine of the LAN. */
  readonly lan: TypedShell;
}
