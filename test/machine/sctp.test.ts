import { describeSctp } from '../support/sctp-cases.ts';
import { inVirtualMachine } from '../support/virtual-machine.ts';

inVirtualMachine(import.meta.filename, describeSctp);
