import { oneLine } from '../../common/quote.ts';

/** No answer came, or none that can be read. */
export class WireFailure extends Error {
  /** Whether the request certainly did not reach the server. */
  readonly isUndone: boolean;

  /** @param message what went wrong and what to do, to stand behind `etcd at URL: ` */
  constructor(message: string, isUndone: boolean, cause?: unknown) {
    super(message, { cause });
    this.name = 'WireFailure';
    this.isUndone = isUndone;
  }
}

/** What is said of a connection that ended too early. */
export const CUT = 'the connection was cut before its answer came';

const OTHER_SIGNER = 'its certificate is not signed by a CA that is trusted here; give the right one with ca';

/** What the errors of node:net and node:tls mean, by their code (OpenSSL's names: openssl-verify(1)). */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect ECONNREFUSED; is it running?',
  ECONNRESET: CUT,
  EPIPE: CUT,
  EHOSTUNREACH: 'connect EHOSTUNREACH; the host does not answer',
  ENETUNREACH: 'connect ENETUNREACH; there is no route to it',
  ETIMEDOUT: 'connect ETIMEDOUT; the host does not answer',
  ENOTFOUND: 'no address is known for its name; is it spelt right?',
  EAI_AGAIN: 'its name could not be resolved; do the name servers of this host answer?',
  CERT_HAS_EXPIRED: 'its certificate has expired; renew it (or set the clock of this host)',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; is the clock of this host right?',
  CERT_REVOKED: 'its certificate was revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: OTHER_SIGNER,
  SELF_SIGNED_CERT_IN_CHAIN: OTHER_SIGNER,
  UNABLE_TO_GET_ISSUER_CERT: OTHER_SIGNER,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: OTHER_SIGNER,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: OTHER_SIGNER,
  CERT_SIGNATURE_FAILURE: OTHER_SIGNER,
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS; write etcd:// (http) instead of etcds:// (https)',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS; write etcd:// (http) instead of etcds:// (https)',
};

/** What the server says of our certificate, by TLS alert number (RFC 8446 §6). OpenSSL's names for them change. */
const ALERTS: Readonly<Record<string, string>> = {
  42: 'it refuses our client certificate; give one that its CA signed and that is valid now by its clock, with certificate and key',
  44: 'our client certificate was revoked; get another one',
  45: 'our client certificate has expired, or is not valid yet by its clock; renew it, or set that clock',
  48: 'it does not know the CA of our client certificate; give one that its CA signed',
  116: 'it asks for a client certificate; give one with certificate and key',
};

/**
 * Whatever node:http threw, in words.
 * @param isConnected whether there was a connection over which the request may have gone
 */
export function wireFailure(thrown: unknown, isConnected: boolean): WireFailure {
  if (thrown instanceof WireFailure) return thrown;
  const { code = '', message } = thrown as NodeJS.ErrnoException;
  // TLS 1.3 lets a client speak before the server has looked at its certificate: nothing of that is heard.
  const alert = /SSL alert number (\d+)/.exec(message)?.[1] ?? '';
  const isUndone = !isConnected || alert !== '';
  return new WireFailure(ALERTS[alert] ?? wordsOf(code, message, thrown), isUndone, thrown);
}

function wordsOf(code: string, message: string, thrown: unknown): string {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const { cert } = thrown as { cert?: { subjectaltname?: string } };
    return `its certificate is for other hosts (${oneLine(cert?.subjectaltname ?? 'no name')}); write one of those, or have this one added`;
  }
  if (code.startsWith('HPE_')) return 'what answers there does not speak HTTP; is the port right?';
  return WORDS[code] ?? oneLine(message.trim());
}
