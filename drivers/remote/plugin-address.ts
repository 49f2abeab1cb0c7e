/** Where a plugin is found, and how it is spoken to. */
export interface PluginAddress {
  readonly name: string;
  /** Path of the socket, or URL: for messages. */
  readonly place: string;
  /** For node's http and https: a unix socket or a host and port. */
  readonly target: { readonly socketPath: string } | { readonly host: string; readonly port: number };
  /** Given: by TLS. */
  readonly tls?: PluginTls;
}

/** `TLSConfig` of a plugin's JSON file. Files are PEM. */
export interface PluginTls {
  readonly insecure: boolean;
  /** Paths; undefined: the authorities of the system, and no certificate of our own. */
  readonly ca: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}
