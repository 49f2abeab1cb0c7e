import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.ts';

/** A certificate and its key: paths of PEM files. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** A CA for one test, by the openssl program, in a folder of the test's. */
export class CertificateAuthority {
  /** Its own certificate, as clients are given it. */
  readonly ca: string;
  readonly #folder: string;
  readonly #name: string;
  #issued = 0;

  private constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
    this.ca = join(folder, `${name}.pem`);
  }

  static async make(folder: string, name: string): Promise<CertificateAuthority> {
    const authority = new CertificateAuthority(folder, name);
    await run(['openssl', 'req', '-x509', ...NEW_KEY, '-keyout', `${folder}/${name}.key`, '-out', authority.ca, '-days', '30', '-subj', `/CN=${name}`]);
    return authority;
  }

  /**
   * Signs a new certificate for servers and clients.
   * @param names as subjectAltName takes them: `IP:127.0.0.1,DNS:etcd`
   * @param days from the past two days on; 1 has expired
   */
  async issue(names: string, days = 30): Promise<Certificate> {
    const path = join(this.#folder, `${this.#name}-${(this.#issued += 1)}`);
    await run(['openssl', 'req', ...NEW_KEY, '-keyout', `${path}.key`, '-out', `${path}.csr`, '-subj', '/CN=etcd']);
    const start = new Date(Date.now() - 2 * DAY);
    const end = new Date(start.getTime() + days * DAY);
    this.#configure(path, names);
    await run([
      'openssl', 'ca', '-batch', '-notext', '-config', `${path}.cnf`, '-in', `${path}.csr`, '-out', `${path}.pem`,
      '-startdate', stamp(start), '-enddate', stamp(end), '-cert', this.ca, '-keyfile', `${this.#folder}/${this.#name}.key`,
    ]);
    return { certificate: `${path}.pem`, key: `${path}.key` };
  }

  #configure(path: string, names: string): void {
    writeFileSync(`${path}.index`, '');
    writeFileSync(`${path}.serial`, `${1000 + this.#issued}\n`);
    writeFileSync(`${path}.cnf`, `[ca]
default_ca = this
[this]
database = ${path}.index
serial = ${path}.serial
new_certs_dir = ${this.#folder}
default_md = sha256
policy = any
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
subjectAltName = ${names}
extendedKeyUsage = serverAuth, clientAuth
`);
  }
}

const DAY = 86_400_000;
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'] as const;

/** As `openssl ca` takes times: YYYYMMDDHHMMSSZ. */
function stamp(time: Date): string {
  return `${time.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
}
