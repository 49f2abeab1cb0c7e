import { describeSctp } from '../support/sctp-cases.ts';

describeSctp();
