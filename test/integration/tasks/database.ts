import { createPrisma, type Db } from '../../../adapters/postgres';
import { testDatabase } from '../../harness/stack';

export interface TaskDatabase {
  url: string;
  db: Db;
  stop(): Promise<void>;
}

/** A database of this test's own, with a client on it. */
export async function startDatabase(poolSize = 20): Promise<TaskDatabase> {
  const { url, drop } = await testDatabase();
  const db = createPrisma(url, { poolSize });
  return {
    url,
    db,
    stop: async () => {
      await db.$disconnect();
      await drop();
    },
  };
}
