import { join } from 'node:path';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import { describeStore } from '../compliance/store.ts';

describeStore({ name: 'MemoryStore', open: async () => new MemoryStore() });
describeStore({ name: 'SqliteStore', open: (folder) => openSqliteStore(join(folder, 'state.db')) });
