import { MinerFault } from './types';

/** How an agent ended before it was ready. */
export interface EarlyEnd {
  oomKilled: boolean;
  exitCode: number | null | undefined;
  /** What it did, such as `ended with code 3`. */
  words: string;
  /** Its limit. */
  memoryBytes: number;
  healthPath: string;
  /** Its last log lines. */
  lines: string[];
}

/** The same words on every backend for an agent that ends while it starts; it is always the miner's fault. */
export function earlyEndFault(end: EarlyEnd): MinerFault {
  if (end.oomKilled) {
    const limit = Math.round(end.memoryBytes / 1024 / 1024);
    return new MinerFault(
      'out_of_memory',
      `the agent needed more than its ${limit} MiB of memory while starting`,
      end.lines,
    );
  }
  if (end.exitCode === 126 || end.exitCode === 127) {
    return new MinerFault(
      'start_command_failed',
      'the start command could not be run; see the last log line',
      end.lines,
    );
  }
  return new MinerFault(
    'exited_early',
    `the agent ${end.words} before GET ${end.healthPath} answered; see its last log lines`,
    end.lines,
  );
}
