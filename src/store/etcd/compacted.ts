import { NetworkError } from '../../common/error.ts';

/** UNAVAILABLE because etcd has forgotten the revisions asked for. */
export class Compacted extends NetworkError {
  constructor(endpoint: string) {
    super('UNAVAILABLE', `etcd at ${endpoint}: the changes asked for are too old to be remembered: list again and watch from there`);
  }
}
