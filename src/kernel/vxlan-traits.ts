/** What a VXLAN link is (RFC 7348). */
export interface VxlanTraits {
  /** VNI, 24 bits. */
  readonly id: number;
  /** UDP, 1 to 65535; 4789 is IANA's. */
  readonly port: number;
  /** Plain address of this host from which it sends, canonical text; its family is that of the underlay. */
  readonly local: string;
  /** Whether it learns from what it receives behind which host a MAC is; left out: no. */
  readonly learning?: boolean;
}

/** Whether two are the same. */
export function sameVxlan(a: VxlanTraits | undefined, b: VxlanTraits | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.id === b.id && a.port === b.port && a.local === b.local && (a.learning ?? false) === (b.learning ?? false);
}
