/** What a WireGuard link knows of itself and of those that it speaks with. Keys are written as `wg` writes them: base64 of 32 bytes. */

/** One that a WireGuard link speaks with. */
export interface WireguardPeer {
  readonly publicKey: string;
  /** Where it is reached; plain address. */
  readonly endpoint: { readonly address: string; readonly port: number };
  /** CIDR: what is sent to these goes to it, and from it only what comes from these is taken. */
  readonly allowed: readonly string[];
}

/** How a WireGuard link is to be. Its private key stays where it is: no state, plan or message ever holds it. */
export interface WireguardState {
  /** Path of the file with the private key. */
  readonly keyFile: string;
  /** That belongs to it. */
  readonly publicKey: string;
  /** UDP. */
  readonly port: number;
  /** These and no others. */
  readonly peers: readonly WireguardPeer[];
}

/** How one is. */
export interface WireguardSnapshot {
  /** Undefined before it has a key. */
  readonly publicKey: string | undefined;
  readonly port: number;
  /** One that was never reached may have no endpoint. */
  readonly peers: readonly (Omit<WireguardPeer, 'endpoint'> & Partial<Pick<WireguardPeer, 'endpoint'>>)[];
}
