import { join } from 'node:path';
import type { Command } from 'commander';
import { dataDirFromEnv, runningStackEnv } from '../../adapters/local-stack';
import { migrate } from '../../adapters/postgres/migrate';
import { projectRoot } from '../../adapters/project-root';

/** Where the migrations of this release are. */
export function migrationsDir(): string {
  return join(projectRoot(), 'prisma', 'migrations');
}

/** Adds `eirel-ai migrate`: applies the migrations that the database lacks and prints their names. */
export function registerMigrate(program: Command): void {
  program
    .command('migrate')
    .description('apply the database migrations that are missing')
    .action(async () => {
      const databaseUrl =
        process.env.DATABASE_URL || runningStackEnv(dataDirFromEnv(process.env))?.DATABASE_URL;
      if (!databaseUrl) {
        process.stderr.write(
          'There is no database to migrate: set DATABASE_URL (postgresql://user:password@host:port/database), ' +
            'or run `eirel-ai start`, which brings a database up and migrates it.\n',
        );
        process.exitCode = 1;
        return;
      }
      try {
        const { applied } = await migrate(databaseUrl, { migrationsDir: migrationsDir() });
        process.stdout.write(
          applied.length > 0 ? `applied migrations:\n${applied.join('\n')}\n` : 'no migrations pending\n',
        );
      } catch (error) {
        process.stderr.write(`migrate: ${(error as Error).message}\n`);
        process.exitCode = 1;
      }
    });
}
