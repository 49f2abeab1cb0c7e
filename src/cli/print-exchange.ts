import type { Exchange } from '../../drivers/remote/exchange.ts';
import { oneLine } from '../common/quote.ts';
import { complain } from './output.ts';

/** Prints a call of a Docker plugin, as `--trace` does: a line for what was asked and one for what came back. */
export function printExchange({ plugin, method, request, answer, status, error, ms }: Exchange): void {
  const asked = `${plugin} <- ${method}${request === undefined ? '' : ` ${JSON.stringify(request)}`}`;
  const came = status === undefined ? 'nothing' : `${status} ${typeof answer === 'string' ? JSON.stringify(answer) : (JSON.stringify(answer) ?? '')}`;
  complain(oneLine(asked), oneLine(`${plugin} -> ${came}, ${ms.toFixed(1)} ms${error === undefined ? '' : `: ${error}`}`));
}
