import { ApplicationFailure } from '@temporalio/workflow';

/** The last log lines that a miner's fault carries (`classifyRuntime`); empty for any other error. */
export function logLinesOf(error: unknown): string[] {
  if (!(error instanceof ApplicationFailure)) return [];
  const [details] = (error.details ?? []) as [{ logLines?: unknown } | undefined];
  return Array.isArray(details?.logLines) ? details.logLines.map(String) : [];
}
