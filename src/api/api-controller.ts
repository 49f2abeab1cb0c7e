import type { Controller } from '../controller/controller.ts';

/** What the API needs of a controller; tests give it a small one of their own. */
export type ApiController = Pick<
  Controller,
  | 'instance'
  | 'networks'
  | 'network'
  | 'createNetwork'
  | 'removeNetwork'
  | 'pruneNetworks'
  | 'sandboxes'
  | 'sandbox'
  | 'createSandbox'
  | 'adoptSandbox'
  | 'removeSandbox'
  | 'endLease'
  | 'connect'
  | 'disconnect'
  | 'cables'
  | 'cable'
  | 'createCable'
  | 'removeCable'
  | 'ports'
  | 'names'
  | 'queryName'
  | 'nameCounts'
  | 'subscribe'
  | 'exchanges'
  | 'cluster'
  | 'forgetHost'
  | 'reconcile'
>;
